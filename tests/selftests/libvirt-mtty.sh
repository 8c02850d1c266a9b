#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# libvirt with the mtty sample: it lists what it knows as mtty.
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/libvirt.sh
. "$selftests/lib/libvirt.sh"
need_module mdev-mtty
plan 5
load mdev-mtty
start_libvirt
check "the parent is listed" wait_for 30 parent_listed mtty_mtty
check "its types" shows_types mtty_mtty mtty-1 mtty-2
check "their numbers" eval 'for n in 1 2; do shows_numbers mtty_mtty "/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-$n"; done'
check "nodedev-create and nodedev-destroy" creates_and_destroys mtty_mtty mtty-2 "$(uuid 1)"
gone() {
	unload mdev_mtty
	wait_for 30 fails parent_listed mtty_mtty
}
check "the parent goes with the module" gone
finish
