#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# in-vm-guest.sh: measures, inside the virtual machine, what a guest gets out of a device. By real time:
# where KVM runs the guest on an emulated processor, only ratios mean anything.
set -euo pipefail

modprobe -a mdev vfio vfio_iommu_type1
modprobe kvm-amd 2>/dev/null || modprobe kvm-intel 2>/dev/null || :
insmod "$MODULES/mdev-nvme.ko"
exec python3 -B /project/tests/clients/harness/compare.py 11 \
	/sys/class/mdev_bus/mdev_nvme0/mdev_supported_types/mdev_nvme-64m
