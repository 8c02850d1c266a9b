#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest with file systems on an NVMe device, whose load checks what it reads, travels between two
# devices by QEMU 10 and the ioctls (v2).
# timeout: 1500
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/client.sh
. "$(dirname "$0")/lib/client.sh"
need_module mdev-nvme
load mdev-nvme
setup accepts "$(parent)/settings/capacity" $((2 << 30))
client travel 10 "$(type_node mdev_nvme0 1g)" --times $((20 * ${SOAK:-1}))
