#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bench.sh: what the nodes, the life and the moving of a device cost, as ratios within one run of a
# virtual machine whose time counts instructions; and what a guest gets out of a device, as ratios
# within one run by real time. Documentation/bench.md says what is measured and how. The modules
# must have been built (make bench does). Status 1 if a goal is missed, 2 if something could not be
# measured.
#
# T=nodes|stream|guest   that part alone
. "$(dirname "$0")/common.sh"

here=$PROJECT/scripts
T=${T:-}
case $T in '' | nodes | stream | guest) ;; *) die "T is '$T': it must be nodes, stream or guest, or not given" ;; esac
[[ ${KERNEL:-stock} == stock ]] || die "KERNEL is '$KERNEL': what things cost is measured on the stock kernel"
[[ -n ${MODULES_DIR:-} ]] || "$here/modules.sh"
for module in mdev-nvme.ko mdev-mtty.ko; do
	[[ -e ${MODULES_DIR:-$PROJECT}/$module ]] || die "${MODULES_DIR:-$PROJECT}/$module is not there"
done
cd "$PROJECT"
status=0

# part COMMAND...: one that is measured; the worst status counts.
part() {
	local got=0
	"$@" || got=$?
	((got <= status)) || status=$got
}

# memory: what the machine gets: room for two devices that hold 4 GiB, if this one has that. If not, how
# long they are stopped is not measured, and the program says so.
# shellcheck disable=SC2329 # called through counted
memory() {
	local free
	free=$(awk '$1 == "MemAvailable:" { print int($2 / 1048576) }' /proc/meminfo)
	if [[ -n ${VM_MEM:-} ]]; then
		echo "$VM_MEM"
	elif ((free >= 11)); then
		echo 10G
	else
		echo 4G
	fi
}

# Without the processor features that make the kernel clear and copy memory byte by byte in one
# instruction: that is fast where it runs, and counts as one instruction for each byte here.
# shellcheck disable=SC2329 # called through part
counted() {
	local peer
	peer=$("$here/peers.sh")
	step "build the measuring programs" scripts/in-root.sh cargo build --release --locked -p mdev-bench
	say "measuring; that takes some minutes"
	VM_MEM=$(memory) VM_QEMU_ARGS="-cpu max,la57=off,-erms,-fsrm,-fsrs ${VM_QEMU_ARGS:-}" \
		VM_ACCEL=icount VM_TIMEOUT=${VM_TIMEOUT:-3600} "$here/vm.sh" tests/bench/in-vm.sh "$peer" ${T:+"$T"}
}

# shellcheck disable=SC2329 # called through part
in_guest() {
	"$here/clients.sh"
	say "measuring in a guest; that takes some minutes"
	VM_TIMEOUT=${VM_TIMEOUT:-1800} "$here/vm.sh" tests/bench/in-vm-guest.sh
}

[[ $T == guest ]] || part counted
[[ $T != '' && $T != guest ]] || part in_guest
exit "$status"
