# SPDX-License-Identifier: GPL-2.0
"""A 16550 behind a BAR of an open VFIO device: its registers, and a pair that is wired together."""

RX, IER, IIR, LCR, MCR, LSR, MSR, SCR = range(8)
RDI, THRI, RLSI, MSI = 1, 2, 4, 8
OUT2, RTS, DTR, LOOP = 8, 2, 1, 16


class Port:
    def __init__(self, device, bar=0):
        self.device, self.bar = device, bar

    def __getitem__(self, register):
        return self.device.read(self.bar, register, 1)[0]

    def __setitem__(self, register, value):
        self.device.write(self.bar, register, bytes([value]))

    def start(self, trigger=0):
        """FIFOs on and empty, interrupts let through, data asked for."""
        self[IIR] = 7 | trigger << 6
        self[MCR] = OUT2 | RTS | DTR


def other(device, ports):
    """A port, and who is at the other end of its wire."""
    near = Port(device)
    far = Port(device, 1) if ports == 2 else near
    near.start()
    far.start()
    return near, far
