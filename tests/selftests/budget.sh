#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# available_instances and the budget behind it, also under concurrency.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 240
need_module mdev-nvme
plan 5
load mdev-nvme virtual_parents=2

numbers() {
	local pair
	for pair in 16m:64 64m:16 256m:4 1g:1 4g:0 64m_4k:16 1g_4k:1 64m_local:16; do
		equal "${pair%:*}" "${pair#*:}" "$(available "$(type_node mdev_nvme0 "${pair%:*}")")"
	done
}
follows() {
	create "$(type_node mdev_nvme0 256m)" "$(uuid 1)"
	create "$(type_node mdev_nvme0 64m_local)" "$(uuid 2)"
	equal 16m 44 "$(available "$(type_node mdev_nvme0 16m)")"
	equal 1g 0 "$(available "$(type_node mdev_nvme0 1g)")"
	equal "other parent" 64 "$(available "$(type_node mdev_nvme1 16m)")"
	refuses ENOSPC "$(type_node mdev_nvme0 1g)/create" "$(uuid 3)"
	fails test -e "$(node "$(uuid 3)")"
	remove "$(uuid 1)"
	remove "$(uuid 2)"
	equal 16m 64 "$(available "$(type_node mdev_nvme0 16m)")"
}
too_large() { refuses ENOSPC "$(type_node mdev_nvme0 4g)/create" "$(uuid 1)"; }
full() {
	create "$(type_node mdev_nvme0 1g)" "$(uuid 1)"
	local type
	for type in 16m 64m 256m 1g 4g 64m_4k 1g_4k 64m_local; do
		equal "$type" 0 "$(available "$(type_node mdev_nvme0 "$type")")"
		refuses ENOSPC "$(type_node mdev_nvme0 "$type")/create" "$(uuid 2)"
	done
	remove "$(uuid 1)"
}
# Eight processes make 16m and 64m devices until there is no room, and remove their own,
# while a ninth reads the numbers.
concurrent() { python3 -E "$selftests/lib/budget.py" "$(type_node mdev_nvme0 16m)" "$(type_node mdev_nvme0 64m)"; }

check "numbers of an empty parent" numbers
check "they follow create and remove" follows
check "a type larger than the parent: ENOSPC" too_large
check "a full parent: ENOSPC for every type" full
check "eight at once: never more than the budget, only ENOSPC, all back at the end" concurrent
finish
