#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a user without rights can do: read, and nothing else.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 5
load mdev-nvme
type=$(type_node mdev_nvme0 16m)
device=$(node "$(uuid 1)")
setup create "$type" "$(uuid 1)"
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

same_text() {
	local file
	for file in "$1"/migration_{version,accepts}; do
		equal "$file" "$(cat "$file")" "$(as_nobody cat "$file")"
	done
}
no_write() {
	local good answer
	good=$(cat "$type/migration_version")
	for answer in "$type" "$device"; do
		equal "write to $answer" EACCES "$(as_nobody python3 -E -S "$selftests/lib/sysfs_io.py" write "$answer/migration_version" "$good" || :)"
	done
}
no_settings() {
	local file
	for file in "$(parent)"/settings/*; do
		equal "read $file" EACCES "$(as_nobody python3 -E -S "$selftests/lib/sysfs_io.py" read "$file" || :)"
		equal "write $file" EACCES "$(as_nobody python3 -E -S "$selftests/lib/sysfs_io.py" write "$file" 1 || :)"
	done
}
decides_from_text() {
	as_nobody python3 "$selftests/../evaluate.py" "$(as_nobody cat "$type/migration_version")" "$(as_nobody cat "$device/migration_accepts")"
}
check "type: reads the same text" same_text "$type"
check "device: reads the same text" same_text "$device"
check "cannot ask by writing" no_write
check "can neither read nor write settings" no_settings
check "can decide from the two lines alone" decides_from_text
finish
