#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Fills a parent of 1 GiB from eight processes at once, over and over.

    budget.py TYPE_NODE_16M TYPE_NODE_64M
"""

import errno
import multiprocessing
import sys

PROCESSES = 8
ROUNDS = 4
TOTAL = 64  # devices of the small type in the parent
COST = {0: 1, 1: 4}  # of each type, in small devices


def write(path, text):
    """None if it succeeded, else the errno's name."""
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


def available(node):
    with open(node + "/available_instances", encoding="ascii") as file:
        return int(file.read())


def worker(number, nodes, barrier, made, problems):
    serial = 0
    for turn in range(ROUNDS):
        mine = []
        which = (number + turn) % 2
        barrier.wait()
        while True:
            serial += 1
            uuid = f"00000000-0000-4000-8{number:03d}-{serial:012d}"
            answer = write(nodes[which] + "/create", uuid)
            if answer is None:
                mine.append(uuid)
            elif answer == "ENOSPC":
                break
            else:
                problems.put(f"create: {answer}")
                break
        with made.get_lock():
            made.value += len(mine) * COST[which]
        barrier.wait()
        # All are done: what was made has to be what the numbers say.
        if number == 0:
            left = available(nodes[0])
            if made.value + left != TOTAL:
                problems.put(f"{made.value} made, {left} available, {TOTAL} in all")
            if left >= 4:
                problems.put(f"ENOSPC with {left} available")
            made.value = 0
        barrier.wait()
        for uuid in mine:
            answer = write(f"/sys/bus/mdev/devices/{uuid}/remove", "1")
            if answer is not None:
                problems.put(f"remove: {answer}")
        barrier.wait()


def reader(nodes, stop, problems):
    while not stop.is_set():
        for node, most in zip(nodes, (TOTAL, TOTAL // 4)):
            count = available(node)
            if not 0 <= count <= most:
                problems.put(f"available_instances of {node} is {count}")


def main():
    nodes = sys.argv[1:3]
    barrier = multiprocessing.Barrier(PROCESSES)
    made = multiprocessing.Value("i", 0)
    problems = multiprocessing.Queue()
    stop = multiprocessing.Event()
    watch = multiprocessing.Process(target=reader, args=(nodes, stop, problems))
    workers = [
        multiprocessing.Process(target=worker, args=(n, nodes, barrier, made, problems))
        for n in range(PROCESSES)
    ]
    for process in [watch, *workers]:
        process.start()
    for process in workers:
        process.join()
    stop.set()
    watch.join()
    found = []
    while not problems.empty():
        found.append(problems.get())
    if available(nodes[0]) != TOTAL:
        found.append(f"{available(nodes[0])} available at the end")
    found += [f"a process ended with {p.exitcode}" for p in [watch, *workers] if p.exitcode]
    print("\n".join(found) or f"{ROUNDS} rounds of {PROCESSES} processes")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
