#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The thread of an open device is in the control groups of whoever opened it, an unprivileged user too: it runs where
# they may, and its time is theirs.
# timeout: 400
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
# shellcheck source-path=SCRIPTDIR source=lib/groups.sh
. "$selftests/lib/groups.sh"
# A user's, and one beside it.
need_groups "cpu cpuset" user aside
[[ -e $groups/user/cpu.max ]] || skip_all "the kernel has no limits of processor time (CFS_BANDWIDTH)"
load mdev-nvme
plan 6
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
nobody=65534
group=/dev/vfio/$(basename "$(readlink "$(node "$(uuid 1)")/iommu_group")")
chown "$nobody" "$group"
# The last of its processors, and a fifth of its time.
processor=$(($(nproc) - 1))
share=20
setup accepts "$groups/user/cpuset.cpus" "$processor"
setup accepts "$groups/user/cpu.max" "$((share * 1000)) 100000"

# begin: a guest of the user's, in the group, is at work for long; it is process $guest, its device's thread $thread.
begin() {
	(
		enter user
		exec setpriv --reuid "$nobody" --regid "$nobody" --clear-groups --bounding-set=-all \
			"$nvme_guest" load "$(uuid 1)" --seconds 120
	) &
	guest=$!
	# However the check ends.
	trap 'kill -KILL "$guest" 2>/dev/null || :' EXIT
	wait_for 30 found
	thread=$(pgrep -x "mdev-00000000")
}
# It has its name before it is in the group.
found() { [[ $(pgrep -cx "mdev-00000000") == 1 ]] && grep -qx 0::/user "/proc/$(pgrep -x mdev-00000000)/cgroup"; }
none() { fails pgrep -x "mdev-00000000"; }
# end: it is killed, and the device closed.
end() {
	kill -KILL "$guest"
	wait "$guest" 2>/dev/null || :
	wait_for 30 none
}
# status PROCESS FIELD
status() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
# counted GROUP WHAT: of its cpu.stat; usage_usec is the time that its processes had, in microseconds.
counted() { sed -n "s/^$2 //p" "$groups/$1/cpu.stat"; }
now() { date +%s%6N; }
# Once the guest itself is elsewhere, what the group still uses is the thread's.
thread_alone() {
	begin
	echo "$guest" >"$groups/aside/cgroup.procs"
}

joined() {
	begin
	equal "the guest's user" "$nobody $nobody $nobody $nobody" "$(status "$guest" Uid | tr '\t' ' ')"
	equal "its capabilities" 0000000000000000 "$(status "$guest" CapEff)"
	equal "the guest's group" 0::/user "$(grep ^0:: "/proc/$guest/cgroup")"
	equal "the thread's group" 0::/user "$(grep ^0:: "/proc/$thread/cgroup")"
	equal "a thread of the kernel" "" "$(tr -d '\0' <"/proc/$thread/cmdline")"
	end
}
bound() {
	begin
	equal "the thread's processors" "$processor" "$(status "$thread" Cpus_allowed_list)"
	# Wherever the group is sent, the thread goes.
	accepts "$groups/user/cpuset.cpus" 0
	equal "its processors then" 0 "$(status "$thread" Cpus_allowed_list)"
	accepts "$groups/user/cpuset.cpus" "$processor"
	end
}
charged_time() {
	local before
	thread_alone
	equal "the group's processes" "$thread" "$(cat "$groups/user/cgroup.procs")"
	before=$(counted user usage_usec)
	used() { (($(counted user usage_usec) - before >= 200000)); }
	wait_for 60 used
	end
}
# shared: what thread and guest have together is the group's share of the time, and no more.
shared() {
	local begun before throttled used elapsed
	begin
	begun=$(now) before=$(counted user usage_usec) throttled=$(counted user nr_throttled)
	enough() { (($(now) - begun >= 8000000)); }
	wait_for 30 enough
	used=$(($(counted user usage_usec) - before)) elapsed=$(($(now) - begun))
	throttled=$(($(counted user nr_throttled) - throttled))
	end
	echo "used $used of $elapsed us, throttled $throttled times"
	((throttled > 0))
	((used * 100 <= (share + 5) * elapsed))
}
# The group's owner kills all that is in it.
killed() {
	begin
	accepts "$groups/user/cgroup.kill" 1
	wait "$guest" || :
	wait_for 30 none
	equal "the group is used" "populated 0" "$(grep populated "$groups/user/cgroup.events")"
}
removed() {
	rmdir "$groups/user"
	mkdir "$groups/user"
	in_group aside guest fill 1 --kib 1024
	in_group aside guest verify 1 --kib 1024
}

check "opened by a user without rights, in a group of its own: the thread is there too" joined
check "it runs on the group's processors alone, and moves with them" bound
check "its time is the group's" charged_time
check "guest and thread together keep to cpu.max" shared
check "cgroup.kill ends the guest, and with it the thread" killed
check "nothing of it is left in the group" removed
finish
