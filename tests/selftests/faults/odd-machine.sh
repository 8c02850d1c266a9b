#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: it asks for a machine that there is not.
# machine: iomu
. /project/tests/selftests/lib/ktap.sh
plan 1
check "true is true" true
finish
