#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A PCI function offered whole, without mdev: its device, its files, what it excludes, its end.
# timeout: 600
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
tool=$selftests/../../target/release/mdev-migrate
[[ -x $tool ]] || { echo "no target/release/mdev-migrate: run make"; exit 1; }
plan 16
load mdev-nvme
# One with the capacity of its memory, one with as much as it is told.
bar=$(ivshmem_of 67108864)
mapfile -t edus < <(edu)
ram=${edus[0]}
setup bind_pci "$bar"
setup bind_pci "$ram"
for address in "$bar" "$ram"; do fixed+=("$(settings_of "$address")/whole"); done

string() { echo "mdev_nvme/1,model=nvme1,type=$1,capacity=$2,lba=512,queues=16,state=1,features=0x7"; }
accepts_line() {
	echo "mdev_nvme/1,model=nvme1,type=whole|16m|64m|256m|1g|4g,capacity=$1,lba=512,queues=1..16,state=1..1,features=&0x7"
}
# with_whole ADDRESS COMMAND...: the command, while the function is offered whole.
with_whole() {
	local address=$1
	shift
	offer_whole "$address"
	"$@"
	end_whole "$address"
}

setting() {
	local file
	for file in "${fixed[@]}"; do
		equal "mode" "600 root root" "$(stat -c '%a %U %G' "$file")"
		equal "at first" 0 "$(cat "$file")"
		for text in '\n' 2 -1 01 x ' 1' '1\n\n' '\xff'; do refuses EINVAL "$file" "$text" --escaped; done
		refuses EINVAL "$file" 1 --offset 1
		equal "after that" 0 "$(cat "$file")"
	done
	fails test -e "/sys/class/mdev_bus/mdev_nvme0/mdev_supported_types/mdev_nvme-whole"
}
device() {
	local child vfio group
	offer_whole "$bar"
	child=$(whole_of "$bar")
	equal "the setting" 1 "$(cat "$(settings_of "$bar")/whole")"
	equal "its bus" auxiliary "$(basename "$(readlink "$child/subsystem")")"
	equal "its driver" mdev_nvme.whole "$(basename "$(readlink "$child/driver")")"
	equal "its module" mdev_nvme "$(basename "$(readlink "$child/driver/module")")"
	vfio=$(echo "$child"/vfio-dev/*)
	equal "in VFIO's class" "$child" "$(readlink -f "/sys/class/vfio-dev/${vfio##*/}/device")"
	group=$(basename "$(readlink "$child/iommu_group")")
	[[ -c /dev/vfio/$group ]]
	fails test -e "$child/driver/unbind"
	# Offered already.
	accepts "$(settings_of "$bar")/whole" 1
	equal "children" 1 "$(whole_of "$bar" | wc -l)"
	end_whole "$bar"
	fails test -e "$child"
	fails test -e "/dev/vfio/$group"
	accepts "$(settings_of "$bar")/whole" 0
}
files() {
	local child file
	child=$(whole_of "$1")
	for file in migration_version:644 migration_accepts:444 state_version:644 capacity:644 fail:600; do
		equal "$file" "${file#*:} root root" "$(stat -c '%a %U %G' "$child/${file%:*}")"
	done
	equal version "$(string whole "$2")" "$(cat "$child/migration_version")"
	equal accepts "$(accepts_line "$2")" "$(cat "$child/migration_accepts")"
	equal state_version "[1]" "$(cat "$child/state_version")"
	equal capacity "$2" "$(cat "$child/capacity")"
	accepts "$child/migration_version" "$(cat "$child/migration_version")"
	refuses EINVAL "$child/migration_version" "$(cat "$child/migration_accepts")"
}
capacity() {
	local child
	child=$(whole_of "$bar")
	accepts "$child/capacity" 33554432
	equal version "$(string whole 33554432)" "$(cat "$child/migration_version")"
	for value in 0 1 16777217 83886080 x; do refuses EINVAL "$child/capacity" "$value"; done
	# Nobody else gets the rest.
	equal 16m 0 "$(available "$(type_node "$bar" 16m)")"
	accepts "$child/capacity" 67108864
}
rounded() {
	accepts "$(settings_of "$ram")/capacity" 50331647
	with_whole "$ram" files "$ram" 33554432
	accepts "$(settings_of "$ram")/capacity" 16777215
	refuses ENOSPC "$(settings_of "$ram")/whole" 1
	equal "the setting" 0 "$(cat "$(settings_of "$ram")/whole")"
	accepts "$(settings_of "$ram")/capacity" 1073741824
}
excludes_mdevs() {
	local setting
	offer_whole "$bar"
	for type in 16m 64m 64m_local; do equal "$type" 0 "$(available "$(type_node "$bar" "$type")")"; done
	refuses ENOSPC "$(type_node "$bar" 16m)/create" "$(uuid 1)"
	for setting in model:nvme1 state:1 state_range:1..1 features:0x7 protocols:v2; do
		refuses EBUSY "$(settings_of "$bar")/${setting%:*}" "${setting#*:}"
	done
	end_whole "$bar"
	equal 16m 4 "$(available "$(type_node "$bar" 16m)")"
	create "$(type_node "$bar" 16m)" "$(uuid 1)"
	refuses EBUSY "$(settings_of "$bar")/whole" 1
	accepts "$(settings_of "$bar")/whole" 0
	remove "$(uuid 1)"
	with_whole "$bar" true
}
verdicts() {
	local child mdev type
	type=$(type_node "$ram" 16m)
	child=$(whole_of "$bar")
	create "$type" "$(uuid 1)"
	mdev=$(node "$(uuid 1)")
	refuses ERANGE "$child/migration_version" "$(cat "$mdev/migration_version")"
	refuses ERANGE "$mdev/migration_version" "$(cat "$child/migration_version")"
	accepts "$mdev/capacity" 67108864
	accepts "$child/migration_version" "$(cat "$mdev/migration_version")"
	accepts "$mdev/migration_version" "$(cat "$child/migration_version")"
	remove "$(uuid 1)"
	# A type node takes its own type only; what it is interchangeable with it tells.
	refuses EMEDIUMTYPE "$type/migration_version" "$(cat "$child/migration_version")"
	matches x-like ',x-like=whole\|16m\|' "$(cat "$type/migration_accepts")"
	refuses EMEDIUMTYPE "$child/migration_version" "$(string 64m_local 67108864)"
	refuses EMEDIUMTYPE "$child/migration_version" "$(string entire 67108864)"
	for change in model:x:EXDEV state:2:EPROTONOSUPPORT queues:17:ERANGE features:0xf:EOPNOTSUPP; do
		IFS=: read -r key value errno <<<"$change"
		refuses "$errno" "$child/migration_version" \
			"$(set_field "$(cat "$child/migration_version")" "$key" "$value")"
	done
}
# The name of the place in the log is the child's.
log() {
	local child mark
	child=$(whole_of "$bar")
	mark=$(log_mark)
	refuses EXDEV "$child/migration_version" "$(string whole 67108864 | sed 's/nvme1/nvme2/')"
	matches log "${child##*/}: migration_version of whole: rule 5 \(model\), EXDEV" "$(log_since "$mark")"
}
tool() {
	local child text name
	child=$(whole_of "$bar")
	name=${child##*/}
	text=$("$tool" list)
	matches list "whole $name, of ${bar//./\\.}"$'\n'"  version $(string whole 67108864)"$'\n' "$text"
	"$tool" check "$(string 64m 67108864)" "$name"
	"$tool" check "$(string 64m 67108864)" "$bar"
	matches "find for a whole device's string" "type $ram/mdev_nvme-16m.*
   possible once capacity=67108864 is set, decided at the device node after create" \
		"$("$tool" find "$name")"
	matches "find for an mdev's string" "whole $name, of $bar
   accepts it" "$("$tool" find "$(string 16m 67108864)")"
}
# What the tool proposes is done, as far as the kernel has a part in it.
found() {
	local child commands value
	child=$(whole_of "$bar")
	value=$("$tool" find --json "$child" | jq -r --arg parent "$ram" '
		.candidates[] | select(.place.name == $parent + "/mdev_nvme-16m")
		| .settings[] | select(.attribute == "capacity") | .value')
	equal capacity 67108864 "$value"
	create "$(type_node "$ram" 16m)" "$(uuid 1)"
	accepts "$(node "$(uuid 1)")/capacity" "$value"
	accepts "$(node "$(uuid 1)")/migration_version" "$(cat "$child/migration_version")"
	remove "$(uuid 1)"
}
again() {
	local n
	for n in {1..20}; do
		offer_whole "$bar"
		offer_whole "$ram"
		fails equal "names" "$(basename "$(whole_of "$bar")")" "$(basename "$(whole_of "$ram")")"
		end_whole "$bar"
		end_whole "$ram"
	done
}
# Two who want the same at once: one of them gets it, the other it or EBUSY.
at_once() {
	python3 -E -S - "$(settings_of "$bar")/whole" <<-'PY'
		import errno, os, sys, threading
		answers = []
		def change(text):
		    for _ in range(100):
		        file = os.open(sys.argv[1], os.O_RDWR)
		        try:
		            os.write(file, text)
		            answers.append(0)
		        except OSError as error:
		            answers.append(error.errno)
		        os.close(file)
		threads = [threading.Thread(target=change, args=[text]) for text in (b"1", b"0", b"1", b"0")]
		for thread in threads:
		    thread.start()
		for thread in threads:
		    thread.join()
		assert set(answers) <= {0, errno.EBUSY}, set(answers)
		print("changed", answers.count(0), "refused", answers.count(errno.EBUSY))
	PY
	accepts "$(settings_of "$bar")/whole" 0
}
# Who reads is told the truth, however many do.
read_at_once() {
	python3 -E -S - "$(settings_of "$bar")/whole" <<-'PY'
		import os, sys, threading
		answers = []
		def read():
		    file = os.open(sys.argv[1], os.O_RDONLY)
		    answers.extend(os.pread(file, 4096, 0) for _ in range(2000))
		threads = [threading.Thread(target=read) for _ in range(4)]
		for thread in threads:
		    thread.start()
		for thread in threads:
		    thread.join()
		assert answers == [b"1\n"] * 8000, set(answers)
	PY
}
# Its files held open say ENODEV once it has gone.
held() {
	offer_whole "$bar"
	python3 -E -S - "$(whole_of "$bar")" "$(settings_of "$bar")/whole" <<-'PY'
		import errno, os, sys
		version = os.open(sys.argv[1] + "/migration_version", os.O_RDWR)
		own = os.pread(version, 4096, 0)
		with open(sys.argv[2], "w") as whole:
		    whole.write("0")
		for call in (lambda: os.pread(version, 4096, 0), lambda: os.pwrite(version, own, 0)):
		    try:
		        answer = call()
		    except OSError as error:
		        answer = errno.errorcode[error.errno]
		    assert answer == "ENODEV", answer
	PY
}
unbound() {
	local child
	offer_whole "$bar"
	child=$(whole_of "$bar")
	unbind_pci "$bar"
	fails test -e "$child"
	bind_pci "$bar"
	equal "the setting" 0 "$(cat "$(settings_of "$bar")/whole")"
}
unloaded() {
	local child
	offer_whole "$bar"
	offer_whole "$ram"
	child=$(whole_of "$bar")
	unload mdev_nvme
	fails test -e "$child"
	equal drivers "" "$(ls /sys/bus/auxiliary/drivers | grep mdev_nvme || :)"
	no_groups
}

check "the setting: file, mode, what it takes" setting
check "offered whole, a function has one device of VFIO, on a child with a driver of the module" device
check "its files, on a function with memory" with_whole "$bar" files "$bar" 67108864
check "its capacity can be set" with_whole "$bar" capacity
check "its capacity is what the function has, rounded down" rounded
check "whole or in parts: neither is possible while the other is" excludes_mdevs
check "verdicts between an mdev and a whole device, both ways" with_whole "$bar" verdicts
check "a refusal is logged in its name" with_whole "$bar" log
check "the tool lists it, and finds one for the other" with_whole "$bar" tool
check "what the tool finds for a whole device accepts it" with_whole "$bar" found
check "offered and taken back 20 times, two at once" again
check "four writers at once" at_once
check "four readers at once" with_whole "$bar" read_at_once
check "its files held open answer ENODEV once it has gone" held
check "unbinding takes it along" unbound
check "the module goes, and it with it" unloaded
finish
