#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The sample through the other door: its character device, bound to iommufd, with no group and no
# container. All that clients expect of it is the same.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/conform.sh
. "$selftests/lib/conform.sh"
modprobe -q iommufd || skip_all "this kernel has no iommufd"
conform mdev-mtty mtty mtty-2 "v1 v2" --iommufd
