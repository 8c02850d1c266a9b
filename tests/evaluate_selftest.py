#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Cases straight from Documentation/version-string.md, put to evaluate.py."""

import errno
import json
import os
import re
import subprocess
import sys
import threading
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

from evaluate import RULES, MalformedAccepts, evaluate  # noqa: E402

PROGRAM = [sys.executable, str(HERE / "evaluate.py")]
PAGE = HERE.parent / "Documentation" / "version-string.md"

# One key of each kind: a word, words, stepped range, number, numbers, range, mask.
ACCEPTS = ("ns/1,model=m1,type=1g|4g,capacity=100..400/100,lba=512,mode=1|2,"
           "state=1..3,features=&0x7,x-like=1g|4g")
GOOD = "ns/1,model=m1,type=1g,capacity=200,lba=512,mode=2,state=3,features=0x5"


def changed(old, new):
    """The good source with one part replaced; the part has to be there."""
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


CASES = [
    # (rule, source)
    (0, GOOD),
    (0, GOOD + "\n"),
    (0, GOOD + ",x-=1,x-a=A"),
    (0, changed("capacity=200", "capacity=100")),
    (0, changed("capacity=200", "capacity=400")),
    (0, changed("features=0x5", "features=0x0")),
    (0, changed("type=1g", "type=4g")),
    # Not one line.
    (1, ""),
    (1, "\n"),
    (1, GOOD + "\n\n"),
    (1, GOOD + "\0"),
    (1, GOOD + "\r\n"),
    (1, changed("model=m1", "model=m\xb2")),
    (1, "other/1,a=\x7f"),
    (1, "other/1,a=" + "a" * 4086),
    (2, "other/1,a=" + "a" * 4085),
    (1, "other/1,a=" + "a" * 4085 + "\n"),
    # 1 head
    (1, "ns/1"), (1, "ns/1,"), (1, "ns,"), (1, "/1,a=b"), (1, "ns/,a=b"), (1, " " + GOOD),
    (1, "Ns/1,a=b"), (1, "1s/1,a=b"), (1, "n-s/1,a=b"), (1, "ns/01,a=b"), (1, "ns/+1,a=b"),
    (1, "ns/1/1,a=b"), (1, "ns/18446744073709551616,a=b"), (1, "ns/x,a=b"),
    # 2 namespace: nothing after the first comma is looked at
    (2, "n/1,="), (2, "ns/2,,"), (2, "ns/0,a"), (2, "ns/18446744073709551615,a=b"),
    # 3 form: the fields
    (3, "ns/1,,"), (3, GOOD + ","), (3, GOOD + ",x-a"), (3, GOOD + ",x-a="), (3, GOOD + ",=a"),
    (3, GOOD + ",X=a"), (3, GOOD + ",1=a"), (3, GOOD + ",a=b=c"), (3, GOOD + ",a=b c"),
    (3, GOOD + ",a=b..c"), (3, GOOD + ",x-a=b|c"), (3, GOOD + ",x-a=" + "a" * 256),
    (0, GOOD + ",x-a=" + "a" * 255), (0, GOOD + ",x-a=.A_:+-.9"), (3, GOOD + ",a =b"),
    (3, ACCEPTS),
    # 3 form: the keys
    (3, changed("lba=512", "lba=512,lba=512")),
    (3, changed("lba=512", "new=1,lba=512,new=1")),
    (3, GOOD + ",x-a=1,x-a=1"),
    (3, changed("lba=512,", "")),
    (3, changed("lba=512,mode=2", "mode=2,lba=512")),
    (3, changed("lba=512", "x-a=1,lba=512")),
    (3, GOOD + ",x-a=1,new=1"),
    (3, GOOD + ",x-b=1,x-a=1"),
    (3, GOOD + ",x-a_=1,x-a-=1"),
    (0, GOOD + ",x-a=1,x-a-=1,x-a1=1,x-a_=1,x-aa=1"),
    # 3 form: number and mask
    (3, changed("lba=512", "lba=0512")), (3, changed("lba=512", "lba=+512")),
    (3, changed("lba=512", "lba=0x200")), (3, changed("lba=512", "lba=-1")),
    (3, changed("state=3", "state=18446744073709551616")), (3, changed("state=3", "state=1g")),
    (3, changed("mode=2", "mode=two")),
    (3, changed("0x5", "5")), (3, changed("0x5", "0x05")), (3, changed("0x5", "0X5")),
    (3, changed("0x5", "0xA")), (3, changed("0x5", "0x")), (3, changed("0x5", "0x00")),
    (3, changed("0x5", "0x10000000000000000")),
    # 4 unknown-key: anywhere before the x- keys, before any value is judged
    (4, changed("model=m1", "new=1,model=m2")), (4, GOOD + ",new=1"),
    (4, changed("lba=512", "new=1,lba=513")), (4, GOOD + ",x=1"), (4, GOOD + ",new=1,x-a=1"),
    # 5 to 9, alone and with a later one failing too
    (5, changed("m1", "M1")), (5, changed("m1,type=1g", "m2,type=2g")), (5, changed("m1", "7")),
    (6, changed("1g", "2g")), (6, changed("1g", "1")),
    (6, changed("1g,capacity=200", "2g,capacity=150")),
    (7, changed("state=3", "state=0")), (7, changed("state=3", "state=4")),
    (7, changed("mode=2,state=3", "mode=3,state=4")),
    (8, changed("=200", "=150")), (8, changed("=200", "=0")), (8, changed("=200", "=500")),
    (8, changed("lba=512", "lba=513")), (8, changed("mode=2", "mode=3")),
    (8, changed("mode=2", "mode=18446744073709551615")),
    (8, changed("=512,mode=2,state=3,features=0x5", "=1,mode=2,state=3,features=0x8")),
    (9, changed("0x5", "0x8")), (9, changed("0x5", "0xf")),
    (9, changed("0x5", "0xffffffffffffffff")),
]

