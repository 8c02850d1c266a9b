#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Migrates a running guest back and forth between two places, with one client after another.

    travel.py CLIENT[,CLIENT...] TYPE_NODE... [--to TYPE_NODE...] [--times N] [--iommufd] [--option WORD]
              [--property WORD]

CLIENT is a major version (7, 10, 11). With several types the guest has a device of each; the second
place can also have parents' `settings/whole` in their stead. Options
are words of the guest's command line, properties of QEMU's devices. By iommufd, QEMU is not told
to migrate whatever is missing.
"""

import argparse
import sys

import clients
import guest
import tasks
from again import repeated
from journey import Journey
from ktap import Results, note


def travel(results, client, task, arguments):
    note(f"{client}, {clients.accelerator()}")
    journey = Journey(client, arguments.kinds, arguments.option, arguments.property, arguments.to)

    def by_socket():
        for _ in range(arguments.times):
            repeated(journey, journey.move)

    results.check(f"{client}: a guest boots and works", repeated, journey, journey.ready)
    for name, test in task.at_first:
        results.check(f"{client}: {name}", repeated, journey, journey.of_guest, test)
    for name, test in (
        (f"{arguments.times} migrations through a socket", by_socket),
        ("one through a file", lambda: repeated(journey, journey.move_through_file)),
    ):
        if not results.check(f"{client}: {name}", test):
            journey.afresh()
    for name, test in task.at_last:
        results.check(f"{client}: {name}", repeated, journey, journey.of_guest, test)
    results.check(f"{client}: nothing is left", journey.end)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("clients")
    parser.add_argument("kinds", nargs="+")
    parser.add_argument("--to", nargs="+", help="types of the second place, if they are others")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--iommufd", action="store_true")
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--property", action="append", default=[])
    arguments = parser.parse_args()
    majors = arguments.clients.split(",")
    task = tasks.of(arguments.kinds[0])
    results = Results((4 + len(task.at_first) + len(task.at_last)) * len(majors), guest.where)
    try:
        for major in majors:
            travel(results, clients.find(major, arguments.iommufd), task, arguments)
    finally:
        guest.kill_all()
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
