#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every allocation of migrating a device fails once: nothing leaks, and it migrates then.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 300
# expects: Call Trace:
. "$selftests/lib/fail_nth.sh"
need_module mdev-mtty
plan 3
load mdev-mtty
for n in 1 2; do setup create "$(mtty_type_node mtty-2)" "$(uuid "$n")"; done
works() {
	python3 -E "$selftests/lib/vfio_mtty.py" "$(uuid 1)" 2 group loop reset
	remove "$(uuid 1)"
	remove "$(uuid 2)"
	unload mdev_mtty
}
for way in group iommufd; do
	check "by $way" fail_nth migrate "$(uuid 1)" "$(uuid 2)" "$way"
done
check "after that, devices work and the module goes" works
finish
