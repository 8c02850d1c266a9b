#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Devices that are migrated as those of no other driver here are: with initial data anew, and of types
# that have one interface only.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-moves
conform=/project/target/release/vfio-conform
[[ -x $conform ]] || { echo "no $conform: run make tool"; exit 1; }
load mdev-moves
types=/sys/class/mdev_bus/mdev_moves/mdev_supported_types
settings=/sys/class/mdev_bus/mdev_moves/settings
setup create "$types/mdev_moves-both" "$(uuid 1)"
setup create "$types/mdev_moves-both" "$(uuid 2)"
setup create "$types/mdev_moves-v1" "$(uuid 3)"
setup create "$types/mdev_moves-v2" "$(uuid 4)"
plan 8

# moves TEST [SOURCE TARGET]: numbers of devices.
moves() { python3 -E "$selftests/lib/vfio_moves.py" "$1" "$(uuid "${2:-1}")" "$(uuid "${3:-2}")"; }
# offers DEVICE PROTOCOLS: these and no others.
offers() { "$conform" "$(uuid "$1")" --protocols "$2" --only info.protocols --only feature.absent; }
# only DEVICE PROTOCOL: and by that it can be migrated.
only() {
	offers "$1" "$2"
	python3 -E "$selftests/lib/vfio_states.py" offers "$(uuid "$1")" "$(uuid "$1")" "$2"
}
setting() {
	local n choice
	for n in {1..4}; do remove "$(uuid "$n")"; done
	for choice in v1 v2; do
		refuses EINVAL "$settings/protocols" "$choice"
		equal protocols "v1 v2" "$(cat "$settings/protocols")"
	done
	accepts "$settings/protocols" "v1 v2"
}

check "initial data anew is told to who asked for that, until it is read" moves told
check "who did not ask gets flags as they came, before and after who did" moves untold
check "initial data anew arrives, read before the stop or after" moves arrives
check "a type of v1 alone offers that and nothing else" only 3 v1
check "a type of v2 alone offers that and nothing else" only 4 v2
check "a type of both offers both" offers 1 v1,v2
check "what the one saved by v1 the other loads by v2, and back" eval 'moves across 3 4; moves across 4 3'
check "a parent refuses to leave a type without an interface" setting
finish
