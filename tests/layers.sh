#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# layers.sh: plants each way to cheat a layer in a copy of the tree, and sees it refused.
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
failed=0

# planted FILE LINE: the line, appended to the file, makes the check fail.
planted() {
	rm -rf "${copy:?}"/*
	mkdir -p "$copy/src"
	cp -r "$project/src/core" "$project/src/driver" "$project/src/mdev" "$copy/src/"
	[[ ! -d $project/src/nvme ]] || cp -r "$project/src/nvme" "$copy/src/"
	cp -r "$project/samples" "$copy/"
	if ! "$project/scripts/check-layers.sh" "$copy" >/dev/null; then
		echo "refused with nothing planted"
		failed=1
	fi
	printf '%s\n' "$2" >>"$copy/$1"
	if "$project/scripts/check-layers.sh" "$copy" >/dev/null; then
		echo "not refused: $2 in $1"
		failed=1
	fi
}

planted src/driver/parents.rs 'fn f(p: *const u8) -> u8 { unsafe { *p } }'
planted src/driver/types.rs 'use kernel::bindings;'
planted samples/mdev_mtty.rs 'fn f() { let _ = kernel::bindings::jiffies; }'
planted samples/mdev_mtty.rs 'extern "C" fn f() {}'
planted src/core/place.rs 'use kernel::prelude::*;'
planted src/core/place.rs 'use mdev::Type;'
planted src/core/stream.rs 'use nvme::Controller;'
planted src/core/value.rs 'fn f(p: *const u8) -> u8 { unsafe { *p } }'
planted src/nvme/prp.rs 'use kernel::prelude::*;'
planted src/nvme/queue.rs 'fn f(p: *const u8) -> u8 { unsafe { *p } }'
planted src/mdev/mtype.rs 'use mdev_nvme::types::Nvme;'
planted samples/uart.rs "$(printf 'const _: u8 = 0;\n%.0s' {1..400})"
exit $failed
