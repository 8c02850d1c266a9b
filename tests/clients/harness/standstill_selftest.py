#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What is told of a guest that stands still: interrupts.py has its lines, uarts.py the registers of its ports."""

import sys
from types import SimpleNamespace

import guest
from timeline import Failed, Timeline

CONTROLLERS = """ioapic0: ver=0x11 id=0x00 sel=0x27 (redir[11])
  pin 11 0x000000000000c027 dest=0 vec=39  active-hi level        fixed  physical
  IRR      {high}
  Remote IRR {waiting}
pic1: irr=19 imr=ff isr=00 hprio=0 irq_base=38 rr_sel=0 elcr=0c fnm=0
"""
REGISTERS = "CPU#0\nRIP=ffffffff81000000 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT={}\n"
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


def monitor(high="(none)", waiting="(none)", halted="1", waits_still=None):
    """QEMU's monitor, with these lines high, these waiting for an answer (afterwards the others, if any), and HLT of
    each processor."""
    controllers = [CONTROLLERS.format(high=high, waiting=one) for one in (waiting, waits_still or waiting)]

    def answer(command):
        if command == "info pic":
            return controllers.pop(0)
        if command == "info registers -a":
            if len(controllers) != 1:
                raise AssertionError("the processors are not looked at between the lines")
            return "".join(REGISTERS.format(one) for one in halted)
        address = int(command.removeprefix("i /xb "), 16)
        return f"portb[{address:#06x}] = {address & 0xff:#04x}\n"

    return answer


def gone(_command):
    raise Failed("it is gone")


def said(answer, line):
    """How a wait ends for a guest that says this, and whose QEMU answers so, in lines as a terminal's."""
    execute = lambda _command, command_line, **_: answer(command_line).replace("\n", "\r\n")
    one = SimpleNamespace(name="#1", said=Timeline("guest"), qmp=SimpleNamespace(execute=execute))
    one.monitor = lambda command: guest.Guest.monitor(one, command)
    one.standstill = lambda: guest.Guest.standstill(one)
    one.said.add((line.split()[0], {}, line))
    try:
        guest.Guest.said_after(one, lambda item: False, 1, 0, "progress")
    except Failed as error:
        return [line.removeprefix("#1: ") for line in str(error).splitlines()]
    return []


def lines(high, unanswered, halt=True):
    return f"lines high: {high}, unanswered: {unanswered}, processors {'halt' if halt else 'run'}"


# (what it is, the monitor, what is told beside what the guest says)
CASES = (
    ("lost on its way", monitor("11 ", "11 "), [lines([11], [11])]),
    ("two lines", monitor("10 11 ", "11 "), [lines([10, 11], [11])]),
    ("never raised", monitor(), [lines([], [])]),
    ("raised and not passed on", monitor("11 "), [lines([11], [])]),
    ("being answered", monitor("11 ", "11 ", "0"), [lines([11], [11], False)]),
    ("one of two processors is at work", monitor("11 ", "11 ", "10"), [lines([11], [11], False)]),
    ("answered meanwhile", monitor("11 ", "11 ", waits_still="(none)"), [lines([11], [])]),
    ("raised meanwhile", monitor("11 ", "(none)", waits_still="11 "), [lines([11], [])]),
)


def main():
    # A guest that tells nothing of its ports, then one that does.
    short = "stall port=ttyS2: nothing came for 30 s"
    wanted = [(name, said(answer, short), [f"the guest says: {short}", *told]) for name, answer, told in CASES]
    wanted += [
        ("its ports", said(monitor("11 "), STALL), [f"the guest says: {STALL}", lines([11], []), *PORTS]),
        ("one that cannot be asked", said(gone, STALL), [f"the guest says: {STALL}", "it is gone", "it is gone"]),
        ("a fault is no standstill", said(gone, "fault port=ttyS2"), ["the guest says: fault port=ttyS2"]),
    ]
    other = said(lambda _: "IRR: 11\n", short)
    wanted.append(("an answer in other words", other[1].split(":")[0], "`info pic` shows no IRR"))
    failed = 0
    for name, got, right in wanted:
        if got != right:
            failed = 1
            print(f"{name}: wanted {right}, got {got}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
