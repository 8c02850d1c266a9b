#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tool.sh: builds the command-line tool for this machine's and the VM's user space, statically
# enough to run in both: it is linked against the C library of the cached root file system.
. "$(dirname "$0")/common.sh"

"$PROJECT/scripts/root.sh"
cd "$PROJECT"
step "build the command-line tool" scripts/in-root.sh cargo build --release --locked -p mdev-migrate
scripts/in-root.sh target/release/mdev-migrate manual build/manual 2>/dev/null ||
	die "mdev-migrate could not write its man page and completions to build/manual"
say "tool: target/release/mdev-migrate, man page and completions: build/manual"
