#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# runner.sh: the test of the test runner. Each script in tests/selftests/faults plants one
# fault; the runner must report exactly what tests/golden/runner.txt says. KERNEL=debug: of the
# fault that only the debug kernel sees, what tests/golden/runner-debug.txt says.
set -euo pipefail

project=$(cd "$(dirname "$0")/.." && pwd)
case ${KERNEL:-stock} in
debug) export KERNEL=debug T=leaks golden=$project/tests/golden/runner-debug.txt ;;
*) export KERNEL=stock T='' golden=$project/tests/golden/runner.txt ;;
esac
log=$(mktemp)
trap 'rm -f "$log" "$log.got"' EXIT

status=0
# In one machine: only its own next boot can run the scripts after one that takes it down.
MACHINES=1 HANG_SECONDS=20 SELFTESTS=$project/tests/selftests/faults "$project/scripts/test.sh" >"$log" 2>&1 || status=$?
# How many leaks there are depends on what else the memory holds.
{
	grep -E '^(FAILED|skipped|[0-9]+ passed)' "$log" | sed 's/[0-9]* new suspected/N new suspected/' || :
	echo "exit status $status"
} >"$log.got"
if [[ ${1:-} == --bless ]]; then cp "$log.got" "$golden"; fi
if ! diff -u "$golden" "$log.got"; then
	cat "$log"
	echo "check: test runner: FAILED (tests/runner.sh --bless takes the new output over)"
	exit 1
fi

# Nothing that ran is no success.
T=no-such-test-anywhere SELFTESTS=$project/tests/golden "$project/scripts/test.sh" >"$log" 2>&1 && status=0 || status=$?
if ((status != 1)) || ! grep -qx '0 passed, 0 failed' "$log"; then
	cat "$log"
	echo "check: test runner: FAILED: with nothing to run it ended with status $status"
	exit 1
fi
echo "check: test runner: ok"
