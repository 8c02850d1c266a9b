#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A running guest goes from one host's device to another's, and is then refused by a third.

    demo.py CLIENT FIRST_TYPE_NODE SECOND_TYPE_NODE

The two types are on parents of their own, which play the hosts.
"""

import sys
import time

import clients
import devices
import guest
from devices import Device
from guest import Guest
from journey import DOWNTIME, Journey
from timeline import Failed

# Slow enough for a progress line that moves.
BANDWIDTH = 24 << 20


def title(text):
    print(f"\n\033[1m== {text}\033[0m", flush=True)


def say(text):
    print(f"  {text}", flush=True)


def ask(source, target):
    """What an operator would do first: the source's string, written at the target."""
    line = devices.read(source.file("migration_version"))
    print(f"\033[36m# echo {line} > .../{target.uuid[:8]}/migration_version\033[0m", flush=True)
    try:
        devices.write(target.file("migration_version"), line)
        say("accepted")
        return True
    except Failed as error:
        say(str(error.__cause__.strerror))
        return False


def progress(source, mark):
    """A line a second, until the migration has ended; how."""
    start = time.monotonic()
    while True:
        try:
            return source.qmp.migration(("completed", "failed"), 1, mark)
        except Failed:
            if time.monotonic() - start > 120:
                raise
        ram = source.qmp.execute("query-migrate").get("ram", {})
        sent, left = (ram.get(name, 0) >> 20 for name in ("transferred", "remaining"))
        word, fields, _ = source.said.since()[-1]
        heard = f"; the guest: {fields['frames']} frames checked" if word == "progress" else ""
        say(f"{time.monotonic() - start:3.0f} s: {sent} MiB sent, {left} MiB to go{heard}")


def send(source, target):
    address = f"unix:{target.folder}/migration"
    for end in (source, target):
        end.capabilities(return_path=True)
    target.qmp.execute("migrate-incoming", uri=address)
    source.parameters(max_bandwidth=BANDWIDTH, downtime_limit=DOWNTIME)
    mark = source.qmp.mark()
    source.qmp.execute("migrate", uri=address)
    return mark, progress(source, mark)


def demo(client, first, second):
    title(f"live migration: {client} ({clients.accelerator()}), a guest with two serial ports of {first}")
    here, there = Device(first), Device(second)
    source = Guest(client, [here])
    say("the guest boots ...")
    source.hello()
    before = source.exchange()
    say("it exchanges numbered, checksummed frames between its ports, by interrupts")

    title("will it migrate? asked before anything is sent")
    if not ask(here, there):
        raise Failed("the second host's device should accept the first's")

    title("from the first host's device to the second's, while it runs")
    target = Guest(client, [there], incoming=True)
    _, ended = send(source, target)
    if ended != "completed":
        raise Failed(f"the migration {ended}: {Journey.reason(source)}")
    target.qmp.migration(("completed",), 60, 0)
    source.quit()
    here.remove()
    after = target.goes_on_from(before)
    target.healthy()
    for port, fields in sorted(after.items()):
        say(f"{port}: {fields['frames']} frames, not a byte lost, doubled or changed; {fields['irqs']} interrupts")

    title("the first host is an older one now: it reads state version 1 alone")
    with devices.settings(first, state="1", state_range="1..1"):
        older = Device(first)
        try:
            if ask(there, older):
                raise Failed("an older host accepted a newer state")
            title("tried all the same: refused while the guest runs on, with the reason in the log")
            log = devices.kernel_log()
            late = Guest(client, [older], incoming=True)
            mark, ended = send(target, late)
            if ended != "failed":
                raise Failed(f"the migration {ended}, it should have failed")
            late.ended(60)
            for line in devices.kernel_log_since(log):
                if older.uuid in line and "rule" in line:
                    say(f"log: {line}")
            if target.status() != "running":
                target.qmp.event("RESUME", 30, mark)
            target.goes_on_from(after)
            target.healthy()
            say("the guest runs on where it was, unharmed")
        finally:
            guest.kill_all()
            older.remove()
    there.remove()


def main():
    _, major, first, second = sys.argv
    try:
        demo(clients.find(major), first, second)
    except Failed as error:
        print(f"error: {error}\n{guest.where()}", file=sys.stderr)
        return 1
    finally:
        guest.kill_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
