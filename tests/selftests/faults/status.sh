#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: all results pass, the exit status says otherwise.
. /project/tests/selftests/lib/ktap.sh
plan 1
check "true is true" true
exit 5
