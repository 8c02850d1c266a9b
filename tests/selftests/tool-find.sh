#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The commands that the tool's find prints, run as they are: each makes a device that accepts the source.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
need_module mdev-mtty
tool=/project/target/release/mdev-migrate
[[ -x $tool ]] || { echo "no target/release/mdev-migrate: run make tool"; exit 1; }
plan 4
load mdev-nvme
load mdev-mtty
larger=$(set_field "$(cat "$(type_node mdev_nvme0 16m)/migration_version")" capacity 67108864)

# commands NUMBER: those of the answer of this number in $found.
commands() { awk -v head="$1." '/^[0-9]/ { here = $1 == head } here && /^     /' <<<"$found"; }
# makes COUNT SOURCE: so many types are found, and what is printed for each is done.
makes() {
	local found number numbers count=0 uuid
	found=$("$tool" find "$2")
	echo "$found"
	mapfile -t numbers < <(sed -n 's/^\([0-9]*\)\. type .*/\1/p' <<<"$found")
	for number in "${numbers[@]}"; do
		uuid=$(timeout 60 bash -euc "$(commands "$number")"$'\necho "made $UUID"' | sed -n 's/^made //p')
		[[ -e $(node "$uuid") ]]
		accepts "$(node "$uuid")/migration_version" "$2"
		mdevctl stop -u "$uuid"
		mdevctl undefine -u "$uuid"
		count=$((count + 1))
	done
	equal "types found" "$1" "$count"
}
check "a type as it is, and one that is possible once it has the capacity" \
	makes 2 "$(cat "$(type_node mdev_nvme0 64m)/migration_version")"
check "a type that must be given a capacity, and one that has it" makes 2 "$larger"
check "types for a whole device" makes 2 "$(set_field "$larger" type whole)"
check "another driver's" makes 1 "$(cat "$(mtty_type_node mtty-2)/migration_version")"
finish
