#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Devices that are migrated as those of no other driver here are: with initial data anew.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-moves
load mdev-moves
types=/sys/class/mdev_bus/mdev_moves/mdev_supported_types
for n in 1 2; do setup create "$types/mdev_moves-both" "$(uuid $n)"; done
plan 3

moves() { python3 -E "$selftests/lib/vfio_moves.py" "$1" "$(uuid 1)" "$(uuid 2)"; }
check "initial data anew is told to who asked for that, until it is read" moves told
check "who did not ask gets flags as they came, before and after who did" moves untold
check "initial data anew arrives, read before the stop or after" moves arrives
finish
