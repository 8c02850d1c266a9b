#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The files of a device: there when create returns, gone when remove does.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 7
load mdev-nvme
type=$(type_node mdev_nvme0 16m)

# One process makes the device and looks at once, over and over.
there_at_once() {
	python3 -E -S - "$type" <<-'PY'
		import os, sys
		for n in range(30):
		    uuid = "00000000-0000-4000-8000-%012d" % n
		    with open(sys.argv[1] + "/create", "w") as create:
		        create.write(uuid)
		    device = "/sys/bus/mdev/devices/" + uuid
		    for name in ("migration_version", "migration_accepts", "capacity"):
		        assert os.path.exists(device + "/" + name), f"device {n} has no {name}"
		    with open(device + "/remove", "w") as remove:
		        remove.write("1")
		    assert not os.path.exists(device), f"device {n} is still there"
	PY
}
modes() {
	local device
	device=$(node "$(uuid 1)")
	create "$type" "$(uuid 1)"
	equal migration_version "644 root root" "$(stat -c '%a %U %G' "$device/migration_version")"
	equal migration_accepts "444 root root" "$(stat -c '%a %U %G' "$device/migration_accepts")"
	equal capacity "644 root root" "$(stat -c '%a %U %G' "$device/capacity")"
	remove "$(uuid 1)"
}
strings() {
	local device
	device=$(node "$(uuid 1)")
	create "$type" "$(uuid 1)"
	equal version "$(cat "$type/migration_version")" "$(cat "$device/migration_version")"
	equal accepts "mdev_nvme/1,model=nvme1,type=whole|16m|64m|256m|1g|4g,capacity=16777216,lba=512,queues=1..16,state=1..1,features=&0x7" \
		"$(cat "$device/migration_accepts")"
	accepts "$device/migration_version" "$(cat "$device/migration_version")"
	remove "$(uuid 1)"
}
not_migratable() {
	local device
	device=$(node "$(uuid 1)")
	create "$(type_node mdev_nvme0 64m_local)" "$(uuid 1)"
	fails test -e "$device/migration_version"
	fails test -e "$device/migration_accepts"
	remove "$(uuid 1)"
}
vfio_device() {
	local device group
	device=$(node "$(uuid 1)")
	create "$type" "$(uuid 1)"
	group=$(basename "$(readlink "$device/iommu_group")")
	[[ -c /dev/vfio/$group ]]
	ls "$device/vfio-dev"
	[[ -e /sys/class/vfio-dev/$(ls "$device/vfio-dev") ]]
	# There is nothing to suspend or to wake behind it.
	fails test -e "$device/vfio-dev/$(ls "$device/vfio-dev")/power"
	remove "$(uuid 1)"
	wait_for 30 test ! -e "/dev/vfio/$group"
}
reuse() {
	create "$type" "$(uuid 1)"
	refuses EEXIST "$type/create" "$(uuid 1)"
	remove "$(uuid 1)"
	create "$(type_node mdev_nvme0 64m)" "$(uuid 1)"
	equal "type of the new device" mdev_nvme-64m "$(basename "$(readlink "$(node "$(uuid 1)")/mdev_type")")"
	remove "$(uuid 1)"
}
enodev() {
	create "$type" "$(uuid 1)"
	python3 -E -S - "$(node "$(uuid 1)")" <<-'PY'
		import errno, os, sys
		device = sys.argv[1]
		version = os.open(device + "/migration_version", os.O_RDWR)
		accepts = os.open(device + "/migration_accepts", os.O_RDONLY)
		own = os.pread(version, 4096, 0)
		assert own.startswith(b"mdev_nvme/1,"), own
		with open(device + "/remove", "w") as remove:
		    remove.write("1")
		for what, call in (("read version", lambda: os.pread(version, 4096, 0)),
		                   ("read accepts", lambda: os.pread(accepts, 4096, 0)),
		                   ("write", lambda: os.pwrite(version, own, 0))):
		    try:
		        answer = call()
		    except OSError as error:
		        answer = errno.errorcode[error.errno]
		    print(what, answer)
		    assert answer == "ENODEV", f"{what}: {answer}"
	PY
}

check "all files are there when create returns, gone when remove does" there_at_once
check "modes and owner" modes
check "a device as it comes states its type's string and accepts it" strings
check "a device of a type that is not migratable has neither file" not_migratable
check "a device is a vfio device with a group in /dev/vfio" vfio_device
check "a uuid is refused while in use and can be used again after" reuse
check "files held open answer ENODEV once the device is gone" enodev
finish
