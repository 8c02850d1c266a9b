#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two devices of the sample, held by the conformance program against what clients expect.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-mtty
program=/project/target/release/vfio-conform
[[ -x $program ]] || { echo "no $program: run make tool"; exit 1; }
load mdev-mtty
type=/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2
setup create "$type" "$(uuid 1)"
setup create "$type" "$(uuid 2)"
# By the group; where the kernel has character devices, by iommufd.
ways=()
[[ ! -e /dev/iommu ]] || ways=(--iommufd)

# A type without a PCI function says so when it is opened: there is nothing to hold it against.
first=$("$program" "$(uuid 1)" --only info.device 2>&1) || :
[[ $first != *GET_DEVICE_FD:\ EOPNOTSUPP* ]] || skip_all "the sample cannot be opened"

# The program prints the plan and the results itself.
"$program" "$(uuid 1)" --peer "$(uuid 2)" --may-remove "${ways[@]}"
