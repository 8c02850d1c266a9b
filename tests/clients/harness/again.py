# SPDX-License-Identifier: GPL-2.0
"""Steps in which an emulated processor lost a guest are taken again.

When a guest has taken an exception, QEMU (10.0, 11.1) tells KVM at the next exit an EXITINTINFO whose
valid bit is clear and whose type is not; KVM's svm_check_emulate_instruction (Linux 7.3) looks at the type
alone. If that exit is a guest's first access to a page of registers, mostly soon after it has arrived,
KVM takes the access for one in the middle of an exception, and ends the guest with suberror 3.

No device has a part in it; on a real processor it is a failure like any other.
"""

import emulated
import guest
from ktap import note
from timeline import Late

# How often a step is taken at most. One of fifty arrivals or so is lost.
TIMES = 4


def guests_lost():
    """Those that were lost for this reason, and what QEMU said."""
    if not emulated.processor_is_emulated():
        return []
    return [f"{one.name}: {words}" for one in guest.Guest.alive if "Suberror: 3" in (words := one.given_up())]


def repeated(journey, step, *arguments):
    """What `step(*arguments)` returns. It is taken again, with new devices, if what it waited for did not
    come and a guest was lost; what came and was wrong is no matter of the processor."""
    for left in reversed(range(TIMES)):
        try:
            return step(*arguments)
        except Late as error:
            lost = guests_lost()
            if not (lost and left):
                raise
            note(guest.where())
            note(error)
            note(f"the emulated processor lost a guest ({'; '.join(lost)}): taken again, at most {left} times")
            journey.afresh()
    raise AssertionError("the last time returns or raises")
