# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the selftests of libvirt: its daemon and what that needs, without an init system,
# and the same checks for every kind of parent.

start_udev() {
	/usr/lib/systemd/systemd-udevd --daemon >/dev/null 2>&1
	wait_for 30 udevadm control --ping --timeout=5
	# "change" fills udev's database, but loads no drivers as "add" would.
	udevadm trigger --action=change --subsystem-match=pci --subsystem-match=mdev --subsystem-match=mtty
	udevadm settle --timeout=60
}

start_libvirt() {
	start_udev
	mkdir -p /run/dbus
	dbus-daemon --system --fork --nopidfile
	timeout 60 libvirtd --daemon
	wait_for 60 virsh_now uri
}

virsh_now() { timeout 30 virsh -q -c nodedev:///system "$@"; }

parent_listed() { virsh_now nodedev-list --cap mdev_types | grep -qx "$1"; }
device_listed() { virsh_now nodedev-list --cap mdev | grep -q "${1//-/_}"; }

# shows_types NODEDEV TYPE...: its XML lists exactly these types.
shows_types() {
	local xml listed
	xml=$(virsh_now nodedev-dumpxml "$1")
	shift
	listed=$(sed -n "s/.*<type id='\([^']*\)'.*/\1/p" <<<"$xml" | sort | paste -sd ' ')
	equal "types in the XML" "$(printf '%s\n' "$@" | sort | paste -sd ' ')" "$listed"
}

# shows_numbers NODEDEV TYPE_NODE: its XML says the same as the type's files.
shows_numbers() {
	local xml type
	type=$(basename "$2")
	xml=$(virsh_now nodedev-dumpxml "$1" | sed -n "/<type id='$type'>/,/<\/type>/p")
	matches "$type" "<name>$(<"$2/name")</name>" "$xml"
	matches "$type" "<deviceAPI>vfio-pci</deviceAPI>" "$xml"
	matches "$type" "<availableInstances>$(<"$2/available_instances")</availableInstances>" "$xml"
}

# creates_and_destroys NODEDEV TYPE UUID
creates_and_destroys() {
	local xml name
	xml=$(mktemp)
	cat >"$xml" <<-XML
		<device>
		  <parent>$1</parent>
		  <capability type='mdev'><type id='$2'/><uuid>$3</uuid></capability>
		</device>
	XML
	virsh_now nodedev-create "$xml"
	equal "type" "$2" "$(basename "$(readlink "/sys/bus/mdev/devices/$3/mdev_type")")"
	wait_for 30 device_listed "$3"
	name=$(virsh_now nodedev-list --cap mdev | grep "${3//-/_}")
	matches "the device's XML" "<type id='$2'/>" "$(virsh_now nodedev-dumpxml "$name")"
	virsh_now nodedev-destroy "$name"
	[[ ! -e /sys/bus/mdev/devices/$3 ]]
	wait_for 30 fails device_listed "$3"
}
