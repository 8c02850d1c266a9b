#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: leaves a device behind, and what it belongs to.
. /project/tests/selftests/lib/ktap.sh
plan 2
modprobe -a mdev vfio
check "the module loads" insmod "/peers/$(uname -r)/mtty.ko"
# shellcheck disable=SC2329
create() { echo 00000000-0000-4000-8000-000000000001 >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create; }
check "a device is made" create
finish
