# SPDX-License-Identifier: GPL-2.0
"""Mediated devices, and parents offered whole: making, finding, removing."""

import contextlib
import glob
import os
import threading
import time
import uuid

import disk
from ktap import note
from timeline import Failed

DEVICES = "/sys/bus/mdev/devices"


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().rstrip("\n")


def write(path, text):
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    except OSError as error:
        raise Failed(f"write '{text}' to {path}: {error}") from error


class Device:
    """One device of a type: `Device("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1")`."""

    def __init__(self, kind):
        self.kind = kind
        self.uuid = str(uuid.uuid4())
        self.path = f"{DEVICES}/{self.uuid}"
        write(f"{kind}/create", self.uuid)

    @property
    def capacity(self):
        """Bytes of a disk."""
        return disk.capacity(self.kind)

    def arguments(self, number, client, properties=()):
        """How QEMU is given the device."""
        # Where KVM delivers INTx, an incoming QEMU leaves it at the line that it had before the
        # guest's firmware chose one: nothing tells it that the chosen line has been loaded.
        extra = "".join(f",{text}" for text in (client.enable, "x-no-kvm-intx=on", *properties))
        return ["-device", f"vfio-pci,id=vfio{number},sysfsdev={self.path}{extra}"]

    def exists(self):
        return os.path.exists(self.path)

    def file(self, name):
        return f"{self.path}/{name}"

    def write_state(self, version):
        """The state version that it is saved in from now on."""
        write(self.file("state_version"), version)

    def remove(self, seconds=30):
        """The write returns when nobody has it open any more."""
        removal = self.remove_later()
        removal.join(seconds)
        if removal.is_alive() or self.exists():
            raise Failed(f"{self.path} was to be removed, {seconds} s later it is still there")

    def remove_later(self):
        """Asks for the removal and does not wait; `.join(seconds)` of what it returns does."""
        thread = threading.Thread(
            target=write, args=(self.file("remove"), "1"), name=f"removal of {self.uuid}", daemon=True
        )
        thread.start()
        return thread


class Whole(Device):
    """The one device of a parent, without mdev: `Whole("/sys/class/mdev_bus/0000:00:05.0/settings/whole")`."""

    def __init__(self, kind):
        self.kind = kind
        write(kind, "1")
        parent = os.path.dirname(os.path.dirname(os.path.realpath(kind)))
        (self.path,) = glob.glob(f"{parent}/*.whole.*")
        # What the kernel's log calls it.
        self.uuid = os.path.basename(self.path)

    @property
    def capacity(self):
        return int(read(self.file("capacity")))

    def remove_later(self):
        thread = threading.Thread(target=write, args=(self.kind, "0"), name=f"end of {self.uuid}", daemon=True)
        thread.start()
        return thread


def make(kind):
    """One device, of a type or of a parent offered whole, as the path says."""
    return Whole(kind) if kind.endswith("/settings/whole") else Device(kind)


def other(kind):
    """Another type of the same parent."""
    folder, name = os.path.split(kind)
    return f"{folder}/{min(there for there in os.listdir(folder) if there != name)}"


@contextlib.contextmanager
def settings(kind, **wanted):
    """Other settings of a type's parent, for as long as this lasts; devices must not exist before
    or after it. The order matters, and is reversed at the end."""
    folder = f"{os.path.realpath(kind)}/../../settings"
    before = {name: read(f"{folder}/{name}") for name in wanted}
    for name, value in wanted.items():
        write(f"{folder}/{name}", value)
    try:
        yield
    finally:
        for name in reversed(wanted):
            write(f"{folder}/{name}", before[name])


def kernel_log():
    """A place in the kernel's log, for `kernel_log_since`."""
    mark = f"client test mark {os.getpid()} {time.monotonic_ns()}"
    write("/dev/kmsg", mark)
    return mark


def kernel_log_since(mark):
    """Lines of the kernel's log after the mark."""
    descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    found, lines = False, []
    try:
        while True:
            try:
                record = os.read(descriptor, 8192).decode(errors="replace")
            except BrokenPipeError:
                # Older records were overwritten while reading.
                continue
            except BlockingIOError:
                return lines
            text = record.partition(";")[2].splitlines()[0]
            if found:
                lines.append(text)
            found = found or mark in text
    finally:
        os.close(descriptor)


def says_why(log, refusing, what):
    """A line about one of these devices with this word; the first that refuses ends a migration."""
    lines = kernel_log_since(log)
    told = [line for line in lines if what in line and any(device.uuid in line for device in refusing)]
    if not told:
        raise Failed(f"no reason in the kernel's log: {lines}")
    note(told[0])
