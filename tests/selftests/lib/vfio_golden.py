# SPDX-License-Identifier: GPL-2.0
"""vfio_golden.py save UUID FILE | again UUID FILE: a device's stream as a file.

`save` writes what the device gives. `again` lets the device take the file, by each interface, and fails
unless it gives the same bytes; it is left with what it took.
"""

import sys

import vfio
import vfio_migration as migration

task, uuid, path = sys.argv[1:]
with vfio.Device(uuid) as device:
    if task == "save":
        with open(path, "wb") as file:
            file.write(migration.save(device, "v2"))
    else:
        with open(path, "rb") as file:
            stream = file.read()
        for way in migration.INTERFACES:
            migration.load(device, way, stream)
            again = migration.save(device, way)
            assert again == stream, f"by {way}: {len(again)} bytes, wanted {len(stream)}, or others"
            device.reset()
