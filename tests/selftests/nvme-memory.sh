#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Who pays for media in memory: the control group that had the device open when it was first written.
# timeout: 600
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
# shellcheck source-path=SCRIPTDIR source=lib/groups.sh
. "$selftests/lib/groups.sh"
need_groups memory payer limited
load mdev-nvme
plan 6
setup create "$(type_node mdev_nvme0 64m)" "$(uuid 1)"
mib=1048576

# has GROUP LEAST MOST: what it is charged comes to be between the two; counters are updated in
# batches, and some of what a process had is freed after its end.
between() { (($(charged "$groups/$1") >= $2 && $(charged "$groups/$1") <= $3)); }
has() {
	wait_for 20 between "$@" || {
		echo "$1 is charged $(charged "$groups/$1"), wanted $2 to $3"
		return 1
	}
}

first_write() {
	in_group payer guest fill 1 --kib 32768 --seed 3
	has payer $((32 * mib)) $((40 * mib))
}
# Who writes a page again does not pay for it, and who only reads pays for nothing.
again() {
	guest fill 1 --kib 32768 --seed 4
	guest verify 1 --kib 32768 --seed 4
	has payer $((32 * mib)) $((40 * mib))
}
reading() {
	guest free 1
	has payer 0 $((8 * mib))
	in_group payer guest blank 1
	has payer 0 $((8 * mib))
}
removed() {
	in_group payer guest fill 1 --kib 32768 --seed 3
	has payer $((32 * mib)) $((40 * mib))
	remove "$(uuid 1)"
	has payer 0 $((8 * mib))
	create "$(type_node mdev_nvme0 64m)" "$(uuid 1)"
}
limit() {
	accepts "$groups/limited/memory.max" $((24 * mib))
	accepts "$groups/limited/memory.swap.max" 0 || :
	in_group limited guest refuses 1 --kib 65536
	local events
	events=$(tr '\n' ' ' <"$groups/limited/memory.events")
	matches "events of the group" "oom_kill 0" "$events"
	# Who is not limited can go on writing it.
	guest fill 1 --kib 65536 --seed 9
	guest verify 1 --kib 65536 --seed 9
}
gone() {
	remove "$(uuid 1)"
	has limited 0 $((4 * mib))
	has payer 0 $((8 * mib))
}
check "the first write of a page is charged to the group that has the device open, and stays so" first_write
check "writing it again and reading it is free" again
check "deallocating gives it back, and reading what is not there takes nothing" reading
check "removing the device gives it back" removed
check "memory.max: the guest's writes fail, nobody is killed" limit
check "at last nothing is left charged" gone
finish
