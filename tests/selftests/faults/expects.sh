#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: nothing, the kernel's log has what the header expects.
# expects: WARNING: .* at expected\.c:[0-9]+
. /project/tests/selftests/lib/ktap.sh
plan 1
echo "WARNING: CPU: 0 PID: 1 at expected.c:1" >/dev/kmsg
check "true is true" true
finish
