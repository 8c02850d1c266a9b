# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced, after lib.sh, by the selftests that migrate guests with real clients.

# The guests run by hardware virtualization where the machine has it; it may be emulated itself.
modprobe kvm-amd 2>/dev/null || modprobe kvm-intel 2>/dev/null || :
[[ -e /clients/kernel/vmlinux && -e /project/build/clients/initramfs ]] ||
	{ echo "the clients or their guest are missing: run scripts/clients.sh"; exit 1; }

# client PROGRAM ARGUMENT...: one of the harness's programs, which prints plan and results.
client() {
	local program=$1
	shift
	python3 -B "/project/tests/clients/harness/$program.py" "$@"
}

# refusing_places: loads mdev-mtty with a second parent, which is an older host, and another driver. $refusing: what
# faults.py is to be told of types there, for a guest with one device of each type of the sample.
refusing_places() {
	need_module mdev-nvme
	need_module mdev-mtty
	load mdev-mtty parents=2
	load mdev-nvme
	setup accepts "$(settings_of mtty1)/state" 1
	setup accepts "$(settings_of mtty1)/state_range" 1..1
	local older foreign
	older=$(parent mtty1)/mdev_supported_types
	foreign=$(type_node mdev_nvme0 16m)
	# shellcheck disable=SC2034 # for whoever sources this
	refusing=(
		--refuses "a target of an older host" "(state), EPROTONOSUPPORT" "$older/mtty-1,$older/mtty-2"
		--refuses "a target of another driver" "(namespace), EXDEV" "$foreign,$foreign"
	)
}
