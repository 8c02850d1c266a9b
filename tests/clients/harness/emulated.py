# SPDX-License-Identifier: GPL-2.0
"""KVM on a processor that QEMU emulates: guests run beside the first one.

QEMU (10.0, 11.1) keeps what SVM says of interrupts (GIF, V_INTR_MASKING, IF at VMRUN) in a word of each
processor. Whenever a processor restores its FPU, `cpu_set_fpus` clears another bit of that word, IGNNE,
in the *first* processor, by a read, an `and` and a write that nothing makes one. If the first one leaves
a guest in between, it is told again that it is in one, and takes interrupts that its kernel has disabled:
that kernel deadlocks on its own locks, or KVM, interrupted where it cannot be, loses its guest. No other
processor has such a visitor.
"""

import functools
import os

from devices import read


@functools.cache
def processor_is_emulated():
    """As the emulation names it."""
    return any("QEMU TCG" in line for line in read("/proc/cpuinfo").splitlines() if line.startswith("model name"))


def processors_for_guests():
    """Numbers of the processors that KVM may use; the only one if there is no other."""
    all_of_them = os.sched_getaffinity(0)
    return (all_of_them - {0} if processor_is_emulated() else None) or all_of_them
