#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A running guest travels from an mdev, in RAM, to a function offered whole, in its BAR, and back,
# by QEMU 10, while it checks what it wrote.
# timeout: 1200
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/client.sh
. "$(dirname "$0")/lib/client.sh"
need_module mdev-nvme
load mdev-nvme
bar=$(ivshmem_of 67108864)
setup bind_pci "$bar"
client travel 10 "$(type_node mdev_nvme0 64m)" --to "$(settings_of "$bar")/whole" --times $((3 * ${SOAK:-1}))
