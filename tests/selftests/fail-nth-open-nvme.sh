#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every allocation of opening an NVMe device fails once: nothing leaks, and it can be opened then.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 300
# expects: Call Trace:
. "$selftests/lib/fail_nth.sh"
need_module mdev-nvme
plan 3
load mdev-nvme
type=$(type_node mdev_nvme0 16m)
works() {
	create "$type" "$(uuid 1)"
	remove "$(uuid 1)"
	unload mdev_nvme
}
for way in group iommufd; do
	check "by $way" fail_nth open "$type" "$(uuid 1)" "$way"
done
check "after that, devices are made and the module goes" works
finish
