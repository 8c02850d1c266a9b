# SPDX-License-Identifier: GPL-2.0
"""The QEMU versions that are there: those that scripts/clients.sh extracted, and the system's."""

import functools
import glob
import os
import re
import subprocess

from timeline import Failed

FOLDER = "/clients"


class Client:
    """One QEMU: its version and how it is called. With `iommufd` it opens devices by their own files
    and an iommufd, else by groups and a container."""

    def __init__(self, command, iommufd=False):
        self.command, self.iommufd = command, iommufd
        # A program over a slow file system: the first start of a version takes a while.
        answer = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, check=True, timeout=120
        ).stdout
        self.version = re.match(r"QEMU emulator version ([0-9.]+)", answer).group(1)

    @property
    def major(self):
        return int(self.version.split(".", maxsplit=1)[0])

    @property
    def protocol(self):
        """The migration protocol of VFIO that it speaks."""
        return 1 if self.major < 8 else 2

    @property
    def acknowledges(self):
        """Whether its target can keep the source from stopping until what must be there first has arrived."""
        return self.major > 8

    @property
    def traces(self):
        """What the trace of a source holds from which a running guest has gone."""
        acknowledged = ("source_return_path_thread_switchover_acked",) if self.acknowledges else ()
        # The second form of what is left in pre-copy.
        return acknowledged + (("precopy_info_v2_used 1",) if self.major > 10 else ())

    @property
    def objects(self):
        """What it needs before the devices."""
        return ["-object", "iommufd,id=iommufd0"] if self.iommufd else []

    @property
    def enable(self):
        """The device property that asks for migration whatever else is missing. Where there is an
        iommufd nothing is: devices log by themselves what they write."""
        if self.iommufd:
            return "iommufd=iommufd0"
        return ("x-" if self.protocol == 1 else "") + "enable-migration=on"

    def __str__(self):
        return f"QEMU {self.version}{' by iommufd' if self.iommufd else ''}"


def extracted(folder):
    """The command of a QEMU that stands in a folder of its own, with its own libraries."""
    libraries = ":".join(f"{folder}/{place}/x86_64-linux-gnu" for place in ("lib", "usr/lib"))
    firmware = [f"{folder}/usr/share/{name}" for name in ("qemu", "seabios")]
    return [
        f"{folder}/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "--library-path", libraries,
        f"{folder}/usr/bin/qemu-system-x86_64", "-L", firmware[0], "-L", firmware[1],
    ]


def find(major, iommufd=False):
    """The client with this major version."""
    folders = sorted(glob.glob(f"{FOLDER}/qemu-{major}.*"))
    client = Client(extracted(folders[-1]) if folders else ["qemu-system-x86_64"], iommufd)
    if client.major != int(major):
        raise Failed(f"no QEMU {major} in {FOLDER}, and the system's is {client.version}: run scripts/clients.sh")
    return client


@functools.cache
def accelerator():
    """KVM where a virtual machine can be made, else emulation."""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
        return "kvm"
    except OSError:
        return "tcg"
