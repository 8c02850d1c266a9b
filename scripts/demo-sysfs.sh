#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# demo-sysfs.sh: the main job on real input, in the virtual machine. Ends with status 1 if anything
# answers otherwise than it says here.
set -euo pipefail

wrong=0
title() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '\033[36m# %s\033[0m\n' "$*"; }
run() { show "$*"; "$@"; }
logged() { dmesg | tail -n 1 | sed 's/^\[[^]]*\]/  log:/'; }

# ask NODE STRING EXPECTED: writes a question; EXPECTED is "accepted" or the shell's words.
ask() {
	local node=$1 string=$2 expected=$3 answer
	show "echo $string > $node"
	if answer=$( { echo "$string" >"$node"; } 2>&1); then answer=accepted; else answer=${answer##*: }; fi
	echo "  $answer"
	[[ $answer == accepted ]] || logged
	if [[ $answer != "$expected" ]]; then
		echo "  WRONG: expected: $expected"
		wrong=1
	fi
}

title "load the driver; two parents without hardware"
modprobe -a vfio mdev vfio_iommu_type1
run insmod "$MODULES/mdev-nvme.ko" virtual_parents=2

title "give it the machine's PCI functions: edu has no memory for media, ivshmem has 64 and 256 MiB"
bars=()
for dev in /sys/bus/pci/devices/*; do
	case $(<"$dev/vendor"):$(<"$dev/device") in
	0x1234:0x11e8 | 0x1af4:0x1110)
		echo mdev_nvme >"$dev/driver_override"
		echo "${dev##*/}" >/sys/bus/pci/drivers_probe
		dmesg | grep "${dev##*/}: media" | tail -n 1 | sed 's/^\[[^]]*\]/ /'
		if [[ $(<"$dev/device") == 0x1110 ]]; then bars+=("$dev"); fi
		;;
	esac
done

title "parents and types"
run ls /sys/class/mdev_bus
parent=/sys/class/mdev_bus/mdev_nvme0
other=/sys/class/mdev_bus/mdev_nvme1
for type in "$parent"/mdev_supported_types/*; do
	printf '  %-22s %-20s available: %s\n' "${type##*/}" "$(<"$type/name")" "$(<"$type/available_instances")"
done
echo "  mdev_nvme-64m_local is declared not migratable: it has no migration_version"

title "a type says what it is, and what it accepts"
type=$parent/mdev_supported_types/mdev_nvme-16m
run cat "$type/migration_version"
run cat "$type/migration_accepts"

title "each rule, at the type node (write a string: the errno is the answer)"
ok=$(<"$type/migration_version")
ask "$type/migration_version" "$ok" accepted
ask "$type/migration_version" "mdev_nvme" "Invalid argument"
ask "$type/migration_version" "${ok/mdev_nvme/nvidia}" "Invalid cross-device link"
ask "$type/migration_version" "${ok/lba=512/lba=0512}" "Invalid argument"
ask "$type/migration_version" "$ok,zoned=1" "Operation not supported"
ask "$type/migration_version" "${ok/nvme1/nvme9}" "Invalid cross-device link"
ask "$type/migration_version" "${ok/16m/1g}" "Wrong medium type"
ask "$type/migration_version" "${ok/state=1/state=2}" "Protocol not supported"
ask "$type/migration_version" "${ok/queues=16/queues=64}" "Numerical result out of range"
ask "$type/migration_version" "${ok/0x7/0xf}" "Operation not supported"

title "a device: what counts is what it effectively is, so a 16m device can be given 64 MiB"
uuid=$(</proc/sys/kernel/random/uuid)
device=/sys/bus/mdev/devices/$uuid
show "echo $uuid > .../mdev_nvme-16m/create"
echo "$uuid" >"$type/create"
big=$(<"$parent/mdev_supported_types/mdev_nvme-64m/migration_version")
ask "$device/migration_version" "$big" "Numerical result out of range"
show "echo 67108864 > $device/capacity"
echo 67108864 >"$device/capacity"
ask "$device/migration_version" "$big" accepted
run cat "$device/migration_version"
run cat "$device/migration_accepts"
run ls /dev/vfio
echo 1 >"$device/remove"

title "an old and a new host in one machine: old -> new is accepted, new -> old is refused"
old=${bars[0]} new=${bars[1]}
show "echo 1..2, then 2 > ${new##*/}/settings/{state_range,state}"
echo 1..2 >"$new/settings/state_range"
echo 2 >"$new/settings/state"
ask "$new/mdev_supported_types/mdev_nvme-64m/migration_version" \
	"$(<"$old/mdev_supported_types/mdev_nvme-64m/migration_version")" accepted
ask "$old/mdev_supported_types/mdev_nvme-64m/migration_version" \
	"$(<"$new/mdev_supported_types/mdev_nvme-64m/migration_version")" "Protocol not supported"

title "the tool decides the same from two lines, on any host, and says what to do"
tool=/project/target/release/mdev-migrate
show "mdev-migrate explain <new> <old>"
"$tool" explain "$new/mdev_supported_types/mdev_nvme-64m" "$old/mdev_supported_types/mdev_nvme-64m" || :
show "mdev-migrate find <64m>"
"$tool" find "$big" | head -n 12

title "mdevctl: a device definition that starts only where the source's state can go"
run mdevctl types --parent mdev_nvme0 | head -n 8
gate() { # PARENT STRING
	local uuid
	uuid=$(</proc/sys/kernel/random/uuid)
	mdevctl define -u "$uuid" -p "$1" -t mdev_nvme-16m
	mdevctl modify -u "$uuid" --addattr=capacity --value=67108864
	mdevctl modify -u "$uuid" --addattr=migration_version --value="$2"
	show "mdevctl start -u $uuid  (16m with capacity 67108864, migration_version=$2)"
	if mdevctl start -u "$uuid" 2>&1; then
		echo "  started: $(mdevctl list)"
		mdevctl stop -u "$uuid"
	else
		echo "  not started, and nothing is left: '$(mdevctl list)'"
	fi
	mdevctl undefine -u "$uuid"
}
gate mdev_nvme0 "$big"
gate mdev_nvme0 "${big/state=1/state=9}"

title "unload; nothing is left"
run rmmod mdev_nvme
show "ls /sys/class/mdev_bus"
ls /sys/class/mdev_bus
[[ ! -d $other ]] || wrong=1
if ((wrong)); then echo "the demo saw an answer that is not the contract's"; fi
exit $wrong
