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
