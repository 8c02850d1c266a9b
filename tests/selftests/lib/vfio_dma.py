# SPDX-License-Identifier: GPL-2.0
"""vfio_dma.py TEST UUID WAY: a device of mdev_dma does to memory of ours what it is told.

WAY is "group" or "iommufd". What the commands are is in tests/drivers/mdev_dma.rs.
"""

import ctypes
import errno
import mmap
import os
import struct
import sys
import threading
import time

import vfio
import vfio_migration as migration
from vfio import refused

PAGE = 4096
PAGES = 16
IOVA = 1 << 32
ADDRESS, LENGTH, BYTE, COMMAND = 0, 8, 16, 24
READ, WRITE, PIN, PIN_WRITABLE, READ_PINNED, WRITE_PINNED, UNPIN, FORGET = range(1, 9)
MAX_PINNED = 512
TYPE1_MAP, TYPE1_UNMAP, TYPE1_DIRTY = 0x3B71, 0x3B72, 0x3B75
DIRTY_START, DIRTY_STOP, DIRTY_GET = 1, 2, 4
IOAS_MAP, IOAS_UNMAP = 0x3B85, 0x3B86
GET, SET, PROBE = 1 << 16, 1 << 17, 1 << 18
LOG_START, LOG_STOP, LOG_REPORT = 6, 7, 8
STOP, RUNNING, RUNNING_P2P = 1, 2, 5


