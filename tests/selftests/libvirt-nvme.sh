#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# libvirt with a PCI parent of mdev_nvme.
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/libvirt.sh
. "$selftests/lib/libvirt.sh"
need_module mdev-nvme
plan 6
load mdev-nvme virtual_parents=0
read -r edu < <(edu)
nodedev=pci_${edu//[:.]/_}
setup bind_pci "$edu"
start_libvirt
types=(mdev_nvme-{16m,64m,256m,1g,4g,64m_4k,1g_4k,64m_local})
check "the parent is listed" wait_for 30 parent_listed "$nodedev"
check "its types" shows_types "$nodedev" "${types[@]}"
check "their numbers" eval 'for type in 16m 1g 4g 64m_local; do shows_numbers "$nodedev" "$(type_node "$edu" "$type")"; done'
check "nodedev-create and nodedev-destroy" creates_and_destroys "$nodedev" mdev_nvme-64m "$(uuid 1)"
check "the same uuid again, of another type" creates_and_destroys "$nodedev" mdev_nvme-64m_local "$(uuid 1)"
# libvirt sees a parent that is bound while it runs through the change event that the driver sends.
late() {
	local other
	other=$(edu | tail -n 1)
	bind_pci "$other"
	wait_for 30 parent_listed "pci_${other//[:.]/_}"
	shows_types "pci_${other//[:.]/_}" "${types[@]}"
	unbind_pci "$other"
}
check "a parent that is bound while libvirt runs" late
finish
