#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# After a load a device presents, enforces and states what its source had, until it is closed.
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
load mdev-nvme virtual_parents=3
plan 4
# Sources that lack Dataset Management, and all but it; and a target that has all.
setup accepts "$(settings_of mdev_nvme0)/features" 0x5
setup accepts "$(settings_of mdev_nvme1)/features" 0x2
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
setup create "$(type_node mdev_nvme1 16m)" "$(uuid 2)"
setup create "$(type_node mdev_nvme2 64m)" "$(uuid 3)"
# Of another type than the target, so that the type which is stated is the source's too.
setup accepts "$(node "$(uuid 1)")/capacity" 67108864
setup accepts "$(node "$(uuid 2)")/capacity" 67108864

for protocol in v1 v2; do
	check "$protocol: without Dataset Management" guest inherit 1 --peer "$(uuid 3)" --protocol "$protocol"
	check "$protocol: with Dataset Management alone" guest inherit 2 --peer "$(uuid 3)" --protocol "$protocol"
done
finish
