#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Migrations that are cancelled or damaged: the source is unharmed, the target is left empty.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
load mdev-nvme
plan 7
small=$(ivshmem_of 67108864)
setup bind_pci "$small"
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 2)"
setup create "$(type_node "$small" 16m)" "$(uuid 3)"

for protocol in v1 v2; do
	check "$protocol: a save that is given up leaves the source as it was" guest cancelled 1 --protocol "$protocol"
	check "$protocol: a bad load leaves the target empty, a good one is whole" \
		guest damaged 1 --peer "$(uuid 2)" --protocol "$protocol"
done
check "v2: and so into a BAR" guest damaged 1 --peer "$(uuid 3)" --protocol v2 --seed 2
# exceeding KEY VALUE REASON: a stream whose controller has more than this, which its version string states.
exceeding() {
	local mark
	mark=$(log_mark)
	python3 -E "$selftests/lib/vfio_exceeding.py" "$(uuid 2)" \
		/project/tests/golden/streams/mdev_nvme-state-1.bin "$1" "$2"
	matches "the log" "migration: EINVAL: [^
]*$3, of which the source states fewer, is" "$(log_since "$mark")"
}
check "a controller with more queues than its version string states" exceeding queues 15 "the number of queues"
check "and with more optional commands" exceeding features 0x5 "the set of optional commands"
unbind_pci "$small" >/dev/null
finish
