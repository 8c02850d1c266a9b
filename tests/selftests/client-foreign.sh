#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest that QEMU saved on the kernel's C sample is no guest of ours.
# timeout: 450
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/client.sh
. "$(dirname "$0")/lib/client.sh"
need_module mdev-mtty
need_peer
modprobe -a mdev vfio vfio_iommu_type1
client foreign 10 "$(mtty_type_node mtty-1)" "$peer" "$MODULES/mdev-mtty.ko"
