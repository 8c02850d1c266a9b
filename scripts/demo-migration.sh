#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# demo-migration.sh: in the virtual machine, a running guest is migrated live from one host's device
# to another's, and then refused. Two parents of the sample play the hosts.
set -euo pipefail

modprobe -a vfio mdev vfio_iommu_type1
modprobe kvm-amd 2>/dev/null || modprobe kvm-intel 2>/dev/null || :
insmod "$MODULES/mdev-mtty.ko" parents=2
parents=/sys/class/mdev_bus
python3 -B /project/tests/clients/harness/demo.py 11 \
	"$parents/mtty/mdev_supported_types/mtty-2" "$parents/mtty1/mdev_supported_types/mtty-2"
rmmod mdev_mtty
