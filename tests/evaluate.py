#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Verdict of a version string against an accepts line.

Written from Documentation/version-string.md alone, so that the tests can hold
the implementation in the kernel modules against a second reading of that page.

    evaluate.py SOURCE ACCEPTS   prints "accepted" (exit 0), or "refused
                                 <rule number> <rule name> <errno>" (exit 1)
    evaluate.py --batch          for each line {"source": ..., "accepts": ...} on
                                 stdin writes one line {"rule": ..., "name": ...,
                                 "errno": ...} at once; errno is null if accepted.
                                 The code points 0..255 of source stand for bytes.

An accepts line which is not of the page's form has no verdict: a message on stderr
and exit 2, in a batch a line {"error": ...}. Bytes that are not one line (nothing,
more than 4095 bytes, a byte that is not printable ASCII) are refused before any
rule of the page is asked; they are reported as rule 1, head, whose errno is theirs.
So is a source of no bytes, although a write of no bytes asks nothing at all.
"""

import json
import os
import re
import sys
from dataclasses import dataclass
from typing import Callable

# Number of a rule -> (name, errno name), in the order in which the rules are asked.
RULES = {
    0: ("accepted", ""),
    1: ("head", "EINVAL"),
    2: ("namespace", "EXDEV"),
    3: ("form", "EINVAL"),
    4: ("unknown-key", "EOPNOTSUPP"),
    5: ("model", "EXDEV"),
    6: ("type", "EMEDIUMTYPE"),
    7: ("state", "EPROTONOSUPPORT"),
    8: ("parameter", "ERANGE"),
    9: ("features", "EOPNOTSUPP"),
}
ACCEPTED, HEAD, NAMESPACE, FORM, UNKNOWN_KEY, MODEL, TYPE, STATE, PARAMETER, FEATURES = RULES

LONGEST_WRITE = 4095
INFORMS = "x-"  # prefix of the keys that only inform
RULE_OF_KEY = {"model": MODEL, "type": TYPE, "state": STATE, "features": FEATURES}
# Place of a key in the canonical order; parameters stand between type and state.
PLACE_OF_KEY = {"model": 0, "type": 1, "state": 3, "features": 4}
PARAMETER_PLACE = 2

# All classes are spelled out: \d and \w would match digits and letters beyond ASCII.
# They are used with fullmatch only, as "$" would let a trailing newline pass.
NAMESPACE_FORM = re.compile(r"[a-z][a-z0-9_]*")
KEY_FORM = re.compile(r"[a-z][a-z0-9_-]*")
VALUE_FORM = re.compile(r"[A-Za-z0-9._:+-]{1,255}")
NUMBER_FORM = re.compile(r"0|[1-9][0-9]{0,19}")  # 2^64 - 1 has 20 digits
MASK_FORM = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,15})")  # 16 digits are 64 bits


class MalformedAccepts(ValueError):
    """The accepts line is not of the page's form, so there is no verdict."""


def is_value(text):
    return VALUE_FORM.fullmatch(text) is not None and ".." not in text


def is_number(text):
    return NUMBER_FORM.fullmatch(text) is not None and int(text) < 2**64


def is_mask(text):
    return MASK_FORM.fullmatch(text) is not None


@dataclass(frozen=True)
class Entry:
    """What an accepts line says of one key."""

    kind: str  # "number", "mask" or "word"
    has_form: Callable[[str], bool]  # is a value of this kind of thing?
    accepts: Callable[[str], bool]  # asked only for values that have the form
    is_range: bool = False


def split_head(line):
    """(namespace, grammar, rest), or None if the line does not start with a head."""
    head, comma, rest = line.partition(",")
    namespace, slash, grammar = head.partition("/")
    named = NAMESPACE_FORM.fullmatch(namespace) and is_number(grammar)
    return (namespace, grammar, rest) if comma and slash and rest and named else None


def split_fields(rest):
    """[(key, text)] of the comma separated fields, or None if one has no key."""
    fields = []
    for field in rest.split(","):
        key, equals, text = field.partition("=")
        if not equals or not KEY_FORM.fullmatch(key):
            return None
        fields.append((key, text))
    return fields


def keys_are_well_placed(keys):
    """No key twice; the x- keys last, sorted by byte value (all keys are ASCII)."""
    informing = [key for key in keys if key.startswith(INFORMS)]
    others = [key for key in keys if not key.startswith(INFORMS)]
    return len(set(keys)) == len(keys) and keys == others + sorted(informing)


def parse_range(key, text):
    """The entry min..max or min..max/step."""
    bounds, slash, step_text = text.partition("/")
    # Exactly two numbers: neither 1..2..3 nor 1...2 splits into them.
    limits = bounds.split("..")
    if len(limits) != 2 or not all(map(is_number, limits)):
        raise MalformedAccepts(f"{key}: {text!r} is not min..max of two numbers")
    least, most = map(int, limits)
    if slash and not (is_number(step_text) and int(step_text) >= 2):
        raise MalformedAccepts(f"{key}: step {step_text!r} is not a number of 2 or more")
    step = int(step_text) if slash else 1

    def accepts(value):
        # With least above most no number passes: the page allows such a range.
        number = int(value)
        return least <= number <= most and (number - least) % step == 0

    return Entry("number", is_number, accepts, is_range=True)


