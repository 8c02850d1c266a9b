#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every allocation of opening a device fails once: nothing leaks, and it can be opened then.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 300
# expects: Call Trace:
. "$selftests/lib/fail_nth.sh"
need_module mdev-mtty
plan 3
load mdev-mtty
works() {
	create "$(mtty_type_node mtty-2)" "$(uuid 1)"
	python3 -E "$selftests/lib/vfio_mtty.py" "$(uuid 1)" 2 group loop reset
	remove "$(uuid 1)"
	unload mdev_mtty
}
for way in group iommufd; do
	check "by $way" fail_nth open "$(mtty_type_node mtty-2)" "$(uuid 1)" "$way"
done
check "after that, a device works and the module goes" works
finish
