#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Holds the kernel's verdicts at live places against the independent evaluator's.

    verdicts.py kernel TYPE_NODE...      at the type nodes, and at a device made of each
    verdicts.py consistency TYPE_NODE... a type node and devices made with what a string states
    verdicts.py never TYPE_NODE          a type of which its parent can never have a device
    verdicts.py tool TOOL PLACE...       the command-line tool and the kernel, at places and at devices of types

Sources are the strings of all places, each changed in one field, and bent out of form.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", ".."))
import evaluate  # noqa: E402
from sysfs_io import read_once, write_once  # noqa: E402

DEVICES = "/sys/bus/mdev/devices"
VALUES = {
    "model": ["nvme1", "nvme2", "nvme", "1", "pci16550"],
    "type": ["16m", "64m", "256m", "1g", "4g", "64m_4k", "1g_4k", "64m_local", "whole", "16M", "7"],
    "capacity": ["0", "1", "16777216", "16777217", "33554432", "67108864", "268435456", "1073741824",
                 "1090519040", "4294967296", "18446744073709551615", "18446744073709551616", "016777216", "x"],
    "lba": ["512", "4096", "0512", "0", "x"],
    "queues": ["0", "1", "15", "16", "17", "-1"],
    "ports": ["1", "2", "0", "x"],
    "state": ["0", "1", "2", "3", "01", "x"],
    "features": ["0x0", "0x1", "0x7", "0x8", "0xf", "0x00", "7", "0xF", "0xffffffffffffffff"],
}


def must(path, text):
    answer = write_once(path, text.encode())
    if isinstance(answer, str):
        raise SystemExit(f"write '{text}' > {path}: {answer}")


def text_of(path):
    answer = read_once(path)
    if isinstance(answer, str):
        raise SystemExit(f"read {path}: {answer}")
    return answer.decode().rstrip("\n")


def mutations(line):
    yield line
    yield line + "\n"
    yield line + "\n\n"
    head, *fields = line.split(",")
    keys = [field.partition("=")[0] for field in fields]
    for n, key in enumerate(keys):
        for value in VALUES.get(key, []):
            yield ",".join([head, *fields[:n], f"{key}={value}", *fields[n + 1:]])
        yield ",".join([head, *fields[:n], *fields[n + 1:]])
        yield ",".join([head, *fields[:n], fields[n], *fields[n:]])
        yield ",".join([head, *fields[:n], "zzz=1", *fields[n:]])
        yield ",".join([head, *fields[:n], "x-n=1", *fields[n:]])
        yield ",".join([head, *fields[:n], key, *fields[n + 1:]])
        yield ",".join([head, *fields[:n], key + "=", *fields[n + 1:]])
        if n:
            yield ",".join([head, *fields[:n - 1], fields[n], fields[n - 1], *fields[n + 1:]])
    for tail in (",", ",x-a=1", ",x-b=1,x-a=1", ",x-a=1,x-a=1", ",x-a=1,zzz=1", ",zzz=1,zzz=1", " ", ",x-a=a..b", ",x-a="):
        yield line + tail
    rest = ",".join(fields)
    for other in ("", "mdev_nvme", "mdev_nvme/2", "mdev_nvme/01", "other/1", "Mdev/1", "mdev_mtty/1", "/1", "mdev_nvme/x"):
        yield f"{other},{rest}"
    for cut in range(0, len(line), 7):
        yield line[:cut] if cut else "\n"


def made(places):
    """A device of each type that has room: their paths."""
    devices = []
    for n, node in enumerate(places):
        if os.path.exists(node + "/create") and int(text_of(node + "/available_instances")) > 0:
            uuid = f"00000000-0000-4000-8000-{n:012d}"
            must(node + "/create", uuid)
            devices.append(f"{DEVICES}/{uuid}")
    return devices


def kernel_verdict(place, source):
    answer = write_once(place + "/migration_version", source)
    if answer == "ENOTSUP":
        answer = "EOPNOTSUPP"
    return answer if isinstance(answer, str) else ""


def sources(places):
    lines = {text_of(place + "/migration_version") for place in places}
    lines |= {text_of(place + "/migration_accepts") for place in places}
    return sorted({source.encode() for line in lines for source in mutations(line)} - {b""})


