#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Guest memory, as devices read, write and pin it, by groups and where there is one by iommufd; and
# what is known of what they wrote.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-dma
load mdev-dma
setup create /sys/class/mdev_bus/mdev_dma/mdev_supported_types/mdev_dma-1 "$(uuid 1)"
ways=(group)
[[ ! -e /dev/iommu ]] || ways+=(iommufd)
plan $((1 + 6 * ${#ways[@]}))

dma() { python3 -E "$selftests/lib/vfio_dma.py" "$1" "$(uuid 1)" "$2"; }
for way in "${ways[@]}"; do
	check "by $way: read and written where it is mapped, and allowed" dma access "$way"
	check "by $way: only with Bus Master Enable" dma mastering "$way"
	check "by $way: pinned, and taken away" dma pins "$way"
	check "by $way: what stays pinned goes with the last close" dma left_pinned "$way"
	check "by $way: memory comes and goes meanwhile" dma unmapped_meanwhile "$way"
	if [[ -e /dev/iommu ]]; then
		check "by $way: the device's log of what it wrote is true" dma logged "$way"
	else
		skip "by $way: the device's log of what it wrote is true" "this kernel has none"
	fi
done
check "the container's tracking of what it wrote is true" dma tracked group
finish
