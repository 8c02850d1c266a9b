# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the scripts that make control groups, after lib.sh.

groups=/run/nvme-groups

# need_groups CONTROLLERS NAME...: groups of these names with these controllers, until the script ends. A kernel
# that lacks one of the controllers has the script skipped.
need_groups() {
	local controller
	group_names=("${@:2}")
	mkdir -p "$groups"
	mount -t cgroup2 none "$groups"
	for controller in $1; do
		if ! grep -qw "$controller" "$groups/cgroup.controllers"; then
			umount "$groups"
			skip_all "the kernel has no control groups for $controller"
		fi
	done
	trap clean_groups EXIT
	for controller in $1; do echo "+$controller" >"$groups/cgroup.subtree_control"; done
	mkdir "${group_names[@]/#/$groups/}"
}
clean_groups() {
	local name
	# Whoever has a device open is waited for.
	for name in "${group_names[@]}"; do
		# One may not have been made.
		[[ ! -e $groups/$name/cgroup.kill ]] || echo 1 >"$groups/$name/cgroup.kill"
	done
	clean_machine || :
	# Their processes have ended; what they were charged goes with the devices.
	rmdir "${group_names[@]/#/$groups/}" 2>/dev/null || :
	umount "$groups"
}

# enter NAME: the process that this is called in is of that group from now on.
enter() { echo "$BASHPID" >"$groups/$1/cgroup.procs"; }
# in_group NAME COMMAND...: runs it as a process of that group.
in_group() (
	enter "$1"
	shift
	"$@"
)
