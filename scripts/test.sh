#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test.sh: all tests, first those of this machine (make check), then the selftests in virtual
# machines. Ends with one line, "N passed, N failed[, N skipped]", and status 1 unless all
# that ran passed and something ran.
#
# T=<text>       only selftests with it in the name of their file or of a test of theirs, and no make
#                check
# KERNEL=debug   selftests on the debug kernel (built if need be), and no make check
# MINUTES=N      stop the virtual machines N minutes after the begin (78, or 300 on the debug kernel);
#                what was not reached then has failed
# SOAK=N         N times as many migrations by real clients, and all cases by each of them
# HOSTILE_SECONDS=N   the hostile guest goes on for N seconds; HOSTILE_SEED=N: what it does
# MACHINES=N     so many virtual machines side by side (2, if there are as many processors and the memory for it)
# HANG_SECONDS=N seconds that a machine has between two scripts (120; four times that on the debug kernel)
# SELFTESTS=<folder>  scripts to run instead of tests/selftests (for the runner's own test)
. "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=../tests/selftests/lib/header.sh
. "$PROJECT/tests/selftests/lib/header.sh"
# shellcheck source-path=SCRIPTDIR source=machines.sh
. "$(dirname "$0")/machines.sh"

here=$PROJECT/scripts
selftests=$PROJECT/tests/selftests
scripts_in=${SELFTESTS:-$selftests}
T=${T:-}
KERNEL=${KERNEL:-stock}
minutes=${MINUTES:-$([[ $KERNEL == debug ]] && echo 300 || echo 78)}
[[ $minutes =~ ^[1-9][0-9]{0,4}$ ]] || die "MINUTES is '$minutes': it must be a number, 1 or more"
[[ ${MACHINES:-1} =~ ^[1-9][0-9]?$ ]] || die "MACHINES is '$MACHINES': it must be a number, 1 to 99"
[[ ${HANG_SECONDS:-1} =~ ^[1-9][0-9]{0,4}$ ]] || die "HANG_SECONDS is '$HANG_SECONDS': it must be a number, 1 or more"
deadline=$((SECONDS + minutes * 60))
passed=0
failed=0
skipped=0
in_scripts=0
scripts_run=0

mkdir -p "$CACHE/run"
work=$(mktemp -d "$CACHE/run/XXXXXXXX")
trap 'trap "" INT TERM HUP; end_machines; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
exec {alive}>"$work/alive"
flock "$alive"

# failure NAME [FILE-WITH-REASON [LINES]]: one failed result, with the end of what explains it (80 lines).
# Both are said again, shorter, when all is done: often nobody sees more than the end of a long run.
failure() {
	failed=$((failed + 1))
	printf 'FAILED %s\n' "$1"
	printf '  %s\n' "$1" >>"$work/failures"
	[[ $# -ge 2 ]] || return 0
	tail -n "${3:-80}" "$2" | sed 's/^/    /'
	tail -n 8 "$2" | cut -c -300 | sed 's/^/      /' >>"$work/failures"
}

# --- the host ring ---

# Counts what make check prints: "test result:" of each cargo test, "check: NAME: ok|FAILED|skipped"
# of everything else.
host_ring() {
	local status=0 log=$work/check.log line before=$failed
	say "make check"
	make -C "$PROJECT" --no-print-directory check 2>&1 | tee "$log" | sed 's/^/   /' || status=$?
	while read -r line; do
		if [[ $line =~ ^test\ result:.*\ ([0-9]+)\ passed\;\ ([0-9]+)\ failed\;\ ([0-9]+)\ ignored ]]; then
			passed=$((passed + BASH_REMATCH[1]))
			failed=$((failed + BASH_REMATCH[2]))
			skipped=$((skipped + BASH_REMATCH[3]))
		elif [[ $line =~ ^check:\ .*:\ (ok|FAILED|skipped) ]]; then
			case ${BASH_REMATCH[1]} in
			ok) passed=$((passed + 1)) ;;
			skipped) skipped=$((skipped + 1)); echo "skipped: $line" ;;
			*) failure "$line" ;;
			esac
		fi
	done <"$log"
	if ((status != 0 && failed == before)); then failure "make check (status $status)" "$log"; fi
}

# --- the selftests ---

# tests_of SCRIPT: the names of the tests that it spells out.
tests_of() { sed -nE 's/^[[:space:]]*(check|skip) "([^"]*)".*/\2/p' "$1"; }

