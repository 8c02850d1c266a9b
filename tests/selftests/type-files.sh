#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The files of a type node: which, how they may be used, what stands in them.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 10
load mdev-nvme

migratable="16m 64m 256m 1g 4g 64m_4k 1g_4k"

every_type_has() {
	local type
	for type in $migratable; do
		[[ -f $(type_node mdev_nvme0 "$type")/$1 ]] || { echo "$type has no $1"; return 1; }
	done
}
modes() {
	local type
	for type in $migratable; do
		equal "$type" "$2 root root" "$(stat -c '%a %U %G' "$(type_node mdev_nvme0 "$type")/$1")"
	done
}
not_migratable() {
	local local_type
	local_type=$(type_node mdev_nvme0 64m_local)
	[[ -d $local_type ]]
	fails test -e "$local_type/migration_version"
	fails test -e "$local_type/migration_accepts"
}
only_types() {
	local found
	found=$(ls "$(parent)/mdev_supported_types" | sort | paste -sd ' ')
	equal "entries of mdev_supported_types" \
		"mdev_nvme-16m mdev_nvme-1g mdev_nvme-1g_4k mdev_nvme-256m mdev_nvme-4g mdev_nvme-64m mdev_nvme-64m_4k mdev_nvme-64m_local" "$found"
}
strings() {
	local type capacity
	for type in 16m:16777216 64m:67108864 256m:268435456 1g:1073741824 4g:4294967296; do
		capacity=${type#*:}
		type=${type%:*}
		equal "$type" "mdev_nvme/1,model=nvme1,type=$type,capacity=$capacity,lba=512,queues=16,state=1,features=0x7" \
			"$(cat "$(type_node mdev_nvme0 "$type")/migration_version")"
	done
}
accepts_lines() {
	local like="x-like=whole|16m|64m|256m|1g|4g"
	equal 16m "mdev_nvme/1,model=nvme1,type=16m,capacity=16777216..1073741824/16777216,lba=512,queues=1..16,state=1..1,features=&0x7,$like" \
		"$(cat "$(type_node mdev_nvme0 16m)/migration_accepts")"
	equal 256m "mdev_nvme/1,model=nvme1,type=256m,capacity=268435456..1073741824/268435456,lba=512,queues=1..16,state=1..1,features=&0x7,$like" \
		"$(cat "$(type_node mdev_nvme0 256m)/migration_accepts")"
}
one_line() {
	local file
	for file in migration_version migration_accepts; do
		equal "newlines in one read of $file" 1 "$(io read "$(type_node mdev_nvme0 1g)/$file" | tr -cd '\n' | wc -c)"
		equal "last byte of $file" '\n' "$(io read "$(type_node mdev_nvme0 1g)/$file" | tail -c 1 | od -An -c | tr -d ' ')"
	done
}
in_parts() {
	local file whole
	file=$(type_node mdev_nvme0 1g)/migration_version
	whole=$(cat "$file")
	equal "first five bytes" "${whole:0:5}" "$(io read "$file" --size 5)"
	equal "from byte 5" "${whole:5}" "$(io read "$file" --offset 5)"
	equal "past the end" "" "$(io read "$file" --offset 4000)"
}
own_string() {
	local type
	for type in 16m 64m 256m 1g; do
		accepts "$(type_node mdev_nvme0 "$type")/migration_version" \
			"$(cat "$(type_node mdev_nvme0 "$type")/migration_version")"
	done
	# Larger than its parent: no such device can be made here.
	refuses ERANGE "$(type_node mdev_nvme0 4g)/migration_version" \
		"$(cat "$(type_node mdev_nvme0 4g)/migration_version")"
}
no_change() {
	local type before after
	type=$(type_node mdev_nvme0 16m)
	before=$(grep . "$type"/{available_instances,migration_version,migration_accepts})
	accepts "$type/migration_version" "$(cat "$type/migration_version")"
	refuses EINVAL "$type/migration_version" nonsense
	after=$(grep . "$type"/{available_instances,migration_version,migration_accepts})
	equal "the type after two questions" "$before" "$after"
}

check "each migratable type has migration_version and migration_accepts" eval \
	'every_type_has migration_version; every_type_has migration_accepts'
check "modes and owner are 0644 and 0444, root" eval 'modes migration_version 644; modes migration_accepts 444'
check "a type that is not migratable has neither file" not_migratable
check "nothing but types is in mdev_supported_types" only_types
check "the version strings" strings
check "the accepts lines" accepts_lines
check "one read gives one line with a newline" one_line
check "reading in parts and past the end" in_parts
check "a type accepts its own string if a device of it fits" own_string
check "questions change nothing" no_change
finish
