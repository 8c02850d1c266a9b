# SPDX-License-Identifier: GPL-2.0
"""vfio_mtty.py UUID PORTS WAY TEST...: tests of an mtty device, opened through VFIO."""

import errno
import os
import struct
import sys
import threading
import time

import vfio
import vfio_mtty_irqs
from vfio import refused, signals
from vfio_port import IER, IIR, LCR, LOOP, LSR, MCR, MSI, MSR, DTR, OUT2, RDI, RLSI, RTS, RX
from vfio_port import SCR, THRI, other

def infos(device, ports):
    argsz, flags, regions, irqs = device.info()
    assert (argsz, flags, irqs) == (16, 3, 5), (argsz, flags, irqs)
    assert regions in (9, 10), regions
    refused(errno.EINVAL, device.info, 15)
    assert device.info(4096)[0] == 4096
    sizes = [8 if bar < ports else 0 for bar in range(6)] + [0, 256, 0]
    for index, wanted in enumerate(sizes):
        flags, size, offset = device.region(index)
        assert (size, offset) == (wanted, index << 40), (index, size, offset)
        assert flags == (3 if wanted else 0), (index, flags)
        refused(errno.EINVAL, device.region, index, 31)
        if not wanted:
            refused(errno.EINVAL, device.read, index, 0, 1)
            refused(errno.EINVAL, device.write, index, 0, b"x")
    refused(errno.EINVAL, device.region, regions)
    assert [device.irq(index) for index in range(5)] == [(7, 1), (9, 1), (0, 0), (9, 1), (9, 1)]
    refused(errno.EINVAL, device.irq, 5)
    refused(errno.EINVAL, device.irq, 0, 15)


def config(device, ports):
    ids = struct.unpack("<2H", device.read(vfio.CONFIG, 0, 4))
    assert ids == (0x4348, 0x3253), ids
    assert device.read(vfio.CONFIG, 8, 4) == b"\x10\x02\x00\x07"
    assert device.read(vfio.CONFIG, 0, 4096) == device.read(vfio.CONFIG, 0, 256)
    assert len(device.read(vfio.CONFIG, 250, 100)) == 6
    refused(errno.EINVAL, device.read, vfio.CONFIG, 256, 1)
    refused(errno.EINVAL, device.read, vfio.CONFIG, (1 << 40) - 1, 1)
    for bar in range(6):
        device.write(vfio.CONFIG, 0x10 + 4 * bar, b"\xff" * 4)
        (size,) = struct.unpack("<I", device.read(vfio.CONFIG, 0x10 + 4 * bar, 4))
        assert size == (0xFFFFFFF9 if bar < ports else 0), (bar, hex(size))
    device.write(vfio.CONFIG, 4, b"\xff\xff")
    command = device.read(vfio.CONFIG, 4, 2)
    assert command == b"\x05\x04", command
    device.reset()
    assert device.read(vfio.CONFIG, 4, 2) == b"\0\0"
    assert device.read(vfio.CONFIG, 0x10, 4) == b"\1\0\0\0"


def loop(device, ports):
    near, far = other(device, ports)
    sent = bytes(range(256)) * 4
    got = bytearray()
    for byte in sent:
        while not near[LSR] & 0x20:
            got.append(far[RX])
        near[RX] = byte
    while far[LSR] & 1:
        got.append(far[RX])
    assert got == sent, f"{len(got)} of {len(sent)} bytes, or others"
    assert near[LSR] == 0x60, near[LSR]


def widths(device, ports):
    near, _ = other(device, ports)
    near[SCR] = 0x5A
    whole = device.read(0, 0, 8)
    assert len(whole) == 8 and whole[SCR] == 0x5A, whole
    assert device.read(0, 5, 100) == bytes([0x60]) + device.read(0, 6, 2)
    assert device.write(0, 6, b"\0\x77\0\0") == 2
    assert near[SCR] == 0x77
    for position in (8, 1 << 16, 1 << 39):
        refused(errno.EINVAL, device.read, 0, position, 1)
        refused(errno.EINVAL, device.write, 0, position, b"x")
    near[LCR] = 0x80
    assert device.write(0, 0, b"\x0c\x01") == 2
    assert device.read(0, 0, 2) == b"\x0c\x01"
    near[LCR] = 3
    assert device.read(0, 1, 1) == b"\0"


def registers(device, ports):
    near, far = other(device, ports)
    # A receiver with data: timeout below the trigger level, data from it on.
    far.start(trigger=1)
    far[IER] = RDI
    assert far[IIR] == 0xC1
    near[RX] = 1
    assert far[IIR] == 0xCC
    for byte in range(3):
        near[RX] = byte
    assert far[IIR] == 0xC4
    far[IER] = 0
    # A receiver that does not ask for data loses what it has no room for.
    far[MCR] = OUT2
    for byte in range(13):
        near[RX] = byte
    far[IER] = RDI | RLSI
    assert far[IIR] == 0xC6
    assert far[LSR] & 3 == 3
    assert far[LSR] & 3 == 1
    far.start()
    assert far[LSR] == 0x60
    # The transmitter is empty: told once, and again when it is asked for anew.
    near[IER] = 0
    near[IER] = THRI
    assert near[IIR] == 0xC2
    assert near[IIR] == 0xC1
    near[IER] = 0
    near[IER] = THRI
    assert near[IIR] == 0xC2
    near[IER] = 0
    # Modem lines arrive crossed, and as bits of what changed.
    near[MCR] = OUT2
    assert far[MSR] & 0xF0 == 0x80
    far[IER] = MSI
    assert far[IIR] == 0xC1
    near[MCR] = OUT2 | RTS
    assert far[IIR] == 0xC0
    assert far[MSR] == 0x91
    assert far[IIR] == 0xC1
    # Local loopback: nothing leaves, lines come back.
    near[MCR] = LOOP | OUT2 | RTS
    assert near[MSR] & 0xF0 == 0x90
    near[RX] = 0x42
    assert near[RX] == 0x42
    near[MCR] = LOOP | DTR | 4
    assert near[MSR] & 0xF0 == 0x60


