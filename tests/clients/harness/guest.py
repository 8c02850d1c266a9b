# SPDX-License-Identifier: GPL-2.0
"""One QEMU process with a guest in it, running or waiting for a migration."""

import base64
import glob
import itertools
import os
import re
import signal
import socket
import subprocess
import tempfile
import time

import clients
import emulated
import interrupts
import tasks
import uarts
from devices import read
from qmp import Qmp
from timeline import Failed, Late, Timeline, read_lines

INITRAMFS = "/project/build/clients/initramfs"
KERNEL = f"{clients.FOLDER}/kernel/vmlinux"
# An emulated machine in an emulated machine, on a host that has other things to do.
BOOT_SECONDS = 240
EXCHANGE_SECONDS = 120
COMMAND_SECONDS = 120
TRACES = (
    "vfio_migration_*", "vfio_vmstate_change*", "vfio_save_*", "vfio_load_*", "source_return_path_thread_switchover_acked"
)
# How often, in seconds, a wait for the guest looks whether KVM still runs it.
LOOK_SECONDS = 5
# What no guest's kernel may say, whatever its task.
COMPLAINTS = "Oops|BUG|Kernel panic|WARNING|Call Trace"


def parsed(line):
    """`progress time=1.5 port=ttyS1 ...` as (word, fields, line)."""
    line = line.strip()
    word, _, rest = line.partition(" ")
    return word, dict(pair.split("=", 1) for pair in rest.split() if "=" in pair), line


