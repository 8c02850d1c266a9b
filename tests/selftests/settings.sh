#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The settings of a parent: files, what they change, what they refuse.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 12
load mdev-nvme virtual_parents=2
settings=$(parent)/settings
type=$(type_node mdev_nvme0 16m)

files() {
	local file
	equal "settings" "capacity features model protocols state state_range whole" "$(ls "$settings" | sort | paste -sd ' ')"
	for file in "$settings"/*; do equal "$file" "600 root root" "$(stat -c '%a %U %G' "$file")"; done
}
defaults() {
	equal capacity 1073741824 "$(cat "$settings/capacity")"
	equal model nvme1 "$(cat "$settings/model")"
	equal state 1 "$(cat "$settings/state")"
	equal state_range 1..1 "$(cat "$settings/state_range")"
	equal features 0x7 "$(cat "$settings/features")"
	equal protocols "v1 v2" "$(cat "$settings/protocols")"
}
# field FILE KEY: the value of a key in a line.
field() { sed -n "s/.*,$2=\([^,]*\).*/\1/p" "$1"; }
model() {
	accepts "$settings/model" nvme9
	equal version nvme9 "$(field "$type/migration_version" model)"
	equal accepts nvme9 "$(field "$type/migration_accepts" model)"
	accepts "$settings/model" 'nvme1\n' --escaped
}
state() {
	accepts "$settings/state_range" 1..3
	equal accepts 1..3 "$(field "$type/migration_accepts" state)"
	accepts "$settings/state" 3
	equal version 3 "$(field "$type/migration_version" state)"
	accepts "$type/migration_version" "$(set_field "$(cat "$type/migration_version")" state 2)"
	refuses EPROTONOSUPPORT "$type/migration_version" "$(set_field "$(cat "$type/migration_version")" state 4)"
	accepts "$settings/state_range" 2..3
	refuses EPROTONOSUPPORT "$type/migration_version" "$(set_field "$(cat "$type/migration_version")" state 1)"
	accepts "$settings/state_range" 1..3
	accepts "$settings/state" 1
	accepts "$settings/state_range" 1..1
}
features() {
	local old
	old=$(cat "$type/migration_version")
	accepts "$settings/features" 0x5
	equal version 0x5 "$(field "$type/migration_version" features)"
	equal accepts '&0x5' "$(field "$type/migration_accepts" features)"
	refuses EOPNOTSUPP "$type/migration_version" "$old"
	accepts "$settings/features" 0x7
}
protocols() {
	local choice
	for choice in v1 v2 "v1 v2"; do
		accepts "$settings/protocols" "$choice"
		equal protocols "$choice" "$(cat "$settings/protocols")"
	done
	stays "$settings/protocols" '\n' v3 "v2 v1" "v1  v2" "v1 v2 v2" V1
}
capacity() {
	accepts "$settings/capacity" 134217728
	equal 16m 8 "$(available "$type")"
	equal 256m 0 "$(available "$(type_node mdev_nvme0 256m)")"
	equal accepts 16777216..134217728/16777216 "$(field "$type/migration_accepts" capacity)"
	equal "other parent" 64 "$(available "$(type_node mdev_nvme1 16m)")"
	accepts "$settings/capacity" 17179869184
	equal 4g 4 "$(available "$(type_node mdev_nvme0 4g)")"
	# Not a multiple of any type: the rest is not used.
	accepts "$settings/capacity" 16777217
	equal 16m 1 "$(available "$type")"
	accepts "$settings/capacity" 1073741824
}
# stays FILE TEXT...: each is EINVAL and changes nothing.
stays() {
	local file=$1 before text
	before=$(cat "$file")
	shift
	for text; do
		refuses EINVAL "$file" "$text" --escaped
		equal "$file after '$text'" "$before" "$(cat "$file")"
	done
}
bad_text() {
	stays "$settings/capacity" '\n' 0 -1 +1 0x10 1k 01 '1 ' 18446744073709551616 abc '1\n\n' '\xff'
	stays "$settings/model" '\n' 'a b' 'a,b' 'a=b' 'a..b' 12 'a\x00' 'a|b' '\xc3\xa4'
	stays "$settings/state" '\n' 0 2 -1 01 x 18446744073709551616
	stays "$settings/state_range" '\n' 1 1.. ..1 2..1 2..3 0..0 1...2 a..b 1..1..1 1..18446744073709551616
	stays "$settings/features" '\n' 7 0X7 0x07 0x 0xg -1 0x10000000000000000
	refuses EINVAL "$settings/state" 1 --offset 1
}
busy() {
	local file
	create "$type" "$(uuid 1)"
	for file in capacity:1073741824 model:nvme1 state:1 state_range:1..1 features:0x7; do
		refuses EBUSY "$settings/${file%:*}" "${file#*:}"
	done
	accepts "$(parent mdev_nvme1)/settings/model" nvme1
	remove "$(uuid 1)"
	for file in capacity:1073741824 model:nvme1 state:1 state_range:1..1 features:0x7; do
		accepts "$settings/${file%:*}" "${file#*:}"
	done
}
own() {
	accepts "$settings/model" nvme2
	equal "other parent" nvme1 "$(cat "$(parent mdev_nvme1)/settings/model")"
	refuses EXDEV "$(type_node mdev_nvme1 16m)/migration_version" "$(cat "$type/migration_version")"
	accepts "$settings/model" nvme1
}
device_takes_them() {
	accepts "$settings/state_range" 1..2
	accepts "$settings/state" 2
	accepts "$settings/features" 0x3
	create "$type" "$(uuid 1)"
	equal version "$(cat "$type/migration_version")" "$(cat "$(node "$(uuid 1)")/migration_version")"
	equal state 1..2 "$(field "$(node "$(uuid 1)")/migration_accepts" state)"
	equal features '&0x3' "$(field "$(node "$(uuid 1)")/migration_accepts" features)"
	remove "$(uuid 1)"
}
largest() {
	accepts "$settings/capacity" 18446744073709551615
	matches available '^[0-9]+$' "$(available "$type")"
	(($(available "$type") < 2147483648))
	accepts "$settings/state_range" 0..18446744073709551615
}

check "files and modes" files
check "defaults" defaults
check "model" model
check "state and its range" state
check "features" features
check "protocols" protocols
check "capacity" capacity
check "bad text is EINVAL and changes nothing" bad_text
check "EBUSY while the parent has a device" busy
check "each parent has its own" own
check "devices state and accept what is set" device_takes_them
check "the largest values" largest
finish
