# SPDX-License-Identifier: GPL-2.0
"""The interrupts of an mtty device, opened through VFIO."""

import errno
import os
import struct

import vfio
from vfio import refused, signals
from vfio_port import DTR, IER, MCR, OUT2, RDI, RTS, RX, other


def intx(device, ports):
    near, far = other(device, ports)
    event, resample = vfio.eventfd(), vfio.eventfd()
    refused(errno.EINVAL, device.unmask)
    device.attach(vfio.INTX, event)
    far[IER] = RDI
    near[RX] = 1
    assert signals(event) == 1
    # Masked by itself, until unmasked: then again, as the line is still high.
    near[RX] = 2
    assert signals(event) == 0
    device.unmask()
    assert signals(event) == 1
    device.set_irqs(vfio.INTX, vfio.EVENTFD | vfio.UNMASK, 0, 1, struct.pack("i", resample))
    refused(
        errno.EBUSY, device.set_irqs,
        vfio.INTX, vfio.EVENTFD | vfio.UNMASK, 0, 1, struct.pack("i", vfio.eventfd()),
    )
    os.eventfd_write(resample, 1)
    assert signals(event, 10) == 1
    assert far[RX] == 1 and far[RX] == 2
    os.eventfd_write(resample, 1)
    assert signals(event, 0.2) == 0
    # By the mask of the port, and by that of the function.
    far[MCR] = RTS | DTR
    near[RX] = 3
    assert signals(event) == 0
    device.write(vfio.CONFIG, 5, b"\4")
    far[MCR] = OUT2 | RTS | DTR
    assert signals(event) == 0
    assert device.read(vfio.CONFIG, 6, 1)[0] & 8
    device.write(vfio.CONFIG, 5, b"\0")
    assert signals(event) == 1
    # Detached and attached again: nothing is lost.
    device.attach(vfio.INTX, -1)
    device.unmask()
    device.attach(vfio.INTX, event)
    assert signals(event) == 1
    device.disable(vfio.INTX)
    device.disable(vfio.INTX)
    refused(errno.EINVAL, device.unmask)


def msi(device, ports):
    near, far = other(device, ports)
    event, spare = vfio.eventfd(), vfio.eventfd()
    device.attach(vfio.MSI, event)
    refused(errno.EINVAL, device.attach, vfio.INTX, spare)
    far[IER] = RDI
    # A message waits for Bus Master Enable.
    near[RX] = 1
    assert signals(event) == 0
    device.command(vfio.PORTS | vfio.MASTER)
    assert signals(event) == 1
    near[RX] = 2
    assert signals(event) == 0
    assert far[RX] == 1 and far[RX] == 2
    # Each time, and once.
    device.command(vfio.PORTS)
    near[RX] = 1
    near[RX] = 2
    device.disable(vfio.MSI)
    device.attach(vfio.MSI, event)
    assert signals(event) == 0
    device.command(vfio.PORTS | vfio.MASTER)
    device.command(vfio.PORTS)
    device.command(vfio.PORTS | vfio.MASTER)
    assert signals(event) == 1
    assert far[RX] == 1 and far[RX] == 2
    # While nobody is attached it stays pending.
    device.attach(vfio.MSI, -1)
    near[RX] = 3
    device.attach(vfio.MSI, spare)
    assert signals(spare) == 1 and signals(event) == 0
    # A bad descriptor changes nothing.
    refused(errno.EBADF, device.attach, vfio.MSI, 9999)
    refused(errno.EINVAL, device.attach, vfio.MSI, device.fd)
    refused(errno.EINVAL, device.attach, vfio.MSI, -2)
    device.set_irqs(vfio.MSI, vfio.BOOL | vfio.TRIGGER, 0, 1, b"\1")
    device.set_irqs(vfio.MSI, vfio.BOOL | vfio.TRIGGER, 0, 1, b"\0")
    device.set_irqs(vfio.MSI, vfio.NONE | vfio.TRIGGER, 0, 1)
    assert signals(spare) == 2
    # From the line to messages, with the line high.
    device.disable(vfio.MSI)
    device.attach(vfio.INTX, event)
    assert signals(event) == 1
    device.disable(vfio.INTX)
    device.attach(vfio.MSI, event)
    assert signals(event) == 1


def requests(device, _ports):
    """What makes no sense is EINVAL."""
    data = struct.pack("i", -1)
    for index, flags, start, count, payload in (
        (vfio.INTX, vfio.NONE, 0, 1, b""),
        (vfio.INTX, vfio.NONE | vfio.TRIGGER | vfio.MASK, 0, 1, b""),
        (vfio.INTX, vfio.TRIGGER, 0, 1, b""),
        (vfio.INTX, vfio.NONE | vfio.BOOL | vfio.TRIGGER, 0, 1, b"\1"),
        (vfio.INTX, vfio.NONE | vfio.TRIGGER | 64, 0, 0, b""),
        (vfio.INTX, vfio.NONE | vfio.TRIGGER, 1, 0, b""),
        (vfio.INTX, vfio.NONE | vfio.TRIGGER, 0, 2, b""),
        (vfio.INTX, vfio.NONE | vfio.TRIGGER, 0, 0xFFFFFFFF, b""),
        (vfio.INTX, vfio.NONE | vfio.TRIGGER, 0, 1, b""),
        (vfio.INTX, vfio.NONE | vfio.MASK, 0, 0, b""),
        (vfio.INTX, vfio.EVENTFD | vfio.MASK, 0, 1, data),
        (vfio.MSI, vfio.NONE | vfio.MASK, 0, 1, b""),
        (vfio.MSI, vfio.EVENTFD | vfio.TRIGGER, 0, 1, b""),
        (vfio.MSIX, vfio.NONE | vfio.TRIGGER, 0, 0, b""),
        (vfio.ERR, vfio.NONE | vfio.TRIGGER, 0, 1, b""),
        (vfio.REQ, vfio.NONE | vfio.UNMASK, 0, 1, b""),
        (5, vfio.NONE | vfio.TRIGGER, 0, 0, b""),
    ):
        refused(errno.EINVAL, device.set_irqs, index, flags, start, count, payload)
    event = vfio.eventfd()
    for index in (vfio.ERR, vfio.REQ):
        device.attach(index, event)
        device.set_irqs(index, vfio.NONE | vfio.TRIGGER, 0, 1)
        assert signals(event) == 1
        device.disable(index)
