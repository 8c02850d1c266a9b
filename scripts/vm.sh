#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm.sh: runs a script as root in a virtual machine.
. "$(dirname "$0")/common.sh"

usage() {
	cat <<-'TEXT'
	usage: vm.sh [--help] SCRIPT [ARGUMENT...]

	Boots the stock kernel of the cached root file system under QEMU, runs SCRIPT in it as
	root, prints its output and exits with its status. Two ivshmem devices (64 and 256 MiB)
	and two edu devices are there; nothing but the file systems is loaded. The root file
	system is a tmpfs over the cached one, the project is /project, the modules are in
	$MODULES, /mnt is shared with the run folder on the host.

	Environment:
	  VM_TIMEOUT    seconds until the machine is stopped (600)
	  VM_ACCEL      auto, kvm, tcg or icount (auto: kvm where it really works, else tcg;
	                icount: single-threaded tcg whose time counts instructions)
	  VM_MEM        memory (4G)
	  VM_SMP        processors (2; always 1 with icount)
	  VM_IOMMU      intel or amd: a machine with an emulated IOMMU of that kind, so that
	                each PCI function is in an IOMMU group (none)
	  VM_QEMU_ARGS  more arguments for QEMU, separated by spaces
	  KERNEL        debug: on the debug kernel, which is built if need be, with the modules that
	                KERNEL=debug scripts/modules.sh has built for it in $MODULES
	  VM_KERNEL     another vmlinuz, whatever KERNEL is; VM_MODULES is then its
	                lib/modules/<release> folder
	  VM_APPEND     more arguments for the kernel
	  VM_ENV        names of more variables that SCRIPT shall see (T, KERNEL always are)
	  VM_RUN        run folder to use and to keep (else a temporary one):
	                output, kernel.log, dmesg, status, accel (which one it was), and
	                whatever SCRIPT puts into /mnt
	  MODULES_DIR   folder of the .ko files (the project)

	Exit status: SCRIPT's; 124 after VM_TIMEOUT; 125 if the machine died or did not start.
	TEXT
}