# chosen: the scripts that T selects, one a line; those with real clients, which take the longest, last.
chosen() {
	local script
	for script in "$scripts_in"/*.sh; do
		[[ -e $script ]] || continue
		if [[ $(basename "$script" .sh) == *"$T"* || $(tests_of "$script") == *"$T"* ]]; then
			echo "$script"
		fi
	done | awk -F/ '$NF ~ /^client-/ { last = last $0 "\n"; next } { print } END { printf "%s", last }'
}

# time_left: seconds until the virtual machines have to stop.
time_left() { echo $((deadline - SECONDS)); }

# judge NAME FOLDER: counts the results of one script that was started.
judge() {
	local name=$1 out=$2/$1.out end=$2/$1.end planned='' given=0 bad=0 line number status took fault
	: >"$work/comments"
	while IFS= read -r line; do
		line=${line%$'\r'}
		if [[ $line =~ ^1\.\.([0-9]+)(.*)$ ]]; then
			planned=${BASH_REMATCH[1]}
			if [[ $planned == 0 && ${BASH_REMATCH[2]} == *SKIP* ]]; then
				skipped=$((skipped + 1))
				echo "skipped: $name:${BASH_REMATCH[2]}"
			fi
		elif [[ $line =~ ^ok\ ([0-9]+)\ ?-?\ ?(.*)$ ]]; then
			given=$((given + 1))
			number=${BASH_REMATCH[1]}
			if [[ ${BASH_REMATCH[2]} == *'# SKIP'* ]]; then
				skipped=$((skipped + 1))
				echo "skipped: $name: ${BASH_REMATCH[2]}"
			else
				passed=$((passed + 1))
			fi
			[[ $number == "$given" ]] || echo "result $given has number $number" >>"$work/numbers"
			: >"$work/comments"
		elif [[ $line =~ ^not\ ok\ ([0-9]+)\ ?-?\ ?(.*)$ ]]; then
			given=$((given + 1))
			bad=$((bad + 1))
			failure "$name: ${BASH_REMATCH[2]}" "$work/comments"
			: >"$work/comments"
		else
			printf '%s\n' "$line" >>"$work/comments"
		fi
	done <"$out"

	if [[ ! -e $end ]]; then
		failure "$name: the machine died or hung in it" "$2/$name.console" 200
		return
	fi
	{ read -r status took; fault=$(cat); } <"$end"
	in_scripts=$((in_scripts + took))
	scripts_run=$((scripts_run + 1))
	if [[ -n $fault ]]; then
		printf '%s\n' "$fault" >"$work/fault"
		while IFS= read -r line; do failure "$name: $line"; done <"$work/fault"
		if grep -q '^kernel log' "$work/fault"; then
			grep -E -A 20 'WARNING|BUG|leaked|unreferenced' "$2/$name.log" | head -n 60 | sed 's/^/    /' || :
		fi
	fi
	if [[ -z $planned ]]; then
		failure "$name: it printed no plan" "$work/comments"
	elif ((planned != given)); then
		failure "$name: $planned results planned, $given given" "$work/comments"
	elif ((status != 0 && bad == 0)) && [[ -z $fault ]]; then
		failure "$name: it ended with status $status, though no result failed" "$work/comments"
	elif ((status == 0 && bad > 0)); then
		failure "$name: it ended with status 0, though $bad results failed"
	fi
}

# machine_of SCRIPT: the kind of virtual machine that it needs, as its header says: nothing, or "iommu".
machine_of() { header "$1" machine; }

# account_for SCRIPT: counts the results of a script that machines were asked to run, or that there are none.
account_for() {
	local name
	name=$(basename "$1" .sh)
	if [[ -e $work/results/$name.out ]]; then
		judge "$name" "$work/results"
		[[ ! -e $work/after-$name.console ]] || failure "$name: the machine died after it" "$work/after-$name.console" 200
	elif ! grep -qxF "$1" "$work/queue"; then
		failure "$name: a machine took it, and nothing came of it"
	elif (($(time_left) < 60)); then
		failure "$name: not reached in $minutes minutes (MINUTES)"
	else
		failure "$name: no machine was left to run it"
	fi
}

# vm_ring: runs what is chosen, and counts all results, in the order of the scripts.
vm_ring() {
	local todo=() of_kind kind script
	mapfile -t todo < <(chosen)
	for script in "${todo[@]}"; do
		kind=$(machine_of "$script")
		[[ $kind =~ ^(iommu)?$ ]] ||
			failure "$(basename "$script" .sh): its header asks for the machine '$kind': there is iommu, or none is named"
	done
	for kind in '' iommu; do
		of_kind=()
		for script in "${todo[@]}"; do
			[[ $(machine_of "$script") != "$kind" ]] || of_kind+=("$script")
		done
		((${#of_kind[@]} > 0)) || continue
		say "virtual machines${kind:+ with an IOMMU}: ${#of_kind[@]} selftest scripts"
		run_all "$kind" "${of_kind[@]}"
		if [[ -s $work/queue && -e $work/mute.console ]]; then
			failure "a virtual machine did not come as far as a script" "$work/mute.console"
		fi
		for script in "${of_kind[@]}"; do account_for "$script"; done
	done
}

if [[ -n $T && -z $(chosen) ]]; then
	say "T is '$T': no script and no test of one has that in its name"
	echo "0 passed, 0 failed"
	exit 1
fi
"$here/modules.sh"
"$here/tool.sh"
if [[ -z $T && $KERNEL == stock && -z ${SELFTESTS:-} ]]; then host_ring; fi
case $KERNEL in
stock) "$here/peers.sh" >/dev/null ;;
debug)
	# Before two machines want it.
	"$here/debug-kernel.sh" >/dev/null
	;;
*) die "KERNEL is '$KERNEL': it must be debug, or not given" ;;
esac
export KERNEL
if chosen | grep '/client-[^/]*$' >/dev/null; then "$here/clients.sh"; fi
vm_ring
if [[ -z $T && -z ${SELFTESTS:-} ]]; then
	say "the test of this runner: scripts with planted faults"
	if "$PROJECT/tests/runner.sh" >"$work/runner" 2>&1; then
		passed=$((passed + 1))
	else
		failure "tests/runner.sh" "$work/runner"
	fi
fi

if ((failed > 0)); then
	echo "@ what failed:"
	cat "$work/failures"
fi
echo "@ total: $in_scripts s in $scripts_run scripts, $SECONDS s in all"
echo "$passed passed, $failed failed$( ((skipped == 0)) || echo ", $skipped skipped")"
((failed == 0 && passed > 0))
