#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The life of the media: it is the disk, so it survives closing and resets, and goes with its device.
# timeout: 600
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
load mdev-nvme virtual_parents=1
plan 7
small=$(ivshmem_of 67108864)
setup bind_pci "$small"

closing() {
	create "$1" "$(uuid 1)"
	guest blank 1
	guest fill 1 --seed 5
	guest verify 1 --seed 5
	guest verify 1 --seed 5
}
resets() { guest reset 1 --seed 6; }
# new TYPE-NODE: a device takes the place of another that has written all of its media.
new() {
	guest fill 1 --seed 7 --kib 16384
	remove "$(uuid 1)"
	create "$1" "$(uuid 1)"
	guest blank 1
	remove "$(uuid 1)"
}
# How the kernel has mapped which memory.
memory_types=/sys/kernel/debug/x86/pat_memtype_list
combined() {
	local start end mapped
	read -r start end _ < <(sed -n 3p "/sys/bus/pci/devices/$small/resource")
	mapped="[mem $start-$(printf '0x%016x' $((end + 1)))]"
	equal "the mapping" "PAT: $mapped write-combining" "$(grep -F "$mapped" "$memory_types")"
}
if [[ -e $memory_types ]]; then
	check "a BAR is mapped write-combining" combined
else
	skip "a BAR is mapped write-combining" "the kernel has no $memory_types"
fi
for media in "memory:$(type_node mdev_nvme0 16m)" "a BAR:$(type_node "$small" 16m)"; do
	what=${media%%:*} type=${media#*:}
	check "$what: contents are there when the device is opened again" closing "$type"
	check "$what: and after resets of the controller and of the device" resets
	check "$what: a new device does not see what an earlier one left" new "$type"
done
unbind_pci "$small" >/dev/null
finish
