#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Readers, writers, makers and removers of devices while the parent is unbound, all at once.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 240
need_module mdev-nvme
plan 2
load mdev-nvme
read -r edu < <(edu)
setup bind_pci "$edu"
check "only answers that are allowed, and all sorts of them" python3 -E "$selftests/lib/stress.py" "$edu"
after() {
	[[ -e /sys/class/mdev_bus/$edu ]] || bind_pci "$edu"
	# Those that nobody removed any more go with the parent, and all comes back.
	unbind_pci "$edu"
	equal "devices" "" "$(ls "$mdev_devices")"
	no_groups
	bind_pci "$edu"
	equal available 1 "$(available "$(type_node "$edu" 1g)")"
	create "$(type_node "$edu" 1g)" "$(uuid 1)"
	accepts "$(node "$(uuid 1)")/migration_version" "$(cat "$(type_node "$edu" 1g)/migration_version")"
	remove "$(uuid 1)"
	unbind_pci "$edu"
}
check "the parent works after that" after
finish
