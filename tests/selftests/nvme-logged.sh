#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What an NVMe device says that it wrote of the guest's memory is what it wrote: by groups and by iommufd,
# over a stop by either protocol.
# timeout: 300
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
modprobe -q iommufd || skip_all "this kernel has no iommufd, and its devices keep no log"
plan 4
load mdev-nvme
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
for protocol in v1 v2; do
	check "by the group, stopped by $protocol" "$nvme_guest" logged "$(uuid 1)" --protocol "$protocol"
	check "by iommufd, stopped by $protocol" "$nvme_guest" logged "$(uuid 1)" --protocol "$protocol" --iommufd
done
finish
