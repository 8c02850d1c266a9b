#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Streams of NVMe devices, as they were written once, load for ever, in RAM and in a BAR.
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$(dirname "$0")/lib/nvme.sh"
plan 2
load mdev-nvme
golden=${BLESS_TO:-/project/tests/golden/streams}/mdev_nvme-state-1.bin
contents=(--kib 24 --seed 7)

setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
if [[ -n ${BLESS_TO:-} ]]; then
	setup guest fill 1 "${contents[@]}"
	setup python3 -E "$selftests/lib/vfio_golden.py" save "$(uuid 1)" "$golden"
	setup remove "$(uuid 1)"
	setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
fi

loads() {
	python3 -E "$selftests/lib/vfio_golden.py" again "$(uuid "$1")" "$golden"
	guest verify "$1" "${contents[@]}"
}
into_bar() {
	local function
	function=$(ivshmem_of 67108864)
	bind_pci "$function"
	create "$(type_node "$function" 16m)" "$(uuid 2)"
	loads 2
	remove "$(uuid 2)"
	unbind_pci "$function"
}
check "state version 1 into RAM: taken and given alike by each interface, contents there" loads 1
check "and into a BAR" into_bar
finish
