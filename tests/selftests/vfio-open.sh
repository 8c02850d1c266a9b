#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An open device: regions, interrupts, reset, and what is refused while it is open.
# timeout: 600
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/hold.sh
. "$selftests/lib/hold.sh"
need_module mdev-mtty
types=/sys/class/mdev_bus/mtty/mdev_supported_types
load mdev-mtty
for ports in 1 2; do setup create "$types/mtty-$ports" "$(uuid "$ports")"; done

# By the group; where the kernel has character devices, by iommufd, too.
ways=(group)
[[ ! -e /dev/iommu ]] || ways+=(iommufd)
plan $((18 * ${#ways[@]} + 3))

# vfio PORTS TEST...: in one go, as it takes a while to start.
vfio() { python3 -E "$selftests/lib/vfio_mtty.py" "$(uuid "$1")" "$1" "$way" "${@:2}"; }

# hold_one [deaf|file]: somebody has the device of one port open, or a file of its migration alone.
hold_one() {
	held=$(readlink -f "$(node "$(uuid 1)")")
	hold "$(uuid 1)" "$way" "$@"
}
busy() {
	hold_one
	matches rmmod "in use" "$(rmmod mdev_mtty 2>&1 || :)"
	[[ -e $(node "$(uuid 1)") ]]
	let_go
	wait_for 30 unused mdev_mtty
}
# removal: somebody removes the device, and waits for it to be closed.
removal() { meanwhile accepts "$held/remove" 1; }
# The files of a device go when its user has closed it, and not before.
waits() { kill -0 "$pending" && [[ -d $held ]]; }
ends() {
	let_go
	wait "$pending"
	wait_for 30 test ! -e "$held"
	create "$types/mtty-1" "$(uuid 1)"
}
given_back() {
	hold_one
	removal
	heard asked
	waits
	ends
}
file_alone() {
	hold_one file
	matches rmmod "in use" "$(rmmod mdev_mtty 2>&1 || :)"
	# The device can go all the same, at once.
	accepts "$held/remove" 1
	[[ ! -e $held ]]
	matches rmmod "in use" "$(rmmod mdev_mtty 2>&1 || :)"
	let_go
	heard dead
	wait_for 30 unused mdev_mtty
	create "$types/mtty-1" "$(uuid 1)"
}
deaf() {
	local mark
	mark=$(log_mark)
	hold_one deaf
	removal
	said() { log_since "$mark" | grep -q "$(uuid 1): to be removed, but its user listens to no request"; }
	wait_for 30 said
	waits
	ends
}

for way in "${ways[@]}"; do
	for ports in 1 2; do
		by="$ports ports, by $way"
		check "$by: regions, interrupts and configuration space, as it tells them" vfio "$ports" infos config
		check "$by: a kilobyte goes through in order; accesses of any width" vfio "$ports" loop widths
		check "$by: causes of interrupts, overrun, modem lines, loopback" vfio "$ports" registers
		check "$by: INTx and MSI, masked, detached and moved, never lost" vfio "$ports" intx msi
		check "$by: requests that make no sense, buffers that end early" vfio "$ports" requests bad_buffers
		check "$by: reset, and nothing is left of the last user" vfio "$ports" reset reopened
	done
	if [[ $way == group ]]; then check "by $way: two files of one device" vfio 2 shared; fi
	check "by $way: all at once from several threads, and reset meanwhile" vfio 2 storm
	check "by $way: opened and closed 500 times" vfio 2 cycles
	check "by $way: an open device keeps its module" busy
	check "by $way: so does a file of its migration, but the device can be removed" file_alone
	check "by $way: given back when asked for, and gone once it is closed" given_back
	check "by $way: a user who cannot be asked is waited for, and the log says so" deaf
done
all_cycles() {
	local n
	for n in {1..20}; do
		create "$types/mtty-2" "$(uuid 3)"
		python3 -E "$selftests/lib/vfio_mtty.py" "$(uuid 3)" 2 group reopened
		remove "$(uuid 3)"
	done
}
gone() {
	unload mdev_mtty
	equal devices "" "$(ls /sys/bus/mdev/devices)"
	no_groups
}
check "created, used and removed 20 times" all_cycles
check "the module goes, and its devices with it" gone
finish
