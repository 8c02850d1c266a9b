#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# runner.sh: the test of the test runner. Each script in tests/selftests/faults plants one
# fault; the runner must report exactly what tests/golden/runner.txt says.
set -euo pipefail

project=$(cd "$(dirname "$0")/.." && pwd)
golden=$project/tests/golden/runner.txt
log=$(mktemp)
trap 'rm -f "$log" "$log.got"' EXIT

status=0
T='' KERNEL=stock SELFTESTS=$project/tests/selftests/faults "$project/scripts/test.sh" >"$log" 2>&1 || status=$?
{ grep -E '^(FAILED|skipped|[0-9]+ passed)' "$log" || :; echo "exit status $status"; } >"$log.got"
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
