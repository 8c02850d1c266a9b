#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest.sh: process 1 of the virtual machine. Runs the script that vm.sh left in /mnt,
# sends its output to the host and leaves its exit status and the kernel's log there.
set -u

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb
unset IFS

# All of /dev, /run and /tmp that a Debian program expects.
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p /run/lock
ln -sfn /proc/self/fd /dev/fd
ln -sfn /proc/self/fd/0 /dev/stdin
ln -sfn /proc/self/fd/1 /dev/stdout
ln -sfn /proc/self/fd/2 /dev/stderr
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
hostname mdev-vm 2>/dev/null || echo mdev-vm >/proc/sys/kernel/hostname
echo 127.0.0.1 localhost mdev-vm >/etc/hosts
ip link set lo up 2>/dev/null || /bin/busybox ip link set lo up
cat /proc/sys/kernel/random/uuid | tr -d - >/etc/machine-id

# A kernel other than the stock one brings its modules along.
release=$(uname -r)
if [[ ! -d /usr/lib/modules/$release && -d /media/$release ]]; then
	ln -s "/media/$release" "/usr/lib/modules/$release"
fi

# The output's port can be opened once only, so one process copies all that is written.
for port in /sys/class/virtio-ports/*; do
	if [[ $(<"$port/name") == output ]]; then out=/dev/${port##*/}; fi
done
mkfifo /run/vm-output
cat /run/vm-output >"$out" &
copier=$!
exec 3>/run/vm-output

# The kernel's log at once, so that it is there when the machine dies.
cat /dev/kmsg >/mnt/kmsg 2>/dev/null &
disown

status=0
(
	exec >&3 2>&1 3>&- </dev/null
	# shellcheck disable=SC1091 # made by vm.sh
	. /mnt/env
	cd /
	# shellcheck disable=SC1091
	. /mnt/command
) || status=$?

dmesg >/mnt/dmesg
# Nothing else may hold the output open, or it would never end.
for process in /proc/[0-9]*; do
	pid=${process##*/}
	[[ $pid == 1 || $pid == "$copier" ]] || kill -KILL "$pid" 2>/dev/null
done
exec 3>&-
wait "$copier"
echo "$status" >/mnt/status.partial
mv /mnt/status.partial /mnt/status
sync
exec /bin/busybox poweroff -f
