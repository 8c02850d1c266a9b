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


def ways(client, arguments):
    """(name, how often, the method of a journey that is one migration)."""
    yield f"{arguments.times} migrations through a socket", arguments.times, Journey.move
    if client.protocol == 2:
        yield "one with the state of devices by several channels", 1, Journey.move_by_channels
    yield "one through a file", 1, Journey.move_through_file


def travel(results, client, task, arguments):
    note(f"{client}, {clients.accelerator()}")
    journey = Journey(client, arguments.kinds, arguments.option, arguments.property, arguments.to)

    def often(times, way):
        for _ in range(times):
            repeated(journey, way, journey)

    results.check(f"{client}: a guest boots and works", repeated, journey, journey.ready)
    for name, test in task.at_first:
        results.check(f"{client}: {name}", repeated, journey, journey.of_guest, test)
    for name, times, way in ways(client, arguments):
        if not results.check(f"{client}: {name}", often, times, way):
            journey.afresh()
    for name, test in task.at_last:
        results.check(f"{client}: {name}", repeated, journey, journey.of_traveller, test)
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
    task = tasks.of(arguments.kinds[0])
    found = [clients.find(major, arguments.iommufd) for major in arguments.clients.split(",")]
    planned = sum(2 + len(task.at_first) + len(list(ways(client, arguments))) + len(task.at_last) for client in found)
    results = Results(planned, guest.where)
    try:
        for client in found:
            travel(results, client, task, arguments)
    finally:
        guest.kill_all()
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
