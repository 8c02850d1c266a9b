#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A device that is at work goes to another and back, without a virtual machine monitor.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
load mdev-nvme
small=$(ivshmem_of 67108864)
large=$(ivshmem_of 268435456)
plan 12
setup bind_pci "$small"
setup bind_pci "$large"
in_memory=$(type_node mdev_nvme0 16m)
setup create "$in_memory" "$(uuid 1)"
setup create "$in_memory" "$(uuid 2)"
setup create "$(type_node "$small" 16m)" "$(uuid 3)"
setup create "$(type_node "$large" 16m)" "$(uuid 4)"
setup create "$in_memory" "$(uuid 5)"
setup accepts "$(node "$(uuid 5)")/capacity" 67108864
setup create "$(type_node mdev_nvme0 64m)" "$(uuid 6)"

# There and back: each pair goes in both directions.
for protocol in v1 v2; do
	check "$protocol: from memory to memory" guest move 1 --peer "$(uuid 2)" --protocol "$protocol" --seed 11
	check "$protocol: from memory to a BAR and back" guest move 2 --peer "$(uuid 3)" --protocol "$protocol" --seed 12
	check "$protocol: from a BAR to another and back" guest move 3 --peer "$(uuid 4)" --protocol "$protocol" --seed 13
	check "$protocol: from a 16m with a capacity of 64 MiB to a 64m and back" \
		guest move 5 --peer "$(uuid 6)" --protocol "$protocol" --seed 14
	check "$protocol: without Bus Master Enable commands wait at both places" \
		guest move-still 1 --peer "$(uuid 2)" --protocol "$protocol"
	# The version string is refused, before anything else is looked at.
	check "$protocol: 16 MiB do not go into 64 MiB" refuses_guest move 1 --peer "$(uuid 6)" --protocol "$protocol"
done
unbind_pci "$small" >/dev/null
unbind_pci "$large" >/dev/null
finish
