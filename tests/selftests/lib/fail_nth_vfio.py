# SPDX-License-Identifier: GPL-2.0
"""Operations of fail_nth.py on a device that is opened through VFIO: of mdev_mtty or mdev_nvme."""

import ctypes
import errno
import fcntl
import os
import struct

import vfio

DEVICE_FEATURE = 0x3B75
GET, SET, PROBE, MIG_DEVICE_STATE = 1 << 16, 1 << 17, 1 << 18, 2
LOG_START, LOG_STOP, LOG_REPORT = 6, 7, 8
ERROR, STOP, RUNNING, STOP_COPY, RESUMING, _, PRE_COPY = range(7)
# A register of BAR 0 that keeps what is written to it, and what can be: the scratch register of a
# UART, the sizes of the admin queues of a controller that is not enabled (AQA).
SCRATCH = {"mdev_mtty": (0x07, b"\xa5"), "mdev_nvme": (0x24, b"\x1f\0\x2f\0")}


def write(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def users(driver):
    """References to the module: each open device has one, each data file another."""
    with open(f"/sys/module/{driver}/refcnt", encoding="ascii") as file:
        return int(file.read())


def driver_of(node):
    """Name of the driver of a device."""
    return os.path.basename(os.readlink(f"{node}/driver"))


class Open:
    """A new device each time: what the first open makes stays for those after it."""

    allowed = {errno.ENOMEM}

    def __init__(self, folder, uuid, way):
        self.folder, self.uuid, self.way = folder, uuid, way
        self.node = "/sys/bus/mdev/devices/" + uuid
        self.device = self.driver = None
        # Python's own first steps are no part of what is counted.
        self.prepare()
        self.run()
        self.undo()
        assert not list(self.left())

    def prepare(self):
        write(self.folder + "/create", self.uuid)
        self.driver = driver_of(self.node)

    def run(self):
        self.device = vfio.Device(self.uuid, self.way)

    def undo(self):
        with self.device:
            pass

    def left(self):
        if users(self.driver) != 0:
            yield f"the module has {users(self.driver)} users"
        # The same device again, half of which may have been made.
        register, value = SCRATCH[self.driver]
        with vfio.Device(self.uuid, self.way) as device:
            device.write(0, register, value)
            if device.read(0, register, len(value)) != value:
                yield "a device that does not work"
        write(self.node + "/remove", "1")
        if os.path.lexists(self.node):
            yield self.node


class End:
    """One of two devices between which a state goes."""

    PAGE, RANGE = 4096, (1 << 30, 1 << 21)

    def __init__(self, uuid, way):
        self.device = vfio.Device(uuid, way)
        self.data = []
        self.ranges = ctypes.create_string_buffer(struct.pack("2Q", *self.RANGE), 16)
        self.bitmap = ctypes.create_string_buffer(self.RANGE[1] // self.PAGE // 8)

    def log(self, flags, data=b""):
        """One request for the log of written memory."""
        fcntl.ioctl(self.device.fd, DEVICE_FEATURE, bytearray(struct.pack("2I", 8 + len(data), flags) + data))

    def logs(self):
        """Whether the device keeps one."""
        try:
            self.log(PROBE | SET | LOG_START)
            return True
        except OSError as error:
            if error.errno == errno.ENOTTY:
                return False
            raise

    def start_log(self):
        self.log(SET | LOG_START, struct.pack("Q2IQ", self.PAGE, 1, 0, ctypes.addressof(self.ranges)))

    def report_log(self):
        self.log(GET | LOG_REPORT, struct.pack("4Q", *self.RANGE, self.PAGE, ctypes.addressof(self.bitmap)))

    def stop_log(self):
        self.log(SET | LOG_STOP)

    def feature(self, flags, state=0):
        request = bytearray(struct.pack("2IIi", 16, flags | MIG_DEVICE_STATE, state, -1))
        fcntl.ioctl(self.device.fd, DEVICE_FEATURE, request)
        return struct.unpack("2IIi", request)[2:]

    def state(self):
        return self.feature(GET)[0]

    def go(self, state):
        """Goes there; a data file that this gives is kept until `drop`."""
        _, fd = self.feature(SET, state)
        if fd >= 0:
            self.data.append(fd)
        return fd

    def drop(self):
        while self.data:
            os.close(self.data.pop())


def read_all(fd):
    """All that there is for now."""
    stream = bytearray()
    while True:
        try:
            piece = os.read(fd, 4096)
        except OSError as error:
            if error.errno == errno.ENOMSG:
                return stream
            raise
        if not piece:
            return stream
        stream += piece


class Migrate:
    """A device's state goes to another, by pre-copy and then stopped. What it writes is logged, where it
    keeps a log."""

    allowed = {errno.ENOMEM}

    def __init__(self, source, target, way):
        self.source, self.target = End(source, way), End(target, way)
        self.logs = self.source.logs()
        self.driver = driver_of(self.source.device.node)
        self.before = users(self.driver)
        self.prepare()
        self.run()
        self.undo()
        assert not list(self.left())

    def prepare(self):
        if self.logs:
            self.source.stop_log()
        register, value = SCRATCH[self.driver]
        for end, content in ((self.source, value), (self.target, bytes(len(value)))):
            end.device.reset()
            end.device.write(0, register, content)

    def run(self):
        if self.logs:
            self.source.start_log()
        data = self.source.go(PRE_COPY)
        stream = read_all(data)
        self.source.go(STOP_COPY)
        if self.logs:
            self.source.report_log()
        stream += read_all(data)
        load = self.target.go(RESUMING)
        done = 0
        while done < len(stream):
            done += os.write(load, stream[done:])
        self.target.go(RUNNING)
        self.source.go(STOP)

    def undo(self):
        """It succeeded: then the state has arrived."""
        register, value = SCRATCH[self.driver]
        assert self.target.device.read(0, register, len(value)) == value, "another state has arrived"

    def left(self):
        # What failed for want of memory has changed nothing; only a load may not be there to be
        # gone on with.
        if self.source.state() == ERROR:
            yield "the source in ERROR"
        for name, end in (("source", self.source), ("target", self.target)):
            end.drop()
            end.device.reset()
            if end.state() != RUNNING:
                yield f"the {name} in state {end.state()} after reset"
        if users(self.driver) != self.before:
            yield f"the module had {self.before} users, has {users(self.driver)}"
        # And all of it works once memory is there.
        try:
            self.prepare()
            self.run()
            self.undo()
        except (OSError, AssertionError) as problem:
            yield f"does not migrate any more: {problem}"
        for end in (self.source, self.target):
            end.drop()
            end.device.reset()
