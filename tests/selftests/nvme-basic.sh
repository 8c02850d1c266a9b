#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a controller says of itself and what its commands do, through /dev/vfio.
# timeout: 600
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
load mdev-nvme
plan 7
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"

# A capacity that is set is what a guest finds, no matter which type the device is of.
set_capacity() {
	create "$(type_node mdev_nvme0 16m)" "$(uuid 2)"
	accepts "$(node "$(uuid 2)")/capacity" 50331648
	guest identify 2
	refuses EBUSY "$(node "$(uuid 2)")/capacity" 16777216
	remove "$(uuid 2)"
}

check "registers, Identify and migration_version agree" guest identify 1
check "and so they do of a device whose capacity was set, which can be set no more then" set_capacity
check "data of every length comes back, wherever it is in memory" guest transfers 1
check "Flush, Write Zeroes, Compare and Dataset Management" guest commands 1
check "all queues at once, full and wrapped" guest queues 1
check "the SMART log counts" guest counters 1
large_blocks() {
	create "$(type_node mdev_nvme0 64m_4k)" "$(uuid 2)"
	local task
	for task in identify transfers commands counters; do guest "$task" 2; done
	remove "$(uuid 2)"
}
check "the same with blocks of 4096 bytes" large_blocks
finish
