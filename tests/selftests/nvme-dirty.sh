#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is sent while a device is migrated: what is dirty, and nothing else.
# timeout: 600
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
load mdev-nvme
plan 4
small=$(ivshmem_of 67108864)
setup bind_pci "$small"
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
setup create "$(type_node "$small" 16m)" "$(uuid 2)"

check "stop-and-copy has exactly the pages that are dirty, by v1" guest exact 1 --protocol v1
check "and by v2" guest exact 1 --protocol v2
check "and of a BAR" guest exact 2 --protocol v2
check "the first pass ends however fast the guest writes; dirty_bytes is true" guest initial 1
unbind_pci "$small" >/dev/null
finish
