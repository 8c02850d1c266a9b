#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: the machine dies.
. /project/tests/selftests/lib/ktap.sh
plan 1
echo c >/proc/sysrq-trigger
sleep 1000
