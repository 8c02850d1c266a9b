# SPDX-License-Identifier: GPL-2.0
"""The migration of an open VFIO device, through either client interface."""

import os
import struct

import vfio

FEATURE = 0x3B75
GET, SET = 1 << 16, 1 << 17
STATE = 2
ERROR, STOP, RUNNING, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY, PRE_COPY_P2P = range(8)

REGION = 9
DATA = 0x1000
SECTION = 1 << 20


class V2:
    """By the feature ioctls and data files."""

    def __init__(self, device):
        self.device = device
        self.file = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.forget()

    def forget(self):
        if self.file is not None:
            os.close(self.file)
            self.file = None

    def feature(self, flags, state):
        _, got = vfio.ioctl(self.device.fd, FEATURE, struct.pack("4I", 16, flags | STATE, state, 0))
        return struct.unpack("2Ii", got[4:16])[1:]

    @property
    def state(self):
        return self.feature(GET, 0)[0]

    @state.setter
    def state(self, state):
        _, file = self.feature(SET, state)
        if file >= 0:
            self.forget()
            self.file = file

    def read(self):
        """All that there is to read now."""
        pieces = []
        while True:
            try:
                piece = os.read(self.file, SECTION)
            except OSError as error:
                if error.errno != 42:  # ENOMSG
                    raise
                piece = b""
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)

    def write(self, stream):
        while stream:
            stream = stream[os.write(self.file, stream):]

    def begin_save(self):
        self.state = PRE_COPY

    def stop(self):
        self.state = STOP_COPY

    def begin_load(self):
        self.state = RESUMING

    def run(self):
        self.state = RUNNING


class V1:
    """By the migration region. Its states are RUNNING 1, SAVING 2, RESUMING 4, and sums of them."""

    def __init__(self, device):
        self.device = device

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def register(self, offset):
        return struct.unpack("Q", self.device.read(REGION, offset, 8))[0]

    @property
    def state(self):
        return struct.unpack("I", self.device.read(REGION, 0, 4))[0]

    @state.setter
    def state(self, state):
        self.device.write(REGION, 0, struct.pack("I", state))

    def read(self):
        pieces = []
        while self.register(8):
            size = self.register(24)
            pieces.append(self.device.read(REGION, self.register(16), size))
        return b"".join(pieces)

    def write(self, stream):
        for at in range(0, len(stream), SECTION):
            piece = stream[at : at + SECTION]
            self.device.write(REGION, DATA, piece)
            self.device.write(REGION, 24, struct.pack("Q", len(piece)))

    def begin_save(self):
        self.state = 3

    def stop(self):
        self.state = 2

    def begin_load(self):
        self.state = 4

    def run(self):
        self.state = 1


INTERFACES = {"v1": V1, "v2": V2}


def save(device, interface):
    """The whole stream of a running device, which is stopped then."""
    with INTERFACES[interface](device) as migration:
        migration.begin_save()
        stream = migration.read()
        migration.stop()
        return stream + migration.read()


def load(device, interface, stream):
    """Makes a running device what a stream says, running again."""
    with INTERFACES[interface](device) as migration:
        migration.begin_load()
        migration.write(stream)
        migration.run()


def records(stream):
    """The kinds and payloads of a stream."""
    while stream:
        kind, length = struct.unpack_from("<2I", stream)
        yield kind, stream[24 : 24 + length]
        stream = stream[24 + length :]
