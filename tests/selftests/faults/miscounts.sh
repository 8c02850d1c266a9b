#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: more results than planned, and status 0.
. /project/tests/selftests/lib/ktap.sh
plan 1
check "true is true" true
check "true is still true" true
exit 0
