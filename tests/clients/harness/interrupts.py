# SPDX-License-Identifier: GPL-2.0
"""How the interrupt lines of a guest stand: whose turn it is when nothing comes any more.

The I/O APIC shows in IRR which lines are high, and in Remote IRR which of them it has passed on to a
processor that has not answered yet. A device that does not raise its line, or a client that does not
pass it on, is in neither. A line that stays in Remote IRR while the processors halt has left the device and
the I/O APIC: it is lost on its way to the processor, or where a client saved the state of the two apart.
"""

import re

from timeline import Failed


def lines(text, register):
    """The numbers that `info pic` of QEMU's monitor shows in IRR or in Remote IRR."""
    found = re.search(rf"^\s*{register}\s+([\d ]+|\(none\))$", text, re.MULTILINE)
    if not found:
        raise Failed(f"`info pic` shows no {register}: {text}")
    return {int(number) for number in re.findall(r"\d+", found[1])}


def told(monitor):
    """How they stand, in words, on one line, as `monitor(command)` shows them. A line is unanswered if it is before
    and after the look at the processors: the guest goes on between two questions."""
    try:
        before = monitor("info pic")
        halted = re.findall(r"HLT=(\d)", monitor("info registers -a"))
        after = monitor("info pic")
        high = sorted(lines(before, "IRR"))
        unanswered = sorted(lines(before, "Remote IRR") & lines(after, "Remote IRR"))
    except Failed as error:
        return str(error)
    halt = bool(halted) and set(halted) == {"1"}
    return f"lines high: {high}, unanswered: {unanswered}, processors {'halt' if halt else 'run'}"
