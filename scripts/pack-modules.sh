#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# pack-modules.sh MODULES FOLDER NAME...: copies kernel modules and what they need, unpacked, from
# MODULES (the folder with modules.dep) to FOLDER/modules, and writes FOLDER/order: their paths
# by order of loading, from FOLDER's own root. Those that are part of the kernel are left out. Runs
# inside the root file system.
set -euo pipefail

modules=${1:?usage: pack-modules.sh MODULES FOLDER NAME...}
folder=${2:?usage: pack-modules.sh MODULES FOLDER NAME...}
shift 2
mkdir -p "$folder/modules"

# depends NAME...: paths of all of them, each before what needs it.
depends() {
	local name line
	for name; do
		grep -q "/$name\.ko" "$modules/modules.builtin" && continue
		line=$(grep -E "/$name\.ko[^:]*:" "$modules/modules.dep") ||
			{ echo "there is no module $name in $modules" >&2; return 1; }
		# modules.dep names a module, then what it needs, nearest first.
		# shellcheck disable=SC2086 # several paths
		printf '%s\n' ${line/:/} | tac
	done
}

paths=$(depends "$@" | awk '!seen[$0]++')
: >"$folder/order"
for path in $paths; do
	file=$(basename "$path")
	case $file in
	*.xz) file=${file%.xz}; xz -dc "$modules/$path" >"$folder/modules/$file" ;;
	*.zst) file=${file%.zst}; zstd -qdc "$modules/$path" >"$folder/modules/$file" ;;
	*.gz) file=${file%.gz}; gzip -dc "$modules/$path" >"$folder/modules/$file" ;;
	*) cp "$modules/$path" "$folder/modules/$file" ;;
	esac
	echo "/modules/$file" >>"$folder/order"
done
