# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the scripts that hold the sample against what clients expect, after lib.sh.

# conform PROTOCOLS [ARGUMENT...]: two devices of the sample, whose parent offers these protocols and
# no others. The program, with these arguments, prints the plan and the results.
conform() {
	local program=/project/target/release/vfio-conform parent=/sys/class/mdev_bus/mtty
	local type=$parent/mdev_supported_types/mtty-2
	need_module mdev-mtty
	[[ -x $program ]] || { echo "no $program: run make tool"; exit 1; }
	load mdev-mtty
	setup accepts "$parent/settings/protocols" "$1"
	setup create "$type" "$(uuid 1)"
	setup create "$type" "$(uuid 2)"
	"$program" "$(uuid 1)" --peer "$(uuid 2)" --may-remove --protocols "${1/ /,}" "${@:2}"
}
