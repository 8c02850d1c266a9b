#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest with a file system on an NVMe device travels from memory to the memory of a PCI function and
# back, by QEMU 7.2 and the region (v1). It has one processor, and so one queue.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/client.sh
. "$(dirname "$0")/lib/client.sh"
need_module mdev-nvme
load mdev-nvme
bar=$(ivshmem_of 268435456)
setup bind_pci "$bar"
client travel 7 "$(type_node mdev_nvme0 256m)" --to "$(type_node "$bar" 256m)" --times $((3 * ${SOAK:-1})) --option nr_cpus=1
