#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's verdicts at live places against an evaluator written from the page alone.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 500
need_module mdev-nvme
need_module mdev-mtty
plan 7
nodes() { ls -d "$1"/mdev_supported_types/* | grep -v _local; }

nvme() {
	mapfile -t all < <(nodes "$(parent)")
	python3 -E "$selftests/lib/verdicts.py" kernel "${all[@]}"
}
other_host() {
	local settings
	settings=$(parent)/settings
	accepts "$settings/state_range" 1..2
	accepts "$settings/features" 0x1
	accepts "$settings/capacity" 8589934592
	nvme
}
consistency() { python3 -E "$selftests/lib/verdicts.py" consistency "$@"; }
# consistent PARENT TYPE...: those of a parent of mdev_nvme.
consistent() {
	local type nodes=()
	for type in "${@:2}"; do nodes+=("$(type_node "$1" "$type")"); done
	consistency "${nodes[@]}"
}
too_large() { python3 -E "$selftests/lib/verdicts.py" never "$(type_node mdev_nvme0 4g)"; }
mtty() {
	mapfile -t all < <(nodes /sys/class/mdev_bus/mtty)
	python3 -E "$selftests/lib/verdicts.py" kernel "${all[@]}" \
		"$(type_node mdev_nvme0 16m)"
}
load mdev-nvme
check "consistency of types and their devices: mdev_nvme, as it comes" consistent mdev_nvme0 16m 256m 1g 64m_4k
check "a type that is larger than its parent accepts nothing and makes no device" too_large
check "mdev_nvme, as it comes" nvme
check "mdev_nvme, with other settings" other_host
# On that parent there is room for the largest type.
check "consistency with these settings" consistent mdev_nvme0 16m 4g
load mdev-mtty
check "consistency of mdev_mtty" consistency /sys/class/mdev_bus/mtty/mdev_supported_types/*
check "mdev_mtty, beside mdev_nvme" mtty
finish