# (rule, entry of the parameter k, its value)
ENTRIES = [
    (8, "2..1", "1"), (8, "2..1", "2"), (8, "9..1/2", "9"),
    (0, "0..18446744073709551615", "18446744073709551615"),
    (0, "18446744073709551614..18446744073709551615/2", "18446744073709551614"),
    (8, "18446744073709551614..18446744073709551615/2", "18446744073709551615"),
    (0, "3..10/4", "7"), (8, "3..10/4", "8"), (8, "3..10/4", "11"), (0, "5..5/9", "5"),
    (0, "&0xffffffffffffffff", "0xffffffffffffffff"), (0, "&0x0", "0x0"), (8, "&0x0", "0x1"),
    # A word, as one value is none: a number is compared as text and has no form to fail.
    (0, "1|a", "1"), (8, "1|a", "01"), (0, "01", "01"), (8, "01", "1"), (3, "1", "01"),
    (0, "18446744073709551616", "18446744073709551616"), (8, "0x1", "0x2"), (3, "1|2", "a"),
]

MALFORMED_ENTRIES = [
    "", "|", "a|", "a||b", "1..", "..1", "1...2", "1..2..3", "01..2", "1..a", "a..b", "1..2|3",
    "1..2/", "1..2/0", "1..2/1", "1..2/02", "1..2/2/2", "1/2", "&", "&1", "&0x01", "&0x1|2", "a b",
    "&0x10000000000000000", "1..18446744073709551616", "a=b", "a" * 256, "1..\u0662", "\xb2",
]

MALFORMED_LINES = [
    "", "ns/1", "ns/1,", "ns/2,state=1..1", "ns/1,state=1", "ns/1,model=m", "ns/1,state=1..1,",
    "ns/1,type=a,model=m,state=1..1", "ns/1,state=1..1,k=1", "ns/1,features=&0x1,state=1..1",
    "ns/1,k=1,k=1,state=1..1", "ns/1,x-a=1,state=1..1", "ns/1,state=1..1,x-b=1,x-a=1",
    "ns/1,type=1|2,state=1..1", "ns/1,state=1..1,features=0x1", "ns/1,state=1..1\n\n",
]


