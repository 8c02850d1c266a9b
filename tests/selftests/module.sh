#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Loading and unloading, with good and bad parameters.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 8
count_parents() { find /sys/class/mdev_bus -mindepth 1 | wc -l; }

default() {
	load mdev-nvme
	equal parents mdev_nvme0 "$(ls /sys/class/mdev_bus)"
	[[ -d /sys/class/mdev_nvme/mdev_nvme0 ]]
	equal path /sys/devices/virtual/mdev_nvme/mdev_nvme0 "$(parent)"
	unload mdev_nvme
	fails test -e /sys/class/mdev_nvme
	fails test -e /sys/bus/pci/drivers/mdev_nvme
}
number() {
	load mdev-nvme "virtual_parents=$1"
	equal parents "$1" "$(count_parents)"
	equal "types" $((8 * $1)) "$(ls -d /sys/class/mdev_bus/*/mdev_supported_types/* 2>/dev/null | wc -l)"
	unload mdev_nvme
	equal "parents after unloading" 0 "$(count_parents)"
}
bad() {
	local value text
	modprobe -a mdev vfio vfio_iommu_type1
	for value in 257 -1 4294967296 x 1x; do
		text=$(insmod "$MODULES/mdev-nvme.ko" "virtual_parents=$value" 2>&1) &&
			{ echo "virtual_parents=$value was taken"; return 1; }
		echo "$value: $text"
		equal parents 0 "$(count_parents)"
		fails test -e /sys/module/mdev_nvme
		fails test -e /sys/bus/pci/drivers/mdev_nvme
		fails test -e /sys/class/mdev_nvme
	done
}
empty() {
	modprobe -a mdev vfio vfio_iommu_type1
	fails insmod "$MODULES/mdev-nvme.ko" virtual_parents=
}
devices_go() {
	load mdev-nvme virtual_parents=2
	create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
	create "$(type_node mdev_nvme1 64m)" "$(uuid 2)"
	create "$(type_node mdev_nvme1 64m_local)" "$(uuid 3)"
	unload mdev_nvme
	equal devices "" "$(ls /sys/bus/mdev/devices)"
}
again() {
	local n
	for n in {1..20}; do
		echo "round $n"
		load mdev-nvme
		[[ -e $(type_node mdev_nvme0 16m)/migration_version ]]
		create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
		unload mdev_nvme
	done
}
file_held() {
	load mdev-nvme
	exec 5<"$(type_node mdev_nvme0 16m)/migration_version"
	unload mdev_nvme
	fails cat <&5
	exec 5<&-
	load mdev-nvme
	unload mdev_nvme
}

check "one parent as it comes, nothing left after unloading" default
check "no virtual parent" number 0
check "256 virtual parents" number 256
check "bad numbers of parents are refused, nothing stays" bad
check "an empty number is refused" empty
check "unloading takes the devices along" devices_go
check "loaded and unloaded 20 times with a device" again
check "a type's file held open does not keep the module" file_held
finish