class Guest:
    """`incoming`: wait for a migration instead of booting. `options`: of the guest's program. `task`:
    what it does, which it brings along when it comes by a migration."""

    alive = []
    numbers = itertools.count(1)
    commands = itertools.count(1)

    def __init__(self, client, devices, incoming=False, options=(), properties=(), task=None):
        self.client, self.devices = client, devices
        self.task = task or tasks.of(devices[0].kind)(devices)
        self.complaints = re.compile(f"{COMPLAINTS}|{self.task.complaints}")
        self.name = f"{client} #{next(self.numbers)}"
        self.folder = tempfile.mkdtemp(prefix="client-")
        qmp, inner_qmp = socket.socketpair()
        events, inner_events = socket.socketpair()
        inner = (inner_qmp.fileno(), inner_events.fileno())
        command = [
            "setpriv", "--pdeathsig", "KILL", *client.command,
            # The old board: the one whose slots can be unplugged.
            "-machine", f"pc,accel={clients.accelerator()}", "-m", self.task.memory, "-nodefaults", "-display", "none",
            "-cpu", "host" if clients.accelerator() == "kvm" else "max",
            "-kernel", KERNEL, "-initrd", INITRAMFS,
            "-append", " ".join(["console=ttyS0", "loglevel=5", *self.task.options, *options]),
            "-serial", f"file:{self.folder}/console",
            *client.objects,
            "-chardev", f"socket,id=qmp,fd={inner[0]}", "-mon", "chardev=qmp,mode=control",
            "-chardev", f"socket,id=events,fd={inner[1]}",
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=events,name=events",
            *self.task.equipment(),
            "-D", f"{self.folder}/trace", *(word for trace in TRACES for word in ("-trace", trace)),
        ]
        for number, device in enumerate(devices):
            command += device.arguments(number, client, properties)
        # One that boots waits until its processors have their places; one that waits for a migration
        # must not be told to, or it would not run when it has arrived.
        command += ["-incoming", "defer"] if incoming else ["-S"]
        with open(f"{self.folder}/stderr", "wb") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, pass_fds=inner
            )
        inner_qmp.close()
        inner_events.close()
        self.alive.append(self)
        self.said = Timeline(f"{self.name}, guest")
        self.events = events
        read_lines(events.makefile("r", encoding="utf-8", errors="replace"), self.said, parsed)
        try:
            self.qmp = Qmp(self.name, qmp)
        except Failed as error:
            self.kill()
            raise Failed(f"{error}; it said: {self.errors()}") from error
        self.capabilities(events=True)
        for processor in self.qmp.execute("query-cpus-fast"):
            os.sched_setaffinity(processor["thread-id"], emulated.processors_for_guests())
        if not incoming:
            self.qmp.execute("cont")

    # --- the guest ---

    def said_after(self, wanted, seconds, mark, what):
        """The first (word, fields, line) for which `wanted` is true; a fault ends the wait, and so does
        KVM when it gives the guest up."""

        def look():
            if words := self.given_up():
                raise Late(f"{self.name}: KVM has given the guest up: {words}")

        item = self.said.wait(
            lambda item: item[0] in ("fault", "stall") or wanted(item), seconds, mark, what, (LOOK_SECONDS, look)
        )
        if item[0] in ("fault", "stall"):
            told = [f"the guest says: {item[2]}", *(self.standstill() if item[0] == "stall" else [])]
            raise Failed("\n".join(f"{self.name}: {line}" for line in told))
        return item

    def wait(self, wanted, seconds, mark=0, what=""):
        """The fields of the first line for which `wanted(word, fields)` is true."""
        return self.said_after(lambda item: wanted(item[0], item[1]), seconds, mark, what)[1]

    def hello(self, mark=0):
        """Waits until the guest has booted; the number of its boot."""
        boot = self.wait(lambda word, _: word == "hello", BOOT_SECONDS, mark, "boot of the guest")["boot"]
        self.task.boots(self, self.wait(lambda word, _: word == "ready", BOOT_SECONDS, mark, "guest that is ready"))
        return boot

    def idle(self):
        """Waits until the guest has booted and drives its disks, and gives it no work."""
        self.wait(lambda word, _: word == "ready", BOOT_SECONDS, 0, "guest that is ready")
        self.task.drive(self)

    def works_again(self, mark):
        """The same of a guest that was reset."""
        self.task.boots_again(self, self.wait(lambda word, _: word == "ready", BOOT_SECONDS, mark, "guest that is ready"))

    def exchange(self, steps=10, mark=None, seconds=EXCHANGE_SECONDS):
        """Waits until each part of the task has gone on by so many steps, by interrupts. How far each was
        by then, for `Guest.goes_on_from`."""
        mark = self.said.mark() if mark is None else mark
        first, last = {}, {}
        parts = sum(self.task.parts(device) for device in self.devices)

        def enough(word, fields):
            if word == "progress":
                first.setdefault(fields["of"], fields)
                last[fields["of"]] = fields
            return len(last) == parts and all(self.task.went_on(first[part], last[part], steps) for part in last)

        self.wait(enough, seconds, mark, lambda: f"{steps} steps of each of {parts} parts (so far {last})")
        return last

    def goes_on_from(self, before):
        """It is the same guest that had done this much: nothing began anew."""
        booted = [line for word, _, line in self.said.since() if word == "hello"]
        if booted:
            raise Failed(f"{self.name}: the guest booted again: {booted[-1]}")
        after = self.exchange(mark=0)
        for part, fields in before.items():
            for count in self.task.counts:
                if int(after[part][count]) < int(fields[count]):
                    raise Failed(f"{self.name}: {part} had {fields[count]} {count}, now it has {after[part][count]}")
        return after

    # --- commands, of a guest with programs ---

    def tell(self, line):
        try:
            self.events.sendall(f"{line}\n".encode())
        except OSError as error:
            raise Failed(f"{self.name}: {line}: {error}") from error

    def run(self, text, seconds=COMMAND_SECONDS):
        """What a command of the shell writes; it must succeed."""
        identifier = str(next(self.commands))
        mark = self.said.mark()
        self.tell(f"run {identifier} {text}")
        done = ("done", identifier)
        _, fields, _ = self.said_after(lambda item: tuple(item[2].split()[:2]) == done, seconds, mark, text)
        begin = f"out {identifier} "
        written = "\n".join(line[len(begin):] for _, _, line in self.said.since(mark) if f"{line} ".startswith(begin))
        if fields["status"] != "0":
            raise Failed(f"{self.name}: {text}: status {fields['status']}: {written}")
        return written

    def put(self, path, text):
        """Makes a file in the guest."""
        self.run(f"echo {base64.b64encode(text.encode()).decode()} | base64 -d >{path}")

    def keep(self, text):
        """Begins a command that goes on until `kept_ends`; it is a fault if it ends otherwise."""
        identifier = str(next(self.commands))
        self.tell(f"keep {identifier} {text}")
        return identifier

    def kept_ends(self, identifier, seconds):
        """Waits until it has ended well."""
        done = ["done", identifier]
        self.said_after(lambda item: item[2].split()[:2] == done, seconds, 0, f"end of command {identifier}")

    def watch(self, name):
        """From now on the guest reports this block device's progress."""
        self.tell(f"watch {name}")

    def unwatch(self, name):
        mark = self.said.mark()
        self.tell(f"unwatch {name}")
        self.said_after(lambda item: item[0] == "unwatched", COMMAND_SECONDS, mark, f"end of reports of {name}")

    def console(self):
        return self.tail("console", 100000)

    def healthy(self, asked_for=None):
        """No fault of the data, no complaint of the guest's kernel but what it was asked for."""
        for word, _, line in self.said.since():
            if word in ("fault", "stall"):
                raise Failed(f"{self.name}: the guest says: {line}")
        for line in self.console().splitlines():
            if self.complaints.search(line) and not (asked_for and asked_for in line):
                raise Failed(f"{self.name}: the guest's kernel says: {line}")

    # --- QEMU ---

    def capabilities(self, **states):
        self.qmp.execute(
            "migrate-set-capabilities",
            capabilities=[{"capability": name.replace("_", "-"), "state": on} for name, on in states.items()],
        )

    def parameters(self, **values):
        self.qmp.execute("migrate-set-parameters", **values)

    def status(self):
        return self.qmp.execute("query-status")["status"]

    def given_up(self):
        """If KVM could not go on with the guest: what QEMU says of that. Else nothing."""
        try:
            if self.process.poll() is not None or self.status() != "internal-error":
                return ""
        except Failed:
            return ""
        said = [line for line in self.tail("stderr", 1000).splitlines() if "KVM" in line]
        return said[0] if said else "status internal-error"

    def errors(self):
        """What QEMU wrote for people."""
        return self.tail("stderr", 10)

    def complains(self, text, seconds):
        """Waits until it has written this."""
        end = time.monotonic() + seconds
        while text not in self.errors():
            if time.monotonic() > end:
                raise Failed(f"{self.name}: no \"{text}\" within {seconds} s")
            time.sleep(0.1)

    def ended(self, seconds=20):
        """Waits until the process is gone."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{self.name}: still there after {seconds} s") from error
        if self in self.alive:
            self.alive.remove(self)

    def quit(self):
        if self.process.poll() is None:
            try:
                self.qmp.execute("quit")
            except Failed:
                # It may be gone before its answer is.
                pass
        self.ended()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.ended()

    def is_sending(self):
        """Whether it waits for somebody who does not read what it sends."""
        for thread in glob.glob(f"/proc/{self.process.pid}/task/*/stack"):
            try:
                if "sock_alloc_send" in read(thread):
                    return True
            except OSError:
                pass
        return False

    def halt(self):
        """The whole process stands still, until `resume`; it can be killed."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    # --- where it stood ---

    def trace(self):
        """What its VFIO devices did so far."""
        return self.tail("trace", 100000)

    def tail(self, name, lines):
        try:
            with open(f"{self.folder}/{name}", encoding="utf-8", errors="replace") as file:
                return "\n".join(line.rstrip() for line in file.readlines()[-lines:])
        except OSError:
            return ""

    def monitor(self, command):
        """What QEMU's monitor for people answers."""
        answer = self.qmp.execute("human-monitor-command", seconds=5, command_line=command)
        # Its lines end as a terminal's.
        return "\n".join(answer.splitlines())

    def machine(self):
        """Its processors, some times over: whether they move, which ports they read, what they wait for. Its
        interrupt controllers. What the threads of its process do in this kernel."""
        text = []
        registers = ["info registers -a"] * 4
        try:
            for command in ("info pic", "info lapic", *registers):
                answer = self.monitor(command)
                wanted = ("CPU#", "RIP", "RDX", "HLT", "isr", "ISR", "IRR", "irr", "LVTT", "Timer")
                text += [f"{command}: {line.strip()}" for line in answer.splitlines() if any(w in line for w in wanted)]
        except Failed as error:
            text.append(str(error))
        for thread in sorted(glob.glob(f"/proc/{self.process.pid}/task/*")):
            try:
                text.append(f"thread {read(thread + '/comm')}: {read(thread + '/stack').splitlines()[:4]}")
            except OSError as error:
                text.append(f"thread {thread}: {error}")
        return text

    def standstill(self):
        """Who waits for whom, if nothing comes any more: its interrupt lines, then its serial ports if it has said so
        of them. Reading their registers changes them: only what is told first of a guest is how it stood."""
        text = [interrupts.told(self.monitor)]
        stalls = [line for word, _, line in self.said.since() if word == "stall"]
        try:
            text += uarts.told(self.monitor, stalls[-1]) if stalls else []
        except Failed as error:
            text.append(str(error))
        return text

    def where(self):
        """All that tells how things stand, for somebody who was not there."""
        text = [f"--- {self.name}, process {self.process.pid}, status {self.process.poll()}"]
        if self.process.poll() is None:
            for query in ("query-status", "query-migrate"):
                try:
                    text.append(f"{query}: {self.qmp.execute(query, seconds=5)}")
                except Failed as error:
                    text.append(str(error))
            text += self.machine()
        events = [str(item) for item in self.qmp.said.since() if "event" in item] if hasattr(self, "qmp") else []
        text += ["last events:", *events[-8:]]
        text += ["last lines of the guest:", *(item[2] for item in self.said.since()[-6:])]
        for name, lines in (("console", 8), ("stderr", 40), ("trace", 12)):
            text += [f"last lines of its {name}:", self.tail(name, lines)]
        if self.process.poll() is None:
            # Last, as the end of a report is what is seen first.
            text += [f"{self.name}: {line}" for line in self.standstill()]
        return "\n".join(text)


def where():
    """Of all that live."""
    return "\n".join(guest.where() for guest in Guest.alive)


def kill_all():
    for guest in list(Guest.alive):
        guest.kill()
