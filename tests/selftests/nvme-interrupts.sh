#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Interrupts of all kinds tell of every completion, there is none without Bus Master Enable, and shadow
# doorbells need hardly any access.
# timeout: 600
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
load mdev-nvme
plan 11
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"

check "MSI-X has a vector for each queue" guest vectors 1
for kind in intx msi msix; do
	check "every completion is told by $kind" guest interrupts 1 --interrupts "$kind"
done
for kind in intx msi; do
	check "INTMS keeps $kind back, INTMC lets it go" guest masked 1 --interrupts "$kind"
done
for kind in intx msi msix; do
	check "without Bus Master Enable nothing is done or told of by $kind, with it all" guest mastering 1 --interrupts "$kind"
done
check "shadow doorbells, with msix" guest shadow 1
check "shadow doorbells, with intx" guest shadow 1 --interrupts intx
finish
