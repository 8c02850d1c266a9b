#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A whole device that is used: what it holds, migrations to and from mdevs, and its end.
# timeout: 600
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
guest=/project/target/release/nvme-guest
[[ -x $guest ]] || { echo "no $guest: run make tool"; exit 1; }
# By the group; where the kernel has character devices, by iommufd.
way=group
iommufd=()
if [[ -e /dev/iommu ]]; then way=iommufd iommufd=(--iommufd); fi
plan 12
load mdev-nvme
# One with the capacity of its memory, one with as much as it is told: the same.
bar=$(ivshmem_of 67108864)
mapfile -t edus < <(edu)
ram=${edus[0]}
setup bind_pci "$bar"
setup bind_pci "$ram"
setup accepts "$(settings_of "$ram")/capacity" 67108864
setup offer_whole "$bar"
setup offer_whole "$ram"
setup create "$(type_node mdev_nvme0 64m)" "$(uuid 1)"
mdev=$(node "$(uuid 1)")

guest() { "$guest" "${iommufd[@]}" "$@"; }
# type_in FILE: the type that a version string names.
type_in() { sed -n 's/.*,type=\([^,]*\),.*/\1/p' "$1"; }

used() {
	local child
	child=$(whole_of "$1")
	guest identify "$child"
	guest commands "$child" --kib 1024
	guest reset "$child" --kib 1024
	guest free "$child"
}
moved() {
	local protocol=$1
	guest move "$2" --peer "$3" --protocol "$protocol" --kib 2048
	guest free "$2"
	guest free "$3"
}
# states_source: after a load, until it is closed, it says what it came from.
states_source() {
	python3 -E - "$mdev" "$(whole_of "$bar")" "$way" <<-PY
		import sys
		sys.path.insert(0, "$selftests/lib")
		import vfio, vfio_migration
		mdev, whole, way = sys.argv[1:]
		def line(node):
		    with open(node + "/migration_version") as file:
		        return file.read()
		for source, target in ((mdev, whole), (whole, mdev)):
		    before, own = line(source), line(target)
		    assert before != own
		    with vfio.Device(source, way) as device:
		        stream = vfio_migration.save(device, "v2")
		    with vfio.Device(target, way) as device:
		        assert line(target) == own
		        vfio_migration.load(device, "v2", stream)
		        assert line(target) == before, line(target)
		    assert line(target) == own
	PY
}

# hold: somebody has the whole device of a function open.
hold() {
	coproc holder { exec python3 -E "$selftests/lib/vfio_hold.py" "$(whole_of "$1")" "$way" 2>&1; }
	exec {from}<&"${holder[0]}" {to}>&"${holder[1]}"
	heard open
}
heard() {
	local line
	read -r -t 60 line <&"$from" || line="(nothing)"
	equal "the holder" "$1" "$line"
}
let_go() { echo >&"$to"; }
unused() { [[ $(</sys/module/mdev_nvme/refcnt) == 0 ]]; }
busy() {
	local child
	child=$(whole_of "$bar")
	hold "$bar"
	refuses EBUSY "$(settings_of "$bar")/whole" 0
	equal "the setting" 1 "$(cat "$(settings_of "$bar")/whole")"
	refuses EBUSY "$child/capacity" 16777216
	matches rmmod "in use" "$(rmmod mdev_nvme 2>&1 || :)"
	# Still the same device.
	accepts "$child/migration_version" "$(cat "$child/migration_version")"
	let_go
	wait_for 10 unused
}
# An open device that fails says ENODEV, like any.
failed() {
	local child
	child=$(whole_of "$bar")
	refuses ENODEV "$child/fail" 1
	hold "$bar"
	accepts "$child/fail" 1
	equal read ENODEV "$(io read "$child/migration_version" || :)"
	refuses ENODEV "$child/migration_version" x
	let_go
	wait_for 10 unused
	equal "the type" whole "$(type_in "$child/migration_version")"
}
# What one whole device wrote is not there for the next.
blank() {
	local address=$1 child
	guest fill "$(whole_of "$address")" --kib 1024
	guest verify "$(whole_of "$address")" --kib 1024
	end_whole "$address"
	offer_whole "$address"
	guest blank "$(whole_of "$address")"
}
as_mdev() {
	guest fill "$(whole_of "$bar")" --kib 1024
	end_whole "$bar"
	create "$(type_node "$bar" 16m)" "$(uuid 2)"
	guest blank "$(node "$(uuid 2)")"
	guest fill "$(node "$(uuid 2)")" --kib 1024
	remove "$(uuid 2)"
	offer_whole "$bar"
	guest blank "$(whole_of "$bar")"
}
# unbinding waits until the user, who is asked, has closed it.
given_back() {
	local child unbinding
	child=$(whole_of "$ram")
	hold "$ram"
	echo "$ram" >/sys/bus/pci/drivers/mdev_nvme/unbind {to}>&- &
	unbinding=$!
	heard asked
	kill -0 "$unbinding"
	[[ -d $child ]]
	let_go
	wait "$unbinding"
	fails test -e "$child"
	accepts "/sys/bus/pci/devices/$ram/driver_override" '\n' --escaped
}
gone() {
	unload mdev_nvme
	equal groups "vfio" "$(ls /dev/vfio | grep -v devices | paste -sd ' ')"
}

check "a controller with the function's memory as media" used "$bar"
check "a controller with RAM as media" used "$ram"
check "mdev -> whole (in a BAR) -> mdev -> whole, at work, by v2" moved v2 "$mdev" "$(whole_of "$bar")"
check "whole (in RAM) -> mdev -> whole -> mdev, at work, by v1" moved v1 "$(whole_of "$ram")" "$mdev"
check "whole (in a BAR) -> whole (in RAM) and back, at work, by v2" moved v2 "$(whole_of "$bar")" "$(whole_of "$ram")"
check "it states what it came from until it is closed" states_source
check "open, it stays whole and keeps its module" busy
check "one that failed says ENODEV until it is reset" failed
check "the next whole device does not see what was in a BAR" blank "$bar"
check "neither does an mdev, nor a whole device after that" as_mdev
check "unbinding asks its user to give it back, and waits" given_back
check "closed, it goes with the module" gone
finish
