# SPDX-License-Identifier: GPL-2.0
"""vfio_hold.py UUID WAY [deaf|file]: holds a device open until it reads a line.

Says "open", then "asked" each time that its user is asked for the device. Who is deaf listens to
no request. With "file" it is not the device but a file of its migration that is held; at the end
that says "dead" if it is.
"""

import errno
import os
import select
import sys

import vfio


def hold_device(device, deaf):
    event = vfio.eventfd()
    if not deaf:
        device.attach(vfio.REQ, event)
    print("open", flush=True)
    while sys.stdin not in (ready := select.select([event, sys.stdin], [], [])[0]):
        assert ready == [event] and vfio.signals(event)
        print("asked", flush=True)


def hold_file(file):
    print("open", flush=True)
    sys.stdin.readline()
    vfio.refused(errno.ENODEV, os.read, file, 1)
    print("dead", flush=True)


with vfio.Device(*sys.argv[1:3]) as device:
    if "file" in sys.argv:
        file = device.set_state(vfio.STOP_COPY)
    else:
        hold_device(device, "deaf" in sys.argv)
if "file" in sys.argv:
    hold_file(file)
