# SPDX-License-Identifier: GPL-2.0
"""vfio_states.py TEST SOURCE TARGET [ARGUMENT...]: what a device states and writes, around a migration.

SOURCE and TARGET are the uuids of two devices of two ports of mdev_mtty, on parents of their own.
"""

import errno
import os
import sys
import threading

import vfio
import vfio_migration as migration
import vfio_port

WAYS = migration.INTERFACES


def node(uuid, name):
    return f"/sys/bus/mdev/devices/{uuid}/{name}"


def read(uuid, name):
    with open(node(uuid, name), encoding="ascii") as file:
        return file.read()


def write(uuid, name, text):
    fd = os.open(node(uuid, name), os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def equal(what, wanted, got):
    assert wanted == got, f"{what}: wanted {wanted!r}, got {got!r}"


def stated(uuid, version):
    line = read(uuid, "migration_version")
    assert line.endswith(f",state={version}\n"), f"states {line!r}, wanted state {version}"


def chosen(source, target):
    """The version in force is the one chosen; what is accepted stays."""
    accepts = read(source, "migration_accepts")
    equal("at first", "1 [2]\n", read(source, "state_version"))
    stated(source, 2)
    write(source, "state_version", "1\n")
    equal("the older", "[1] 2\n", read(source, "state_version"))
    stated(source, 1)
    for bad in ("0", "3", "02", "two", "-1", "1 2", "18446744073709551616", "\n"):
        vfio.refused(errno.EINVAL, write, source, "state_version", bad)
    stated(source, 1)
    equal("accepted", accepts, read(source, "migration_accepts"))
    write(source, "state_version", "2")
    stated(source, 2)


def busy(source, target):
    """While a save is open the version stays, by whichever interface; a cancel frees it."""
    for way in WAYS.values():
        with vfio.Device(source) as device, way(device) as m:
            for go in (m.begin_save, m.stop):
                go()
                vfio.refused(errno.EBUSY, write, source, "state_version", "1")
                stated(source, 2)
            m.run()
            write(source, "state_version", "1")
            write(source, "state_version", "2")
            # A load is no save.
            m.begin_load()
            write(source, "state_version", "1")
            write(source, "state_version", "2")
            device.reset()


def carries(source, target):
    """What a version cannot carry is not dropped: the save fails when it starts, or at the stop."""
    for way in WAYS.values():
        with vfio.Device(source) as device, way(device) as m:
            port = vfio_port.Port(device)
            port.start(trigger=2)
            write(source, "state_version", "1")
            running = m.state
            vfio.refused(errno.ERANGE, m.begin_save)
            equal("the state", running, m.state)
            vfio.refused(errno.ERANGE, m.stop)
            m.run()
            port.start()
            m.begin_save()
            saving = m.state
            port.start(trigger=1)
            vfio.refused(errno.ERANGE, m.stop)
            assert m.state in (saving, migration.PRE_COPY_P2P), m.state
            # It goes on, and is saved when that is gone.
            m.run()
            port.start()
            m.begin_save()
            m.stop()
            m.run()
            write(source, "state_version", "2")


def talk(device, text):
    """Bytes that stay in the second port's receiver."""
    for byte in text:
        vfio_port.Port(device)[vfio_port.RX] = byte


def hear(device, text):
    port = vfio_port.Port(device, 1)
    equal("received", text, bytes(port[vfio_port.RX] for _ in text))


def rolling(source, target):
    """New to old is refused while the source runs, taken in the old version; and back again."""
    for name, way in WAYS.items():
        with vfio.Device(source) as new, vfio.Device(target) as old:
            for device in (new, old):
                vfio_port.other(device, 2)
            talk(new, b"upgrade")
            with way(new) as saving, way(old) as loading:
                saving.begin_save()
                loading.begin_load()
                vfio.refused(errno.EPROTONOSUPPORT, loading.write, saving.read())
                saving.run()
                old.reset()
            hear(new, b"upgr")
            talk(new, b"d!")
            write(source, "state_version", "1")
            migration.load(old, name, migration.save(new, name))
            hear(old, b"aded!")
            talk(old, b"and back")
            migration.load(new, name, migration.save(old, name))
            hear(new, b"and back")
            # It states what it came from, a reset included, until it is closed.
            new.reset()
            equal("after a load", "[1] 2\n", read(source, "state_version"))
            write(source, "state_version", "2")


def source_states(source, target):
    """After a load a device writes its source's version, until the last close."""
    for way in WAYS:
        with vfio.Device(source) as new, vfio.Device(target) as old:
            stated(source, 2)
            migration.load(new, way, migration.save(old, way))
            stated(source, 1)
            equal("taken over", "[1] 2\n", read(source, "state_version"))
            assert "state=1..2" in read(source, "migration_accepts")
            new.reset()
            stated(source, 1)
        stated(source, 2)


def failed(source, target):
    """In ERROR there is nothing to ask; a reset revives the device."""
    vfio.refused(errno.ENODEV, write, source, "fail", "1")
    line = read(source, "migration_version")
    for way in WAYS.values():
        with vfio.Device(source) as device, way(device) as m:
            event = vfio.eventfd()
            device.attach(vfio.ERR, event)
            equal("fail", "0\n", read(source, "fail"))
            vfio.refused(errno.EINVAL, write, source, "fail", "2")
            m.begin_save()
            write(source, "fail", "1")
            equal("fail", "1\n", read(source, "fail"))
            equal("ERR", 1, vfio.signals(event, 10))
            equal("the state", 0 if way is migration.V2 else 6, m.state)
            for name in ("migration_version", "migration_accepts"):
                vfio.refused(errno.ENODEV, read, source, name)
            vfio.refused(errno.ENODEV, write, source, "migration_version", line)
            for go in (m.run, m.stop, m.begin_save, m.begin_load):
                vfio.refused(errno.EINVAL if way is migration.V2 else errno.EIO, go)
            vfio.refused(errno.EBUSY, device.read, 0, 0, 1)
            device.reset()
            equal("revived", line, read(source, "migration_version"))
            write(source, "migration_version", line)
            vfio_port.Port(device)[vfio_port.SCR] = 7
            m.begin_save()
            m.run()
            write(source, "fail", "1")
        equal("after the close", line, read(source, "migration_version"))


def answers(uuid, questions):
    """What the device states and accepts, and what it answers to each question: 0 or an errno."""
    got = [read(uuid, "migration_version"), read(uuid, "migration_accepts")]
    for question in questions:
        try:
            write(uuid, "migration_version", question)
            got.append(0)
        except OSError as error:
            got.append(error.errno)
    return got


def asked(source, target):
    """Whatever a device is at, it states and answers what it does when it is idle."""
    line = read(source, "migration_version")
    questions = (line, line.replace("state=2", "state=3"), line.replace("=mtty-2,", "=mtty-1,"), "\n")
    idle = answers(source, questions)
    equal("idle", [0, errno.EPROTONOSUPPORT, errno.EMEDIUMTYPE, errno.EINVAL], idle[2:])
    with vfio.Device(target) as device:
        stream = migration.save(device, "v2")
    stated(target, 1)
    saves = {
        "v1": (1, 3, 2, 0),
        "v2": (2, 5, 6, 7, migration.STOP_COPY, migration.STOP),
    }
    for name, way in WAYS.items():
        with vfio.Device(source) as device, way(device) as m:
            for state in saves[name]:
                m.state = state
                equal(f"{name}, state {state}", idle, answers(source, questions))
            m.begin_load()
            # What is loaded counts once it is in force, and not before.
            for piece in (b"", stream[: len(stream) // 2], stream[len(stream) // 2 :]):
                m.write(piece)
                equal(f"{name}, {len(piece)} bytes more loaded", idle, answers(source, questions))
            device.reset()
            equal(f"{name}, reset", idle, answers(source, questions))
        equal(f"{name}, closed", idle, answers(source, questions))


def removed(source, target):
    """Who has a file of a device that is being removed gets ENODEV, also as long as it is open."""
    with vfio.Device(source) as device:
        event = vfio.eventfd()
        device.attach(vfio.REQ, event)
        version = os.open(device.node + "/migration_version", os.O_RDWR)
        accepts = os.open(device.node + "/migration_accepts", os.O_RDONLY)
        line = os.pread(version, 4096, 0)
        os.pwrite(version, line, 0)
        remover = threading.Thread(target=write, args=(source, "remove", "1"))
        remover.start()
        assert vfio.signals(event, 60), "the user was not asked for the device"
        for file in (version, accepts):
            vfio.refused(errno.ENODEV, os.pread, file, 4096, 0)
        vfio.refused(errno.ENODEV, os.pwrite, version, line, 0)
        vfio.refused(errno.ENOENT, os.open, device.node + "/migration_version", os.O_RDONLY)
        assert remover.is_alive() and os.path.exists(device.node), "it did not wait for its user"
    remover.join(60)
    assert not os.path.exists(device.node), "it is still there"


def registers(device):
    """Values that differ in all that a version carries. No interrupt is let through."""
    near, far = vfio_port.other(device, 2)
    for port, base in ((near, 0x10), (far, 0x20)):
        port[vfio_port.LCR] = 0x83
        port[0], port[1] = base + 1, base + 2
        port[vfio_port.LCR] = 0x03
        port[vfio_port.SCR] = base + 3
    near[vfio_port.MCR] = vfio_port.RTS
    talk(device, b"golden")


def golden(source, target, folder, bless):
    """Streams as they were first written load for ever, and are written again alike."""
    for version in (1, 2):
        path = f"{folder}/mdev_mtty-state-{version}.bin"
        with vfio.Device(source) as device:
            if bless == "1":
                write(source, "state_version", str(version))
                registers(device)
                if version == 2:
                    vfio_port.Port(device)[vfio_port.IIR] = 0x81
                with open(path, "wb") as file:
                    file.write(migration.save(device, "v2"))
                device.reset()
                write(source, "state_version", "2")
            with open(path, "rb") as file:
                stream = file.read()
            for way in WAYS:
                migration.load(device, way, stream)
                hear(device, b"golden")
                migration.load(device, way, stream)
                equal(f"version {version}, saved again by {way}", stream, migration.save(device, way))
                device.reset()


def played(source, target, version):
    """A device whose parent plays `version` gives and takes streams that name it."""
    for way in WAYS:
        with vfio.Device(source) as device:
            vfio_port.other(device, 2)
            talk(device, b"later")
            stream = migration.save(device, way)
            (_, line), *_ = migration.records(stream)
            assert line.decode().endswith(f",state={version}"), line
            device.reset()
            migration.load(device, way, stream)
            hear(device, b"later")
        with vfio.Device(target) as device, WAYS[way](device) as m:
            m.begin_load()
            vfio.refused(errno.EPROTONOSUPPORT, m.write, stream)


def offers(source, target, only):
    """Of the two interfaces a device has this one alone, and can be migrated by it."""
    with vfio.Device(source) as device:
        equal("regions", 10 if only == "v1" else 9, device.info()[2])
        migration.load(device, only, migration.save(device, only))
        if only == "v1":
            with migration.V2(device) as m:
                vfio.refused(errno.ENOTTY, lambda: m.state)
        else:
            vfio.refused(errno.EINVAL, device.region, migration.REGION)
    assert read(source, "migration_version")


name, *arguments = sys.argv[1:]
globals()[name](*arguments)
