# SPDX-License-Identifier: GPL-2.0
"""vfio_exceeding.py UUID FILE KEY VALUE: a device is given a stream that was changed by hand: its version
string, which the device accepts, states VALUE for KEY, and its controller has more.

It must be refused with EINVAL by each interface, whatever is tried then, until a reset. The same stream
as it was must be taken after that.
"""

import errno
import struct
import sys

import vfio
import vfio_migration as migration

HEADER = 24
VERSION = 1


def crc32c(data):
    """Bit by bit, as the page on the stream's format says it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def line_of(stream):
    """The version string that it begins with."""
    kind, payload = next(migration.records(stream))
    assert kind == VERSION, f"it begins with kind {kind}"
    return payload.decode()


def stating(stream, key, value):
    """The stream with another value in its version string, of the same length, so that END still counts right."""
    before = line_of(stream)
    fields = [f"{key}={value}" if field.startswith(f"{key}=") else field for field in before.split(",")]
    line = ",".join(fields).encode()
    assert len(line) == len(before), line
    head = struct.pack("<5I", VERSION, len(line), 0, crc32c(line), 0)
    return head + struct.pack("<I", crc32c(head)) + line + stream[HEADER + len(line) :]


uuid, path, key, value = sys.argv[1:]
with open(path, "rb") as file:
    whole = file.read()
changed = stating(whole, key, value)
own = dict(field.split("=") for field in line_of(whole).split(",")[1:])[key]
assert value != own and stating(whole, key, own) == whole
with vfio.Device(uuid) as device:
    with open(f"/sys/bus/mdev/devices/{uuid}/migration_version", "w", encoding="ascii") as file:
        file.write(line_of(changed))
    for way, interface in migration.INTERFACES.items():
        with interface(device) as client:
            client.begin_load()
            loading = client.state
            vfio.refused(errno.EINVAL, client.write, changed)
            vfio.refused(errno.EINVAL, client.run)
            assert client.state == loading, f"{way}: the state is {client.state}"
        device.reset()
        migration.load(device, way, whole)
        device.reset()
