#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What one write to migration_version may be, at both places.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 22
load mdev-nvme
type=$(type_node mdev_nvme0 16m)
device=$(node "$(uuid 1)")
setup create "$type" "$(uuid 1)"
good=$(cat "$type/migration_version")

# padded LENGTH: an accepted string of this many bytes, filled with x- keys.
padded() {
	python3 -E -S - "$good" "$1" <<-'PY'
		import sys
		line, length = sys.argv[1], int(sys.argv[2])
		n = 0
		while len(line) < length:
		    key = ",x-%03d=" % n
		    room = length - len(line) - len(key)
		    # The next key needs room for itself and one byte.
		    value = min(200, room if room <= 200 else room - 20)
		    line += key + "a" * value
		    n += 1
		assert len(line) == length, len(line)
		print(line, end="")
	PY
}
zero() {
	equal "a write of no bytes" 0 "$(io write "$1" '')"
}
at_offset() {
	refuses EINVAL "$1" "$good" --offset 1
	refuses EINVAL "$1" "$good" --offset 4096
	# The second half of a string, as a writer in two parts would send it.
	refuses EINVAL "$1" "${good:10}" --offset 10
}
bytes() {
	local byte
	for byte in '\x00' '\x01' '\x09' '\x0d' '\x1f' '\x7f' '\x80' '\xff' '\x0aa'; do
		refuses EINVAL "$1" "$good,x-a=$byte" --escaped
	done
	refuses EINVAL "$1" '\x00'"$good" --escaped
	refuses EINVAL "$1" "$good"'\n\n' --escaped
	refuses EINVAL "$1" '\n'"$good" --escaped
	refuses EINVAL "$1" "$good " --escaped
}

for place in type device; do
	file=${!place}/migration_version
	check "$place: a string without a newline" accepts "$file" "$good"
	check "$place: one trailing newline is dropped" accepts "$file" "$good\\n" --escaped
	check "$place: a lone newline is EINVAL" refuses EINVAL "$file" '\n' --escaped
	check "$place: a write of no bytes returns 0" zero "$file"
	check "$place: an offset other than 0 is EINVAL" at_offset "$file"
	check "$place: 4095 bytes are judged" accepts "$file" "$(padded 4095)"
	check "$place: 4094 bytes and a newline are judged" accepts "$file" "$(padded 4094)\\n" --escaped
	check "$place: 4095 bytes and a newline are EINVAL" refuses EINVAL "$file" "$(padded 4095)\\n" --escaped
	check "$place: 4096 bytes and more are EINVAL" eval \
		'refuses EINVAL "$file" "$(padded 4096)"; refuses EINVAL "$file" "$(padded 4095)" --repeat 2; refuses EINVAL "$file" "a" --repeat 70000'
	check "$place: bytes outside printable ASCII are EINVAL" bytes "$file"
	check "$place: the accepts file cannot be written" refuses EACCES "${!place}/migration_accepts" "$good"
done
finish
