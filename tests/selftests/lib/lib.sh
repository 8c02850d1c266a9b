# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by each selftest: modules, parents, devices, and writes that are seen and judged.
# Every write is printed as a comment. Whatever a script leaves is cleaned up when it ends.

set -euo pipefail

selftests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
: "${MODULES:=$(cd "$selftests/../.." && pwd)}"
# shellcheck source-path=SCRIPTDIR source=ktap.sh
. "$selftests/lib/ktap.sh"
# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$selftests/lib/machine.sh"

trap clean_machine EXIT
trap 'exit 143' TERM INT HUP

io() { python3 -E -S "$selftests/lib/sysfs_io.py" "$@"; }

# --- waiting and comparing ---

# wait_for SECONDS COMMAND...: until the command succeeds; fails when the time is up.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= end)); then
			note "never came true: $*"
			return 1
		fi
		sleep 0.1
	done
}

# equal WHAT WANTED GOT
equal() {
	if [[ $2 != "$3" ]]; then
		printf '%s: wanted "%s", got "%s"\n' "$1" "$2" "$3"
		return 1
	fi
}

# matches WHAT REGEX GOT
matches() {
	if [[ ! $3 =~ $2 ]]; then
		printf '%s: wanted something like "%s", got "%s"\n' "$1" "$2" "$3"
		return 1
	fi
}

# fails COMMAND...: succeeds if the command does not.
fails() {
	if "$@"; then
		echo "should have failed: $*"
		return 1
	fi
}

# --- writes ---

# accepts PATH DATA [OPTION...]: one write of exactly this data must succeed as a whole.
accepts() {
	local answer
	echo "write '${2:0:160}' > $1 ${*:3}"
	answer=$(io write "$@") || :
	if [[ ! $answer =~ ^[0-9]+$ ]]; then
		echo "wanted it accepted, got $answer"
		return 1
	fi
}

# refuses ERRNO PATH DATA [OPTION...]: one write must fail with exactly this errno.
refuses() {
	local wanted=$1 answer
	shift
	echo "write '${2:0:160}' > $1 ${*:3}"
	answer=$(io write "$@") || :
	if [[ $answer != "$wanted" ]]; then
		echo "wanted $wanted, got $answer"
		return 1
	fi
}

# setup COMMAND...: what all tests of a script rest on; its failure ends the script.
setup() {
	local status=0 out
	out=$("$@" 2>&1) || status=$?
	note "$out"
	if ((status != 0)); then
		note "set-up failed: $*"
		exit 1
	fi
}

# --- parents, types, devices ---

mdev_devices=/sys/bus/mdev/devices

# The first virtual parent, and any parent by its device name.
parent() { readlink -f "/sys/class/mdev_bus/${1:-mdev_nvme0}"; }
# type_node PARENT TYPE: TYPE without the driver's prefix.
type_node() { echo "$(parent "$1")/mdev_supported_types/mdev_nvme-$2"; }
mtty_type_node() { echo "/sys/class/mdev_bus/mtty/mdev_supported_types/$1"; }
node() { echo "$mdev_devices/$1"; }

# uuid N: the same for the same N, so that logs can be compared.
uuid() { printf '00000000-0000-4000-8000-%012d\n' "$1"; }

# create TYPE_NODE UUID
create() {
	accepts "$1/create" "$2"
	[[ -e $mdev_devices/$2 ]] || { echo "create succeeded, but there is no $mdev_devices/$2"; return 1; }
}

# remove UUID
remove() {
	accepts "$mdev_devices/$1/remove" 1
	wait_for 30 test ! -e "$mdev_devices/$1"
}

available() { cat "$1/available_instances"; }

# set_field STRING KEY VALUE: the string with another value for that key.
# shellcheck disable=SC2001
set_field() { sed "s/,$2=[^,]*/,$2=$3/" <<<"$1"; }

# --- modules ---

# load NAME [PARAMETER=VALUE...]: mdev-nvme, mdev-mtty, or a path to another module.
load() {
	local file=$1
	shift
	[[ $file == /* ]] || file=$MODULES/$file.ko
	modprobe -a mdev vfio vfio_iommu_type1
	note "insmod $file $*"
	insmod "$file" "$@"
}

unload() {
	note "rmmod $1"
	rmmod "$1"
}

# need_module NAME: a module that was not built fails the script, it is never skipped.
need_module() {
	[[ -e $MODULES/$1.ko ]] || { echo "no $MODULES/$1.ko: run make"; exit 1; }
}

# peer_mtty: where the kernel's own C sample is, or should be. The stock kernel has none, so it is built for it.
peer_mtty() { modinfo -n mtty 2>/dev/null || echo "/peers/$(uname -r)/mtty.ko"; }
# need_peer: $peer is that; without it the script is skipped.
need_peer() {
	peer=$(peer_mtty)
	[[ -e $peer ]] || skip_all "no C mtty for this kernel"
}

# --- PCI parents ---

# pci_functions VENDOR:DEVICE: addresses of the functions with this id, in order.
pci_functions() {
	local dev
	for dev in /sys/bus/pci/devices/*; do
		[[ "$(<"$dev/vendor"):$(<"$dev/device")" != "0x${1%:*}:0x${1#*:}" ]] || basename "$dev"
	done
}
edu() { pci_functions 1234:11e8; }
ivshmem() { pci_functions 1af4:1110; }

# ivshmem_of BYTES: the function whose memory (region 2) is this large.
ivshmem_of() {
	local address start end
	for address in $(ivshmem); do
		read -r start end _ < <(sed -n 3p "/sys/bus/pci/devices/$address/resource")
		if ((end - start + 1 == $1)); then
			echo "$address"
			return
		fi
	done
	return 1
}

bind_pci() {
	accepts "/sys/bus/pci/devices/$1/driver_override" mdev_nvme
	accepts /sys/bus/pci/drivers_probe "$1"
	[[ -e /sys/class/mdev_bus/$1 ]] || { echo "$1 is no mdev parent after probing"; return 1; }
}

unbind_pci() {
	accepts /sys/bus/pci/drivers/mdev_nvme/unbind "$1"
	accepts "/sys/bus/pci/devices/$1/driver_override" '\n' --escaped
	[[ ! -e /sys/class/mdev_bus/$1 ]] || { echo "$1 is still an mdev parent"; return 1; }
}

# --- whole devices ---

settings_of() { echo "$(parent "$1")/settings"; }
# whole_of PARENT: the directory of its child, where the files of a whole device are.
whole_of() { find "$(parent "$1")" -maxdepth 1 -name 'mdev_nvme.whole.*'; }
offer_whole() {
	accepts "$(settings_of "$1")/whole" 1
	[[ -e $(whole_of "$1")/migration_version ]] || { echo "$1 has no whole device"; return 1; }
}
end_whole() {
	accepts "$(settings_of "$1")/whole" 0
	[[ -z $(whole_of "$1") ]] || { echo "$1 still has a whole device"; return 1; }
}

# no_groups: VFIO has no device in a group any more.
no_groups() { equal groups vfio "$(ls /dev/vfio | grep -v devices | paste -sd ' ')"; }

# --- the kernel's log ---

# log_mark: a line in the log from which log_since reads on.
log_mark() {
	local mark="selftest mark $BASHPID $RANDOM$RANDOM"
	echo "$mark" >/dev/kmsg
	echo "$mark"
}
log_since() { dmesg --notime | awk -v mark="$1" 'found { print } index($0, mark) { found = 1 }'; }
