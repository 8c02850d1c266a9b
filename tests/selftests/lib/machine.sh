# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What a clean machine is: asked by the runner after each script, and made by each script.

# Modules that tests load; whatever is loaded beside them stays.
test_modules="mdev_nvme mdev_mtty mdev_dma mdev_moves mtty"

# machine_leftovers: prints a line for each thing that a test should have taken away.
machine_leftovers() {
	local path name
	for path in /sys/bus/mdev/devices/*; do
		[[ ! -e $path ]] || echo "device ${path##*/}"
	done
	for path in /sys/class/mdev_bus/*; do
		[[ ! -e $path ]] || echo "parent ${path##*/}"
	done
	for name in $test_modules; do
		[[ ! -e /sys/module/$name ]] || echo "module $name"
	done
	for path in /sys/bus/pci/devices/*/driver_override; do
		[[ ! -e $path || $(<"$path") == '(null)' ]] || echo "driver_override $(<"$path") of $path"
	done
	pgrep -lx 'libvirtd|dbus-daemon|systemd-udevd' | sed 's/^[0-9]*/process/' || :
}

# clean_machine: takes all of that away, as far as it can; says nothing.
clean_machine() {
	local path name driver
	pkill -KILL -x 'libvirtd|dbus-daemon|systemd-udevd' || :
	for path in /sys/bus/mdev/devices/*; do
		[[ ! -e $path ]] || echo 1 >"$path/remove" || :
	done
	for path in /sys/bus/pci/drivers/mdev_nvme/*:*; do
		[[ ! -e $path ]] || echo "${path##*/}" >/sys/bus/pci/drivers/mdev_nvme/unbind || :
	done
	for path in /sys/bus/pci/devices/*/driver_override; do
		driver=$(<"$path") || :
		[[ $driver == '(null)' ]] || echo >"$path" || :
	done
	for name in $test_modules; do
		[[ ! -e /sys/module/$name ]] || rmmod "$name" || :
	done
	# A killed daemon is gone from the list of processes only after a moment.
	for _ in {1..100}; do
		pgrep -x 'libvirtd|dbus-daemon|systemd-udevd' >/dev/null || break
		sleep 0.1
	done
} 2>/dev/null

# Lines of the kernel's log that no test may cause.
bad_log='WARNING:|BUG:|BUG |Oops|refcount_t|sysfs: cannot|kobject.*(error|tried|not initialized)|KASAN|UBSAN|kmemleak|INFO: task|INFO: rcu|possible recursive|possible circular|inconsistent lock|suspicious RCU|held lock freed|leaked|general protection|unable to handle|Call Trace|ODEBUG|list_(add|del) corruption|scheduling while atomic|sleeping function|rust_kernel: panicked|panicked at|soft lockup|hung_task|circular locking|Unpatched return thunk'
# Lines that the kernel or the machine itself causes at any time, whatever runs.
harmless_log='module verification failed|loading out-of-tree module|clocksource|kmemleak: Kernel memory leak detector initialized'
