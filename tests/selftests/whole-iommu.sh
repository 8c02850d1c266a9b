#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Functions offered whole on a machine with an IOMMU, where each function is in a group already.
# machine: iommu
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
plan 5
load mdev-nvme virtual_parents=0
bar=$(ivshmem_of 67108864)
mapfile -t edus < <(edu)
ram=${edus[0]}
setup bind_pci "$bar"
setup bind_pci "$ram"

group_of() { basename "$(readlink "$1/iommu_group")"; }
in_groups() {
	local address
	for address in "$bar" "$ram"; do
		matches "the group of $address" '^[0-9]+$' "$(group_of "/sys/bus/pci/devices/$address")"
		equal "groups of VFIO" 0 "$(ls -d "/dev/vfio/$(group_of "/sys/bus/pci/devices/$address")" 2>/dev/null | wc -l)"
	done
}
own_group() {
	local address child before
	for address in "$bar" "$ram"; do
		before=$(group_of "/sys/bus/pci/devices/$address")
		offer_whole "$address"
		child=$(whole_of "$address")
		fails equal "groups" "$before" "$(group_of "$child")"
		[[ -c /dev/vfio/$(group_of "$child") ]]
		equal "the function's group" "$before" "$(group_of "/sys/bus/pci/devices/$address")"
		equal "devices in the child's group" "${child##*/}" "$(ls "$child/iommu_group/devices")"
		equal "its name" vfio-noiommu "$(cat "$child/iommu_group/name")"
	done
}
verdicts() {
	local child mdev
	end_whole "$ram"
	create "$(type_node "$ram" 64m)" "$(uuid 1)"
	mdev=$(node "$(uuid 1)")
	child=$(whole_of "$bar")
	accepts "$child/migration_version" "$(cat "$mdev/migration_version")"
	accepts "$mdev/migration_version" "$(cat "$child/migration_version")"
	remove "$(uuid 1)"
}
moved() {
	create "$(type_node "$ram" 64m)" "$(uuid 1)"
	guest move 1 --peer "$(whole_of "$bar")" --kib 2048
	remove "$(uuid 1)"
}
ended() {
	local before
	before=$(group_of "/sys/bus/pci/devices/$bar")
	end_whole "$bar"
	equal "the function's group" "$before" "$(group_of "/sys/bus/pci/devices/$bar")"
	offer_whole "$bar"
	unbind_pci "$bar"
	equal "the function's group" "$before" "$(group_of "/sys/bus/pci/devices/$bar")"
}
check "each function is in a group of the IOMMU's" in_groups
check "its whole device is in one of its own" own_group
check "verdicts as on any machine" verdicts
check "mdev -> whole -> mdev -> whole, at work" moved
check "taken back and unbound, the function's group is as before" ended
finish
