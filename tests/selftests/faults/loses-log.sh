#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: the kernel's log is emptied.
. /project/tests/selftests/lib/ktap.sh
plan 1
echo "WARNING: CPU: 0 PID: 1 at planted.c:1" >/dev/kmsg
check "the log is emptied" dmesg --clear
finish
