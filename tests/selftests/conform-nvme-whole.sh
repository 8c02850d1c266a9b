#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Whole devices, one in a BAR and one in RAM, held by the conformance program against what clients
# of either protocol expect.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
program=/project/target/release/vfio-conform
[[ -x $program ]] || { echo "no $program: run make tool"; exit 1; }
load mdev-nvme virtual_parents=0
bar=$(ivshmem_of 67108864)
mapfile -t edus < <(edu)
setup bind_pci "$bar"
setup bind_pci "${edus[0]}"
setup accepts "$(settings_of "${edus[0]}")/capacity" 67108864
setup offer_whole "$bar"
setup offer_whole "${edus[0]}"
# As lib/conform.sh has it.
seconds=60
[[ ! -e /sys/kernel/debug/kmemleak ]] || seconds=240
"$program" "$(whole_of "$bar")" --peer "$(whole_of "${edus[0]}")" --timeout "$seconds" --protocols v1,v2
