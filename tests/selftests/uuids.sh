#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the mdev core makes of odd writes to create and remove: with our types and devices too.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 6
load mdev-nvme virtual_parents=2
type=$(type_node mdev_nvme0 16m)
odd=0000000a-BCDE-4000-8000-00000000000F
even=${odd,,}

lengths() {
	refuses EINVAL "$type/create" "${even:0:35}"
	refuses EINVAL "$type/create" "${even}12"
	refuses EINVAL "$type/create" "${even/-/_}"
	fails test -e "$(node "$even")"
	# The core does not look at the 37th byte.
	accepts "$type/create" "${even}x"
	remove "$even"
	accepts "$type/create" "$even
"
	remove "$even"
}
cases() {
	accepts "$type/create" "$odd"
	[[ -e $(node "$even") ]]
	refuses EEXIST "$type/create" "$even"
	remove "$even"
}
twice() {
	create "$type" "$even"
	local free
	free=$(available "$(type_node mdev_nvme1 16m)")
	refuses EEXIST "$(type_node mdev_nvme1 16m)/create" "$even"
	equal "room on the other parent" "$free" "$(available "$(type_node mdev_nvme1 16m)")"
	remove "$even"
	create "$(type_node mdev_nvme1 16m)" "$even"
	remove "$even"
}
no_removal() {
	create "$type" "$even"
	accepts "$(node "$even")/remove" 0
	refuses EINVAL "$(node "$even")/remove" junk
	refuses EINVAL "$(node "$even")/remove" -1
	[[ -e $(node "$even")/migration_version ]]
	# Any other number is a yes.
	accepts "$(node "$even")/remove" 0x2
	wait_for 30 test ! -e "$(node "$even")"
}
# Eight writers, each with the file open already.
at_once() {
	local round
	for round in {1..10}; do
		create "$type" "$even"
		python3 -E -S - "$(node "$even")/remove" <<-'PY' || { echo "round $round"; return 1; }
			import errno, os, sys, threading
			files = [os.open(sys.argv[1], os.O_WRONLY) for _ in range(8)]
			start, answers = threading.Barrier(8), []
			def write(file):
			    start.wait()
			    try:
			        answers.append(os.write(file, b"1"))
			    except OSError as error:
			        answers.append(errno.errorcode[error.errno])
			threads = [threading.Thread(target=write, args=(file,)) for file in files]
			for thread in threads: thread.start()
			for thread in threads: thread.join()
			assert 1 in answers and set(answers) <= {1, "ENODEV"}, answers
		PY
		wait_for 30 test ! -e "$(node "$even")"
	done
}
all_back() {
	equal 16m 64 "$(available "$type")"
	equal "other parent" 64 "$(available "$(type_node mdev_nvme1 16m)")"
}
check "create takes 36 bytes, and any one more: nothing shorter, longer or else" lengths
check "capital letters are the same device" cases
check "a uuid that is in use on another parent: EEXIST, and no room is lost" twice
check "remove: 0 does nothing, no number is EINVAL, any other removes" no_removal
check "removed by eight at once" at_once
check "all room is back" all_back
finish
