#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The mtty sample: types, strings, ports, and the C mtty that it cannot be loaded beside.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-mtty
peer=$(peer_mtty)
plan 10
types=/sys/class/mdev_bus/mtty/mdev_supported_types

names() {
	load mdev-mtty
	[[ -d /sys/class/mtty/mtty ]]
	equal types "mtty-1 mtty-2" "$(ls "$types" | paste -sd ' ')"
}
strings() {
	equal mtty-1 "mdev_mtty/1,model=pci16550,type=mtty-1,ports=1,state=2" "$(cat "$types/mtty-1/migration_version")"
	equal mtty-2 "mdev_mtty/1,model=pci16550,type=mtty-2,ports=2,state=2" "$(cat "$types/mtty-2/migration_version")"
	equal accepts "mdev_mtty/1,model=pci16550,type=mtty-1,ports=1,state=1..2,x-like=mtty-1" "$(cat "$types/mtty-1/migration_accepts")"
}
strict() {
	local one two
	one=$(cat "$types/mtty-1/migration_version")
	two=$(cat "$types/mtty-2/migration_version")
	create "$types/mtty-2" "$(uuid 1)"
	for place in "$types/mtty-2" "$(node "$(uuid 1)")"; do
		accepts "$place/migration_version" "$two"
		refuses EMEDIUMTYPE "$place/migration_version" "$one"
		refuses ERANGE "$place/migration_version" "$(set_field "$two" ports 1)"
		refuses EPROTONOSUPPORT "$place/migration_version" "$(set_field "$two" state 3)"
		refuses EOPNOTSUPP "$place/migration_version" "$two,features=0x0"
	done
	remove "$(uuid 1)"
}
ports() {
	equal mtty-1 24 "$(available "$types/mtty-1")"
	equal mtty-2 12 "$(available "$types/mtty-2")"
	local n
	for n in {1..12}; do create "$types/mtty-2" "$(uuid "$n")"; done
	refuses ENOSPC "$types/mtty-1/create" "$(uuid 13)"
	remove "$(uuid 1)"
	equal mtty-1 2 "$(available "$types/mtty-1")"
	create "$types/mtty-1" "$(uuid 1)"
	equal mtty-2 0 "$(available "$types/mtty-2")"
	for n in {1..12}; do remove "$(uuid "$n")"; done
}
settings() {
	accepts /sys/class/mtty/mtty/settings/state_range 1..3
	accepts /sys/class/mtty/mtty/settings/state 3
	matches version "state=3" "$(cat "$types/mtty-1/migration_version")"
	fails test -e /sys/class/mtty/mtty/settings/features
	unload mdev_mtty
}
too_many() {
	local n mark
	for n in 0 9; do
		mark=$(log_mark)
		fails insmod "$MODULES/mdev-mtty.ko" "parents=$n"
		matches "log of parents=$n" "EINVAL: $n parents of class mtty were asked for, 1 to 8 can be had" "$(log_since "$mark")"
	done
	fails test -e /sys/class/mtty
}
# beside_the_other: one line that says why, with EEXIST, and no stack dump. insmod sees EBUSY:
# the kernel's module loader keeps EEXIST for a module of the same name. beside_the_other
# [COMMAND...]: insmod as this runs it.
beside_the_other() {
	local mark lines text
	load "$peer"
	trap 'rmmod mtty' EXIT
	mark=$(log_mark)
	text=$("$@" insmod "$MODULES/mdev-mtty.ko" 2>&1) && { echo "it was loaded"; return 1; }
	matches insmod "Device or resource busy" "$text"
	lines=$(log_since "$mark" | grep -vE 'verification failed|taints kernel')
	echo "$lines"
	equal "lines in the log" 1 "$(wc -l <<<"$lines")"
	matches "the line" 'EEXIST.*/sys/class/mtty' "$lines"
	fails test -e /sys/module/mdev_mtty
}
# without_sysfs COMMAND...: in a mount namespace where no sysfs is to be seen.
without_sysfs() {
	# shellcheck disable=SC2016
	unshare --mount bash -ec 'mount -t tmpfs none /sys; [[ ! -e /sys/class ]]; exec "$@"' without_sysfs "$@"
}
in_turn() {
	load mdev-mtty
	unload mdev_mtty
	load "$peer"
	rmmod mtty
	load mdev-mtty
	unload mdev_mtty
}
unload_with_device() {
	load mdev-mtty
	create "$types/mtty-1" "$(uuid 1)"
	unload mdev_mtty
	equal devices "" "$(ls /sys/bus/mdev/devices)"
}
check "class, device and types have the names that tools know" names
check "strings" strings
check "as strict as can be: only the same type and ports" strict
check "24 ports, shared by the types" ports
check "settings, without features" settings
if [[ -e $peer ]]; then
	check "beside the C mtty: EEXIST and one line in the log" beside_the_other
	check "the same where no sysfs is mounted" beside_the_other without_sysfs
	check "in turn with the C mtty" in_turn
else
	skip "beside the C mtty: EEXIST and one line in the log" "no C mtty for this kernel"
	skip "the same where no sysfs is mounted" "no C mtty for this kernel"
	skip "in turn with the C mtty" "no C mtty for this kernel"
fi
check "a bad number of parents is refused, and nothing stays" too_many
check "unloading takes a device along" unload_with_device
finish
