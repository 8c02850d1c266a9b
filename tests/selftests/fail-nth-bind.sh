#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every allocation of binding a PCI function fails once, and nothing is left behind.
. "$(dirname "$0")/lib/lib.sh"
# expects: kobject_add_internal failed for .* \(error: -12|kobject_add error: -12|Call Trace:
. "$selftests/lib/fail_nth.sh"
need_module mdev-nvme
plan 3
load mdev-nvme virtual_parents=0
read -r ram < <(edu)
bar=$(ivshmem_of 67108864)

bind() {
	accepts "/sys/bus/pci/devices/$1/driver_override" mdev_nvme
	fail_nth bind "$1"
}
works() {
	local function
	for function in "$ram" "$bar"; do
		bind_pci "$function"
		create "$(type_node "$function" 16m)" "$(uuid 1)"
		remove "$(uuid 1)"
		unbind_pci "$function"
	done
}
check "a parent of RAM" bind "$ram"
check "a parent of a device's memory" bind "$bar"
check "after that, they bind and work" works
finish
