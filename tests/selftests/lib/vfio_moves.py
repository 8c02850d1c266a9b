# SPDX-License-Identifier: GPL-2.0
"""vfio_moves.py TEST SOURCE TARGET: two devices of mdev_moves, which may have initial data anew, or
one interface each.

What they do is in tests/drivers/mdev_moves.rs.
"""

import os
import struct
import sys

import vfio
import vfio_migration as migration

GET_PRECOPY_INFO = 0x3B79
PRECOPY_INFO_V2 = 12
REINIT = 1
ALL = 0xFFFFFFFF
# Of a record; and the bytes of the device in one.
HEADER, PIECE = 24, 64


def equal(what, wanted, got):
    assert wanted == got, f"{what}: wanted {wanted!r}, got {got!r}"


def records(count):
    """The length of the records of so many bytes."""
    return count + -(-count // PIECE) * HEADER


class Holder(vfio.Device):
    """The device, which holds as many bytes as it is told."""

    def __init__(self, uuid):
        super().__init__(uuid)
        self.command(vfio.MEMORY)

    def opt_in(self):
        vfio.ioctl(self.fd, vfio.FEATURE, struct.pack("2I", 8, vfio.FEATURE_SET | PRECOPY_INFO_V2))

    def hold(self, more):
        self.write(0, 0, struct.pack("Q", more))

    @property
    def held(self):
        return struct.unpack("Q", self.read(0, 0, 8))[0]


def info(m, flags=ALL):
    """Flags, initial and dirty bytes, by a request with these flags."""
    _, got = vfio.ioctl(m.file, GET_PRECOPY_INFO, struct.pack("2I2Q", 24, flags, 0, 0))
    return struct.unpack("2I2Q", got)[1:]


def told(source, target):
    """The flag is there from the moment that there is new initial data until that is read."""
    with Holder(source) as device, migration.V2(device) as m:
        device.opt_in()
        device.hold(PIECE)
        m.begin_save()
        flags, initial, dirty = info(m)
        equal("flags and dirty bytes at first", (0, 0), (flags, dirty))
        assert initial > records(PIECE), initial
        m.read()
        equal("all is read", (0, 0, 0), info(m))
        for more in (1, 3 * PIECE - 1):
            device.hold(more)
            for state in (migration.PRE_COPY_P2P, migration.PRE_COPY):
                m.state = state
                equal(f"{more} bytes more", (REINIT, records(more), 0), info(m))
                equal("no flags asked with", (REINIT, records(more), 0), info(m, 0))
            if more > PIECE:
                os.read(m.file, 10)
                equal("10 bytes of it are read", (REINIT, records(more) - 10, 0), info(m))
            m.read()
            equal("all of it is read", (0, 0, 0), info(m))
        device.hold(1)
        equal("before a new save", (REINIT, records(1), 0), info(m))
        m.run()
        m.begin_save()
        equal("nothing is new to a new save", 0, info(m)[0])


def untold(source, target):
    """Without the opt-in no bit changes; it ends with the last close, and can come late."""
    for opted in (False, True):
        with Holder(source) as device, migration.V2(device) as m:
            m.begin_save()
            m.read()
            device.hold(2)
            for flags in (0, REINIT, ALL & ~REINIT, ALL):
                equal(f"flags {flags:#x}, opted in before: {opted}", (flags, records(2), 0), info(m, flags))
            device.opt_in()
            equal("opted in by now", (REINIT, records(2), 0), info(m))


def arrives(source, target):
    """What came late is in the stream, by each interface."""
    for name, way in migration.INTERFACES.items():
        for early in (True, False):
            with Holder(source) as device, way(device) as m, Holder(target) as peer:
                device.hold(100)
                m.begin_save()
                stream = m.read()
                device.hold(200)
                if early:
                    stream += m.read()
                m.stop()
                stream += m.read()
                migration.load(peer, name, stream)
                equal(f"by {name}, early: {early}", 300, peer.held)


def across(source, target):
    """The bytes are the same, whichever interface each of the two has."""
    with Holder(source) as device, Holder(target) as peer:
        device.hold(100)
        ways = ("v1", "v2") if device.info()[2] > migration.REGION else ("v2", "v1")
        migration.load(peer, ways[1], migration.save(device, ways[0]))
        equal("held", 100, peer.held)


TESTS = {test.__name__: test for test in (told, untold, arrives, across)}

if __name__ == "__main__":
    TESTS[sys.argv[1]](*sys.argv[2:])
