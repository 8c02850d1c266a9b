#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every allocation of creating a device fails once, and nothing is left behind.
. "$(dirname "$0")/lib/lib.sh"
# VFIO warns of a group that it could not make visible, and forgets that group's IOMMU group:
# 13 times with the kernel's own mtty too, so only that very line is expected.
# expects: kobject_add_internal failed for .* \(error: -12|kobject_add error: -12|WARNING: drivers/vfio/group\.c:[0-9]+ at vfio_group_release\+|Call Trace:
. "$selftests/lib/fail_nth.sh"
need_module mdev-nvme
need_module mdev-mtty
plan 3
load mdev-nvme
load mdev-mtty
works() {
	local node
	for node in "$(type_node mdev_nvme0 16m)" "$(type_node mdev_nvme0 64m_local)" "$(mtty_type_node mtty-1)"; do
		create "$node" "$(uuid 1)"
		remove "$(uuid 1)"
	done
	unload mdev_nvme
	unload mdev_mtty
}
check "mdev_nvme" fail_nth create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
check "mdev_mtty" fail_nth create "$(mtty_type_node mtty-1)" "$(uuid 1)"
check "after that, devices are made and the modules go" works
finish
