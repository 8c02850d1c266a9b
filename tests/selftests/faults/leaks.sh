#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: memory leaks. The module also prints what it allocates, under a name like the detector's.
# expects: kmemleak: .*( testing| = 0x)
. /project/tests/selftests/lib/ktap.sh
[[ -w /sys/kernel/debug/kmemleak ]] || skip_all "this kernel has no kmemleak (KERNEL=debug has)"
plan 2
check "the kernel's leaking module comes" modprobe kmemleak-test
check "and goes" rmmod kmemleak-test
finish
