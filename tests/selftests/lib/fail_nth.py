#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Fails every allocation of an operation once.

fail_nth.py OPERATION ARGUMENT...: runs the operation again and again. In run N the Nth allocation
that this task makes in the kernel fails (/proc/self/fail-nth, Documentation/fault-injection of the
kernel); the first run in which none fails any more is the last. After each run the operation is
undone if it succeeded, and what must not be left behind is looked for.

Operations:
  create TYPE_FOLDER UUID     a device is created
  bind FUNCTION               a PCI function, whose driver_override is set, is bound
  offer FUNCTION              a function that is a parent is offered whole
  insert MODULE PARAMETERS    a module is loaded
  open TYPE_FOLDER UUID WAY   a device, new each time, is opened (fail_nth_vfio.py)
  migrate UUID UUID WAY       the state of a device goes to another one

Prints "N allocations failed once, M of them survived", and what was left behind, if anything;
exit status 1 then. An operation that fails with anything but ENOMEM is reported too, except for what
the driver core answers in its place.
"""

import ctypes
import errno
import glob
import os
import sys

import fail_nth_vfio

LIMIT = 5000  # No operation here comes near; one that does would never end.
SYS_INIT_MODULE = 175
SYS_DELETE_MODULE = 176
LIBC = ctypes.CDLL(None, use_errno=True)


def write(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def system_call(number, *arguments):
    if LIBC.syscall(number, *arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Operation:
    def prepare(self):
        """What comes before each run and may not fail."""


class Create(Operation):
    allowed = {errno.ENOMEM}

    def __init__(self, folder, uuid):
        self.folder, self.uuid = folder, uuid
        self.device = "/sys/bus/mdev/devices/" + uuid
        self.before = self.available()
        self.fd = os.open(folder + "/create", os.O_WRONLY)

    def available(self):
        with open(self.folder + "/available_instances", encoding="ascii") as file:
            return file.read().strip()

    def run(self):
        os.pwrite(self.fd, self.uuid.encode(), 0)

    def undo(self):
        write(self.device + "/remove", "1")

    def left(self):
        if os.path.lexists(self.device):
            yield self.device
        if self.available() != self.before:
            yield f"available_instances was {self.before}, is {self.available()}"


class Bind(Operation):
    # The driver core answers ENODEV whatever the probe's error was; a BAR for which there is no memory to
    # note who has it is EBUSY (__request_region).
    allowed = {errno.ENOMEM, errno.ENODEV, errno.EBUSY}

    def __init__(self, function):
        self.function = function
        self.device = "/sys/bus/pci/devices/" + function
        self.driver = "/sys/bus/pci/drivers/mdev_nvme"
        self.fd = os.open(self.driver + "/bind", os.O_WRONLY)

    def run(self):
        os.pwrite(self.fd, self.function.encode(), 0)

    def undo(self):
        write(self.driver + "/unbind", self.function)

    def left(self):
        for name in ("mdev_supported_types", "settings", "driver"):
            if os.path.lexists(f"{self.device}/{name}"):
                yield f"{self.device}/{name}"
        if os.path.lexists("/sys/class/mdev_bus/" + self.function):
            yield "/sys/class/mdev_bus/" + self.function


class Offer(Operation):
    # Where the driver core fails before it asks the driver, nobody says with what.
    allowed = {errno.ENOMEM, errno.ENODEV}

    def __init__(self, function):
        self.parent = "/sys/bus/pci/devices/" + function
        self.switch = self.parent + "/settings/whole"
        self.fd = os.open(self.switch, os.O_WRONLY)

    def run(self):
        os.pwrite(self.fd, b"1", 0)

    def undo(self):
        write(self.switch, "0")

    def left(self):
        yield from glob.glob(self.parent + "/mdev_nvme.whole.*")
        with open(self.switch, encoding="ascii") as file:
            if file.read() != "0\n":
                yield "the setting"
        with open(self.parent + "/mdev_supported_types/mdev_nvme-16m/available_instances", encoding="ascii") as file:
            if file.read() == "0\n":
                yield "what the parent has"


class Insert(Operation):
    # The driver core answers EINVAL if it cannot make the links between driver and module.
    allowed = {errno.ENOMEM, errno.EINVAL}

    def __init__(self, module, parameters):
        self.name = os.path.basename(module).removesuffix(".ko").replace("-", "_")
        self.parameters = parameters.encode()
        with open(module, "rb") as file:
            self.image = file.read()

    def run(self):
        system_call(SYS_INIT_MODULE, self.image, len(self.image), self.parameters)

    def undo(self):
        system_call(SYS_DELETE_MODULE, self.name.encode(), os.O_NONBLOCK)

    def left(self):
        for path in (
            "/sys/module/" + self.name,
            "/sys/class/" + self.name.replace("mdev_mtty", "mtty"),
            "/sys/bus/mdev/drivers/" + self.name,
            "/sys/bus/pci/drivers/" + self.name,
        ):
            if os.path.lexists(path):
                yield path


def main():
    operations = {
        "create": Create,
        "bind": Bind,
        "offer": Offer,
        "insert": Insert,
        "open": fail_nth_vfio.Open,
        "migrate": fail_nth_vfio.Migrate,
    }
    operation = operations[sys.argv[1]](*sys.argv[2:])
    fail_nth = os.open("/proc/self/fail-nth", os.O_RDWR)
    problems = []
    survived = 0
    for nth in range(1, LIMIT):
        error = None
        operation.prepare()
        os.pwrite(fail_nth, str(nth).encode(), 0)
        try:
            operation.run()
        except OSError as problem:
            error = problem
        except MemoryError:  # The C library's answer to ENOMEM.
            error = OSError(errno.ENOMEM, "no memory for Python")
        # 0: an allocation failed. Else the rest of the count: there were not that many.
        rest = int(os.pread(fail_nth, 32, 0).decode().strip("\0\n ") or 0)
        os.pwrite(fail_nth, b"0", 0)
        if error is None:
            operation.undo()
        elif error.errno not in operation.allowed:
            problems.append(f"allocation {nth}: {error}")
        problems += [f"allocation {nth}: left behind: {what}" for what in operation.left()]
        if rest > 0:
            if error is not None:
                problems.append(f"nothing failed in run {nth}, and yet: {error}")
            break
        survived += error is None
    else:
        problems.append(f"no end after {LIMIT} allocations")
    print(f"{nth - 1} allocations failed once, {survived} of them survived")
    for problem in problems[:20]:
        print(problem)
    # A run without a single failure would prove nothing.
    return 1 if problems or nth == 1 else 0


if __name__ == "__main__":
    sys.exit(main())
