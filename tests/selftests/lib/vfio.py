# SPDX-License-Identifier: GPL-2.0
"""A VFIO device as its user sees it."""

import fcntl
import os
import select
import struct

GROUP_SET_CONTAINER = 0x3B68
SET_IOMMU, TYPE1V2 = 0x3B66, 3
GROUP_GET_DEVICE_FD = 0x3B6A
GET_INFO, GET_REGION_INFO, GET_IRQ_INFO, SET_IRQS, RESET = 0x3B6B, 0x3B6C, 0x3B6D, 0x3B6E, 0x3B6F
BIND_IOMMUFD, ATTACH, IOAS_ALLOC = 0x3B76, 0x3B77, 0x3B81
FEATURE, FEATURE_SET, MIG_DEVICE_STATE = 0x3B75, 1 << 17, 2
STOP_COPY = 3

NONE, BOOL, EVENTFD = 1, 2, 4
MASK, UNMASK, TRIGGER = 8, 16, 32
INTX, MSI, MSIX, ERR, REQ = range(5)
CONFIG = 7
# Bits of the command register.
PORTS, MEMORY, MASTER, NO_INTX = 1, 2, 4, 1 << 10


def ioctl(fd, request, data):
    """What the kernel answers: its return value, and `data` as it left it."""
    data = bytearray(data)
    return fcntl.ioctl(fd, request, data), data


class Device:
    """An open device. Closes all that it opened when its `with` ends.

    It is called by its UUID, or by its path in sysfs. The way to it is "group", with a container of
    type 1, or "iommufd", with the device's own file.
    """

    def __init__(self, uuid, way="group"):
        self.node = os.path.realpath(os.path.join("/sys/bus/mdev/devices", uuid))
        self.uuid, self.way = os.path.basename(self.node), way
        self.opened = []
        try:
            self.fd = self.by_group() if way == "group" else self.by_iommufd()
        except OSError:
            self.__exit__()
            raise

    def open(self, path):
        self.opened.append(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        return self.opened[-1]

    def by_group(self):
        self.container = container = self.open("/dev/vfio/vfio")
        self.group = self.open("/dev/vfio/" + os.path.basename(os.readlink(self.node + "/iommu_group")))
        ioctl(self.group, GROUP_SET_CONTAINER, struct.pack("i", container))
        fcntl.ioctl(container, SET_IOMMU, TYPE1V2)
        return self.another()

    def another(self):
        """One more file of the device, which shares all with the first."""
        fd, _ = ioctl(self.group, GROUP_GET_DEVICE_FD, self.uuid.encode() + b"\0")
        self.opened.append(fd)
        return fd

    def close(self, fd):
        self.opened.remove(fd)
        os.close(fd)

    def by_iommufd(self):
        self.iommufd = iommufd = self.open("/dev/iommu")
        (name,) = os.listdir(self.node + "/vfio-dev")
        device = self.open("/dev/vfio/devices/" + name)
        ioctl(device, BIND_IOMMUFD, struct.pack("2IiI", 16, 0, iommufd, 0))
        _, space = ioctl(iommufd, IOAS_ALLOC, struct.pack("3I", 12, 0, 0))
        (self.space,) = struct.unpack("I", space[8:])
        ioctl(device, ATTACH, struct.pack("3I", 12, 0, self.space))
        return device

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self.opened:
            os.close(self.opened.pop())

    def info(self, argsz=16):
        return struct.unpack("4I", ioctl(self.fd, GET_INFO, struct.pack("4I", argsz, 0, 0, 0))[1])

    def region(self, index, argsz=32):
        """Flags, size and offset in the file."""
        _, got = ioctl(self.fd, GET_REGION_INFO, struct.pack("4I2Q", argsz, 0, index, 0, 0, 0))
        _, flags, _, _, size, offset = struct.unpack("4I2Q", got)
        return flags, size, offset

    def irq(self, index, argsz=16):
        """Flags and count."""
        _, got = ioctl(self.fd, GET_IRQ_INFO, struct.pack("4I", argsz, 0, index, 0))
        return struct.unpack("4I", got)[1::2]

    def read(self, region, offset, length):
        return os.pread(self.fd, length, (region << 40) + offset)

    def write(self, region, offset, data):
        return os.pwrite(self.fd, data, (region << 40) + offset)

    def command(self, bits):
        """Writes the command register."""
        self.write(CONFIG, 4, struct.pack("<H", bits))

    def set_irqs(self, index, flags, start, count, data=b""):
        head = struct.pack("5I", 20 + len(data), flags, index, start, count)
        ioctl(self.fd, SET_IRQS, head + data)

    def attach(self, index, *fds, start=0):
        """Attaches eventfds, or detaches where they are -1."""
        data = struct.pack(f"{len(fds)}i", *fds)
        self.set_irqs(index, EVENTFD | TRIGGER, start, len(fds), data)

    def disable(self, index):
        self.set_irqs(index, NONE | TRIGGER, 0, 0)

    def unmask(self):
        self.set_irqs(INTX, NONE | UNMASK, 0, 1)

    def set_state(self, state):
        """Requests a state of migration. The data's file, or -1."""
        request = struct.pack("3Ii", 16, FEATURE_SET | MIG_DEVICE_STATE, state, -1)
        _, got = ioctl(self.fd, FEATURE, request)
        return struct.unpack("3Ii", got)[3]

    def reset(self):
        fcntl.ioctl(self.fd, RESET)


def eventfd():
    return os.eventfd(0, os.EFD_NONBLOCK)


def signals(fd, wait=0):
    """How often it was signalled since the last time; waits so many seconds for the first."""
    select.select([fd], [], [], wait)
    try:
        return os.eventfd_read(fd)
    except BlockingIOError:
        return 0


def refused(wanted, call, *arguments, **keywords):
    """The call fails with this errno."""
    try:
        answer = call(*arguments, **keywords)
    except OSError as error:
        assert error.errno == wanted, f"wanted errno {wanted}, got {error}"
        return
    raise AssertionError(f"wanted errno {wanted}, got {answer!r}")
