#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: never ends.
# timeout: 5
. /project/tests/selftests/lib/ktap.sh
plan 1
exec sleep 1000
