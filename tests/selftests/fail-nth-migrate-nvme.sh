#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every allocation of migrating an NVMe device fails once: nothing leaks, and it migrates then.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 300
# expects: Call Trace:
. "$selftests/lib/fail_nth.sh"
need_module mdev-nvme
plan 3
load mdev-nvme
for n in 1 2; do setup create "$(type_node mdev_nvme0 16m)" "$(uuid "$n")"; done
works() {
	remove "$(uuid 1)"
	remove "$(uuid 2)"
	unload mdev_nvme
}
for way in group iommufd; do
	check "by $way" fail_nth migrate "$(uuid 1)" "$(uuid 2)" "$way"
done
check "after that, devices and the module go" works
finish
