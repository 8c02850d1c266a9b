#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A whole device that is used: what it holds, migrations to and from mdevs, and its end.
# timeout: 600
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/hold.sh
. "$selftests/lib/hold.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
# By the group; where the kernel has character devices, by iommufd.
way=group
[[ ! -e /dev/iommu ]] || way=iommufd
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

# type_in FILE: the type that a version string names.
type_in() { sed -n 's/.*,type=\([^,]*\),.*/\1/p' "$1"; }

used() {
	local child
	child=$(whole_of "$1")
	guest_of identify "$child"
	guest_of commands "$child" --kib 1024
	guest_of reset "$child" --kib 1024
	guest_of free "$child"
}
moved() {
	local protocol=$1
	guest_of move "$2" --peer "$3" --protocol "$protocol" --kib 2048
	guest_of free "$2"
	guest_of free "$3"
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

busy() {
	local child
	child=$(whole_of "$bar")
	hold "$child" "$way"
	refuses EBUSY "$(settings_of "$bar")/whole" 0
	equal "the setting" 1 "$(cat "$(settings_of "$bar")/whole")"
	refuses EBUSY "$child/capacity" 16777216
	matches rmmod "in use" "$(rmmod mdev_nvme 2>&1 || :)"
	# Still the same device.
	accepts "$child/migration_version" "$(cat "$child/migration_version")"
	let_go
	wait_for 30 unused mdev_nvme
}
# An open device that fails says ENODEV, like any.
failed() {
	local child
	child=$(whole_of "$bar")
	refuses ENODEV "$child/fail" 1
	hold "$child" "$way"
	accepts "$child/fail" 1
	equal read ENODEV "$(io read "$child/migration_version" || :)"
	refuses ENODEV "$child/migration_version" x
	let_go
	wait_for 30 unused mdev_nvme
	equal "the type" whole "$(type_in "$child/migration_version")"
}
# What one whole device wrote is not there for the next.
blank() {
	local address=$1 child
	guest_of fill "$(whole_of "$address")" --kib 1024
	guest_of verify "$(whole_of "$address")" --kib 1024
	end_whole "$address"
	offer_whole "$address"
	guest_of blank "$(whole_of "$address")"
}
as_mdev() {
	guest_of fill "$(whole_of "$bar")" --kib 1024
	end_whole "$bar"
	create "$(type_node "$bar" 16m)" "$(uuid 2)"
	guest_of blank "$(node "$(uuid 2)")"
	guest_of fill "$(node "$(uuid 2)")" --kib 1024
	remove "$(uuid 2)"
	offer_whole "$bar"
	guest_of blank "$(whole_of "$bar")"
}
# unbinding waits until the user, who is asked, has closed it.
given_back() {
	local child
	child=$(whole_of "$ram")
	hold "$child" "$way"
	meanwhile accepts /sys/bus/pci/drivers/mdev_nvme/unbind "$ram"
	heard asked
	kill -0 "$pending"
	[[ -d $child ]]
	let_go
	wait "$pending"
	fails test -e "$child"
	accepts "/sys/bus/pci/devices/$ram/driver_override" '\n' --escaped
}
gone() {
	unload mdev_nvme
	no_groups
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
