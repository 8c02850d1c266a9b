#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every allocation of loading the mtty sample fails once, and nothing is left behind.
. "$(dirname "$0")/lib/lib.sh"
# expects: kobject_add_internal failed for .* \(error: -12|kobject_add error: -12|Call Trace:
. "$selftests/lib/fail_nth.sh"
need_module mdev-mtty
plan 2
modprobe -a mdev vfio vfio_iommu_type1
check "loading mdev_mtty" fail_nth insert "$MODULES/mdev-mtty.ko" ""
works() {
	load mdev-mtty
	create "$(mtty_type_node mtty-1)" "$(uuid 1)"
	remove "$(uuid 1)"
	unload mdev_mtty
}
check "after that, it loads and works" works
finish
