#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a parent announces, and that its types' files are there by then.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 240
need_module mdev-nvme
plan 2
read -r edu < <(edu)
load mdev-nvme virtual_parents=0
modprobe -a mdev vfio vfio_iommu_type1
check "PCI parent: files are there at MDEV_STATE=registered, 60 times" python3 -E "$selftests/lib/uevents.py" pci "$edu" 60
unload mdev_nvme
check "virtual parents: files are there at MDEV_STATE=registered, 10 times" python3 -E "$selftests/lib/uevents.py" module "$MODULES/mdev-nvme.ko" 10
finish
