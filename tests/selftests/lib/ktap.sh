# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by each selftest: prints results as KTAP.
#
# `plan N` first, then N results (`check`, `pass`, `fail` or `skip`), then `finish`.

ktap_plan=0
ktap_count=0
ktap_failed=0

plan() {
	ktap_plan=$1
	echo "KTAP version 1"
	echo "1..$ktap_plan"
}

# skip_all WHY: instead of plan, when what the whole script needs is not there.
skip_all() {
	echo "KTAP version 1"
	echo "1..0 # SKIP $*"
	exit 0
}

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

result() {
	ktap_count=$((ktap_count + 1))
	echo "$1 $ktap_count - $2"
}
pass() { result ok "$1"; }
skip() { result ok "$1 # SKIP $2"; }

# fail NAME [WHY]
fail() {
	[[ $# -lt 2 ]] || note "$2"
	ktap_failed=$((ktap_failed + 1))
	result "not ok" "$1"
}

# check NAME COMMAND [ARGUMENT...]: passes if the command does. It runs in a shell of its
# own where each failing command ends it; what it prints becomes comments.
check() {
	local name=$1 status=0 out
	shift
	out=$(mktemp)
	# Not as a condition: there, bash would go on after a failing command.
	set +e
	(
		set -euo pipefail
		trap - EXIT
		"$@"
	) >"$out" 2>&1 </dev/null
	status=$?
	set -e
	sed 's/^/# /' "$out"
	rm -f "$out"
	if ((status == 0)); then
		pass "$name"
	else
		fail "$name" "status $status of: $(head -c 200 <<<"$*" | head -n 1)"
	fi
}

finish() {
	if ((ktap_count != ktap_plan)); then
		note "$ktap_plan results planned, $ktap_count given"
		exit 1
	fi
	((ktap_failed == 0)) || exit 1
	exit 0
}
