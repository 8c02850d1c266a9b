# SPDX-License-Identifier: GPL-2.0
"""Guests with disks behind NVMe controllers: the guest's own driver, file systems, and load that checks
what it reads."""

import json
import re

from timeline import Failed

PROGRAMS = "/project/build/clients/programs.img"
MIB = 1 << 20
UNITS = {"k": 1 << 10, "m": MIB, "g": MIB << 10}
# mkfs.xfs makes none that is smaller.
XFS_LEAST = 300 * MIB
# A disk is there some moments after its driver, or its table of partitions.
APPEAR_SECONDS = 60
# A round of load that has begun is finished before it ends.
LOAD_SECONDS = 240
STOP = "/tmp/stop"
# Status code (NVM Express 1.4, 4.6.1.2.1).
INVALID_FIELD = 2
# Also where there was one before.
MAKE = {"ext4": "-F", "xfs": "-f"}
CHECK = {"ext4": "fsck.ext4 -f -n", "xfs": "xfs_repair -n"}
# One line for a load: writes in random order, each block with its checksum and what it is a block of,
# and reads them back, some while others are still written, all at the end.
FIO = (
    "fio --name={name} --filename={file} --size={size} --offset_increment={size} --numjobs={jobs} --loops=2"
    " --rw=randwrite --bs={block} --direct=1 --ioengine={engine} --iodepth={depth} --verify=crc32c"
    " --verify_fatal=1 --verify_backlog=256 --verify_backlog_batch=64"
    " --verify_state_save=0 --fallocate=none --thread --group_reporting --output=/tmp/{name}.fio"
)


def number_with_unit(text):
    """Bytes: `64m`."""
    return int(text[:-1]) * UNITS[text[-1]]


def capacity(node):
    """Bytes of a device of this type, which its name says: `mdev_nvme-64m`."""
    return number_with_unit(node.rsplit("-", 1)[1].split("_")[0])


def nvme(guest, command, *arguments):
    """What nvme-cli reads, as it puts it in JSON."""
    text = guest.run(" ".join(["nvme", command, *arguments, "--output-format=json"]))
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failed(f"{guest.name}: nvme {command} answers no JSON: {text}") from error


class Disk:
    """One namespace in the guest: what is on it, and what is done with it."""

    def __init__(self, number, size):
        self.number, self.size = number, size
        self.controller = f"nvme{number}"
        self.name = f"{self.controller}n1"
        self.path = f"/dev/{self.name}"
        # Partitions: one that is written as it is, one or two with file systems.
        self.systems = {"ext4": 2}
        if size >= 2 * XFS_LEAST:
            self.systems["xfs"] = 3

    def partition(self, number):
        return f"{self.path}p{number}"

    def folder(self, system):
        return f"/mnt/{self.name}-{system}"

    @staticmethod
    def appears(guest, path):
        guest.run(f"timeout {APPEAR_SECONDS} bash -c 'until [[ -b {path} ]]; do sleep 0.1; done'")

    def prepare(self, guest):
        """Partitions and file systems."""
        layout = ["label: dos", f"size={self.size // 8 // MIB}M"]
        layout += [f"size={self.size // 4 // MIB}M", "size=+"] if "xfs" in self.systems else ["size=+"]
        table = "\\n".join(layout)
        guest.run(f"printf '{table}' | sfdisk --quiet --wipe always {self.path}")
        for number in range(1, 2 + len(self.systems)):
            self.appears(guest, self.partition(number))
        for system, number in self.systems.items():
            guest.run(f"mkfs.{system} -q {MAKE[system]} {self.partition(number)}")

    def mount(self, guest):
        for system, number in self.systems.items():
            folder = self.folder(system)
            guest.run(f"mkdir -p {folder} && mount {self.partition(number)} {folder}")

    def loads(self):
        """(name, command) of each load that goes on until it is told to stop."""
        raw = {"size": f"{min(self.size // 32, 4 * MIB)}", "jobs": 2, "depth": 16, "block": "4k"}
        yield f"{self.name}-raw", FIO.format(
            name=f"{self.name}-raw", file=self.partition(1), engine="io_uring", **raw
        )
        for system in self.systems:
            yield f"{self.name}-{system}", FIO.format(
                name=f"{self.name}-{system}", file=f"{self.folder(system)}/load", engine="libaio",
                size=f"{min(self.size // 32, 2 * MIB)}", jobs=1, depth=4, block="8k",
            )

    def check(self, guest):
        """The file systems are whole."""
        for system, number in self.systems.items():
            guest.run(f"umount {self.folder(system)} && {CHECK[system]} {self.partition(number)}", LOAD_SECONDS)

    # --- what the controller says of itself ---

    def identity(self, guest):
        """What must stay the same for ever."""
        controller = nvme(guest, "id-ctrl", f"/dev/{self.controller}")
        namespace = nvme(guest, "id-ns", self.path)
        said = {name: controller[name] for name in ("vid", "sn", "mn", "fr", "ver", "subnqn")}
        said |= {name: namespace[name] for name in ("nsze", "ncap", "nguid", "eui64")}
        return said

    def health(self, guest):
        return nvme(guest, "smart-log", f"/dev/{self.controller}")


