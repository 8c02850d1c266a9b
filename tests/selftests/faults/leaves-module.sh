#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: leaves a module and its parent behind.
. /project/tests/selftests/lib/ktap.sh
plan 1
modprobe -a mdev vfio
check "the module loads" insmod "/peers/$(uname -r)/mtty.ko"
finish
