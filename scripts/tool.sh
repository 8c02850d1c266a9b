#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tool.sh: builds the command-line tool, its man pages and its completions, the conformance program
# for devices and the bare NVMe guest. They are linked against the C library of the cached root file
# system, so that they run there and in anything newer.
. "$(dirname "$0")/common.sh"

"$PROJECT/scripts/root.sh"
cd "$PROJECT"
step "build the command-line tool" scripts/in-root.sh cargo build --release --locked -p mdev-migrate
step "build the conformance program" scripts/in-root.sh cargo build --release --locked -p vfio-conform
step "build the bare NVMe guest" scripts/in-root.sh cargo build --release --locked -p nvme-guest
mkdir -p build/manual
scripts/in-root.sh target/release/mdev-migrate man build/manual >/dev/null
for shell in bash fish zsh; do
	scripts/in-root.sh target/release/mdev-migrate completions "$shell" build/manual >/dev/null
done
say "target/release/mdev-migrate, vfio-conform and nvme-guest; man pages and completions in build/manual"
