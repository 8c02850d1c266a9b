#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: a duplicate name in sysfs.
. /project/tests/selftests/lib/ktap.sh
plan 1
echo "sysfs: cannot create duplicate filename '/planted'" >/dev/kmsg
check "true is true" true
finish
