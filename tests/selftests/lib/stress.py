#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Four readers and four writers at all nodes of a PCI parent, while devices are made and
removed and the parent is unbound and bound again.

    stress.py PCI_ADDRESS
"""

import collections
import errno
import multiprocessing
import os
import sys

ADDRESS = sys.argv[1]
PARENT = f"/sys/bus/pci/devices/{ADDRESS}"
TYPES = ("16m", "64m")
UUIDS = [f"00000000-0000-4000-8000-{n:012d}" for n in range(8)]
NODES = [f"{PARENT}/mdev_supported_types/mdev_nvme-{name}" for name in TYPES] + [
    f"/sys/bus/mdev/devices/{uuid}" for uuid in UUIDS
]
GOOD = b"mdev_nvme/1,model=nvme1,type=16m,capacity=16777216,lba=512,queues=16,state=1,features=0x7"
BAD = GOOD.replace(b"nvme1", b"nvme2")

UNBINDS = 12
DEVICES_BETWEEN = 15
# What else may happen to a file whose place goes away at any moment.
GONE = {"ENOENT", "ENODEV"}
# 64m places: rule 6 at the type, rule 8 at the device.
ALLOWED = {
    "read": {"text"} | GONE,
    "write good": {"accepted", "EMEDIUMTYPE", "ERANGE"} | GONE,
    "write bad": {"EXDEV"} | GONE,
}


def call(action):
    try:
        return action()
    except OSError as error:
        return errno.errorcode[error.errno]


def read(node, name):
    fd = os.open(f"{node}/{name}", os.O_RDONLY)
    try:
        text = os.pread(fd, 4096, 0)
    finally:
        os.close(fd)
    right = text.startswith(b"mdev_nvme/1,model=nvme1,type=") and text.endswith(b"\n") and text.count(b"\n") == 1
    return "text" if right else repr(text)


def write(node, data):
    fd = os.open(f"{node}/migration_version", os.O_WRONLY)
    try:
        os.pwrite(fd, data, 0)
    finally:
        os.close(fd)
    return "accepted"


def client(number, stop, results):
    seen = collections.Counter()
    turn = number
    while not stop.is_set():
        node = NODES[turn % len(NODES)]
        turn += 1
        if number < 4:
            name = ("migration_version", "migration_accepts")[turn % 2]
            seen["read", call(lambda: read(node, name))] += 1
        elif number < 6:
            seen["write good", call(lambda: write(node, GOOD))] += 1
        else:
            seen["write bad", call(lambda: write(node, BAD))] += 1
    results.put(seen)


def put(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def disturb():
    """Devices come and go; the parent too, half of the times with devices."""
    for turn in range(UNBINDS):
        for n in range(DEVICES_BETWEEN):
            uuid = UUIDS[n % len(UUIDS)]
            put(f"{NODES[n % 2]}/create", uuid)
            put(f"/sys/bus/mdev/devices/{uuid}/remove", "1")
        if turn % 2:
            for n, uuid in enumerate(UUIDS):
                put(f"{NODES[n % 2]}/create", uuid)
        put("/sys/bus/pci/drivers/mdev_nvme/unbind", ADDRESS)
        put("/sys/bus/pci/drivers_probe", ADDRESS)


def main():
    stop = multiprocessing.Event()
    results = multiprocessing.Queue()
    clients = [multiprocessing.Process(target=client, args=(n, stop, results)) for n in range(8)]
    for process in clients:
        process.start()
    problems = []
    try:
        disturb()
    except OSError as error:
        problems.append(f"while devices came and went: {error}")
    stop.set()
    total = collections.Counter()
    for _ in clients:
        total += results.get(timeout=60)
    for process in clients:
        process.join(timeout=60)
    for (what, answer), count in sorted(total.items()):
        print(f"{what}: {answer}: {count}")
        if answer not in ALLOWED[what]:
            problems.append(f"{what} answered {answer}")
    for must in (("read", "text"), ("write good", "accepted"), ("write bad", "EXDEV")):
        if not total[must]:
            problems.append(f"{must[0]} never answered {must[1]}: nothing was tried")
    if not any(total["read", gone] for gone in GONE):
        problems.append("no reader met a place that had gone: nothing was tried")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
