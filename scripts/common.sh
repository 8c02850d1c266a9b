# SPDX-License-Identifier: GPL-2.0
# Sourced by every script: where things are, and how progress and errors are said.
# shellcheck shell=bash disable=SC2034

set -euo pipefail

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${MDEV_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mdev-migration}

# The release that everything was measured on; scripts/kernel.sh falls back to the
# newest 7.x of the archive when this one is gone.
WANTED_KERNEL=${WANTED_KERNEL:-7.3.4+deb13-amd64}
SUITE=trixie

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# root_key: names the root file system by all that decides its contents.
root_key() {
	{ echo "$WANTED_KERNEL $SUITE"; cat "$PROJECT/scripts/packages.txt"; } |
		sha256sum | cut -c1-12
}
ROOT=$CACHE/root-$(root_key)

# step DESCRIPTION COMMAND...: runs a command that may take long. Its output goes to a log;
# a line every 15 s says that it is still at work, the log's end is shown if it fails. An
# interrupted step takes all that it started with it.
step() {
	local what=$1 log start pid status=0 traps
	shift
	# Of this tree: other trees may be at the same step.
	mkdir -p "$PROJECT/build/log"
	log=$PROJECT/build/log/$(printf %s "$what" | tr -cs 'a-zA-Z0-9' - | cut -c1-60).log
	start=$SECONDS
	say "$what ..."
	traps=$(trap -p INT TERM HUP)
	# Job control gives it a process group of its own, which can be stopped as a whole.
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	set +m
	# shellcheck disable=SC2064 # this step's process
	trap "kill -TERM -- -$pid 2>/dev/null; wait $pid; exit 130" INT TERM HUP
	while sleep 1 && kill -0 "$pid" 2>/dev/null; do
		if (((SECONDS - start) % 15 == 0)); then
			printf '   %4d s  %s\n' $((SECONDS - start)) \
				"$(tail -n 1 "$log" | tr -d '\r' | cut -c1-90)" >&2
		fi
	done
	wait "$pid" || status=$?
	trap - INT TERM HUP
	eval "$traps"
	if ((status != 0)); then
		tail -n 40 "$log" >&2
		die "$what: failed with status $status, whole log in $log"
	fi
	say "$what: done in $((SECONDS - start)) s"
}

# ticker DESCRIPTION: in the background, beside a command whose output people want as it comes: a line every 15 s says
# that it is still at work. Ends with this script, also if that becomes the command; who reads its output waits for
# nothing that is left of it.
ticker() {
	local start=$SECONDS
	exec 3>&2 >/dev/null 2>&1 </dev/null
	while sleep 1 3>&- && kill -0 $$; do
		if (((SECONDS - start) % 15 == 0)); then printf '   %4d s  %s\n' $((SECONDS - start)) "$1" >&3; fi
	done
}

# locked NAME: one at a time among all runs that share the cache; held until the script ends.
locked() {
	mkdir -p "$CACHE"
	exec {lock_fd}>"$CACHE/$1.lock"
	if ! flock -n "$lock_fd"; then
		say "waiting for another run that prepares $1"
		flock "$lock_fd"
	fi
}

kernel_release() { cat "$ROOT/etc/mdev-kernel-release"; }

# kernel_series RELEASE: 7.3 of 7.3.4+deb13-amd64
kernel_series() { grep -oE '^[0-9]+\.[0-9]+' <<<"$1"; }
