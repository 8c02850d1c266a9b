# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the runner, on both sides of the virtual machine: what a script says of itself in
# comments, "# NAME: VALUE".

# header SCRIPT NAME: its value, or nothing.
header() { sed -n "s/^# $2: \(.*\)\$/\1/p" "$1" | head -n 1; }

# script_limit SCRIPT: the seconds that it has. All takes several times as long on the debug kernel,
# and as often as SOAK says, whose rounds have more in them. The hostile guest's time comes on top.
script_limit() {
	local seconds
	seconds=$(header "$1" timeout)
	seconds=${seconds:-${SCRIPT_TIMEOUT:-300}}
	[[ ${KERNEL:-} != debug ]] || seconds=$((4 * seconds))
	seconds=$((seconds + 2 * ${HOSTILE_SECONDS:-0}))
	[[ -z ${SOAK:-} ]] || seconds=$((10 * SOAK * seconds))
	echo "$seconds"
}
