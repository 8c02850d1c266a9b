#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What is found out about a guest that stands still: interrupts.py tells an interrupt that the processor lost from one
that never came so far, and the guest is late for the first reason alone; uarts.py reads the registers of its ports."""

import itertools
import sys
from types import SimpleNamespace

import guest
import interrupts
import uarts
from timeline import Failed, Late, Timeline

CONTROLLERS = """ioapic0: ver=0x11 id=0x00 sel=0x27 (redir[11])
  pin 11 0x000000000000c027 dest=0 vec=39  active-hi level        fixed  physical
  IRR      {high}
  Remote IRR {waiting}
pic1: irr=19 imr=ff isr=00 hprio=0 irq_base=38 rr_sel=0 elcr=0c fnm=0
"""
REGISTERS = "CPU#0\nRIP=ffffffff81000000 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT={}\n"


def asked(answer):
    """`Guest.monitor` of a guest whose QEMU answers with what `answer(command)` returns, in lines as a terminal's."""

    def execute(_command, command_line, **_):
        return answer(command_line).replace("\n", "\r\n")

    one = SimpleNamespace(qmp=SimpleNamespace(execute=execute))
    return lambda command: guest.Guest.monitor(one, command)


def monitor(*samples):
    """One that answers these (lines that are high, lines that wait, HLT of each processor, lines that wait
    afterwards if they are others) in turn, the last for ever."""
    questions = itertools.cycle(("before", "processors", "after"))
    left = list(samples)

    def answer(command):
        high, waiting, halted, *later = left[0]
        question = next(questions)
        if (command == "info pic") != (question != "processors"):
            raise AssertionError(f"`{command}` is asked where it is not the turn of it")
        if question == "processors":
            return "".join(REGISTERS.format(one) for one in halted)
        if question == "after":
            waiting = later[0] if later else waiting
            if len(left) > 1:
                left.pop(0)
        return CONTROLLERS.format(high=high, waiting=waiting)

    return asked(answer)


def gone(_command):
    raise Failed("it is gone")


# Of three ports the kernel tells nothing of one; each register holds the low byte of its address.
STALL = (
    "stall port=ttyS2: nothing came for 30 s, 9 frames were sent, 0 bytes wait; "
    "ttyS1: 9 written, 9 read, uart:16550A I/O:0xc050 irq:11 tx:9 rx:9 RTS|CTS; ttyS2: 7 written, 0 read, "
    "of which the kernel tells nothing; ttyS3: 9 written, 7 read, uart:16550A I/O:0xc0a8 irq:11 tx:9 rx:7 oe:1 RTS"
)
PORTS = [
    "ttyS1: IER 0x51, MCR 0x54, LSR 0x55, IIR 0x52; 9 sent, 9 received",
    "ttyS3: IER 0xa9, MCR 0xac, LSR 0xad, IIR 0xaa; 9 sent, 7 received",
]


def register(command):
    address = int(command.removeprefix("i /xb "), 16)
    return f"portb[{address:#06x}] = {address & 0xff:#04x}\n"


def raises(function, *arguments):
    """Whether it fails."""
    try:
        function(*arguments)
    except Failed:
        return True
    return False


CASES = (
    ("lost", monitor(("11 ", "11 ", "1")), {11}),
    ("lost, though it is low again", monitor(("(none)", "10 11 ", "1")), {10, 11}),
    ("lost by one that wakes up for other things", monitor(("11 ", "11 ", "0"), ("11 ", "11 ", "1")), {11}),
    ("never raised", monitor(("(none)", "(none)", "1")), set()),
    ("raised and not passed on", monitor(("11 ", "(none)", "1")), set()),
    ("being answered all the time", monitor(("11 ", "11 ", "0")), set()),
    ("one of two processors is at work", monitor(("11 ", "11 ", "10")), set()),
    ("answered in between", monitor(("11 ", "11 ", "1"), ("11 ", "(none)", "1"), ("11 ", "11 ", "1")), set()),
    ("answered while the processors are looked at", monitor(("11 ", "11 ", "1", "(none)")), set()),
    ("raised while the processors are looked at", monitor(("11 ", "(none)", "1", "11 ")), set()),
    ("another line each time", monitor(("11 ", "11 ", "1"), ("10 ", "10 ", "1")), set()),
    ("no answer", gone, set()),
)


def complaint(word, lost_lines):
    """How a wait ends for a guest that says this, and has lost these lines."""
    one = SimpleNamespace(name="guest", said=Timeline("guest"), lost_lines=lambda: lost_lines)
    one.said.add((word, {}, word))
    try:
        guest.Guest.said_after(one, lambda item: False, 1, 0, "progress")
    except Failed as error:
        return type(error)
    return None


# (what the guest says, lines that it has lost, how the wait ends)
COMPLAINTS = (("stall", [11], Late), ("stall", [], Failed), ("fault", [11], Failed))


def main():
    interrupts.PAUSE = 0
    failed = 0
    for name, look, wanted in CASES:
        got = interrupts.lost_by_processor(look)
        if got != wanted:
            failed = 1
            print(f"{name}: wanted {wanted}, got {got}")
    for word, lost_lines, wanted in COMPLAINTS:
        got = complaint(word, lost_lines)
        if got is not wanted:
            failed = 1
            print(f"{word}, lost {lost_lines}: wanted {wanted}, got {got}")
    told = (
        ("in words", interrupts.told(monitor(("10 11 ", "11 ", "1"))),
         "lines high: [10, 11], unanswered: [11], processors halt"),
        ("ports", uarts.told(asked(register), STALL), PORTS),
        ("ports of a guest that tells nothing of them", uarts.told(asked(register), "stall port=ttyS2: 30 s"), []),
        ("a line is high at last", raises(interrupts.seen, monitor(*[("(none)", "(none)", "1")] * 3, ("11 ", "11 ", "0"))),
         False),
        ("no line is ever high", raises(interrupts.seen, monitor(("(none)", "(none)", "1")), 0.1), True),
        ("an answer in other words", raises(interrupts.seen, asked(lambda _: "IRR: 11\n"), 0.1), True),
    )
    for name, got, wanted in told:
        if got != wanted:
            failed = 1
            print(f"{name}: wanted {wanted}, got {got}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