class Task:
    """NVMe controllers with one namespace each."""

    memory = "256"
    options = ("mdev.programs=/dev/vda",)
    complaints = (
        r"nvme.*(timeout|reset|abort|quirk|failed|error|unsupported|not ready|dead|bogus|invalid|missing)"
        r"|I/O error|EXT4-fs (error|warning)|XFS .*(orrupt|error|shutdown)"
    )
    counts = ("reads", "writes", "irqs")
    other_types = "(parameter), ERANGE: parameter `capacity`"
    older_states = False
    # It makes file systems first.
    boots_soon = False

    @staticmethod
    def equipment():
        """The disk with programs, which no guest writes."""
        return (
            "-drive", f"if=none,id=programs,file={PROGRAMS},format=raw,readonly=on,file.locking=off",
            "-device", "virtio-blk-pci,drive=programs", "-smp", "2",
        )

    @staticmethod
    def parts(_):
        return 1

    @staticmethod
    def went_on(first, last, steps):
        done, irqs = (
            sum(int(last[name]) - int(first[name]) for name in names) for names in (("reads", "writes"), ("irqs",))
        )
        return done >= steps and irqs > 0

    def __init__(self, devices):
        self.disks = [Disk(number, device.capacity) for number, device in enumerate(devices)]
        self.kept = []
        self.before = []

    def drive(self, guest):
        """Loads the driver; each disk is there then."""
        guest.run("modprobe nvme")
        for disk in self.disks:
            disk.appears(guest, disk.path)

    def boots(self, guest, _):
        """Makes file systems and starts the load."""
        self.drive(guest)
        for disk in self.disks:
            disk.prepare(guest)
        self.begin(guest)

    def boots_again(self, guest, _):
        """The disks have what they had, and file systems of which nobody let go."""
        self.drive(guest)
        for disk in self.disks:
            disk.appears(guest, disk.partition(1))
        self.begin(guest)

    def begin(self, guest):
        self.before = [(disk.identity(guest), disk.health(guest)) for disk in self.disks]
        guest.run(f"rm -f {STOP}")
        for disk in self.disks:
            disk.mount(guest)
        self.kept = [
            guest.keep(f"while [[ ! -e {STOP} ]]; do {command} || {{ cat /tmp/{name}.fio; exit 1; }}; done")
            for disk in self.disks
            for name, command in disk.loads()
        ]
        for disk in self.disks:
            guest.watch(disk.name)

    def finish(self, guest):
        """The load ends, having found nothing wrong; the file systems are whole."""
        guest.run(f"touch {STOP}")
        for identifier in self.kept:
            guest.kept_ends(identifier, LOAD_SECONDS)
        for disk in self.disks:
            guest.unwatch(disk.name)
            disk.check(guest)
        guest.healthy()

    def pause(self, guest):
        """The same in the middle of it: the load begins again."""
        self.finish(guest)
        self.begin(guest)

    def same(self, guest):
        """The controllers are those that they were, and have counted on."""
        for disk, (identity, health) in zip(self.disks, self.before):
            now = disk.identity(guest)
            if now != identity:
                raise Failed(f"{guest.name}: {disk.controller} was {identity}, now it is {now}")
            after = disk.health(guest)
            for name in ("host_read_commands", "host_write_commands", "data_units_read", "data_units_written"):
                if int(after[name]) <= int(health[name]):
                    raise Failed(f"{guest.name}: {name} of {disk.controller} was {health[name]}, now {after[name]}")
            for name in ("power_cycles", "power_on_hours", "unsafe_shutdowns", "media_errors"):
                if int(after[name]) < int(health[name]):
                    raise Failed(f"{guest.name}: {name} of {disk.controller} was {health[name]}, now {after[name]}")

    # --- tests ---

    def quiet(self, guest):
        """Where it has found the device, and that it uses a queue for each processor; no more."""
        said = guest.run("dmesg --notime | grep -E '^(nvme|block) nvme'").splitlines()
        # The last is about a command of nvme-cli, whatever the device.
        fine = re.compile("pci function|default/read/poll queues|passthrough uses implicit buffer")
        wrong = [line for line in said if not fine.search(line)]
        queues = f"{guest.run('nproc').strip()}/0/0 default/read/poll queues"
        if wrong or not any(queues in line for line in said):
            raise Failed(f"{guest.name}: the driver says: {said}")
        guest.healthy()

    def asked(self, guest):
        listed = {one["DevicePath"]: one for one in nvme(guest, "list")["Devices"]}
        for disk in self.disks:
            controller = nvme(guest, "id-ctrl", f"/dev/{disk.controller}")
            namespace = nvme(guest, "id-ns", disk.path)
            health = disk.health(guest)
            errors = nvme(guest, "error-log", f"/dev/{disk.controller}")["errors"]
            # nvme-cli itself asks for structures of later versions.
            unknown = [entry for entry in errors if entry["sqid"] == 0 and entry["status_field"] & 0x7FF == INVALID_FIELD]
            block = 1 << namespace["lbafs"][namespace["flbas"] & 15]["ds"]
            expected = (
                ("a version of 1.4", controller["ver"], 0x10400),
                ("one namespace", controller["nn"], 1),
                ("its size", namespace["nsze"] * block, disk.size),
                ("no warning", health["critical_warning"], 0),
                ("no media errors", health["media_errors"], 0),
                ("no errors", [entry for entry in errors if entry["error_count"] and entry not in unknown], []),
                ("a model in the list", listed[disk.path]["ModelNumber"], controller["mn"].strip()),
                ("a serial number", bool(controller["sn"].strip()), True),
                ("an identifier", int(namespace["nguid"], 16) != 0, True),
            )
            for what, got, wanted in expected:
                if got != wanted:
                    raise Failed(f"{disk.name}: {what}: wanted {wanted}, got {got}")

    at_first = (
        ("its driver finds nothing to complain of", quiet),
        ("nvme-cli reads identity, namespaces, health and errors", asked),
    )
    between = (("all that was read was right, file systems are whole", pause),)
    at_last = (
        ("identity is the same, counters have counted on", same),
        ("all that was read was right, file systems are whole", finish),
    )
