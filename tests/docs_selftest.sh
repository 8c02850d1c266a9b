#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# docs_selftest.sh: plants what tests/docs.sh must find in a copy of the tree, and sees it found.
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
failed=0

fresh() {
	rm -rf "${copy:?}"/*
	tar -C "$project" --exclude='*.o' --exclude='*.rmeta' --exclude=bindings_generated.rs --exclude='.*' -c \
		README.md COPYING Makefile Documentation samples scripts src tests | tar -x -C "$copy"
}

# planted WANTED FILE SED-SCRIPT: with the file so changed, a complaint that contains WANTED.
planted() {
	local said
	fresh
	sed -i "$3" "$copy/$2"
	if cmp -s "$copy/$2" "$project/$2"; then echo "nothing was planted in $2: $3"; failed=1; fi
	said=$("$project/tests/docs.sh" "$copy") && { echo "not found: $1"; failed=1; }
	if [[ $said != *"$1"* ]]; then echo "wanted '$1', got: $said"; failed=1; fi
}

fresh
"$project/tests/docs.sh" "$copy" || failed=1
abi=Documentation/ABI/testing
planted "attribute without an entry in $abi: frobs" src/mdev/settings.rs 's/c"model"/c"frobs"/'
planted "entry in $abi without an attribute: model" src/mdev/settings.rs 's/c"model"/c"frobs"/'
planted "entry in $abi without an attribute: ports" samples/mdev_mtty.rs 's/key: "ports"/key: "lanes"/'
planted "lacks Contact:" "$abi/sysfs-mdev-types" '0,/^Contact:/s//Kontakt:/'
planted "verb without a word: make frobnicate" Makefile 's/^\.PHONY: /&frobnicate /'
planted "variable without a line in Documentation/testing.md: VM_MEM" Documentation/testing.md '/VM_MEM/d'
planted "crate without a reason: libc" Documentation/testing.md '/libc/d'
planted "package without a reason in scripts/packages.txt: jq" scripts/packages.txt 's/^jq .*/jq/'
planted "page that is not in the index: safety.md" Documentation/index.md '/safety/d'
planted "link to nothing: gone.md" README.md 's/(COPYING)/(gone.md)/'
planted "no such file: src/gone" README.md 's/src\/core/src\/gone/'
exit $failed
