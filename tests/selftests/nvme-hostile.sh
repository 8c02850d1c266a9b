#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest that does what no driver would: it hurts nobody but itself, and a reset brings the device back.
# HOSTILE_SECONDS and HOSTILE_SEED say for how long and with which seed.
# timeout: 300
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
load mdev-nvme
plan 4
small=$(ivshmem_of 67108864)
setup bind_pci "$small"
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
setup create "$(type_node "$small" 16m)" "$(uuid 2)"
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 3)"
seconds=${HOSTILE_SECONDS:-30}
if ((seconds > 30)); then seed=${HOSTILE_SEED:-$((RANDOM * 32768 + RANDOM))}; else seed=${HOSTILE_SEED:-1}; fi
setup guest fill 3 --seed 21

# A device's thread lives as long as the device is open, and has its name.
threads() { grep -hE '^mdev-' /proc/[0-9]*/comm 2>/dev/null | sort | uniq -c | paste -sd, || :; }
none() { [[ -z $(threads) ]]; }
ended() {
	wait_for 30 none || {
		echo "still there: $(threads)"
		return 1
	}
}

check "memory, for $seconds s with seed $seed" guest hostile 1 --seconds "$seconds" --seed "$seed"
check "a BAR, for $((seconds / 3)) s" guest hostile 2 --seconds "$((seconds / 3))" --seed "$((seed + 1))"
check "a device beside them is unharmed" guest verify 3 --seed 21
check "no thread of theirs is left" ended
unbind_pci "$small" >/dev/null
finish
