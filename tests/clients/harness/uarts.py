# SPDX-License-Identifier: GPL-2.0
"""The serial ports of a guest that stands still: what its driver has sent and received, which the guest says, and what
the device's registers hold, which QEMU's monitor reads. They tell who of the two waits for the other."""

import re

# To read IIR takes a pending THRE away: the last, and only of a guest that is lost anyway.
REGISTERS = (("IER", 1), ("MCR", 4), ("LSR", 5), ("IIR", 2))
# A port as the guest's kernel tells of it; older ones say `port:0000C050`.
PORT = re.compile(r"(ttyS\d+): [^;]*\b(?:I/O:0x|port:)([0-9a-fA-F]+)[^;]* tx:(\d+) rx:(\d+)")


def told(monitor, stall):
    """All ports that a `stall` line of the guest tells of, a line for each."""
    found = []
    for name, address, sent, received in PORT.findall(stall):
        answers = [(register, monitor(f"i /xb {int(address, 16) + at:#x}")) for register, at in REGISTERS]
        registers = ", ".join(f"{register} {text.split()[-1]}" for register, text in answers)
        found.append(f"{name}: {registers}; {sent} sent, {received} received")
    return found
