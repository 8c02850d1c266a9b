#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Opening a device: not possible yet, and that is what it says.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 2
load mdev-nvme
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"

refused() {
	python3 -E -S - "$(uuid 1)" "$(basename "$(readlink "$(node "$(uuid 1)")/iommu_group")")" <<-'PY'
		import array, errno, fcntl, os, sys
		VFIO_SET_IOMMU, VFIO_GROUP_SET_CONTAINER = 0x3B66, 0x3B68
		VFIO_GROUP_GET_DEVICE_FD, VFIO_TYPE1V2_IOMMU = 0x3B6A, 3
		container = os.open("/dev/vfio/vfio", os.O_RDWR)
		group = os.open("/dev/vfio/" + sys.argv[2], os.O_RDWR)
		fcntl.ioctl(group, VFIO_GROUP_SET_CONTAINER, array.array("i", [container]))
		fcntl.ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU)
		try:
		    fcntl.ioctl(group, VFIO_GROUP_GET_DEVICE_FD, sys.argv[1].encode() + b"\0")
		    answer = "opened"
		except OSError as error:
		    answer = error.errno
		assert answer == errno.EOPNOTSUPP, answer
	PY
}
removable() {
	refused
	remove "$(uuid 1)"
}
check "EOPNOTSUPP" refused
check "the device can be removed after that" removable
finish
