#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# mdevctl's own udev rule starts devices when the parent is announced.
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/libvirt.sh
. "$selftests/lib/libvirt.sh"
need_module mdev-nvme
plan 2
# The package's rule runs /usr/sbin/mdevctl; some packages have it elsewhere.
[[ -e /usr/sbin/mdevctl ]] || ln -s "$(command -v mdevctl)" /usr/sbin/mdevctl
start_udev
modprobe -a mdev vfio vfio_iommu_type1
good=mdev_nvme/1,model=nvme1,type=16m,capacity=16777216,lba=512,queues=16,state=1,features=0x7
folder=/etc/mdevctl.d/mdev_nvme0
mkdir -p "$folder"
definition() {
	printf '{"mdev_type":"mdev_nvme-16m","start":"auto","attrs":[{"migration_version":"%s"}]}\n' "$2" >"$folder/$1"
}
definition "$(uuid 1)" "$good"
definition "$(uuid 2)" "$(set_field "$good" features 0x8)"
load mdev-nvme
check "the accepted one is started" wait_for 60 test -e "$(node "$(uuid 1)")"
refused() {
	udevadm settle --timeout=60
	wait_for 60 fails pgrep -x mdevctl
	fails test -e "$(node "$(uuid 2)")"
}
check "the refused one is not" refused
rm -r "$folder"
finish
