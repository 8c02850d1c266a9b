#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: a warning beside the one that the header expects.
# expects: WARNING: .* at expected\.c:[0-9]+
. /project/tests/selftests/lib/ktap.sh
plan 1
echo "WARNING: CPU: 0 PID: 1 at expected.c:1" >/dev/kmsg
echo "WARNING: CPU: 0 PID: 1 at planted.c:2" >/dev/kmsg
check "true is true" true
finish
