#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# libvirt with the kernel's own C mtty: shows that the checks fit a driver that is not ours.
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/libvirt.sh
. "$selftests/lib/libvirt.sh"
need_peer
plan 4
load "$peer"
start_libvirt
check "the parent is listed" wait_for 30 parent_listed mtty_mtty
check "its types" shows_types mtty_mtty mtty-1 mtty-2
check "their numbers" shows_numbers mtty_mtty /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1
check "nodedev-create and nodedev-destroy" creates_and_destroys mtty_mtty mtty-1 "$(uuid 1)"
finish