def parse_entry(key, text):
    """The entry of one key; its form alone says what kind of thing the values are."""
    if text.startswith("&"):
        if not is_mask(text[1:]):
            raise MalformedAccepts(f"{key}: {text!r} is not & and a mask")
        outside = ~int(text[1:], 16)
        return Entry("mask", is_mask, lambda value: int(value, 16) & outside == 0)
    if ".." in text:
        return parse_range(key, text)
    choices = text.split("|")
    for choice in choices:
        if not is_value(choice):
            raise MalformedAccepts(f"{key}: {choice!r} in {text!r} has not the form of a value")
    kind, has_form = ("number", is_number) if all(map(is_number, choices)) else ("word", is_value)
    # Numbers have one spelling only, so that comparing the text compares the number.
    return Entry(kind, has_form, lambda value: value in choices)


def parse_accepts(line):
    """(namespace, grammar, {key: Entry}) of an accepts line, x- keys left out."""
    head = split_head(line.removesuffix("\n"))
    if head is None:
        raise MalformedAccepts("the accepts line does not start with namespace/grammar,")
    namespace, grammar, rest = head
    if grammar != "1":
        raise MalformedAccepts(f"grammar {grammar} of the accepts line: only 1 is defined")
    fields = split_fields(rest)
    if fields is None:
        raise MalformedAccepts("a field of the accepts line is not key=entry")
    if not keys_are_well_placed([key for key, _ in fields]):
        raise MalformedAccepts("a key stands twice, or x- keys are not last and sorted")
    # Informing entries are parsed too: they have to have the form, and then are dropped.
    parsed = {key: parse_entry(key, text) for key, text in fields}
    listed = {key: entry for key, entry in parsed.items() if not key.startswith(INFORMS)}
    places = [PLACE_OF_KEY.get(key, PARAMETER_PLACE) for key in listed]
    if places != sorted(places):
        raise MalformedAccepts("keys are not in order: model, type, parameters, state, features")
    if "state" not in listed or not listed["state"].is_range:
        raise MalformedAccepts("state is not given as a range")
    for key, kind in (("type", "word"), ("features", "mask")):
        if key in listed and listed[key].kind != kind:
            raise MalformedAccepts(f"{key} is a {listed[key].kind}, not a {kind}")
    return namespace, grammar, listed


def one_line(source):
    """The text of a write, or None if its bytes are not one line."""
    line = source.removesuffix(b"\n")
    printable = all(0x20 <= byte <= 0x7E for byte in line)
    # The newline counts for the length of the write.
    return line.decode("ascii") if line and printable and len(source) <= LONGEST_WRITE else None


def deciding_rule(source, accepts_line):
    """The number of the first rule that fails, or ACCEPTED."""
    namespace, grammar, listed = parse_accepts(accepts_line)
    line = one_line(source)
    head = split_head(line) if line is not None else None
    if head is None:
        return HEAD
    if head[:2] != (namespace, grammar):
        return NAMESPACE

    fields = split_fields(head[2])
    if fields is None or not all(is_value(value) for _, value in fields):
        return FORM
    keys = [key for key, _ in fields]
    # All listed keys, in the target's order, whatever unknown keys stand between.
    listed_keys = [key for key in keys if key in listed]
    if not keys_are_well_placed(keys) or listed_keys != list(listed):
        return FORM
    values = dict(fields)
    if not all(entry.has_form(values[key]) for key, entry in listed.items()):
        return FORM

    if any(key not in listed and not key.startswith(INFORMS) for key in keys):
        return UNKNOWN_KEY
    # Rules 5 to 9 ask one entry each (8: all parameters); the lowest that fails decides.
    failed = [key for key, entry in listed.items() if not entry.accepts(values[key])]
    return min((RULE_OF_KEY.get(key, PARAMETER) for key in failed), default=ACCEPTED)


def evaluate(source, accepts_line):
    """(rule number, errno name) for the bytes of a write; (0, "") if accepted."""
    rule = deciding_rule(source, accepts_line)
    return rule, RULES[rule][1]


def answer(request):
    """The answer to one line of a batch, as a dictionary."""
    try:
        question = json.loads(request)
        source = question["source"].encode("latin-1")
        rule, errno_name = evaluate(source, question["accepts"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"rule": rule, "name": RULES[rule][0], "errno": errno_name or None}


def main(arguments):
    if arguments == ["--batch"]:
        for request in sys.stdin.buffer:
            print(json.dumps(answer(request)), flush=True)
        return 0
    if len(arguments) != 2:
        print("usage: evaluate.py SOURCE ACCEPTS | evaluate.py --batch", file=sys.stderr)
        return 2
    try:
        rule, errno_name = evaluate(os.fsencode(arguments[0]), arguments[1])
    except MalformedAccepts as error:
        print(f"evaluate.py: {error}", file=sys.stderr)
        return 2
    print(f"refused {rule} {RULES[rule][0]} {errno_name}" if rule else "accepted")
    return 1 if rule else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
