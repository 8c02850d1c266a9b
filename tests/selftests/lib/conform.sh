# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the scripts that hold devices against what clients expect, after lib.sh.

# conform MODULE PARENT TYPE PROTOCOLS [ARGUMENT...]: two devices of a type, whose parent, a device
# of a class, offers these protocols and no others; none if the type cannot be migrated. The program,
# with these arguments, prints the plan and the results. A test of it has 60 seconds, or $limit, and
# on the debug kernel four times as many, as scripts have.
conform() {
	local program=/project/target/release/vfio-conform parent=/sys/class/mdev_bus/$2 seconds=${limit:-60}
	[[ ! -e /sys/kernel/debug/kmemleak ]] || seconds=$((4 * seconds))
	need_module "$1"
	[[ -x $program ]] || { echo "no $program: run make tool"; exit 1; }
	load "$1"
	[[ $4 == none ]] || setup accepts "$parent/settings/protocols" "$4"
	setup create "$parent/mdev_supported_types/$3" "$(uuid 1)"
	setup create "$parent/mdev_supported_types/$3" "$(uuid 2)"
	"$program" "$(uuid 1)" --peer "$(uuid 2)" --may-remove --timeout "$seconds" \
		--protocols "${4/ /,}" "${@:5}"
}
