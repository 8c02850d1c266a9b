#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A running guest travels between two devices of the sample by QEMU 10, which opens them by iommufd and
# is not told to migrate whatever is missing: the devices log by themselves what they write.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/client.sh
. "$(dirname "$0")/lib/client.sh"
need_module mdev-mtty
modprobe -q iommufd || skip_all "this kernel has no iommufd"
load mdev-mtty
client travel 10 "$(mtty_type_node mtty-1)" --iommufd --times 3
