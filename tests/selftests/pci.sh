#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# PCI functions as parents, given to the driver and taken from it.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 8
load mdev-nvme virtual_parents=0
mapfile -t edus < <(edu)
small=$(ivshmem_of 67108864)
large=$(ivshmem_of 268435456)

nothing_unasked() {
	equal "parents" "" "$(ls /sys/class/mdev_bus)"
	equal "edu devices" 2 "${#edus[@]}"
}
ram() {
	bind_pci "${edus[0]}"
	equal capacity 1073741824 "$(cat "$(parent "${edus[0]}")/settings/capacity")"
	equal 16m 64 "$(available "$(type_node "${edus[0]}" 16m)")"
	accepts "$(parent "${edus[0]}")/settings/capacity" 536870912
	equal 16m 32 "$(available "$(type_node "${edus[0]}" 16m)")"
	unbind_pci "${edus[0]}"
}
bar() {
	bind_pci "$1"
	equal capacity "$2" "$(cat "$(parent "$1")/settings/capacity")"
	equal 16m $(($2 / 16777216)) "$(available "$(type_node "$1" 16m)")"
	refuses EPERM "$(parent "$1")/settings/capacity" 16777216
	refuses EPERM "$(parent "$1")/settings/capacity" "$2"
	matches accepts "capacity=16777216..$2/16777216" "$(cat "$(type_node "$1" 16m)/migration_accepts")"
	unbind_pci "$1"
}
own_budget() {
	bind_pci "${edus[0]}"
	bind_pci "${edus[1]}"
	bind_pci "$large"
	create "$(type_node "${edus[0]}" 1g)" "$(uuid 1)"
	equal "first edu" 0 "$(available "$(type_node "${edus[0]}" 1g)")"
	equal "second edu" 1 "$(available "$(type_node "${edus[1]}" 1g)")"
	create "$(type_node "${edus[1]}" 256m)" "$(uuid 2)"
	create "$(type_node "$large" 256m)" "$(uuid 3)"
	local n
	for n in 1 2 3; do remove "$(uuid "$n")"; done
	unbind_pci "${edus[0]}"
	unbind_pci "${edus[1]}"
	unbind_pci "$large"
}
unbind_with_devices() {
	bind_pci "$large"
	create "$(type_node "$large" 64m)" "$(uuid 1)"
	create "$(type_node "$large" 16m)" "$(uuid 2)"
	unbind_pci "$large"
	fails test -e "$(node "$(uuid 1)")"
	fails test -e "$(node "$(uuid 2)")"
	bind_pci "$large"
	equal 16m 16 "$(available "$(type_node "$large" 16m)")"
	unbind_pci "$large"
}
again() {
	local n
	for n in {1..20}; do
		echo "round $n"
		bind_pci "${edus[0]}"
		[[ -e $(type_node "${edus[0]}" 16m)/migration_version ]]
		unbind_pci "${edus[0]}"
	done
}
# held: a type's files held open answer ENODEV once the parent is gone.
held() {
	bind_pci "${edus[0]}"
	python3 -E -S - "$(type_node "${edus[0]}" 16m)" "${edus[0]}" <<-'PY'
		import errno, os, sys
		version = os.open(sys.argv[1] + "/migration_version", os.O_RDWR)
		own = os.pread(version, 4096, 0)
		with open("/sys/bus/pci/drivers/mdev_nvme/unbind", "w") as unbind:
		    unbind.write(sys.argv[2])
		for call in (lambda: os.pread(version, 4096, 0), lambda: os.pwrite(version, own, 0)):
		    try:
		        answer = call()
		    except OSError as error:
		        answer = errno.errorcode[error.errno]
		    assert answer == "ENODEV", answer
	PY
	accepts "/sys/bus/pci/devices/${edus[0]}/driver_override" '\n' --escaped
}
check "no function is taken unasked" nothing_unasked
check "edu, without memory: a parent of 1 GiB of RAM, settable" ram
check "ivshmem of 64 MiB: its memory is the capacity, fixed" bar "$small" 67108864
check "ivshmem of 256 MiB: its memory is the capacity, fixed" bar "$large" 268435456
check "several parents at once, each with its own budget" own_budget
check "unbinding takes the devices along" unbind_with_devices
check "bound and unbound 20 times" again
check "type files held open answer ENODEV after unbinding" held
finish
