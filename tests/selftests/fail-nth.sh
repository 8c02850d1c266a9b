#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every allocation of loading, binding and creating fails once, and nothing is left behind.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
[[ -e /proc/self/fail-nth ]] || skip_all "this kernel has no fault injection (KERNEL=debug has)"
need_module mdev-nvme
need_module mdev-mtty
plan 4

# Allocations that may sleep fail too, and no stack is printed for each.
mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
for fault in failslab fail_page_alloc; do
	echo N >"/sys/kernel/debug/$fault/ignore-gfp-wait"
	echo 0 >"/sys/kernel/debug/$fault/verbose"
done
echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
echo 0 >/sys/kernel/debug/fail_page_alloc/min-order

fail_nth() { python3 -E -S "$selftests/lib/fail_nth.py" "$@"; }

modprobe -a mdev vfio vfio_iommu_type1
check "loading mdev_nvme with a parent" fail_nth insert "$MODULES/mdev-nvme.ko" virtual_parents=1
check "loading mdev_mtty" fail_nth insert "$MODULES/mdev-mtty.ko" ""
load mdev-nvme
read -r function < <(edu)
echo mdev_nvme >"/sys/bus/pci/devices/$function/driver_override"
check "binding a PCI function" fail_nth bind "$function"
echo >"/sys/bus/pci/devices/$function/driver_override"
check "creating a device" fail_nth create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
finish