def reset(device, ports):
    near, far = other(device, ports)
    event = vfio.eventfd()
    device.attach(vfio.INTX, event)
    far[IER], near[SCR] = RDI, 0x55
    near[RX] = 1
    assert signals(event) == 1
    device.reset()
    assert (far[IER], near[SCR], far[LSR]) == (0, 0, 0x60)
    device.unmask()
    assert signals(event) == 0
    # Who listens goes on listening.
    near, far = other(device, ports)
    far[IER] = RDI
    near[RX] = 1
    assert signals(event) == 1


def bad_buffers(device, ports):
    """A buffer that ends early: what was done counts, and nothing beside it."""
    import ctypes
    import mmap

    libc = ctypes.CDLL(None, use_errno=True)
    area = mmap.mmap(-1, 2 * mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(area))
    end = start + mmap.PAGESIZE
    assert libc.mprotect(ctypes.c_void_p(end), mmap.PAGESIZE, 0) == 0
    near, _ = other(device, ports)
    near[SCR] = 0x33
    libc.pread.restype = libc.pwrite.restype = ctypes.c_ssize_t

    def transfer(call, address, length, offset):
        return call(device.fd, ctypes.c_void_p(address), ctypes.c_size_t(length), ctypes.c_long(offset))

    config = vfio.CONFIG << 40
    assert transfer(libc.pread, end - 4, 16, config) == 4
    assert transfer(libc.pread, end, 4, config) == -1 and ctypes.get_errno() == errno.EFAULT
    assert transfer(libc.pwrite, end, 1, 7) == -1 and ctypes.get_errno() == errno.EFAULT
    assert near[SCR] == 0x33
    area[mmap.PAGESIZE - 1] = 0x44
    assert transfer(libc.pwrite, end - 1, 2, 6) == -1 and near[SCR] == 0x33
    assert transfer(libc.pwrite, end - 1, 1, 7) == 1 and near[SCR] == 0x44


def reopened(device, ports):
    """Called twice, each time on a device that was just opened: nothing is left of the first."""
    near, far = other(device, ports)
    assert (near[IER], near[SCR], near[LSR]) == (0, 0, 0x60)
    device.attach(vfio.MSI, vfio.eventfd())
    far[IER], near[SCR] = RDI, 0x11
    near[RX] = 7


def shared(device, ports):
    """Two files of one device: one state, and it stays when one is closed."""
    near, far = other(device, ports)
    near[SCR] = 0x5A
    first, device.fd = device.fd, device.another()
    assert near[SCR] == 0x5A
    event = vfio.eventfd()
    device.attach(vfio.INTX, event)
    device.close(first)
    far[IER] = RDI
    near[RX] = 1
    assert signals(event) == 1
    assert near[SCR] == 0x5A


def storm(device, ports):
    """Everything at once, from several threads. Afterwards it works as ever."""
    near, far = other(device, ports)
    events = [vfio.eventfd() for _ in range(3)]
    resample = vfio.eventfd()
    end = time.monotonic() + 3
    failures = []

    def talk():
        near[IER] = far[IER] = RDI | THRI | RLSI | MSI
        near[RX] = 1
        for register in (far, near):
            register[IIR], register[LSR], register[MSR], register[RX]
        near.start()

    def switch():
        for index, event in ((vfio.INTX, events[0]), (vfio.MSI, events[1])):
            for attempt in (
                lambda: device.attach(index, event),
                lambda: device.set_irqs(vfio.INTX, vfio.EVENTFD | vfio.UNMASK, 0, 1, struct.pack("i", resample)),
                lambda: device.attach(index, events[2]),
                lambda: device.disable(index),
            ):
                tolerate(attempt)

    def unmask():
        tolerate(device.unmask)
        tolerate(lambda: device.set_irqs(vfio.MSI, vfio.NONE | vfio.TRIGGER, 0, 1))
        os.eventfd_write(resample, 1)
        for event in events:
            signals(event)

    def configure():
        device.write(vfio.CONFIG, 4, b"\xff\xff")
        device.read(vfio.CONFIG, 0, 256)
        device.write(vfio.CONFIG, 4, b"\0\0")

    def tolerate(attempt):
        try:
            attempt()
        except OSError as error:
            # Another thread was faster.
            if error.errno not in (errno.EINVAL, errno.EBUSY):
                raise

    def again(what):
        try:
            while time.monotonic() < end:
                what()
        except BaseException as error:
            failures.append(f"{what.__name__}: {error!r}")

    threads = [
        threading.Thread(target=again, args=(what,))
        for what in (talk, talk, switch, switch, unmask, configure, device.reset)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    for index in (vfio.INTX, vfio.MSI):
        device.disable(index)
    device.reset()
    vfio_mtty_irqs.intx(device, ports)
    device.reset()
    loop(device, ports)


def cycles(uuid, way):
    for _ in range(500):
        with vfio.Device(uuid, way) as device:
            device.attach(vfio.MSI, vfio.eventfd())
            device.attach(vfio.REQ, vfio.eventfd())


def main():
    uuid, ports, way, names = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    for name in names:
        if name == "cycles":
            cycles(uuid, way)
            continue
        test = globals().get(name) or getattr(vfio_mtty_irqs, name)
        for _ in range(2):
            with vfio.Device(uuid, way) as device:
                test(device, ports)


main()
