# SPDX-License-Identifier: GPL-2.0
"""What a guest does with its devices: how it is equipped, what counts as going on, what is wrong."""

import os

import disk
import serial


def of(node):
    """The task that goes with devices of this type."""
    return disk.Task if os.path.basename(node).startswith("mdev_nvme-") else serial.Task
