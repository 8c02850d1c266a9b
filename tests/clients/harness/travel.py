#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Migrates a running guest back and forth between two devices, with one client.

    travel.py CLIENT TYPE_NODE... [--times N] [--option WORD] [--property WORD]

CLIENT is a major version (7, 10, 11). With several types the guest has a device of each. Options
are words of the guest's command line, properties of QEMU's devices.
"""

import argparse
import sys

import clients
import guest
from journey import Journey
from ktap import Results, note


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("client")
    parser.add_argument("kinds", nargs="+")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--property", action="append", default=[])
    arguments = parser.parse_args()
    client = clients.find(arguments.client)
    note(f"{client}, {clients.accelerator()}")
    results = Results(4, guest.where)
    journey = Journey(client, arguments.kinds, arguments.option, arguments.property)

    def socket():
        for _ in range(arguments.times):
            journey.move()

    try:
        results.check(f"{client}: a guest boots and exchanges data", journey.ready)
        results.check(f"{client}: {arguments.times} migrations through a socket", socket)
        results.check(f"{client}: one through a file", journey.move_through_file)
        results.check(f"{client}: nothing is left", journey.end)
    finally:
        guest.kill_all()
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
