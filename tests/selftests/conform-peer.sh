#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The conformance program sees what is wrong with the kernel's C sample: exactly the tests that
# Documentation/conformance.md lists fail on it, those that would corrupt memory left out.
. "$(dirname "$0")/lib/lib.sh"
program=/project/target/release/vfio-conform
golden=/project/tests/golden/conform-peer.txt
[[ -x $program ]] || { echo "no $program: run make tool"; exit 1; }
peer=/peers/$(uname -r)/mtty.ko
# The findings are those of the stock kernel: the debug kernel offers more and answers more.
[[ -e $peer ]] || skip_all "no C mtty for this kernel"
plan 3
load "$peer"
type=/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2
setup create "$type" "$(uuid 1)"
setup create "$type" "$(uuid 2)"

report=$(mktemp)
ended=0
"$program" "$(uuid 1)" --peer "$(uuid 2)" --may-remove --spare-kernel >"$report" || ended=$?

note "$(grep -c '^ok' "$report") results are good or skipped, $(grep -c '# SKIP' "$report") of them skipped, $(grep -c '^not ok' "$report") bad"

failed() { sed -nE 's/^not ok [0-9]+ - ([^:]*):.*/\1/p' "$report"; }
said_so() { equal "exit status" 1 "$ended"; }
as_listed() { diff -u "$golden" <(failed); }
documented() {
	local name
	[[ -n $(failed) ]]
	for name in $(failed); do
		grep -qF "\`$name\`" /project/Documentation/conformance.md || { echo "$name is not documented"; return 1; }
	done
}
check "it exits with 1" said_so
check "the tests that fail are those of $(basename "$golden")" as_listed
check "each of them is documented" documented
finish
