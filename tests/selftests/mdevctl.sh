#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# mdevctl: types, and migration_version as a gate when a device is started.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 6
load mdev-nvme
type=$(type_node mdev_nvme0 16m)
good=$(cat "$type/migration_version")

run() { echo "$*"; timeout 60 "$@"; }
types() {
	local json type
	json=$(mdevctl types --dumpjson)
	for type in 16m 64m 256m 1g 4g 64m_4k 1g_4k 64m_local; do
		jq -e --arg type "mdev_nvme-$type" --argjson count "$(available "$(type_node mdev_nvme0 "$type")")" \
			'.. | objects | select(has($type)) | .[$type] | .available_instances == $count and .device_api == "vfio-pci"' <<<"$json" ||
			{ echo "$type is not as in sysfs"; echo "$json"; return 1; }
	done
}
# define UUID manual|auto ATTRIBUTE VALUE [ATTRIBUTE VALUE]...
define() {
	local uuid=$1 start=()
	[[ $2 == manual ]] || start=(--auto)
	shift 2
	run mdevctl define --uuid "$uuid" --parent mdev_nvme0 --type mdev_nvme-16m "${start[@]}"
	while (($# > 0)); do
		run mdevctl modify --uuid "$uuid" --addattr "$1" --value "$2"
		shift 2
	done
}
accepted() {
	define "$(uuid 1)" manual migration_version "$good"
	run mdevctl start --uuid "$(uuid 1)"
	[[ -e $(node "$(uuid 1)") ]]
	run mdevctl list | grep -q "$(uuid 1) mdev_nvme0 mdev_nvme-16m"
	run mdevctl stop --uuid "$(uuid 1)"
	fails test -e "$(node "$(uuid 1)")"
	run mdevctl undefine --uuid "$(uuid 1)"
}
refused() {
	define "$(uuid 2)" manual migration_version "$(set_field "$good" model nvme2)"
	fails run mdevctl start --uuid "$(uuid 2)"
	fails test -e "$(node "$(uuid 2)")"
	equal available 64 "$(available "$type")"
	run mdevctl undefine --uuid "$(uuid 2)"
}
with_capacity() {
	define "$(uuid 3)" manual capacity 67108864 migration_version \
		"$(cat "$(type_node mdev_nvme0 64m)/migration_version")"
	run mdevctl start --uuid "$(uuid 3)"
	equal capacity 67108864 "$(cat "$(node "$(uuid 3)")/capacity")"
	run mdevctl stop --uuid "$(uuid 3)"
	run mdevctl undefine --uuid "$(uuid 3)"
	# Without the capacity the same string is refused.
	define "$(uuid 3)" manual migration_version "$(cat "$(type_node mdev_nvme0 64m)/migration_version")"
	fails run mdevctl start --uuid "$(uuid 3)"
	fails test -e "$(node "$(uuid 3)")"
	run mdevctl undefine --uuid "$(uuid 3)"
}
bad_capacity() {
	define "$(uuid 4)" manual capacity 1000
	fails run mdevctl start --uuid "$(uuid 4)"
	fails test -e "$(node "$(uuid 4)")"
	equal available 64 "$(available "$type")"
	run mdevctl undefine --uuid "$(uuid 4)"
}
auto() {
	define "$(uuid 5)" auto migration_version "$good"
	define "$(uuid 6)" auto migration_version "$(set_field "$good" state 9)"
	# What udev runs when a parent appears.
	run mdevctl start-parent-mdevs mdev_nvme0 || echo "one of them was refused"
	[[ -e $(node "$(uuid 5)") ]]
	fails test -e "$(node "$(uuid 6)")"
	run mdevctl stop --uuid "$(uuid 5)"
	run mdevctl undefine --uuid "$(uuid 5)"
	run mdevctl undefine --uuid "$(uuid 6)"
}
check "lists the types as they are" types
check "an accepted string lets a device start" accepted
check "a refused string stops it, and nothing is left" refused
check "capacity first, then the string of another type" with_capacity
check "a refused capacity leaves nothing" bad_capacity
check "auto-start: the accepted one only" auto
finish