def against_evaluator(nodes):
    devices = made(nodes)
    places = nodes + devices
    asked = sources(places)
    wrong, counts = 0, {}
    for place in places:
        accepts = text_of(place + "/migration_accepts")
        for source in asked:
            rule, wanted = evaluate.evaluate(source, accepts)
            got = kernel_verdict(place, source)
            counts[rule] = counts.get(rule, 0) + 1
            if got != wanted:
                wrong += 1
                if wrong <= 10:
                    print(f"{place}: {source!r}: kernel {got or 'accepts'}, evaluator rule {rule} {wanted}")
    print(f"{len(asked)} sources at {len(places)} places, by rule: {dict(sorted(counts.items()))}")
    for device in devices:
        must(device + "/remove", "1")
    missing = [rule for rule in evaluate.RULES if rule not in counts]
    if missing:
        print(f"no source was judged by rules {missing}")
    return 1 if wrong or missing else 0


def naming(node):
    """The type's name in version strings, and the sources that name it."""
    name = re.search("type=([^,]*)", text_of(node + "/migration_version")).group(1)
    return name, [s for s in sources([node]) if re.search(rb",type=%s(,|$|\n)" % name.encode(), s)]


def consistency(node):
    """For every string that names the type: the type node accepts it exactly when a device,
    made and given the parameters which the string states, does."""
    name, asked = naming(node)
    uuid = "00000000-0000-4000-8000-000000000099"
    device = f"{DEVICES}/{uuid}"
    # A question changes nothing, so one device answers for all that state the same.
    groups = {}
    for source in asked:
        stated = re.search(rb",capacity=([0-9]+)", source)
        groups.setdefault(stated and stated.group(1), []).append(source)
    wrong = accepted = 0
    for capacity, group in groups.items():
        must(node + "/create", uuid)
        taken = write_once(device + "/capacity", capacity) if capacity else 0
        # A capacity that no device here can have: the type refuses it, and so does the device.
        if isinstance(taken, str) and taken != "EINVAL":
            print(f"setting the capacity to {capacity}: {taken}")
            wrong += 1
        for source in group:
            at_type, at_device = kernel_verdict(node, source), kernel_verdict(device, source)
            accepted += not at_type
            if at_type != at_device:
                wrong += 1
                print(f"{source!r}: type {at_type or 'accepts'}, device {at_device or 'accepts'}")
        must(device + "/remove", "1")
    print(f"{len(asked)} strings that name type {name}, {accepted} accepted, by {len(groups)} devices")
    return 1 if wrong or not accepted or accepted == len(asked) else 0


def never(node):
    """A type that is larger than its parent accepts nothing, its own string neither, and makes no device."""
    name, asked = naming(node)
    own = kernel_verdict(node, text_of(node + "/migration_version").encode())
    create = write_once(node + "/create", b"00000000-0000-4000-8000-000000000099")
    accepted = [source for source in asked if not kernel_verdict(node, source)]
    print(f"{len(asked)} strings that name type {name}: its own {own or 'is accepted'}, create {create}, accepted {accepted}")
    return 0 if (own, create, accepted) == ("ERANGE", "ENOSPC", []) else 1


def tool_agrees(tool, places):
    devices = made(places)
    places = places + devices
    own = sorted({text_of(place + "/migration_version").encode() for place in places})
    wrong = questions = 0
    for place in places:
        # A process for each question is slow here: of what is near to what the place says, every 29th,
        # all kinds of them.
        asked = own + [source for source in sources([place]) if b"\n" not in source][::29]
        accepted = 0
        for source in asked:
            # A source from standard input is a line, whatever it looks like.
            run = subprocess.run([tool, "check", "-", place], input=source, capture_output=True, check=False)
            got = kernel_verdict(place, source)
            accepted += not got
            if (run.returncode == 0) != (not got) or (got and got.encode() not in run.stdout + run.stderr):
                wrong += 1
                if wrong <= 5:
                    print(f"{place}: {source!r}: kernel {got or 'accepts'}, tool {run.returncode} {run.stdout} {run.stderr}")
        questions += len(asked)
        if accepted in (0, len(asked)):
            wrong += 1
            print(f"{place}: {accepted} of {len(asked)} sources accepted: nothing was tried")
    for device in devices:
        must(device + "/remove", "1")
    print(f"{questions} questions at {len(places)} places")
    return 1 if wrong else 0


def main():
    verb, *rest = sys.argv[1:]
    if verb == "kernel":
        return against_evaluator(rest)
    if verb == "consistency":
        return max(map(consistency, rest))
    if verb == "never":
        return never(rest[0])
    if verb == "tool":
        return tool_agrees(rest[0], rest[1:])
    raise SystemExit(f"unknown verb {verb}")


if __name__ == "__main__":
    sys.exit(main())
