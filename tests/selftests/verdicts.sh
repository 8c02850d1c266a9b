#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's verdicts at live places against an evaluator written from the page alone.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 500
need_module mdev-nvme
need_module mdev-mtty
plan 5
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
mtty() {
	mapfile -t all < <(nodes /sys/class/mdev_bus/mtty)
	python3 -E "$selftests/lib/verdicts.py" kernel "${all[@]}" \
		"$(type_node mdev_nvme0 16m)"
}
load mdev-nvme
check "consistency of the 16m type and its devices" python3 -E "$selftests/lib/verdicts.py" consistency "$(type_node mdev_nvme0 16m)"
check "consistency of the 256m type and its devices" python3 -E "$selftests/lib/verdicts.py" consistency "$(type_node mdev_nvme0 256m)"
check "mdev_nvme, as it comes" nvme
check "mdev_nvme, with other settings" other_host
load mdev-mtty
check "mdev_mtty, beside mdev_nvme" mtty
finish
