# SPDX-License-Identifier: GPL-2.0
"""vfio_unanswered.py UUID: an NVMe device whose thread waits for memory that its user does not give.

A child process opens the device and has it write to a page that userfaultfd is asked for, in vain. Then the
child ends, in each way that there is. It must end, and the device be usable.
"""

import ctypes
import fcntl
import mmap
import os
import select
import signal
import struct
import sys
import threading
import time

import vfio

MAP_DMA = 0x3B71
SYS_IOCTL, SYS_PWRITE = 16, 18
SYS_USERFAULTFD, UFFDIO_API, UFFDIO_REGISTER, MISSING = 323, 0xC018AA3F, 0xC020AA00, 1
QUEUES, DATA = 0x10000, 0x40000
BAR0, CC, CSTS, AQA, ASQ, ACQ, DOORBELL = 0, 0x14, 0x1C, 0x24, 0x28, 0x30, 0x1000
ENABLE = 4 << 20 | 6 << 16 | 1
IDENTIFY, CONTROLLER = 6, 1
SECONDS = 60


def address(memory):
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def map_dma(device, memory, iova):
    request = struct.pack("2I3Q", 32, 3, address(memory), iova, len(memory))
    vfio.ioctl(device.container, MAP_DMA, request)


def userfault(memory):
    fd = ctypes.CDLL(None, use_errno=True).syscall(SYS_USERFAULTFD, os.O_CLOEXEC | os.O_NONBLOCK)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "userfaultfd")
    fcntl.ioctl(fd, UFFDIO_API, bytearray(struct.pack("3Q", 0xAA, 0, 0)))
    fcntl.ioctl(fd, UFFDIO_REGISTER, bytearray(struct.pack("4Q", address(memory), len(memory), MISSING, 0)))
    return fd


def wait(device):
    """Has the device wait for a page, and returns when it does."""
    queues, data = mmap.mmap(-1, 0x10000), mmap.mmap(-1, 0x1000)
    map_dma(device, queues, QUEUES)
    map_dma(device, data, DATA)
    fault = userfault(data)
    device.command(vfio.MEMORY | vfio.MASTER)
    for at, value in ((AQA, 0x000F000F), (ASQ, QUEUES), (ACQ, QUEUES + 0x1000)):
        size = "<Q" if at >= ASQ else "<I"
        device.write(BAR0, at, struct.pack(size, value))
    device.write(BAR0, CC, struct.pack("<I", ENABLE))
    assert device.read(BAR0, CSTS, 4)[0] & 1, "the controller is not ready"
    # The first access is the thread's, whoever rings.
    queues[:64] = struct.pack("<2I2Q2Q2I", IDENTIFY, 0, 0, 0, DATA, 0, CONTROLLER, 0).ljust(64, b"\0")
    device.write(BAR0, DOORBELL, struct.pack("<I", 1))
    asked, _, _ = select.select([fault], [], [], SECONDS)
    assert asked, "the device has not asked for the page"
    return queues, data


def resets(device):
    """Another thread waits for the device to pause."""
    threading.Thread(target=device.reset, daemon=True).start()
    in_kernel(SYS_IOCTL, 1, vfio.RESET)


def takes_master(device):
    """Another thread takes Bus Master Enable away, and waits for the end of what the device is at."""
    threading.Thread(target=device.command, args=(vfio.MEMORY,), daemon=True).start()
    in_kernel(SYS_PWRITE, 3, (vfio.CONFIG << 40) + 4)


def in_kernel(call, place, argument):
    """Returns once a thread is in a system call, where it stays: its number, and an argument by its place."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/syscall", encoding="ascii") as file:
                now = file.read().split()
            if now[0] == str(call) and now[1 + place] == hex(argument):
                return
        time.sleep(0.01)
    raise AssertionError("no thread has come to the kernel")


def killed(device):
    os.kill(os.getpid(), signal.SIGKILL)


def killed_in_reset(device):
    resets(device)
    killed(device)


def killed_without_master(device):
    takes_master(device)
    killed(device)


def exits(device):
    os._exit(0)


for end in (killed, killed_in_reset, killed_without_master, exits):
    child = os.fork()
    if child == 0:
        try:
            opened = vfio.Device(sys.argv[1])
            kept = wait(opened)
            end(opened)
        except BaseException as error:  # pylint: disable=broad-exception-caught
            print(f"# {end.__name__}: {error!r}", flush=True)
        os._exit(1)
    deadline = time.monotonic() + SECONDS
    while (gone := os.waitpid(child, os.WNOHANG)) == (0, 0):
        assert time.monotonic() < deadline, f"{end.__name__}: not gone after {SECONDS} s"
        time.sleep(0.05)
    # One that failed before has waited for nothing.
    how = os.waitstatus_to_exitcode(gone[1])
    wanted = 0 if end is exits else -signal.SIGKILL
    assert how == wanted, f"{end.__name__}: ended with {how}, not {wanted}"
    with vfio.Device(sys.argv[1]) as device:
        assert device.read(BAR0, CSTS, 4) == bytes(4), f"{end.__name__}: not as after a reset"
    print(f"# {end.__name__}: gone")
