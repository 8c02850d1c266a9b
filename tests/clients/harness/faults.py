#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Migrations that are disturbed: each ends well, or leaves the guest and the devices as they were.

    faults.py CLIENT[,CLIENT...] TYPE_NODE... [--refuses WHO WHY TYPE_NODE[,TYPE_NODE...]] [--only TEXT]
              [--option WORD] [--property WORD]

CLIENT is a major version (7, 10, 11). The guest has a device of each type; one guest goes through all
cases, and is booted anew where a case costs it. `--refuses`: a target with devices of these types must refuse it;
who that is, and what the kernel's log says then. Sources that the guest has left are killed.
"""

import argparse
import contextlib
import sys
import time

import clients
import devices
import guest
import tasks
from again import repeated
from journey import END_SECONDS, MIGRATION_SECONDS, SLOW, Journey
from ktap import Results, note
from qmp import Refused
from timeline import Failed


def under_way(journey, state="active"):
    """A migration that has come this far and waits there, or as good as: (target, mark). In `device` the guest is
    stopped and its devices' last state under way to a target that stands still."""
    target = journey.target()
    # Before it waits at switchover, it goes through pre-copy, and no need to do so slowly.
    bandwidth = {"bandwidth": SLOW} if state == "active" else {}
    mark = journey.send(target, pause_before_switchover=state != "active", **bandwidth)
    if state == "device":
        journey.guest.qmp.migration(("pre-switchover",), MIGRATION_SECONDS, mark)
        target.halt()
        # While QEMU waits for the target to read, it may answer nobody.
        journey.guest.qmp.begin("migrate-continue", state="pre-switchover")
        sends_the_last(journey.guest, mark)
    else:
        journey.guest.qmp.migration((state,), MIGRATION_SECONDS, mark)
    return target, mark


def sends_the_last(source, mark):
    """Waits until a source that may go on sends its devices' last state, or has sent it."""
    end = time.monotonic() + MIGRATION_SECONDS
    while not (source.qmp.has_been("device", mark) or source.is_sending()):
        if time.monotonic() > end:
            raise Failed(f"{source.name}: it was told to go on, and sends nothing")
        time.sleep(0.1)


def while_paused(journey):
    """A paused guest arrives paused, after an attempt that was given up."""
    source = journey.ready()
    before = source.exchange()
    mark = source.qmp.mark()
    source.qmp.execute("stop")
    source.qmp.event("STOP", 30, mark)
    target, mark = under_way(journey)
    journey.cancel(mark)
    target.ended(END_SECONDS)
    if source.status() != "paused":
        raise Failed(f"the source was paused, now it is {source.status()}")
    target = journey.target()
    mark = journey.send(target)
    journey.completes(target, mark)
    if target.status() != "paused":
        raise Failed(f"the target is {target.status()}, not paused")
    target.qmp.execute("cont")
    journey.settle(target, before)


def paused_and_stays(journey):
    """A paused guest that was migrated goes on at the source: the target's owner changed his mind."""
    source = journey.ready()
    mark = source.qmp.mark()
    source.qmp.execute("stop")
    source.qmp.event("STOP", 30, mark)
    target = journey.target()
    mark = journey.send(target)
    journey.completes(target, mark)
    target.kill()
    source.qmp.execute("cont")
    source.exchange()
    source.healthy()
    journey.move()


def cancelled(journey, state):
    """The guest stays, unharmed, and then travels."""
    journey.ready()
    target, mark = under_way(journey, state)
    journey.cancel(mark)
    journey.stays(mark)
    target.ended(END_SECONDS)
    journey.move()


def source_killed(journey, state):
    """The target gives up, and both devices can be used again. Only if the source had sent everything the guest
    is at the target."""
    source = journey.ready()
    before = source.exchange()
    target, _ = under_way(journey, state)
    source.kill()
    target.resume()
    if state == "device" and arrives(target):
        note("everything had been sent: the guest has arrived")
        journey.settle(target, before)
    else:
        target.ended(END_SECONDS)
    journey.ready()
    journey.move()


def arrives(target):
    """Whether a guest whose source is gone has come; if not, its QEMU ends or says so."""
    try:
        return target.qmp.migration(("completed", "failed"), END_SECONDS, 0) == "completed"
    except Failed as error:
        note(error)
        return False


def target_killed(journey, state):
    """The guest goes on at the source, and then travels to the very device."""
    source = journey.ready()
    target, mark = under_way(journey, state)
    target.kill()
    if state == "pre-switchover":
        try:
            source.qmp.execute("migrate-continue", state="pre-switchover")
        except Refused:
            # It has noticed already.
            pass
    journey.stays(mark)
    journey.move()


def reset(journey):
    """Whether the migration then fails or not: the guest boots, at one end only, and goes on."""
    source = journey.ready()
    target, mark = under_way(journey)
    said = source.said.mark()
    booted = sum(word == "hello" for word, _, _ in source.said.since())
    reset_from = source.qmp.mark()
    source.qmp.execute("system_reset")
    source.qmp.event("RESET", 30, reset_from)
    source.parameters(max_bandwidth=1 << 32)
    ended = source.qmp.migration(("completed", "failed"), MIGRATION_SECONDS, mark)
    note(f"the migration {ended}: {journey.reason(source) if ended == 'failed' else ''}")
    if ended == "completed":
        target.qmp.migration(("completed",), MIGRATION_SECONDS, 0)
        journey.arrive(target)
    else:
        target.ended(END_SECONDS)
    if ready := [fields for word, fields, _ in source.said.since(said) if word == "ready"]:
        journey.guest.task.boots_again(journey.guest, ready[-1])
    else:
        journey.guest.works_again(said if journey.guest is source else 0)
    journey.guest.exchange()
    journey.guest.healthy()
    boots = [line for end in (source, target) for word, _, line in end.said.since() if word == "hello"]
    if len(boots) != booted + 1:
        raise Failed(f"the guest was reset once, but booted: {boots}")
    journey.move()


