#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Hears the kernel's uevents while parents come, and looks for their types' files at once; or while
a parent is offered whole, and looks for that device's.

    uevents.py pci PCI_ADDRESS TIMES        binds and unbinds a function
    uevents.py module FILE TIMES            loads and unloads the module with four parents
    uevents.py whole PCI_ADDRESS TIMES      offers a function whole, which is bound, and takes that back
"""

import os
import socket
import subprocess
import sys
import threading

NETLINK_KOBJECT_UEVENT = 15
TYPES = ("16m", "64m", "256m", "1g", "4g", "64m_4k", "1g_4k")
FILES = ("migration_version", "migration_accepts")
WHOLE_FILES = (*FILES, "state_version", "capacity")
# What stands for a parent's states at the child of one that is offered whole.
WHOLE_STATES = {"bind": "registered", "unbind": "unregistered"}


class Listener(threading.Thread):
    """One line of `heard` for each event of a parent: (path, action, state, missing files)."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_KOBJECT_UEVENT)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind((0, 1))
        self.heard = []
        self.changed = threading.Condition()

    def run(self):
        while True:
            _, *pairs = self.socket.recv(65536).split(b"\0")
            event = dict(pair.decode().partition("=")[::2] for pair in pairs if pair)
            path = "/sys" + event.get("DEVPATH", "")
            state = event.get("MDEV_STATE")
            missing = []
            if event.get("SUBSYSTEM") == "auxiliary":
                state = WHOLE_STATES.get(event["ACTION"])
                if state == "registered":
                    missing = [file for file in WHOLE_FILES if not os.path.exists(f"{path}/{file}")]
            elif state is None and event.get("ACTION") != "change":
                continue
            elif state == "registered":
                missing = [
                    f"{name}/{file}"
                    for name in TYPES
                    for file in FILES
                    if not os.path.exists(f"{path}/mdev_supported_types/mdev_nvme-{name}/{file}")
                ]
            with self.changed:
                self.heard.append((path, event.get("ACTION"), state, missing))
                self.changed.notify()

    def wait_for(self, count, state):
        """Until so many events with this state were heard; False after 60 s."""
        def enough():
            return sum(1 for event in self.heard if event[2] == state) >= count
        with self.changed:
            return self.changed.wait_for(enough, timeout=60)


def put(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def pci(address):
    put(f"/sys/bus/pci/devices/{address}/driver_override", "mdev_nvme")
    return (
        1,
        lambda: put("/sys/bus/pci/drivers_probe", address),
        lambda: put("/sys/bus/pci/drivers/mdev_nvme/unbind", address),
    )


def module(file):
    return (
        4,
        lambda: subprocess.run(["insmod", file, "virtual_parents=4"], check=True),
        lambda: subprocess.run(["rmmod", "mdev_nvme"], check=True),
    )


def whole(address):
    switch = f"/sys/bus/pci/devices/{address}/settings/whole"
    return 1, lambda: put(switch, "1"), lambda: put(switch, "0")


def main():
    kind, what, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
    parents, come, go = {"pci": pci, "module": module, "whole": whole}[kind](what)
    listener = Listener()
    listener.start()
    problems = []
    for turn in range(1, times + 1):
        come()
        if not listener.wait_for(parents * turn, "registered"):
            problems.append(f"round {turn}: not every parent was announced as registered")
            break
        go()
        if not listener.wait_for(parents * turn, "unregistered"):
            problems.append(f"round {turn}: not every parent was announced as unregistered")
            break
    if kind == "pci":
        put(f"/sys/bus/pci/devices/{what}/driver_override", "\n")
    registered = [event for event in listener.heard if event[2] == "registered"]
    if len(registered) != parents * times:
        problems.append(f"{len(registered)} announcements of {parents * times} parents")
    for path, _, _, missing in registered:
        if missing:
            problems.append(f"{path}: announced without {' '.join(missing)}")
    print("\n".join(problems[:10]) or f"{len(registered)} announcements, all files there")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
