#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: a test that fails.
. /project/tests/selftests/lib/ktap.sh
plan 1
check "false is true" false
finish
