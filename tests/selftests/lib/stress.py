#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""All at once, each in a process of its own: four readers and four writers at all nodes of a PCI parent;
two that make devices and two that remove them, all by the same UUIDs; and one that unbinds the parent and
binds it again.

    stress.py PCI_ADDRESS

Nobody removes a device while the parent is unbound, and nobody is about any while it is bound: there the mdev
core itself can use a device that it has freed (Documentation/safety.md). So whoever is about to unbind or bind
closes a gate of each of those, which waits until they are outside.
"""

import collections
import contextlib
import errno
import multiprocessing
import os
import sys
import time

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
# Devices that are made between two unbinds, and seconds that they may take.
DEVICES_BETWEEN = 15
LIMIT = 60
# What else may happen to a file whose place goes away at any moment.
GONE = {"ENOENT", "ENODEV"}
# 64m places: rule 6 at the type, rule 8 at the device.
ALLOWED = {
    "read": {"text"} | GONE,
    "write good": {"accepted", "EMEDIUMTYPE", "ERANGE"} | GONE,
    "write bad": {"EXDEV"} | GONE,
    # There is room for all.
    "create": {"made", "EEXIST"} | GONE,
    # EAGAIN: it is still being made, and cannot be removed any more.
    "remove": {"removed", "EAGAIN"} | GONE,
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


def put(path, data):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(fd, data, 0)
    finally:
        os.close(fd)


def write(node, data):
    put(f"{node}/migration_version", data)
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


def maker(number, stop, results, gate, made):
    """Makes devices of a type of its own, by every UUID."""
    seen = collections.Counter()
    turn = 0
    while not stop.is_set():
        uuid = UUIDS[turn % len(UUIDS)].encode()
        with gate:
            answer = call(lambda: put(f"{NODES[number]}/create", uuid) or "made")
        seen["create", answer] += 1
        if answer == "made":
            with made.get_lock():
                made.value += 1
        turn += 1
    results.put(seen)


def remover(stop, results, gate):
    """Removes what there is, whoever else does."""
    seen = collections.Counter()
    turn = 0
    while not stop.is_set():
        path = f"/sys/bus/mdev/devices/{UUIDS[turn % len(UUIDS)]}/remove"
        turn += 1
        with gate:
            seen["remove", call(lambda: put(path, b"1") or "removed")] += 1
    results.put(seen)


def no_more():
    """No device can be made or removed: all are there, without the file to remove them."""
    devices = NODES[len(TYPES):]
    return all(os.path.exists(device) and not os.path.exists(f"{device}/remove") for device in devices)


def disturb(made, make_gates, remove_gates):
    """The parent goes and comes. How often devices went with it."""
    went = 0
    for _ in range(UNBINDS):
        enough, end = made.value + DEVICES_BETWEEN, time.monotonic() + LIMIT
        while made.value < enough and not no_more():
            if time.monotonic() > end:
                raise TimeoutError(f"fewer than {DEVICES_BETWEEN} devices in {LIMIT} s")
            time.sleep(0.001)
        with contextlib.ExitStack() as closed:
            for gate in remove_gates:
                closed.enter_context(gate)
            went += any(os.path.exists(device) for device in NODES[len(TYPES):])
            put("/sys/bus/pci/drivers/mdev_nvme/unbind", ADDRESS.encode())
            left = [node for node in NODES if os.path.exists(node)]
            if left:
                raise RuntimeError(f"left when the parent was gone: {left}")
            for gate in make_gates:
                closed.enter_context(gate)
            put("/sys/bus/pci/drivers_probe", ADDRESS.encode())
    return went


def main():
    stop = multiprocessing.Event()
    results = multiprocessing.Queue()
    made = multiprocessing.Value("i", 0)
    make_gates, remove_gates = ([multiprocessing.Lock() for _ in range(2)] for _ in range(2))
    clients = [multiprocessing.Process(target=client, args=(n, stop, results)) for n in range(8)]
    for n, gate in enumerate(make_gates):
        clients.append(multiprocessing.Process(target=maker, args=(n, stop, results, gate, made)))
    for gate in remove_gates:
        clients.append(multiprocessing.Process(target=remover, args=(stop, results, gate)))
    for process in clients:
        process.start()
    problems = []
    try:
        went = disturb(made, make_gates, remove_gates)
        print(f"with devices, the parent went {went} of {UNBINDS} times")
        if not went:
            problems.append("the parent never went with devices: nothing was tried")
    except (OSError, RuntimeError) as error:
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
    for must in (
        ("read", "text"),
        ("write good", "accepted"),
        ("write bad", "EXDEV"),
        ("create", "made"),
        ("create", "EEXIST"),
        ("remove", "removed"),
    ):
        if not total[must]:
            problems.append(f"{must[0]} never answered {must[1]}: nothing was tried")
    for what in ("read", "create"):
        if not any(total[what, gone] for gone in GONE):
            problems.append(f"no {what} met a place that had gone: nothing was tried")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