class Engine(vfio.Device):
    """The device, and memory that is mapped for it at IOVA."""

    def __init__(self, uuid, way):
        super().__init__(uuid, way)
        # The kernel's type 1 takes its locks in both orders when what is unpinned on demand was mapped in a
        # container, whoever the driver is. lockdep says so once, and looks at nothing from then on.
        self.may_take = way != "group" or not os.path.exists("/proc/lockdep")
        self.memory = mmap.mmap(-1, PAGES * PAGE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.command(vfio.MEMORY | vfio.MASTER)

    def reset(self):
        super().reset()
        self.command(vfio.MEMORY | vfio.MASTER)

    def map(self, first=0, pages=PAGES, writable=True):
        address, iova, size = self.address + first * PAGE, IOVA + first * PAGE, pages * PAGE
        if self.way == "group":
            flags = 1 | (2 if writable else 0)
            vfio.ioctl(self.container, TYPE1_MAP, struct.pack("2I3Q", 32, flags, address, iova, size))
        else:
            # A fixed address, readable.
            flags = 1 | 4 | (2 if writable else 0)
            vfio.ioctl(self.iommufd, IOAS_MAP, struct.pack("4I3Q", 40, flags, self.space, 0, address, size, iova))

    def unmap(self, first=0, pages=PAGES):
        iova, size = IOVA + first * PAGE, pages * PAGE
        if self.way == "group":
            vfio.ioctl(self.container, TYPE1_UNMAP, struct.pack("2I2Q", 24, 0, iova, size))
        else:
            vfio.ioctl(self.iommufd, IOAS_UNMAP, struct.pack("2I2Q", 24, self.space, iova, size))

    # --- commands ---

    def put(self, register, value):
        self.write(0, register, struct.pack("Q", value))

    def get(self, register):
        return struct.unpack("Q", self.read(0, register, 8))[0]

    def does(self, command, address=0, length=0, byte=0):
        """The name of the errno, or None."""
        for register, value in ((ADDRESS, address), (LENGTH, length), (BYTE, byte), (COMMAND, command)):
            self.put(register, value)
        answer = self.get(COMMAND)
        return errno.errorcode[answer] if answer else None

    def fine(self, *arguments):
        answer = self.does(*arguments)
        assert answer is None, (arguments, answer)

    def fails(self, wanted, *arguments):
        answer = self.does(*arguments)
        assert answer in wanted.split(), (arguments, answer, wanted)

    # --- what was written ---

    def feature(self, flags, data=b""):
        return vfio.ioctl(self.fd, vfio.FEATURE, struct.pack("2I", 8 + len(data), flags) + data)

    def logs(self):
        try:
            self.feature(PROBE | SET | LOG_START)
            return True
        except OSError as error:
            assert error.errno == errno.ENOTTY, error
            return False

    def start_log(self, pages=PAGES, size=PAGE):
        ranges = ctypes.create_string_buffer(struct.pack("2Q", IOVA, pages * PAGE), 16)
        self.feature(SET | LOG_START, struct.pack("Q2IQ", size, 1, 0, ctypes.addressof(ranges)))

    def stop_log(self):
        self.feature(SET | LOG_STOP)

    def report(self, first=0, pages=PAGES, size=PAGE):
        """Pages that are dirty, as the device's log has it."""
        bits = ctypes.create_string_buffer(64)
        address = ctypes.addressof(bits)
        self.feature(GET | LOG_REPORT, struct.pack("4Q", IOVA + first * PAGE, pages * PAGE, size, address))
        return numbers(bits, first)

    def track(self, flags):
        vfio.ioctl(self.container, TYPE1_DIRTY, struct.pack("2I", 8, flags))

    def tracked(self):
        """The same, as the container has it."""
        bits = ctypes.create_string_buffer(64)
        ask = struct.pack("2I5Q", 48, DIRTY_GET, IOVA, PAGES * PAGE, PAGE, 8, ctypes.addressof(bits))
        vfio.ioctl(self.container, TYPE1_DIRTY, ask)
        return numbers(bits)


def numbers(bits, first=0):
    value = int.from_bytes(bits.raw, "little")
    return {first + number for number in range(value.bit_length()) if value >> number & 1}


def equal(what, got, wanted):
    assert got == wanted, (what, got, wanted)


def access(uuid, way):
    """What can be read and written, and what not."""
    with Engine(uuid, way) as engine:
        engine.fails("EINVAL ENOENT", WRITE, IOVA, 16, 0x11)
        engine.map()
        engine.fine(WRITE, IOVA + PAGE - 8, 16, 0x11)
        equal("written over a boundary", engine.memory[PAGE - 9 : PAGE + 9], b"\0" + 16 * b"\x11" + b"\0")
        engine.fine(READ, IOVA, PAGE)
        equal("the sum of what was read", engine.get(BYTE), 8 * 0x11)
        engine.fine(WRITE, IOVA, 0, 0x22)
        for address, length in (
            (IOVA - 1, 2), (IOVA - PAGE, 1), (IOVA + PAGES * PAGE - 1, 2), ((1 << 64) - 1, 1), ((1 << 64) - 8, 64)
        ):
            for command in (READ, WRITE):
                engine.fails("EINVAL ENOENT EFAULT EOVERFLOW", command, address, length, 0x33)
        engine.unmap()
        engine.fails("EINVAL ENOENT", WRITE, IOVA, 16, 0x44)
        engine.map(writable=False)
        engine.fine(READ, IOVA, 16)
        engine.fails("EPERM", WRITE, IOVA, 16, 0x44)
        # Not while it is stopped, nor when it must not reach others' memory.
        engine.set_state(RUNNING_P2P)
        engine.fails("EAGAIN", READ, IOVA, 16)
        engine.set_state(STOP)
        refused(errno.EBUSY, engine.get, COMMAND)
        engine.set_state(RUNNING)
        engine.fine(READ, IOVA, 16)


def mastering(uuid, way):
    """Without Bus Master Enable there is no memory; it moves, and a reset takes it away."""
    with Engine(uuid, way) as engine:
        engine.map()
        engine.fine(PIN_WRITABLE, IOVA, 1)
        engine.command(vfio.MEMORY)
        for command in (READ, WRITE, READ_PINNED, WRITE_PINNED, UNPIN):
            engine.fails("EAGAIN", command, IOVA, 1, 0x77)
        equal("memory without it", engine.memory[0], 0)
        # It stays so, whatever else changes.
        engine.set_state(STOP)
        engine.set_state(RUNNING)
        engine.fails("EAGAIN", WRITE, IOVA, 1, 0x77)
        engine.set_state(STOP)
        engine.command(vfio.MASTER)
        engine.set_state(RUNNING)
        engine.fine(WRITE, IOVA, 1, 0x77)
        engine.fine(UNPIN)
        equal("memory with it", engine.memory[0], 0x77)
        vfio.Device.reset(engine)
        engine.fails("EAGAIN", WRITE, IOVA, 1, 0x88)
        for interface in migration.INTERFACES:
            for saved, other in ((vfio.MASTER, vfio.MEMORY), (vfio.MEMORY, vfio.MASTER)):
                engine.reset()
                engine.command(saved)
                stream = migration.save(engine, interface)
                engine.reset()
                engine.command(other)
                migration.load(engine, interface, stream)
                wanted = None if saved == vfio.MASTER else "EAGAIN"
                equal((interface, saved), engine.does(WRITE, IOVA, 1, 0x99), wanted)


def pins(uuid, way):
    """Pinned memory: what it takes, and what ends it."""
    with Engine(uuid, way) as engine:
        engine.fails("EINVAL ENOENT", PIN, IOVA, 1)
        engine.map()
        for address, count in ((IOVA + 8, 1), (IOVA, 0), (IOVA, MAX_PINNED + 1), ((1 << 64) - PAGE, 2)):
            engine.fails("EINVAL", PIN, address, count)
        engine.fails("EINVAL ENOENT", PIN, IOVA, PAGES + 1)
        engine.fails("EINVAL", UNPIN)

        engine.fine(PIN_WRITABLE, IOVA + PAGE, 3)
        engine.fine(WRITE_PINNED, PAGE - 8, 16, 0x55)
        equal("written through the pin", engine.memory[2 * PAGE - 9 : 2 * PAGE + 9], b"\0" + 16 * b"\x55" + b"\0")
        engine.memory[PAGE] = 0x01
        engine.fine(READ_PINNED, 0, PAGE)
        equal("the sum of what was read", engine.get(BYTE), 8 * 0x55 + 1)
        for offset, length in ((3 * PAGE - 8, 16), (3 * PAGE, 1), ((1 << 64) - 8, 16)):
            engine.fails("EFAULT", READ_PINNED, offset, length)
        engine.fine(UNPIN)
        engine.fails("EINVAL", WRITE_PINNED, 0, 1)

        engine.fine(PIN, IOVA, 1)
        engine.fine(READ_PINNED, 0, 16)
        engine.fails("EFAULT", WRITE_PINNED, 0, 16)
        engine.fine(UNPIN)
        engine.unmap()
        engine.map(writable=False)
        engine.fails("EPERM", PIN_WRITABLE, IOVA, 1)
        engine.fine(PIN, IOVA, 1)
        if engine.may_take:
            # The guest takes the memory away: the device loses it, at once.
            engine.unmap()
            engine.fails("EFAULT", READ_PINNED, 0, 16)
        engine.fine(UNPIN)


def left_pinned(uuid, way):
    """Whoever leaves pins behind loses them with the last close."""
    for round in range(20):
        with Engine(uuid, way) as engine:
            engine.map()
            for first in range(0, 8, 2):
                engine.fine(PIN_WRITABLE, IOVA + first * PAGE, 2)
                if round % 2:
                    engine.fine(FORGET)
                else:
                    engine.reset()
            engine.set_state((RUNNING, STOP, RUNNING_P2P)[round % 3])
    with Engine(uuid, way) as engine:
        engine.map()
        engine.fine(PIN, IOVA, PAGES)
        engine.fine(FORGET)
        if engine.may_take:
            engine.unmap()
            engine.map()
        engine.fine(READ, IOVA, 1)


def unmapped_meanwhile(uuid, way):
    """Memory comes and goes while the device uses it, and while it is stopped and started."""
    with Engine(uuid, way) as engine:
        end = time.monotonic() + 5
        problems, seen = [], set()

        todo = [(WRITE, IOVA, PAGE), (READ, IOVA, PAGE)]
        if engine.may_take:
            todo = [(PIN_WRITABLE, IOVA, 4), (WRITE_PINNED, 0, PAGE), (UNPIN, 0, 0), *todo]

        def repeated(action):
            try:
                while time.monotonic() < end:
                    action()
            except (OSError, AssertionError) as problem:
                problems.append(problem)

        def remap():
            engine.map()
            engine.unmap()

        def commands():
            for command, address, length in todo:
                try:
                    seen.add(engine.does(command, address, length, 0x66))
                except OSError as error:
                    assert error.errno == errno.EBUSY, error

        def states():
            for state in (RUNNING_P2P, STOP, RUNNING):
                engine.set_state(state)

        def master():
            for command in (0, vfio.MASTER):
                engine.command(command)

        actions = (remap, commands, commands, states, master)
        threads = [threading.Thread(target=repeated, args=(action,)) for action in actions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "a thread hangs"
        assert not problems, problems
        odd = seen - {None, "EINVAL", "EFAULT", "EAGAIN", "EPERM", "ENOENT"}
        assert not odd, odd


def tracked(uuid, way):
    """The container knows what was written."""
    with Engine(uuid, way) as engine:
        engine.map()
        engine.track(DIRTY_START)
        equal("before anything", engine.tracked(), set())
        engine.fine(WRITE, IOVA + 3 * PAGE - 1, 2, 1)
        engine.fine(READ, IOVA, PAGE)
        equal("after a write", engine.tracked(), {2, 3})
        equal("once more", engine.tracked(), set())
        engine.fine(PIN_WRITABLE, IOVA + 5 * PAGE, 2)
        engine.fine(WRITE_PINNED, 0, 1, 1)
        equal("pinned", engine.tracked(), {5, 6})
        equal("still pinned", engine.tracked(), {5, 6})
        engine.fine(UNPIN)
        equal("the last of it", engine.tracked(), {5, 6})
        equal("unpinned", engine.tracked(), set())
        engine.track(DIRTY_STOP)


def logged(uuid, way):
    """The device's own log knows, too: all of it, and no more."""
    with Engine(uuid, way) as engine:
        assert engine.logs(), "it keeps no log"
        engine.map()
        engine.fine(WRITE, IOVA, PAGE, 1)
        engine.start_log()
        equal("before anything", engine.report(), set())
        engine.fine(WRITE, IOVA + 3 * PAGE - 1, 2, 1)
        engine.fine(READ, IOVA, PAGE)
        engine.fine(WRITE, IOVA, 0, 1)
        equal("after a write", engine.report(), {2, 3})
        equal("once more", engine.report(), set())
        # What was refused has written nothing; what fails in part may have.
        engine.fails("EINVAL ENOENT EFAULT", WRITE, IOVA + PAGES * PAGE, 1, 1)
        equal("refused, outside of the log", engine.report(), set())

        # Pinned to be written, it can be at any time.
        engine.fine(PIN, IOVA + 8 * PAGE, 2)
        equal("pinned to be read", engine.report(), set())
        engine.fine(UNPIN)
        engine.fine(PIN_WRITABLE, IOVA + 5 * PAGE, 2)
        equal("pinned", engine.report(), {5, 6})
        engine.fine(WRITE_PINNED, 0, 1, 1)
        equal("still pinned", engine.report(), {5, 6})
        engine.fine(UNPIN)
        equal("the last of it", engine.report(), {5, 6})
        equal("unpinned", engine.report(), set())
        if engine.may_take:
            engine.fine(PIN_WRITABLE, IOVA + 5 * PAGE, 1)
            engine.unmap()
            equal("taken away", engine.report(), {5})
            equal("gone", engine.report(), set())
            engine.map()
            engine.fine(UNPIN)

        # Pages of other sizes.
        engine.fine(WRITE, IOVA + 9 * PAGE, 1, 1)
        equal("in pages of 16 KiB", engine.report(size=4 * PAGE), {2})
        engine.fine(WRITE, IOVA + 9 * PAGE, 1, 1)
        engine.fine(WRITE, IOVA + 12 * PAGE, 1, 1)
        equal("a part", engine.report(first=12, pages=2), {12})
        equal("the rest", engine.report(), {9})
        refused(errno.EINVAL, engine.start_log)
        refused(errno.EINVAL, engine.report, PAGES - 1, 2)
        refused(errno.EINVAL, engine.report, 0, 0)

        # It outlasts a reset and a stop: what is written is written.
        engine.fine(WRITE, IOVA + 7 * PAGE, 1, 1)
        engine.reset()
        equal("after a reset", engine.report(), {7})
        engine.fine(WRITE, IOVA + 7 * PAGE, 1, 1)
        engine.set_state(STOP)
        equal("after a stop", engine.report(), {7})
        engine.set_state(RUNNING)
        engine.stop_log()
        refused(errno.EINVAL, engine.report)
        engine.stop_log()

        # In larger pages.
        engine.start_log(size=4 * PAGE)
        engine.fine(WRITE, IOVA + 9 * PAGE, 1, 1)
        equal("a part of a page", engine.report(first=8, pages=1), {8})
        equal("all of it", engine.report(), {8, 9, 10, 11})
        equal("once more, in larger pages", engine.report(), set())
    # Left on, it ends with the last close.
    with Engine(uuid, way) as engine:
        refused(errno.EINVAL, engine.report)
        engine.start_log()


TESTS = {test.__name__: test for test in (access, mastering, pins, left_pinned, unmapped_meanwhile, tracked, logged)}

if __name__ == "__main__":
    TESTS[sys.argv[1]](*sys.argv[2:])