def refused(journey, kinds, why):
    """A target with devices of these types refuses, and says why; the guest stays, unharmed."""
    journey.ready()
    others = journey.another_place(kinds)
    log = devices.kernel_log()
    target = journey.target(others)
    mark = journey.send(target)
    journey.stays(mark)
    target.ended(END_SECONDS)
    devices.says_why(log, others, why)
    journey.move()


def other_type(journey):
    """The same of other types of the same parent."""
    source = journey.ready()
    refused(journey, [devices.other(device.kind) for device in source.devices], source.task.other_types)


@contextlib.contextmanager
def older_places(journey):
    """While this lasts the places are of a host that knows the first state version only. The guest
    must be in a file then, or nowhere; afterwards too."""
    try:
        journey.remove_devices()
        with devices.settings(journey.kinds[0], state="1", state_range="1..1"):
            try:
                journey.make_devices()
                yield
            finally:
                guest.kill_all()
                journey.remove_devices()
    finally:
        journey.make_devices()


def older_reader(journey):
    """A file is refused where only an older state is read, with the reason; it is as good as before."""
    before = journey.save()
    with older_places(journey):
        journey.refuses_file("(state)")
    journey.load(before)


def not_dropped(journey):
    """What an older state version cannot carry is named, and keeps the guest here."""
    source = journey.ready()
    source.devices[0].write_state("1")
    log = devices.kernel_log()
    target = journey.target()
    mark = journey.send(target)
    journey.stays(mark)
    # The older client keeps the connection, so that the target would wait for ever.
    target.kill()
    devices.says_why(log, source.devices, "state version 1 cannot carry")
    source.devices[0].write_state("2")
    journey.move()


def old_and_new(journey):
    """A guest that needs no more than the first state version: to an older host, and back again."""
    journey.afresh()
    options = journey.options
    journey.options = [*options, "mdev.trigger=1"]
    try:
        for device in journey.places[journey.here]:
            device.write_state("1")
        before = journey.save()
        with older_places(journey):
            journey.load(before)
            before = journey.save()
        journey.load(before)
        journey.move()
    finally:
        journey.options = options
    journey.afresh()


def removed(journey):
    """QEMU declines while it migrates; the request that the kernel repeats is then granted."""
    source = journey.ready()
    target, mark = under_way(journey)
    device = source.devices[0]
    removal = device.remove_later()
    source.complains("not allowed while migrating", 30)
    journey.cancel(mark)
    target.ended(END_SECONDS)
    # The kernel repeats its request every 10 seconds; then the guest must let go.
    source.qmp.event("DEVICE_DELETED", 60, mark, lambda data: data.get("device") == "vfio0")
    removal.join(30)
    if removal.is_alive() or device.exists():
        raise Failed(f"the device is unplugged, but {device.path} is still there")
    source.kill()


BEFORE_STOP = (("active", "pre-copy"), ("pre-switchover", "switchover"))
STEPS = (*BEFORE_STOP, ("device", "stop-and-copy"))


def cases(task, refusing):
    """(name, test, arguments), in an order in which few cost the guest."""
    yield "paused, given up, and again", while_paused, ()
    yield "migrated while paused, then continued at the source", paused_and_stays, ()
    for state, name in BEFORE_STOP:
        yield f"cancelled in {name}, then again", cancelled, (state,)
    for state, name in STEPS:
        yield f"target killed in {name}, then again", target_killed, (state,)
    yield "a target of another type refuses, and says why", other_type, ()
    for who, why, kinds in refusing:
        yield f"{who} refuses, and says why", refused, (kinds.split(","), why)
    if task.older_states:
        yield "a file is refused by an older reader, which says why", older_reader, ()
        yield "no state is dropped for an older version", not_dropped, ()
    # Before it is reset, which ends what it has begun.
    for name, test in task.between:
        yield f"after all that the guest outlived: {name}", Journey.of_traveller, (test,)
    yield "guest reset in pre-copy", reset, ()
    # Each of them costs the guest.
    for state, name in STEPS if task.boots_soon else (STEPS[0], STEPS[-1]):
        yield f"source killed in {name}, both devices usable", source_killed, (state,)
    for name, test in task.between:
        yield f"after lost sources: {name}", Journey.of_traveller, (test,)
    yield "removal asked for in pre-copy", removed, ()
    if task.older_states:
        yield "from a new host to an old one, and back", old_and_new, ()


def disturb(results, client, todo, arguments):
    note(f"{client}, {clients.accelerator()}")
    journey = Journey(client, arguments.kinds, arguments.option, arguments.property)
    journey.leave = guest.Guest.kill
    for name, test, more in todo:
        if not results.check(f"{client}: {name}", repeated, journey, test, journey, *more):
            journey.afresh()
    results.check(f"{client}: nothing is left", journey.end)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("clients")
    parser.add_argument("kinds", nargs="+")
    parser.add_argument("--refuses", nargs=3, metavar=("WHO", "WHY", "TYPE_NODES"), action="append", default=[])
    parser.add_argument("--only", default="", help="only cases with this in their name")
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--property", action="append", default=[])
    arguments = parser.parse_args()
    found = [clients.find(major) for major in arguments.clients.split(",")]
    task = tasks.of(arguments.kinds[0])
    todo = [case for case in cases(task, arguments.refuses) if arguments.only in case[0]]
    results = Results((len(todo) + 1) * len(found), guest.where)
    try:
        for client in found:
            disturb(results, client, todo, arguments)
    finally:
        guest.kill_all()
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
