# SPDX-License-Identifier: GPL-2.0
"""How the interrupt lines of a guest stand: whose turn it is when nothing comes any more.

The I/O APIC shows in IRR which lines are high, and in Remote IRR which of them it has passed on to a
processor that has not answered yet. A device that does not raise its line, or a client that does not
pass it on, is in neither. A line that stays in Remote IRR while the processors halt has left the device and
the I/O APIC: it is lost on its way to the processor, or where a client saved the state of the two apart.
"""

import re
import time

from timeline import Failed

# A line that is just being answered is not in all of them.
SAMPLES, PAUSE = 5, 0.2


def lines(text, register):
    """The numbers that `info pic` of QEMU's monitor shows in IRR or in Remote IRR."""
    found = re.search(rf"^\s*{register}\s+([\d ]+|\(none\))$", text, re.MULTILINE)
    if not found:
        raise Failed(f"`info pic` shows no {register}: {text}")
    return {int(number) for number in re.findall(r"\d+", found[1])}


def sample(monitor):
    """(lines that are high, lines that wait for an answer, whether all processors halt), as
    `monitor(command)` shows them. A line waits if it does before and after the look at the processors: the guest
    goes on between two questions."""
    before = monitor("info pic")
    halted = re.findall(r"HLT=(\d)", monitor("info registers -a"))
    after = monitor("info pic")
    waiting = lines(before, "Remote IRR") & lines(after, "Remote IRR")
    return lines(before, "IRR"), waiting, bool(halted) and set(halted) == {"1"}


def lost(samples):
    """Lines that wait for an answer in all samples, in some of which the processors have nothing to do."""
    if not any(halted for _, _, halted in samples):
        return set()
    return set.intersection(*(waiting for _, waiting, _ in samples))


def lost_by_processor(monitor):
    """Lines of which the processor has lost the interrupt; none if the guest cannot be asked."""
    samples = []
    try:
        for _ in range(SAMPLES):
            samples.append(sample(monitor))
            time.sleep(PAUSE)
    except Failed:
        return set()
    return lost(samples)


def seen(monitor, seconds=30):
    """Waits until a line of a guest at work is seen high: a test of the look itself."""
    end = time.monotonic() + seconds
    while not (found := sample(monitor))[0]:
        if time.monotonic() > end:
            raise Failed(f"no line of a guest at work was seen high for {seconds} s; at last {found}")


def told(monitor):
    """How they stand, in words, on one line."""
    try:
        high, waiting, halted = sample(monitor)
    except Failed as error:
        return str(error)
    return f"lines high: {sorted(high)}, unanswered: {sorted(waiting)}, processors {'halt' if halted else 'run'}"
