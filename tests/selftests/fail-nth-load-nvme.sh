#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every allocation of loading mdev_nvme with a parent fails once, and nothing is left behind.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 300
# expects: kobject_add_internal failed for .* \(error: -12|kobject_add error: -12|Call Trace:
. "$selftests/lib/fail_nth.sh"
need_module mdev-nvme
plan 2
modprobe -a mdev vfio vfio_iommu_type1
check "loading mdev_nvme with a parent" fail_nth insert "$MODULES/mdev-nvme.ko" virtual_parents=1
works() {
	load mdev-nvme
	create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
	remove "$(uuid 1)"
	unload mdev_nvme
}
check "after that, it loads and works" works
finish
