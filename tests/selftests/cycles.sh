#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A thousand devices made and removed, in turn.
. "$(dirname "$0")/lib/lib.sh"
# timeout: 400
need_module mdev-nvme
plan 2
load mdev-nvme

cycles() {
	python3 -E -S - "$(type_node mdev_nvme0 16m)" <<-'PY'
		import sys
		node = sys.argv[1]
		version = open(node + "/migration_version").read()
		def write(path, text):
		    with open(path, "w") as file:
		        file.write(text)
		for n in range(1000):
		    # Ten uuids, so that each is used again and again.
		    uuid = "00000000-0000-4000-8000-%012d" % (n % 10)
		    device = "/sys/bus/mdev/devices/" + uuid
		    write(node + "/create", uuid)
		    if n % 100 == 0:
		        assert open(device + "/migration_version").read() == version
		        write(device + "/migration_version", version)
		    write(device + "/remove", "1")
		print("1000 cycles")
	PY
}
nothing_left() {
	equal available 64 "$(available "$(type_node mdev_nvme0 16m)")"
	equal devices "" "$(ls /sys/bus/mdev/devices)"
	equal groups "" "$(find /dev/vfio -name "[0-9]*")"
	unload mdev_nvme
}
check "1000 times" cycles
check "nothing is left, and the module can be unloaded" nothing_left
finish
