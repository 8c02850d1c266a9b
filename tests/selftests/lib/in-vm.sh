#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# in-vm.sh: runs selftests one after another inside the virtual machine, as the host (scripts/machines.sh) names them.
#
# Makes /mnt/ask; the host answers in /mnt/next with a script, or with nothing if there is no more.
# Leaves in /mnt/results, for each script: <name>.out (what it printed) and, when it has
# ended, <name>.end: its exit status, its seconds, then a line for each fault beside its own
# results.
# Stops, with status 3, after a script whose leftovers could not be taken away.
set -uo pipefail

here=/project/tests/selftests/lib
# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$here/machine.sh"
# shellcheck source-path=SCRIPTDIR source=header.sh
. "$here/header.sh"
results=/mnt/results

# log_since MARK
log_since() { dmesg --notime | awk -v mark="$1" 'found { print } index($0, mark) { found = 1 }'; }

# faults STATUS MARK LIMIT EXPECTED: what the script's header expects is no fault; a script that
# expects nothing has no such header.
faults() {
	local status=$1 mark=$2 expected=${4:-$harmless_log} line
	if ((status == 124 || status == 137)); then echo "no end after $3 s"; fi
	# All of it is read: dmesg would fail for a grep that ends early.
	if (($(dmesg | grep -cF "$mark") == 0)); then
		echo "kernel log: it no longer holds this script's begin, so nothing can be said of it"
	fi
	while read -r line; do
		echo "kernel log: $line"
	done < <(log_since "$mark" | grep -E "$bad_log" | grep -vE "$harmless_log" | grep -vE "$expected" | head -n 5)
	while read -r line; do
		echo "left behind: $line"
	done < <(machine_leftovers)
}

# kmemleak_report: scans twice, as what was just freed may still be in a register. It reports no
# object before it is 5 seconds old, so what the script did last must get that old.
kmemleak_report() {
	[[ -w /sys/kernel/debug/kmemleak ]] || return 0
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	echo scan >/sys/kernel/debug/kmemleak
	grep -A 12 'unreferenced object' /sys/kernel/debug/kmemleak | head -n 40 >/dev/kmsg
	echo clear >/sys/kernel/debug/kmemleak
}

# next_script: $script is the next; fails if there is none.
next_script() {
	: >/mnt/ask
	until [[ -e /mnt/next ]]; do sleep 0.2; done
	script=$(</mnt/next)
	rm /mnt/next
	[[ -n $script ]]
}

while next_script; do
	name=$(basename "$script" .sh)
	most=$(script_limit "$script")
	mark="selftest begin $name $RANDOM$RANDOM"
	echo "$mark" >/dev/kmsg
	echo "@ $name"
	begin=$SECONDS
	timeout --kill-after=10 "$most" bash "$script" </dev/null 2>&1 | tee "$results/$name.out"
	status=${PIPESTATUS[0]}
	took=$((SECONDS - begin))
	echo "@ $name: $took s"
	kmemleak_report
	found=$(faults "$status" "$mark" "$most" "$(header "$script" expects)")
	clean_machine
	{ echo "$status $took"; [[ -z $found ]] || echo "$found"; } >"$results/$name.partial"
	mv "$results/$name.partial" "$results/$name.end"
	log_since "$mark" >"$results/$name.log"
	left=$(machine_leftovers)
	if [[ -n $left ]]; then
		echo "@ $name left what cannot be taken away: $left"
		exit 3
	fi
done
