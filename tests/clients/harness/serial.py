# SPDX-License-Identifier: GPL-2.0
"""Guests with serial ports: they work by themselves from their boot on."""

from timeline import Failed


class Task:
    """Serial ports behind PCI, as the sample has them. A type says at the end of its name how many."""

    memory = "128"
    options = ()
    # What the guest's kernel says of ports that have lost something.
    complaints = "nobody cared|input overrun|too much work"
    # What never falls.
    counts = ("frames", "bytes", "irqs")
    # Why another type of the same parent is refused.
    other_types = "(type)"
    # More tests, (name, function of the task and the guest), of a guest that has booted, that has been through
    # something and is to go on, that has travelled.
    at_first = between = at_last = ()
    # The driver can write more than one version of its state.
    older_states = True
    # A guest that takes the place of one that was killed is soon at work.
    boots_soon = True

    @staticmethod
    def equipment():
        """More arguments for QEMU."""
        return ()

    @staticmethod
    def parts(device):
        """How many lines of progress come of it."""
        return int(device.kind.rsplit("-", 1)[1])

    @staticmethod
    def went_on(first, last, steps):
        """Whether these frames, of which the last were checked, came by interrupts."""
        frames, irqs = (int(last[name]) - int(first[name]) for name in ("frames", "irqs"))
        return frames >= steps and irqs > 0

    def __init__(self, devices):
        self.wanted = sum(self.parts(device) for device in devices)

    def boots(self, guest, ready):
        """The guest says that it is ready."""
        if int(ready["ports"]) != self.wanted:
            raise Failed(f"{guest.name}: the guest has {ready['ports']} ports, {self.wanted} were given")

    boots_again = boots
