#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The command-line tool on live places: its verdict and the kernel's never differ.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 400
need_module mdev-nvme
need_module mdev-mtty
tool=$selftests/../../target/release/mdev-migrate
[[ -x $tool ]] || { echo "no target/release/mdev-migrate: run make"; exit 1; }
plan 5
load mdev-nvme virtual_parents=3
type=$(type_node mdev_nvme0 16m)
good=$(cat "$type/migration_version")

list() {
	local json places
	json=$("$tool" list --json)
	places=(/sys/class/mdev_bus/*/mdev_supported_types/*/migration_version)
	((${#places[@]} >= 10))
	equal "places in the list" "${#places[@]}" "$(grep -o '"mdev_nvme/1,[^"]*features=0x7"' <<<"$json" | wc -l)"
}
find_type() {
	local text
	text=$("$tool" find "$good")
	matches "found" "mdev_nvme-16m" "$text"
	matches "how to create one" "mdevctl" "$text"
}
exit_codes() {
	local status=0
	"$tool" check "$good" "$type"
	"$tool" check "$(set_field "$good" model nvme2)" "$type" || status=$?
	equal refused 1 "$status"
	status=0
	"$tool" check "$good" /nonexistent || status=$?
	equal unreadable 3 "$status"
	status=0
	"$tool" find "$(set_field "$good" model nvme2)" || status=$?
	equal "nothing found" 4 "$status"
}
offline() {
	local saved
	saved=$(mktemp)
	cat "$type/migration_accepts" >"$saved"
	"$tool" check "$good" "@$saved"
	rm "$saved"
}
# A parent as it comes, one with other settings, one that is offered whole, and one of another driver.
verdicts() {
	accepts "$(settings_of mdev_nvme1)/state_range" 1..3
	accepts "$(settings_of mdev_nvme1)/features" 0x5
	accepts "$(settings_of mdev_nvme2)/capacity" 67108864
	offer_whole mdev_nvme2
	load mdev-mtty
	python3 -E "$selftests/lib/verdicts.py" tool "$tool" "$type" "$(type_node mdev_nvme0 64m_4k)" \
		"$(type_node mdev_nvme1 64m)" "$(mtty_type_node mtty-1)" "$(whole_of mdev_nvme2)"
	end_whole mdev_nvme2
}
check "list has every place" list
check "find proposes the type and how to create a device" find_type
check "exit codes" exit_codes
check "offline, with a saved line" offline
check "verdicts of the tool and of the kernel, at all kinds of places" verdicts
finish
