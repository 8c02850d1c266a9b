#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every allocation of offering a function whole fails once, and nothing is left behind.
. "$(dirname "$0")/lib/lib.sh"
# As in fail-nth-create.
# expects: kobject_add_internal failed for .* \(error: -12|kobject_add error: -12|WARNING: drivers/vfio/group\.c:[0-9]+ at vfio_group_release\+|Call Trace:
. "$selftests/lib/fail_nth.sh"
need_module mdev-nvme
plan 2
load mdev-nvme virtual_parents=0
bar=$(ivshmem_of 67108864)
setup bind_pci "$bar"
works() {
	offer_whole "$bar"
	end_whole "$bar"
	create "$(type_node "$bar" 16m)" "$(uuid 1)"
	remove "$(uuid 1)"
	unload mdev_nvme
}
check "offered whole" fail_nth offer "$bar"
check "after that, it is offered, a device is made and the module goes" works
finish
