#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What another driver's device saved is refused, and harms nothing.

    foreign.py CLIENT TYPE_NODE THEIRS OURS

THEIRS and OURS are modules that make the same type, of which one is loaded at a time.
"""

import argparse
import os
import subprocess
import sys

import clients
import guest
from again import repeated
from journey import Journey
from ktap import Results, note


def main():
    parser = argparse.ArgumentParser()
    for name in ("client", "kind", "theirs", "ours"):
        parser.add_argument(name)
    arguments = parser.parse_args()
    client = clients.find(arguments.client)
    note(f"{client}, {clients.accelerator()}")
    results = Results(4, guest.where)
    load(arguments.theirs)
    # The C sample takes a full FIFO for an empty one, and its log of dirty pages needs iommufd.
    journey = Journey(client, [arguments.kind], ["mdev.burst=15"], ["x-device-dirty-page-tracking=off"])

    def ours_refuses():
        journey.remove_devices()
        unload(arguments.theirs)
        load(arguments.ours)
        journey.make_devices()
        journey.refuses_file("migration by v2")

    def usable():
        journey.here = 1 - journey.here
        repeated(journey, journey.ready)

    try:
        results.check(f"{client}: a guest is saved on another driver's device", repeated, journey, journey.save)
        results.check(f"{client}: our device refuses it, and says why", ours_refuses)
        results.check(f"{client}: the device can be used", usable)
        results.check(f"{client}: nothing is left", journey.end)
    finally:
        guest.kill_all()
    return results.finish()


def load(path):
    subprocess.run(["insmod", path], check=True)


def unload(path):
    name = os.path.splitext(os.path.basename(path))[0]
    subprocess.run(["rmmod", name.replace("-", "_")], check=True)


if __name__ == "__main__":
    sys.exit(main())
