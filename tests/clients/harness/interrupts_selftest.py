#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""interrupts.py tells an interrupt that the processor lost from one that never came so far."""

import sys

import interrupts
from timeline import Failed

CONTROLLERS = """ioapic0: ver=0x11 id=0x00 sel=0x27 (redir[11])
  pin 11 0x000000000000c027 dest=0 vec=39  active-hi level        fixed  physical
  IRR      {high}
  Remote IRR {waiting}
pic1: irr=19 imr=ff isr=00 hprio=0 irq_base=38 rr_sel=0 elcr=0c fnm=0
"""
REGISTERS = "CPU#0\nRIP=ffffffff81000000 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT={}\n"


def monitor(*samples):
    """One that answers these (lines that are high, lines that wait, HLT of each processor) in turn, the last
    for ever."""
    left = list(samples)

    def answer(command):
        high, waiting, halted = left[0]
        if command == "info pic":
            return CONTROLLERS.format(high=high, waiting=waiting)
        if len(left) > 1:
            left.pop(0)
        return "".join(REGISTERS.format(one) for one in halted)

    return answer


def gone(_command):
    raise Failed("it is gone")


CASES = (
    ("lost", monitor(("11 ", "11 ", "1")), {11}),
    ("lost, though it is low again", monitor(("(none)", "10 11 ", "1")), {10, 11}),
    ("lost by one that wakes up for other things", monitor(("11 ", "11 ", "0"), ("11 ", "11 ", "1")), {11}),
    ("never raised", monitor(("(none)", "(none)", "1")), set()),
    ("raised and not passed on", monitor(("11 ", "(none)", "1")), set()),
    ("being answered all the time", monitor(("11 ", "11 ", "0")), set()),
    ("one of two processors is at work", monitor(("11 ", "11 ", "10")), set()),
    ("answered in between", monitor(("11 ", "11 ", "1"), ("11 ", "(none)", "1"), ("11 ", "11 ", "1")), set()),
    ("another line each time", monitor(("11 ", "11 ", "1"), ("10 ", "10 ", "1")), set()),
    ("no answer", gone, set()),
)


def main():
    interrupts.PAUSE = 0
    failed = 0
    for name, asked, wanted in CASES:
        got = interrupts.lost_by_processor(asked)
        if got != wanted:
            failed = 1
            print(f"{name}: wanted {wanted}, got {got}")
    words = interrupts.told(monitor(("10 11 ", "11 ", "1")))
    if words != "lines high: [10, 11], unanswered: [11], processors halt":
        failed = 1
        print(f"in words: {words}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
