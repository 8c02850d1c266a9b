#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check-layers.sh TREE: what the compiler does not refuse by itself.
#
# A crate sees only those that Kbuild gives it, and mdev's bindings are private to it; but the
# kernel's own bindings are public to everybody, and nothing in the language keeps `unsafe` out of
# a driver, since the macros of the kernel crate expand to it.
set -euo pipefail
tree=${1:?usage: check-layers.sh TREE}
status=0

# refuse WHAT PATTERN FOLDER...: no line of code matches; comments may.
refuse() {
	local what=$1 pattern=$2 found
	shift 2
	found=$(cd "$tree" && grep -rnE --include='*.rs' "$pattern" "$@" |
		grep -vE '^[^:]+:[0-9]+:[[:space:]]*//' | grep -vE 'forbid\(unsafe_code\)' || :)
	[[ -z $found ]] && return
	printf '%s:\n%s\n' "$what" "$found"
	status=1
}

drivers=()
for folder in src/driver samples tests/drivers; do [[ -d $tree/$folder ]] && drivers+=("$folder"); done
pure=(src/core)
[[ -d $tree/src/nvme ]] && pure+=(src/nvme)

refuse "unsafe code outside src/mdev" '\bunsafe\b|extern "C"|\basm!' "${drivers[@]}" "${pure[@]}"
refuse "C bindings outside src/mdev" '\bbindings\b' "${drivers[@]}" "${pure[@]}"
refuse "the kernel in a pure crate" '\b(kernel|mdev)::|extern crate' "${pure[@]}"
refuse "what stands on it in the core" '\b(nvme|mdev_nvme|mdev_mtty)::' src/core
refuse "a driver in the framework" '\b(mdev_nvme|mdev_mtty)::' src/mdev
for root in src/core/migcore.rs ${pure[1]:+src/nvme/nvme.rs}; do
	grep -qF '#![forbid(unsafe_code)]' "$tree/$root" || { echo "$root does not forbid unsafe code"; status=1; }
done
# Whoever writes a driver reads the sample whole. Comments and empty lines are not counted.
lines=$(find "$tree/samples" -name '*.rs' -exec cat {} + | grep -vcE '^[[:space:]]*(//|$)')
((lines < 400)) || { echo "the sample has $lines lines of code: it must stay under 400"; status=1; }
exit $status
