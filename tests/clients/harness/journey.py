# SPDX-License-Identifier: GPL-2.0
"""A guest that travels: from one device to another and back, by sockets and files."""

import os
import tempfile

from devices import Device
from guest import Guest
from timeline import Failed

# Bytes in a second; the second stretches pre-copy until a test has done what it wants to.
FAST, SLOW = 4 << 30, 1 << 20
# Under emulation a switchover takes a while; it is no error that it does.
DOWNTIME = 3000
MIGRATION_SECONDS = 90


class Journey:
    """Two places, each a list of devices of the given types, and the guest at one of them."""

    def __init__(self, client, kinds, options=(), properties=()):
        self.client, self.options, self.properties = client, options, properties
        self.places = [[Device(kind) for kind in kinds] for _ in range(2)]
        self.here = 0
        self.guest = None
        self.boot = None
        self.folder = tempfile.mkdtemp(prefix="journey-")

    def start(self, incoming=False, place=None, client=None):
        place = self.places[self.here] if place is None else place
        return Guest(client or self.client, place, incoming, self.options, self.properties)

    def ready(self):
        """The guest, running and healthy; booted if there is none."""
        if self.guest is None or self.guest.process.poll() is not None:
            self.guest = self.start()
            self.boot = self.guest.hello()
            self.guest.exchange()
        return self.guest

    def target(self, devices=None):
        """Another QEMU on the other devices (or on these), that waits for a guest."""
        return self.start(incoming=True, place=self.places[1 - self.here] if devices is None else devices)

    def address(self, target):
        return f"unix:{target.folder}/migration"

    def send(self, target, bandwidth=FAST, **capabilities):
        """Starts a migration; a mark in the source's protocol from which its events come."""
        for end in (self.guest, target):
            end.capabilities(**capabilities)
        target.qmp.execute("migrate-incoming", uri=self.address(target))
        self.guest.parameters(max_bandwidth=bandwidth, downtime_limit=DOWNTIME)
        mark = self.guest.qmp.mark()
        self.guest.qmp.execute("migrate", uri=self.address(target))
        return mark

    def arrives(self, target, mark, before):
        """Waits for the end of the migration; then the target is where the guest is."""
        state = self.guest.qmp.migration(("completed", "failed", "cancelled"), MIGRATION_SECONDS, mark)
        if state != "completed":
            raise Failed(f"the migration {state}: {self.reason(self.guest)}")
        target.qmp.migration(("completed",), MIGRATION_SECONDS, 0)
        self.settle(target, before)

    def settle(self, target, before):
        """The guest runs at the target; the source's QEMU goes."""
        source, self.guest, self.here = self.guest, target, 1 - self.here
        source.quit()
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
        self.arrives(target, mark, before)

    def move_through_file(self):
        """There, as a file: the source has ended before the target begins."""
        guest = self.ready()
        before = guest.exchange()
        path = f"{self.folder}/saved"
        guest.parameters(max_bandwidth=FAST, downtime_limit=DOWNTIME)
        mark = guest.qmp.mark()
        # The older client knows files only by way of other programs.
        old = self.client.major < 9
        guest.qmp.execute("migrate", uri=f"exec:cat >{path}" if old else f"file:{path}")
        state = guest.qmp.migration(("completed", "failed"), MIGRATION_SECONDS, mark)
        if state != "completed":
            raise Failed(f"saving {state}: {self.reason(guest)}")
        target = self.target()
        target.qmp.execute("migrate-incoming", uri=f"exec:cat {path}" if old else f"file:{path}")
        target.qmp.migration(("completed",), MIGRATION_SECONDS, 0)
        os.unlink(path)
        self.settle(target, before)

    def stays(self, mark=None, state=None):
        """After a migration that did not take place: the guest runs where it was, unharmed."""
        if state is not None:
            self.guest.qmp.migration((state,), MIGRATION_SECONDS, mark)
        if self.guest.status() != "running":
            self.guest.qmp.event("RESUME", 30, mark or 0)
        self.guest.exchange()
        self.guest.healthy()

    def end(self):
        """Everything goes away."""
        for guest in list(Guest.alive):
            guest.kill()
        for place in self.places:
            for device in place:
                if device.exists():
                    device.remove()
