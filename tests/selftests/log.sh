#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The line that a refusal leaves in the kernel's log.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 9
load mdev-nvme virtual_parents=2
type=$(type_node mdev_nvme0 16m)
device=$(node "$(uuid 1)")
setup create "$type" "$(uuid 1)"
good=$(cat "$type/migration_version")

# Refusals are few enough here that the limit of 10 in 5 s holds none back: each check starts
# after the limit's time, counted from the log itself.
quiet() { wait_for 30 nothing_for_5_s; }
nothing_for_5_s() {
	local last now
	last=$(dmesg | sed -n 's/^\[ *\([0-9]*\)\..*migration_version of.*/\1/p' | tail -n 1)
	now=$(sed 's/\..*//' /proc/uptime)
	((now - ${last:-0} > 6))
}
# said FILE STRING REGEX...: this refusal logs one line, which matches all of them.
said() {
	local file=$1 string=$2 mark lines regex
	shift 2
	mark=$(log_mark)
	io write "$file" "$string" --escaped || :
	lines=$(log_since "$mark")
	echo "$lines"
	equal "lines in the log" 1 "$(wc -l <<<"$lines")"
	for regex; do matches "the log" "$regex" "$lines"; done
}
each_rule() {
	quiet
	said "$1" nonsense '(head|rule 1)' 'EINVAL' 'nonsense'
	said "$1" "mdev_mtty/1,a=b" '(namespace|rule 2)' EXDEV mdev_mtty mdev_nvme
	said "$1" "${good/,lba=512/}" '(form|rule 3)' EINVAL lba
	said "$1" "$good,zoned=1" 'unknown' EOPNOTSUPP zoned
	said "$1" "$(set_field "$good" model nvme2)" model EXDEV nvme2 nvme1
	quiet
	said "$1" "$(set_field "$good" type nosuch)" type EMEDIUMTYPE nosuch 16m
	said "$1" "$(set_field "$good" state 7)" state EPROTONOSUPPORT 7 '1\.\.1'
	said "$1" "$(set_field "$good" queues 17)" queues ERANGE 17 '1\.\.16'
	said "$1" "$(set_field "$good" features 0x8)" features EOPNOTSUPP 0x8 0x7
}
acceptance() {
	local mark
	mark=$(log_mark)
	accepts "$type/migration_version" "$good"
	accepts "$device/migration_version" "$good"
	equal "the log" "" "$(log_since "$mark")"
}
forged() {
	local mark
	quiet
	mark=$(log_mark)
	refuses EINVAL "$type/migration_version" 'mdev_nvme/1,a=\n\nplanted: all is well\x1b[2J\x00\xff' --escaped
	log_since "$mark"
	equal "lines" 1 "$(log_since "$mark" | wc -l)"
	equal "lines of its own making" 0 "$(log_since "$mark" | grep -c '^planted' || :)"
	equal "bytes that are not printable" 0 "$(log_since "$mark" | tr -d '\n' | tr -d ' -~' | wc -c)"
}
cut_at_128() {
	local mark shown
	quiet
	mark=$(log_mark)
	refuses EINVAL "$type/migration_version" q --repeat 1000
	shown=$(log_since "$mark" | grep -o 'q*' | grep -E '^q{100,}' | head -n 1)
	equal "bytes of the source in the log" 128 "${#shown}"
}
# floods FILE...: 50 refusals at each, one file after the other; prints how many lines each gave.
# On a busy machine that can last so long that a limit starts again in the middle, which says nothing
# of the limit: then all of it is done again.
floods() {
	local mark number
	for _ in {1..10}; do
		quiet
		mark=$(log_mark)
		if flood "$@"; then
			for number in $(seq $#); do log_since "$mark" | grep -c "\"flood$number" || :; done
			return
		fi
	done
	echo "the machine is too slow: no try took less than a limit's time"
	return 1
}
flood() {
	python3 -E -S - "$@" <<-'PY'
		import os, sys, time
		files = [os.open(path, os.O_WRONLY) for path in sys.argv[1:]]
		begin = time.monotonic()
		for number, file in enumerate(files, 1):
		    for _ in range(50):
		        try:
		            os.pwrite(file, b"flood%d" % number, 0)
		        except OSError:
		            pass
		sys.exit(time.monotonic() - begin > 4)
	PY
}
limited() {
	equal "lines of 50 refusals" 10 "$(floods "$type/migration_version")"
	equal "lines of 50 more, later" 10 "$(floods "$type/migration_version")"
}
one_limit_a_parent() {
	local lines
	lines=$(floods "$type/migration_version" "$(type_node mdev_nvme0 64m)/migration_version" \
		"$(type_node mdev_nvme1 16m)/migration_version" "$device/migration_version")
	equal "lines at a type, at another of the same parent, at another parent, at a device" \
		$'10\n0\n10\n10' "$lines"
}
limit_per_device() {
	create "$type" "$(uuid 2)"
	equal "lines at a device and at another" $'10\n10' \
		"$(floods "$device/migration_version" "$(node "$(uuid 2)")/migration_version")"
}

check "type: each rule, the two values, the source" each_rule "$type/migration_version"
check "device: each rule, the two values, the source" each_rule "$device/migration_version"
check "an acceptance logs nothing" acceptance
check "a write cannot forge log lines" forged
check "the source is cut at 128 bytes" cut_at_128
check "at most 10 lines in 5 s, and again later" limited
check "one limit for the types of a parent, others for other parents and devices" one_limit_a_parent
check "each device has a limit of its own" limit_per_device
named() {
	quiet
	said "$type/migration_version" nonsense 'mdev_nvme0'
	said "$device/migration_version" nonsense "$(uuid 1)"
}
check "the line names the parent or the device" named
finish
