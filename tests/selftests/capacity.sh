#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The capacity of a device: a parameter to be set before it is used.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 7
load mdev-nvme
type=$(type_node mdev_nvme0 16m)
device=$(node "$(uuid 1)")
setup create "$type" "$(uuid 1)"
mib=1048576

sets() {
	equal default $((16 * mib)) "$(cat "$device/capacity")"
	accepts "$device/capacity" $((64 * mib))
	equal capacity $((64 * mib)) "$(cat "$device/capacity")"
	equal version "$(set_field "$(cat "$type/migration_version")" capacity $((64 * mib)))" "$(cat "$device/migration_version")"
	matches accepts ",capacity=$((64 * mib))," "$(cat "$device/migration_accepts")"
	accepts "$device/migration_version" "$(cat "$device/migration_version")"
	accepts "$device/capacity" "$((32 * mib))\\n" --escaped
	equal capacity $((32 * mib)) "$(cat "$device/capacity")"
}
budget() {
	accepts "$device/capacity" $((1024 * mib))
	equal available 0 "$(available "$type")"
	accepts "$device/capacity" $((512 * mib))
	equal available 32 "$(available "$type")"
	accepts "$device/capacity" $((16 * mib))
	equal available 63 "$(available "$type")"
}
bad() {
	local text
	accepts "$device/capacity" $((48 * mib))
	for text in 0 1 16777217 -16777216 abc '\n' 016777216 $((1040 * mib)) 18446744073709551615 18446744073709551616 16M; do
		refuses EINVAL "$device/capacity" "$text" --escaped
	done
	refuses EINVAL "$device/capacity" 16777216 --offset 1
	equal capacity $((48 * mib)) "$(cat "$device/capacity")"
}
no_room() {
	create "$(type_node mdev_nvme0 256m)" "$(uuid 2)"
	refuses ENOSPC "$device/capacity" $((1024 * mib))
	refuses ENOSPC "$device/capacity" $((784 * mib))
	accepts "$device/capacity" $((768 * mib))
	equal available 0 "$(available "$type")"
	refuses ENOSPC "$type/create" "$(uuid 3)"
	remove "$(uuid 2)"
	accepts "$device/capacity" $((16 * mib))
}
type_unmoved() {
	local before
	before=$(cat "$type"/migration_{version,accepts})
	accepts "$device/capacity" $((64 * mib))
	equal "the type" "$before" "$(cat "$type"/migration_{version,accepts})"
	# A type node asks what could be made, so a settable parameter is in range.
	accepts "$type/migration_version" "$(cat "$device/migration_version")"
}
interchangeable() {
	create "$(type_node mdev_nvme0 64m)" "$(uuid 2)"
	local other
	other=$(node "$(uuid 2)")
	accepts "$device/capacity" $((64 * mib))
	accepts "$other/migration_version" "$(cat "$device/migration_version")"
	accepts "$device/migration_version" "$(cat "$other/migration_version")"
	accepts "$device/capacity" $((16 * mib))
	refuses ERANGE "$other/migration_version" "$(cat "$device/migration_version")"
	refuses ERANGE "$device/migration_version" "$(cat "$other/migration_version")"
	# At a type node the type has to be the same.
	refuses EMEDIUMTYPE "$type/migration_version" "$(cat "$other/migration_version")"
	remove "$(uuid 2)"
}
returned() {
	accepts "$device/capacity" $((512 * mib))
	remove "$(uuid 1)"
	equal available 64 "$(available "$type")"
}
check "sets the capacity, and both lines follow" sets
check "takes from and gives back to the parent's budget" budget
check "misaligned, out of range or no number: EINVAL, and nothing changes" bad
check "no room: ENOSPC" no_room
check "the type's lines do not change" type_unmoved
check "a 16m device of 64 MiB and a 64m device accept each other, as they come they do not" interchangeable
check "removal gives all back" returned
finish
