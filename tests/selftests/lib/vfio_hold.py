# SPDX-License-Identifier: GPL-2.0
"""vfio_hold.py UUID WAY [deaf]: holds a device open until it reads a line.

Says "open", then "asked" each time that its user is asked for the device. Who is deaf listens to
no request.
"""

import select
import sys

import vfio

with vfio.Device(*sys.argv[1:3]) as device:
    event = vfio.eventfd()
    if "deaf" not in sys.argv:
        device.attach(vfio.REQ, event)
    print("open", flush=True)
    while sys.stdin not in (ready := select.select([event, sys.stdin], [], [])[0]):
        assert ready == [event] and vfio.signals(event)
        print("asked", flush=True)