class Verdicts(unittest.TestCase):
    def check(self, rule, source, accepts):
        with self.subTest(source=source, accepts=accepts):
            self.assertEqual(evaluate(source.encode("latin-1"), accepts), (rule, RULES[rule][1]))

    def test_cases(self):
        for rule, source in CASES:
            self.check(rule, source, ACCEPTS)

    def test_entries(self):
        for rule, entry, value in ENTRIES:
            self.check(rule, f"ns/1,k={value},state=1", f"ns/1,k={entry},state=1..1")

    def test_page_example(self):
        example = re.search(r"^    (mdev_nvme/1,.*)$", PAGE.read_text(encoding="utf-8"), re.M)[1]
        self.check(0, example, "mdev_nvme/1,model=nvme1,type=1g,capacity=1073741824,lba=512,"
                               "queues=1..16,state=3..3,features=&0x7")

    def test_malformed_accepts(self):
        lines = [f"ns/1,k={entry},state=1..1" for entry in MALFORMED_ENTRIES] + MALFORMED_LINES
        for line in lines:
            with self.subTest(accepts=line), self.assertRaises(MalformedAccepts):
                evaluate(b"ns/1,k=1,state=1", line)

    def test_rules_are_those_of_the_page(self):
        rows = re.findall(r"^\| (\d) ([a-z-]+) \|.*\| ([A-Z]+) \| (\d+) \|$",
                          PAGE.read_text(encoding="utf-8"), re.M)
        table = {int(rule): (name, symbol) for rule, name, symbol, _ in rows}
        self.assertEqual({0: ("accepted", "")} | table, RULES)
        for _, _, symbol, number in rows:
            self.assertEqual(getattr(errno, symbol), int(number))


class Program(unittest.TestCase):
    def test_arguments(self):
        for arguments, status, output in [
            ([GOOD, ACCEPTS], 0, "accepted\n"),
            ([GOOD + ",new=1", ACCEPTS], 1, "refused 4 unknown-key EOPNOTSUPP\n"),
            ([b"ns/1,a=\xff", ACCEPTS], 1, "refused 1 head EINVAL\n"),
            ([GOOD, "ns/1,state=1"], 2, ""),
            ([GOOD], 2, ""),
        ]:
            with self.subTest(arguments=arguments):
                done = subprocess.run(PROGRAM + arguments, capture_output=True, text=True,
                                      timeout=60)
                self.assertEqual((done.returncode, done.stdout), (status, output))
                self.assertEqual(bool(done.stderr), status == 2)

    def test_batch_answers_each_line_at_once(self):
        # Without the variable that would flush on the program's behalf.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
        with subprocess.Popen(PROGRAM + ["--batch"], stdin=subprocess.PIPE, env=environment,
                              stdout=subprocess.PIPE, text=True, bufsize=1) as program:
            # An answer that never comes ends the program, and so the wait for it.
            limit = threading.Timer(60, program.kill)
            limit.start()
            self.addCleanup(limit.cancel)

            def ask(text):
                program.stdin.write(text + "\n")
                return json.loads(program.stdout.readline())

            def verdict(source, accepts=ACCEPTS):
                return ask(json.dumps({"source": source, "accepts": accepts}))

            self.assertEqual(verdict(GOOD), {"rule": 0, "name": "accepted", "errno": None})
            self.assertEqual(verdict("\xff"), {"rule": 1, "name": "head", "errno": "EINVAL"})
            self.assertEqual(list(verdict(GOOD, "ns/1,state=1")), ["error"])
            for bad in ["", "{", "[]", "1", "{}", '{"source": 1, "accepts": ""}',
                        '{"source": "\\u0100", "accepts": ""}', '{"source": "", "accepts": 1}']:
                self.assertEqual(list(ask(bad)), ["error"], bad)
            self.assertEqual(verdict("n/1,a")["errno"], "EXDEV")
            program.stdin.close()
            self.assertEqual(program.wait(timeout=60), 0)


if __name__ == "__main__":
    unittest.main()
