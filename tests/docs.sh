#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# docs.sh [TREE]: holds the documentation against the code: every attribute has its entry in
# Documentation/ABI and every entry an attribute; every verb, variable, package and crate is
# mentioned; every page is in the index; every relative link leads somewhere; and no entry of the
# ABI lacks a field.
set -euo pipefail
tree=${1:-$(dirname "$0")/..}
cd "$tree"
abi=Documentation/ABI/testing
status=0
complain() {
	printf '%s\n' "$*"
	status=1
}

# --- attributes ---

# What the framework names, what drivers' parameters are called, and the mdev core's own that we fill.
made() {
	sed -nE 's/.*const NAME: &.static CStr = c"([a-z_]+)";.*/\1/p' src/mdev/{mtype,device_files,settings}.rs
	# Parameters that have a file: the settable ones, and the budget's.
	local file
	for file in src/driver/types.rs samples/*.rs; do
		awk '
			/key: "/ { split($0, part, "\""); key[count++] = part[2] }
			/rule: ParamRule::Settable/ { print key[count - 1] }
			/const BUDGET: usize = [0-9]+;/ { gsub(/[^0-9]/, ""); budget = $0 }
			END { if (budget != "") print budget in key ? key[budget] : "(BUDGET in " FILENAME ")" }' "$file"
	done
	printf '%s\n' create available_instances name description device_api remove
}
documented() { sed -nE 's|^What:.*/([a-z_]+)$|\1|p' "$abi"/*; }
made_names=$(made | sort -u)
documented_names=$(documented | sort -u)
[[ $(wc -w <<<"$made_names") -ge 12 ]] || complain "only these attributes were found in the code: $made_names"
while read -r name; do complain "attribute without an entry in $abi: $name"; done \
	< <(comm -23 <(echo "$made_names") <(echo "$documented_names"))
while read -r name; do complain "entry in $abi without an attribute: $name"; done \
	< <(comm -13 <(echo "$made_names") <(echo "$documented_names"))

for file in "$abi"/*; do
	while read -r line; do complain "$file: $line"; done < <(awk '
		function done() {
			if (what == "") return
			for (i in need) if (!((need[i]) in seen)) print what " lacks " need[i]
			delete seen
		}
		BEGIN { split("Date: KernelVersion: Contact: Description:", need) }
		/^What:/ { done(); what = $2 }
		/^[A-Z][A-Za-z]*:/ { seen[$1] }
		END { done() }' "$file")
done

# --- verbs, variables, packages, crates ---

mentioned() { grep -qF -- "$1" README.md Documentation/*.md; }
testing=Documentation/testing.md
tick=$'\x60'
while read -r verb; do
	[[ $verb == modules ]] || mentioned "make $verb" || complain "verb without a word: make $verb"
done < <(sed -n 's/^\.PHONY: //p' Makefile | tr ' ' '\n')
# Those that a user can give: with a default, or with the empty text where they are not set.
while read -r name; do
	grep -qF "$tick$name$tick" "$testing" || complain "variable without a line in $testing: $name"
done < <(grep -ohE '[{][A-Z_]+:[-?]' scripts/*.sh | tr -cd 'A-Z_\n' | grep -vxE 'HOME|XDG_CACHE_HOME' | sort -u)
while read -r name; do
	grep -qF "$tick$name$tick" "$testing" || complain "crate without a reason: $name"
done < <(for file in src/*/Cargo.toml tests/*/Cargo.toml; do
	awk '/^\[/ { on = /dependencies\]/ } on && /^[a-z_-]+ *=/ { print $1 }' "$file"
done | grep -vx migcore | sort -u)
while read -r line; do complain "package without a reason in scripts/packages.txt: $line"; done \
	< <(grep -vE '^(#|$)|^[^ ]+ +[^ ]' scripts/packages.txt)

# --- pages and links ---

for page in Documentation/*.md; do
	page=${page##*/}
	[[ $page == index.md ]] || grep -qF "($page)" Documentation/index.md || complain "page that is not in the index: $page"
done
for page in README.md samples/README.md Documentation/*.md; do
	while read -r link; do
		[[ $link == *://* || -e $(dirname "$page")/${link%%#*} ]] || complain "$page: link to nothing: $link"
	done < <(grep -oE '\]\([^)# ]+' "$page" | cut -c3-)
	while read -r path; do
		[[ -e $path ]] || complain "$page: no such file: $path"
	done < <(grep -oE "$tick(src|scripts|tests|samples|Documentation)/[A-Za-z0-9_./-]+$tick" "$page" | tr -d "$tick")
done
exit $status
