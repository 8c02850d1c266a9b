#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a guest gets out of our NVMe device and out of the one that QEMU emulates, side by side.

    compare.py CLIENT TYPE_NODE

Both are in the same guest and are measured in turn, so that what disturbs one disturbs the other.
Prints a row for each kind of load. Status 1 if a goal is missed, 2 if something could not be measured.
"""

import argparse
import json
import os
import statistics
import sys

import clients
import devices
import disk
import guest
from guest import Guest
from ktap import note
from timeline import Failed

ROUNDS = 5
MIB = 1 << 20
# The part of the medium that is used; both have written all of it before.
SPAN = 16 * MIB
# (name, fio's words, requests of a round, least ratio that is a goal)
ROWS = (
    ("4 KiB random read, depth 1", "--rw=randread --bs=4k --iodepth=1", 1000, 1.5),
    ("4 KiB random write, depth 1", "--rw=randwrite --bs=4k --iodepth=1", 1000, 1.5),
    ("4 KiB random read, depth 32", "--rw=randread --bs=4k --iodepth=32", 2000, None),
    ("4 KiB random write, depth 32", "--rw=randwrite --bs=4k --iodepth=32", 2000, None),
    ("128 KiB sequential read", "--rw=read --bs=128k --iodepth=4", 128, None),
    ("128 KiB sequential write", "--rw=write --bs=128k --iodepth=4", 128, None),
)


class Emulated:
    """QEMU's own NVMe device, backed by a file in memory."""

    def __init__(self, kind):
        self.kind = kind
        self.capacity = disk.capacity(kind)
        self.path = f"/dev/shm/peer-{os.getpid()}"
        # Written as a whole, so that no page has to be found while it is measured.
        with open(self.path, "wb") as file:
            for _ in range(self.capacity // MIB):
                file.write(bytes(MIB))

    def arguments(self, number, _client, _properties=()):
        return [
            "-drive", f"if=none,id=peer{number},format=raw,file={self.path}",
            "-device", f"nvme,id=nvme{number},drive=peer{number},serial=peer",
        ]

    def remove(self):
        os.unlink(self.path)


def rate(one, path, words, requests):
    """Requests a second."""
    block = disk.number_with_unit(words.split("--bs=")[1].split()[0])
    report = json.loads(one.run(
        f"fio --name=load --filename={path} --direct=1 --ioengine=io_uring --size={SPAN}"
        f" --io_size={requests * block} --randrepeat=1 --norandommap --clocksource=clock_gettime"
        f" --thread --output-format=json --output=/tmp/load.json {words} >/tmp/load.log && cat /tmp/load.json"
    ))
    job = report["jobs"][0]
    done = job["read" if job["read"]["total_ios"] else "write"]
    return done["total_ios"] / (done["runtime"] / 1000)


def measure(one, paths):
    """For each row the median rates, in the order of the paths."""
    for path in paths:
        rate(one, path, "--rw=write --bs=128k --iodepth=4", SPAN // (128 << 10))
    for name, words, requests, goal in ROWS:
        rounds = []
        for number in range(ROUNDS):
            # Each is first in every other round.
            order = paths[:: 1 if number % 2 else -1]
            found = {path: rate(one, path, words, requests) for path in order}
            rounds.append([found[path] for path in paths])
        note(f"{name}: {[[round(value) for value in both] for both in rounds]}")
        yield name, [statistics.median(values) for values in zip(*rounds)], goal


def compare(client, kind):
    """The exit status."""
    made = [devices.Device(kind), Emulated(kind)]
    missed = []
    try:
        one = Guest(client, made)
        one.idle()
        paths = [f"/dev/nvme{number}n1" for number in (0, 1)]
        if "peer" in one.run("cat /sys/class/nvme/nvme0/serial"):
            paths.reverse()
        print(f"| {client}, {clients.accelerator()}: requests a second | mdev_nvme | QEMU's nvme | ratio |")
        print("|---|---:|---:|---:|", flush=True)
        for name, (ours, theirs), goal in measure(one, paths):
            print(f"| {name} | {ours:.0f} | {theirs:.0f} | {ours / theirs:.2f} |", flush=True)
            if goal and ours / theirs < goal:
                missed.append(f"{name}: {ours / theirs:.2f}, the goal is {goal}")
    finally:
        guest.kill_all()
        for device in made:
            device.remove()
    for line in missed:
        print(f"missed: {line}")
    return int(bool(missed))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("client")
    parser.add_argument("kind")
    arguments = parser.parse_args()
    try:
        return compare(clients.find(arguments.client), arguments.kind)
    except Failed as error:
        print(f"error: {error}\n{guest.where()}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
