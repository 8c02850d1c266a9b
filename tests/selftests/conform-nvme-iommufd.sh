#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A device of the NVMe driver through the other door: its character device, bound to iommufd.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/conform.sh
. "$selftests/lib/conform.sh"
modprobe -q iommufd || skip_all "this kernel has no iommufd"
conform mdev-nvme mdev_nvme0 mdev_nvme-16m "v1 v2" --iommufd
