#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a parent announces, and that its types' files, or its whole device's, are there by then.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 240
need_module mdev-nvme
plan 3
read -r edu < <(edu)
load mdev-nvme virtual_parents=0
modprobe -a mdev vfio vfio_iommu_type1
check "PCI parent: files are there at MDEV_STATE=registered, 60 times" python3 -E "$selftests/lib/uevents.py" pci "$edu" 60
whole() {
	bind_pci "$edu"
	python3 -E "$selftests/lib/uevents.py" whole "$edu" 60
	unbind_pci "$edu"
}
check "offered whole: its files are there at the event bind, 60 times" whole
unload mdev_nvme
check "virtual parents: files are there at MDEV_STATE=registered, 10 times" python3 -E "$selftests/lib/uevents.py" module "$MODULES/mdev-nvme.ko" 10
finish
