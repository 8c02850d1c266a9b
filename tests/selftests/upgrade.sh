#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An older and a newer host: two PCI parents that read different state versions.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 4
load mdev-nvme virtual_parents=0
old=$(ivshmem_of 67108864)
new=$(ivshmem_of 268435456)
setup bind_pci "$old"
setup bind_pci "$new"
setup accepts "$(parent "$new")/settings/state_range" 1..2
setup accepts "$(parent "$new")/settings/state" 2
setup create "$(type_node "$old" 16m)" "$(uuid 1)"
setup create "$(type_node "$new" 16m)" "$(uuid 2)"

# moves FROM TO
moves() { accepts "$2/migration_version" "$(cat "$1/migration_version")"; }
refused_up() { refuses EPROTONOSUPPORT "$2/migration_version" "$(cat "$1/migration_version")"; }
check "type: old to new is accepted" moves "$(type_node "$old" 16m)" "$(type_node "$new" 16m)"
check "type: new to old is refused" refused_up "$(type_node "$new" 16m)" "$(type_node "$old" 16m)"
check "device: old to new is accepted" moves "$(node "$(uuid 1)")" "$(node "$(uuid 2)")"
check "device: new to old is refused" refused_up "$(node "$(uuid 2)")" "$(node "$(uuid 1)")"
finish
