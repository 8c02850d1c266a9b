# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the scripts in which somebody has a device open meanwhile, after lib.sh.

# hold DEVICE WAY [deaf|file]: somebody has the device, a UUID or its directory, open by group or by iommufd,
# or a file of its migration alone, until let_go or the end of the check.
hold() {
	coproc holder { exec python3 -E "${BASH_SOURCE[0]%/*}/vfio_hold.py" "$@" 2>&1; }
	exec {from}<&"${holder[0]}" {to}>&"${holder[1]}"
	heard open
}
# heard WORD: the holder's next one.
heard() {
	local line
	read -r -t 60 line <&"$from" || line="(nothing)"
	equal "the holder" "$1" "$line"
}
let_go() { echo >&"$to"; }
# meanwhile COMMAND...: begins it, as process $pending; let_go is still for the check alone.
meanwhile() {
	"$@" {to}>&- &
	pending=$!
}
# unused MODULE: nobody has a device of it open.
unused() { [[ $(<"/sys/module/$1/refcnt") == 0 ]]; }
