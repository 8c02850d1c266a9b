#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What an NVMe device says that it wrote of the guest's memory is what it wrote: by groups and by iommufd,
# over a stop by either protocol.
# timeout: 300
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
program=/project/target/release/nvme-guest
[[ -x $program ]] || { echo "no $program: run make tool"; exit 1; }
modprobe -q iommufd || skip_all "this kernel has no iommufd, and its devices keep no log"
plan 4
load mdev-nvme
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
for protocol in v1 v2; do
	check "by the group, stopped by $protocol" "$program" logged "$(uuid 1)" --protocol "$protocol"
	check "by iommufd, stopped by $protocol" "$program" logged "$(uuid 1)" --protocol "$protocol" --iommufd
done
finish
