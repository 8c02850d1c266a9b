#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: what runs the scripts in the machine goes on no more.
# timeout: 5
. /project/tests/selftests/lib/ktap.sh
plan 1
check "true is true" true
for process in /proc/[0-9]*; do
	if tr '\0' ' ' <"$process/cmdline" | grep -qx '.*bash /mnt/script *'; then
		kill -STOP "${process##*/}"
	fi
done
finish