here=$PROJECT/scripts
[[ ${1:-} != --help && ${1:-} != -h ]] || { usage; exit 0; }
[[ $# -ge 1 ]] || { usage >&2; exit 125; }
script=$1
shift
[[ -r $script && -f $script ]] || die "no such script: $script"
limit=${VM_TIMEOUT:-600}
[[ $limit =~ ^[1-9][0-9]{0,5}$ ]] || die "VM_TIMEOUT is '$limit': it must be a number of seconds, 1 or more"
"$here/root.sh"
if [[ ${KERNEL:-} == debug && -z ${VM_KERNEL:-} ]]; then
	assignments=$("$here/debug-kernel.sh")
	eval "$assignments"
	MODULES_DIR=${MODULES_DIR:-$PROJECT/build/debug}
fi

# --- the run folder: temporary ones go when this process goes, those of killed runs now ---

folder=
qemu=
timer=
# shellcheck disable=SC2317,SC2329 # called by the trap
cleanup() {
	# Disowned, so that the shell has no word to say about their end.
	disown -a
	kill -KILL ${qemu:+"$qemu"} ${timer:+"$timer"} 2>/dev/null || :
	[[ -z $folder || -n ${VM_RUN:-} ]] || rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

make_folder() {
	local old
	if [[ -n ${VM_RUN:-} ]]; then
		mkdir -p "$VM_RUN"
		folder=$(cd "$VM_RUN" && pwd)
		rm -f "$folder"/{output,kernel.log,dmesg,kmsg,status,accel}
		return
	fi
	mkdir -p "$CACHE/run"
	for old in "$CACHE"/run/*/; do
		[[ -e $old/alive ]] || continue
		if flock -n "$old/alive" true; then rm -rf "$old"; fi
	done
	folder=$(mktemp -d "$CACHE/run/XXXXXXXX")
	exec {alive}>"$folder/alive"
	flock "$alive"
}
make_folder
[[ $folder != *[[:space:]]* ]] || die "a run folder with white space in its path cannot be bound: $folder"

binds="$folder:/mnt"
# shellcheck disable=SC2154 # made by make_folder
cp "$here/guest.sh" "$folder/guest.sh"
cp "$script" "$folder/script"
chmod +x "$folder/script"

# --- the kernel ---

release=$(kernel_release)
modules=/usr/lib/modules/$release
kernel=$ROOT$modules/vmlinuz
if [[ -n ${VM_KERNEL:-} ]]; then
	[[ -n ${VM_MODULES:-} && -e $VM_MODULES/modules.dep ]] ||
		die "VM_KERNEL needs VM_MODULES, the folder with its modules.dep, not '${VM_MODULES:-}'"
	[[ -r $VM_KERNEL ]] || die "no such kernel: $VM_KERNEL"
	kernel=$VM_KERNEL
	release=$(basename "$VM_MODULES")
	modules=/media/$release
	binds+=" $VM_MODULES:$modules"
fi
cp "$kernel" "$folder/vmlinuz"
initrd=$(IN_ROOT_BIND="$binds" HOST_MODULES=${VM_MODULES:-$ROOT$modules} "$here/initramfs.sh" "$release" "$modules")
guest_modules=/project
if [[ -n ${MODULES_DIR:-} ]]; then
	MODULES_DIR=$(cd "$MODULES_DIR" && pwd)
	if [[ $MODULES_DIR != "$PROJECT" ]]; then
		binds+=" $MODULES_DIR:/srv/modules"
		guest_modules=/srv/modules
	fi
fi

# --- what the guest runs ---

{
	printf 'export MODULES=%q\n' "$guest_modules"
	for name in T KERNEL ${VM_ENV:-}; do
		[[ -z ${!name+set} ]] || printf 'export %s=%q\n' "$name" "${!name}"
	done
} >"$folder/env"
{
	# One that does not name its interpreter would run in a shell that is told to go on after errors.
	if [[ $(head -c 2 "$script" | tr -d '\0') == '#!' ]]; then printf 'exec /mnt/script'; else printf 'exec bash /mnt/script'; fi
	[[ $# -eq 0 ]] || printf ' %q' "$@"
	echo
} >"$folder/command"

# --- the machine ---

# kvm_works: /dev/kvm may be there and still be unable to run a normal kernel, so boot one.
# The answer holds until this machine boots again.
kvm_works() {
	local answer
	grep -qE '^flags.*\b(vmx|svm)\b' /proc/cpuinfo && [[ -w /dev/kvm ]] || return 1
	answer=$CACHE/kvm-$(cat /proc/sys/kernel/random/boot_id)
	(
		flock 9
		[[ ! -e $answer ]] || exit 0
		say "trying whether KVM works here"
		if timeout -s KILL 30 setpriv --pdeathsig KILL \
			env IN_ROOT_BIND="$binds" "$here/in-root.sh" qemu-system-x86_64 \
			-accel kvm -cpu host -m 512M -nodefaults -display none -no-reboot \
			-kernel /mnt/vmlinuz -initrd "$initrd" -append 'quiet panic=-1 probe' \
			</dev/null >/dev/null 2>&1; then echo yes; else echo no; fi >"$answer.$$"
		mv "$answer.$$" "$answer"
	) 9>"$CACHE/kvm.lock"
	[[ $(<"$answer") == yes ]]
}

accel=${VM_ACCEL:-auto}
smp=${VM_SMP:-2}
[[ $accel != auto ]] || if kvm_works; then accel=kvm; else accel=tcg; fi
echo "$accel" >"$folder/accel"
case $accel in
kvm)
	kvm_works || die "VM_ACCEL is kvm, but KVM runs no kernel here (no vmx or svm, no /dev/kvm, or no end of a boot within 30 s): leave VM_ACCEL out, or remove $CACHE/kvm-* to have it tried again"
	machine=(-accel kvm -cpu host)
	;;
tcg) machine=(-accel "tcg,thread=multi" -cpu "max,la57=off") ;;
icount) machine=(-accel "tcg,thread=single" -icount shift=0 -cpu "max,la57=off") smp=1 ;;
*) die "VM_ACCEL is '$accel': it must be auto, kvm, tcg or icount" ;;
esac
iommu_append=
case ${VM_IOMMU:-} in
'') ;;
# Only this machine can have one. The kernel asks for Intel's to be turned on.
intel) machine+=(-machine q35 -device intel-iommu) iommu_append=intel_iommu=on ;;
amd) machine+=(-machine q35 -device amd-iommu) ;;
*) die "VM_IOMMU is '$VM_IOMMU': it must be intel or amd" ;;
esac
share() { echo "local,path=$2,mount_tag=$1,security_model=none,multidevs=remap${3:-}"; }
machine+=(
	-smp "$smp" -m "${VM_MEM:-4G}" -nodefaults -display none -no-reboot
	# Not the stdio kind: at the end of its input it blocks the guest's writes.
	-chardev "file,id=output,path=/dev/stdout"
	-chardev "file,id=console,path=/mnt/kernel.log"
	-serial chardev:console
	-device virtio-serial-pci -device "virtserialport,chardev=output,name=output"
	-virtfs "$(share root / ,readonly=on)"
	-virtfs "$(share project /project ,readonly=on)"
	-virtfs "$(share run /mnt)"
	-object "memory-backend-ram,id=media64,size=64M,share=on"
	-object "memory-backend-ram,id=media256,size=256M,share=on"
	-device "ivshmem-plain,memdev=media64" -device "ivshmem-plain,memdev=media256"
	-device edu -device edu
	-kernel /mnt/vmlinuz -initrd "$initrd"
	# A processor that has stood still for so many seconds does not come back: end then.
	-append "console=ttyS0 loglevel=5 panic=-1 log_buf_len=8M kasan_multi_shot \
rcupdate.rcu_cpu_stall_timeout=100 sysctl.kernel.panic_on_rcu_stall=1 $iommu_append ${VM_APPEND:-}"
)
# shellcheck disable=SC2206 # split on purpose
[[ -z ${VM_QEMU_ARGS:-} ]] || machine+=($VM_QEMU_ARGS)

# --- the run ---

# where: for a run that did not end by itself, all that says how far it came.
where() {
	local complaint
	{
		if [[ -s $folder/qemu.log ]]; then echo "--- QEMU:"; tail -n 10 "$folder/qemu.log"; fi
		echo "--- the kernel's console, from its first complaint or its last lines on:"
		complaint=$(grep -n -m 1 -E 'rcu: INFO|BUG|Oops|Kernel panic|general protection|stack segment' \
			"$folder/kernel.log" | cut -d : -f 1) || :
		if [[ -n $complaint ]]; then
			tail -n "+$complaint" "$folder/kernel.log" | head -n 150 | tr -d '\r'
		else
			tail -n 30 "$folder/kernel.log" | tr -d '\r'
		fi
		echo "--- last lines of the kernel's log:"
		[[ ! -s $folder/kmsg ]] || tail -n 10 "$folder/kmsg"
		echo "--- last lines of the script:"
		tail -n 5 "$folder/output"
	} >&2
}

say "boot the virtual machine (${accel})"

: >"$folder/kernel.log"
# Output through a process of ours: QEMU makes its own standard output non-blocking.
exec {output}> >(exec tee "$folder/output")
copier=$!
start=$SECONDS
# QEMU dies with this process, however that ends.
IN_ROOT_BIND=$binds setpriv --pdeathsig KILL "$here/in-root.sh" \
	qemu-system-x86_64 "${machine[@]}" </dev/null 1>&"$output" 2>"$folder/qemu.log" &
qemu=$!
exec {output}>&-
setpriv --pdeathsig KILL sleep "$limit" &
timer=$!

# Who ends a machine that seems to hang wants to know where it hangs.
trap 'where; exit 143' TERM
first=0
wait -n -p first "$qemu" "$timer" || :
if [[ $first == "$timer" ]]; then
	kill -KILL "$qemu"
	wait "$qemu" 2>/dev/null || :
	timed_out=yes
else
	kill -KILL "$timer" 2>/dev/null || :
	wait "$timer" 2>/dev/null || :
	timed_out=
fi
qemu=
timer=
wait "$copier" || :

if [[ -n $timed_out ]]; then
	where
	printf 'error: %s: no end after %s s (VM_TIMEOUT); the machine was stopped\n' "$script" "$limit" >&2
	exit 124
fi
if [[ ! -s $folder/status ]]; then
	where
	printf 'error: %s: the machine stopped after %s s without an exit status\n' \
		"$script" $((SECONDS - start)) >&2
	exit 125
fi
exit "$(<"$folder/status")"
