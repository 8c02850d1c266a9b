# SPDX-License-Identifier: GPL-2.0
"""A guest that travels: from one device to another and back, by sockets and files."""

import tempfile

import tasks
from devices import kernel_log, make, says_why
from guest import Guest, kill_all
from ktap import note
from timeline import Failed

# Bytes in a second; the second stretches pre-copy until a test has done what it wants to.
FAST, SLOW = 4 << 30, 1 << 20
# Under emulation a switchover takes a while; it is no error that it does.
DOWNTIME = 3000
MIGRATION_SECONDS = 120
# A target that has lost its source, or could not load, ends.
END_SECONDS = 30
# All that migrations here use. By the return path the target says that it has loaded everything;
# without it a source is done when it has sent everything.
CAPABILITIES = {"return_path": True, "pause_before_switchover": False, "multifd": False}


class Journey:
    """Two places, each a list of devices of the given types, and the guest at one of them. `others`: types
    of the second place, if they are not the same."""

    def __init__(self, client, kinds, options=(), properties=(), others=None):
        self.client, self.kinds, self.options, self.properties = client, kinds, options, properties
        self.others = others or kinds
        # A guest that boots at the second place, after a case that failed, does the same.
        self.task = tasks.of(kinds[0])
        self.places = []
        self.make_devices()
        self.here = 0
        self.guest = None
        # How a source ends whose guest has gone.
        self.leave = Guest.quit
        self.folder = tempfile.mkdtemp(prefix="journey-")

    def start(self, incoming=False, place=None, client=None):
        place = self.places[self.here] if place is None else place
        task = self.guest.task if incoming and self.guest else self.task(place)
        return Guest(client or self.client, place, incoming, self.options, self.properties, task)

    def ready(self):
        """The guest, running and healthy; booted if there is none."""
        if not self.has_guest:
            self.guest = self.start()
            self.guest.hello()
            self.guest.exchange()
        return self.guest

    @property
    def has_guest(self):
        return self.guest is not None and self.guest.process.poll() is None

    def of_guest(self, test):
        """A test of the guest's task, of the guest that there is."""
        guest = self.ready()
        test(guest.task, guest)

    def of_traveller(self, test):
        """The same of a guest that has travelled: one that took the place of one that was lost does so first."""
        if not self.has_guest:
            self.move()
        self.of_guest(test)

    def another_place(self, kinds):
        """Devices of other types, where the guest does not fit."""
        self.places.append([make(kind) for kind in kinds])
        return self.places[-1]

    def target(self, devices=None):
        """Another QEMU on the other devices (or on these), that waits for a guest."""
        return self.start(incoming=True, place=self.places[1 - self.here] if devices is None else devices)

    def address(self, target):
        return f"unix:{target.folder}/migration"

    @staticmethod
    def agree(end, **capabilities):
        """Sets what migrations here use, but for these."""
        wanted = {**CAPABILITIES, **capabilities}
        if end.client.acknowledges:
            # By the return path the target says as well when devices may be stopped.
            wanted["switchover_ack"] = wanted["return_path"]
        end.capabilities(**wanted)

    def send(self, target, bandwidth=FAST, **capabilities):
        """Starts a migration; a mark in the source's protocol from which its events come."""
        for end in (self.guest, target):
            self.agree(end, **capabilities)
        target.qmp.execute("migrate-incoming", uri=self.address(target))
        self.guest.parameters(max_bandwidth=bandwidth, downtime_limit=DOWNTIME)
        mark = self.guest.qmp.mark()
        self.guest.qmp.execute("migrate", uri=self.address(target))
        return mark

    def completes(self, target, mark):
        """Waits for the end of the migration."""
        state = self.guest.qmp.migration(("completed", "failed", "cancelled"), MIGRATION_SECONDS, mark)
        if state != "completed":
            raise Failed(f"the migration {state}: {self.reason(self.guest)}")
        target.qmp.migration(("completed",), MIGRATION_SECONDS, 0)
        info = self.guest.qmp.execute("query-migrate")
        note(f"{info['total-time']} ms, {info['downtime']} ms of them down")

    def arrive(self, target):
        """The guest is at the target; the source's QEMU goes."""
        source, self.guest, self.here = self.guest, target, 1 - self.here
        if source in Guest.alive:
            self.leave(source)

    def settle(self, target, before):
        """It is at the target, and is the same guest that had exchanged this much."""
        self.arrive(target)
        target.goes_on_from(before)
        target.healthy()

    @staticmethod
    def reason(guest):
        info = guest.qmp.execute("query-migrate")
        return info.get("error-desc", guest.errors() or info)

    def move(self, **capabilities):
        """There, while it runs."""
        guest = self.ready()
        before = guest.exchange()
        target = self.target()
        mark = self.send(target, **capabilities)
        self.completes(target, mark)
        self.traced(guest, guest.client.traces)
        self.settle(target, before)

    def move_by_channels(self):
        """The same, with the devices' state by channels of its own."""
        source = self.ready()
        self.move(multifd=True)
        self.traced(source, ("vfio_save_complete_precopy_thread_end",))
        self.traced(self.guest, ("vfio_load_bufs_thread_end",))

    @staticmethod
    def traced(end, wanted):
        trace = end.trace()
        missing = [text for text in wanted if text not in trace]
        if missing:
            raise Failed(f"{end.name}: no {missing} in its trace")

    @property
    def file(self):
        """Where a saved guest is, in words of the client; the older one knows only programs."""
        path = f"{self.folder}/saved"
        return (f"exec:cat >{path}", f"exec:cat {path}") if self.client.major < 9 else (f"file:{path}",) * 2

    def save(self):
        """The guest is in the file, and its QEMU gone; what it had exchanged by then."""
        guest = self.ready()
        before = guest.exchange()
        self.agree(guest, return_path=False)
        guest.parameters(max_bandwidth=FAST, downtime_limit=DOWNTIME)
        mark = guest.qmp.mark()
        guest.qmp.execute("migrate", uri=self.file[0])
        state = guest.qmp.migration(("completed", "failed"), MIGRATION_SECONDS, mark)
        if state != "completed":
            raise Failed(f"saving {state}: {self.reason(guest)}")
        guest.quit()
        return before

    def load(self, before):
        """The guest comes from the file to the other place."""
        target = self.target()
        target.qmp.execute("migrate-incoming", uri=self.file[1])
        target.qmp.migration(("completed",), MIGRATION_SECONDS, 0)
        self.settle(target, before)

    def refuses_file(self, word):
        """A target does not load what is in the file, and says why, with this word."""
        log = kernel_log()
        target = self.target()
        try:
            target.qmp.execute("migrate-incoming", uri=self.file[1])
        except Failed as error:
            # It may be gone before its answer is.
            note(error)
        target.ended(END_SECONDS)
        says_why(log, target.devices, word)

    def move_through_file(self):
        """There, as a file: the source has ended before the target begins."""
        self.load(self.save())

    def cancel(self, mark):
        """Gives the migration up that began at the mark."""
        self.guest.qmp.execute("migrate_cancel")
        # QEMU closes the way back, and with it the connection, before it notes that it cancels: what is
        # just being sent may fail first.
        ended = self.guest.qmp.migration(("completed", "failed", "cancelled"), MIGRATION_SECONDS, mark)
        if ended == "completed":
            raise Failed("the migration completed, though it was cancelled")

    def stays(self, mark):
        """After a migration that did not take place: the guest runs where it was, unharmed."""
        ended = self.guest.qmp.migration(("completed", "failed", "cancelled"), MIGRATION_SECONDS, mark)
        if ended == "completed":
            raise Failed("the migration completed")
        if self.guest.status() != "running":
            self.guest.qmp.event("RESUME", 30, mark)
        self.guest.exchange()
        self.guest.healthy()

    def remove_devices(self):
        for place in self.places:
            for device in place:
                if device.exists():
                    device.remove()

    def make_devices(self):
        """Two places, with new devices."""
        self.remove_devices()
        self.places = [[make(kind) for kind in kinds] for kinds in (self.kinds, self.others)]

    def afresh(self):
        """What a failed case left is nothing to build on: no guest, and new devices."""
        kill_all()
        self.make_devices()

    def end(self):
        """Everything goes away."""
        kill_all()
        self.remove_devices()
