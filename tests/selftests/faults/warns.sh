#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: a warning in the kernel's log.
. /project/tests/selftests/lib/ktap.sh
plan 1
echo "WARNING: CPU: 0 PID: 1 at planted.c:1" >/dev/kmsg
check "true is true" true
finish
