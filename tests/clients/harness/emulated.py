# SPDX-License-Identifier: GPL-2.0
"""KVM on a processor that is itself emulated loses a guest now and then, and what to do then.

QEMU's emulation of SVM sometimes leaves the host's own registers in the VMCB in place of the guest's
(its RIP is then that of KVM's own code), mostly as a guest begins to run where it has arrived. KVM
gives such a guest up. No device has a part in it, so a step that ended so, and only such a step, is
taken again. On a real processor this is a failure like any other.
"""

import guest
from devices import read
from ktap import note
from timeline import Failed

# How often a step is taken at most. One of a hundred arrivals or so is lost.
TIMES = 4


def processor_is_emulated():
    """As the emulation names it."""
    return any("QEMU TCG" in line for line in read("/proc/cpuinfo").splitlines() if line.startswith("model name"))


def guests_lost():
    """Those that KVM gave up, and what QEMU said of it."""
    return [f"{one.name}: {words}" for one in guest.Guest.alive if (words := one.given_up())]


def repeated(journey, step, *arguments):
    """What `step(*arguments)` returns; it is taken again, with new devices, if KVM lost a guest in it."""
    for left in reversed(range(TIMES)):
        try:
            return step(*arguments)
        except Failed as error:
            lost = guests_lost()
            if not (lost and left and processor_is_emulated()):
                raise
            note(f"{error}")
            note(guest.where())
            note(f"the emulated processor lost a guest ({'; '.join(lost)}): taken again, at most {left} times")
            journey.afresh()
    raise AssertionError("the last time returns or raises")
