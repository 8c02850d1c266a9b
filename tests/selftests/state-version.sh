#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a device states, and in which version it writes: state_version, rolling upgrades between
# two parents of which one plays an older host, loads, ERROR, removal, and streams as they once were.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-mtty
load mdev-mtty parents=2
parents=/sys/class/mdev_bus
old=$parents/mtty1/settings
setup accepts "$old/state" 1
setup accepts "$old/state_range" 1..1
setup create "$parents/mtty/mdev_supported_types/mtty-2" "$(uuid 1)"
setup create "$parents/mtty1/mdev_supported_types/mtty-2" "$(uuid 2)"
golden=/project/tests/golden/streams
plan 13

# states TEST [ARGUMENT...]: between the two devices.
states() { python3 -E "$selftests/lib/vfio_states.py" "$1" "$(uuid 1)" "$(uuid 2)" "${@:2}"; }
files() {
	equal mode "644 root root" "$(stat -c '%a %U %G' "$(node "$(uuid 1)")/state_version")"
	equal mode "600 root root" "$(stat -c '%a %U %G' "$(node "$(uuid 1)")/fail")"
	equal "old parent" "[1]" "$(cat "$(node "$(uuid 2)")/state_version")"
}
# named TEST REGEX: the log says what could not be. Of a new device, for which nothing was logged
# yet: there is a limit to the lines in some seconds.
named() {
	local mark
	remove "$(uuid 1)"
	create "$parents/mtty/mdev_supported_types/mtty-2" "$(uuid 1)"
	mark=$(log_mark)
	states "$1"
	matches log "$2" "$(log_since "$mark")"
}
# A parent that plays a newer host: its devices write what the driver has.
newer() {
	remove "$(uuid 1)"
	accepts "$parents/mtty/settings/state_range" 1..9
	accepts "$parents/mtty/settings/state" 9
	create "$parents/mtty/mdev_supported_types/mtty-2" "$(uuid 1)"
	equal versions "1 2 [9]" "$(cat "$(node "$(uuid 1)")/state_version")"
	states played 9
}
local_types() {
	load mdev-nvme
	create "$(type_node mdev_nvme0 64m_local)" "$(uuid 3)"
	for name in state_version fail migration_version; do fails test -e "$(node "$(uuid 3)")/$name"; done
	remove "$(uuid 3)"
}
# one_only PROTOCOL: a parent of which devices offer one interface only.
one_only() {
	remove "$(uuid 1)"
	accepts "$parents/mtty/settings/protocols" "$1"
	create "$parents/mtty/mdev_supported_types/mtty-2" "$(uuid 1)"
	states offers "$1"
	remove "$(uuid 1)"
	accepts "$parents/mtty/settings/protocols" "v1 v2"
	create "$parents/mtty/mdev_supported_types/mtty-2" "$(uuid 1)"
}

check "files" files
check "state_version: what it lists and takes, and what follows" states chosen
check "EBUSY while a save is open, by each interface" named busy 'state_version: 1 is refused while a save is open'
check "what a version cannot carry fails the save, and is named" named carries 'ERANGE: state version 1 cannot carry the FIFO trigger level'
check "new to old: refused, then taken in the old version, and back" named rolling 'rule 7 \(state\), EPROTONOSUPPORT'
check "a device states its source's version until its last close" states source_states
check "ERROR: ENODEV, ERR, and a reset that revives" states failed
check "a device at whatever it is at states and answers what it does when idle" states asked
check "streams of each state version, as they were written once" states golden "$golden" "${BLESS:-0}"
check "v1 alone, v2 alone" eval 'one_only v1; one_only v2'
check "a version that the driver does not have is played by its nearest" newer
check "a type that cannot be migrated has none of it" local_types
check "ENODEV from when a removal begins, which then waits for the user" states removed
finish
