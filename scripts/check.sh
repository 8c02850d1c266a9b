#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check.sh: all that needs no virtual machine: formatting, lints, layers, Cargo tests. Everything
# runs, whatever fails; "check: NAME: ok" or "check: NAME: FAILED" for each, and what cargo prints.
. "$(dirname "$0")/common.sh"

here=$PROJECT/scripts
"$here/root.sh"
cd "$PROJECT"
steps=0
failed=()

checked() {
	local name=$1 ticks
	shift
	steps=$((steps + 1))
	ticker "$name" &
	ticks=$!
	if "$@"; then
		echo "check: $name: ok"
	else
		echo "check: $name: FAILED"
		failed+=("$name")
	fi
	kill "$ticks" 2>/dev/null || :
	wait "$ticks" 2>/dev/null || :
}

# shellcheck disable=SC2329 # called through checked
in_root() { "$here/in-root.sh" "$@"; }

# The framework can: it computes with sizes and indices of its own tables.
# shellcheck disable=SC2329 # called through checked
panics_are_found() { ! in_root scripts/check-panics.sh build/lint/src/mdev/mdev.o >/dev/null; }
# The controller of a new NVMe device is on the stack for a moment.
# shellcheck disable=SC2329 # called through checked
frames_are_found() {
	! in_root env STACK_LIMIT=1024 scripts/check-stack.sh build/lint/src/driver/mdev_nvme.o >/dev/null
}

# stated_once FILE: no option of a kernel has two lines there, of which the last alone would count.
stated_once() {
	local twice
	twice=$(sed -nE 's/^(# )?(CONFIG_[A-Z0-9_]+)(=| is not set).*/\2/p' "$1" | sort | uniq -d)
	[[ -z $twice ]] || { echo "$1 states twice: $twice"; return 1; }
}

# The roots of the crates that Kbuild alone builds; rustfmt follows their modules.
kernel_crates=(src/mdev/mdev.rs src/driver/mdev_nvme.rs samples/mdev_mtty.rs tests/drivers/*.rs)
# Packages outside of the workspace, whose files are included one in the other.
fuzz_files=(tests/fuzz/fuzz_targets/*.rs tests/fuzz/checks/*.rs)
mapfile -t shell_files < <(git ls-files '*.sh' '.ci/run')

checked "format of the Cargo crates" in_root cargo fmt --all --check
checked "format of the kernel crates" in_root rustfmt --check --edition 2021 "${kernel_crates[@]}"
checked "format of the fuzz targets" in_root rustfmt --check --edition 2021 "${fuzz_files[@]}"
checked "clippy" in_root cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
checked "clippy of the kernel crates" env KERNEL=lint "$here/modules.sh" KRUSTFLAGS=-Dwarnings
checked "the core cannot panic" in_root scripts/check-panics.sh build/lint/src/core/migcore.o
checked "the NVMe controller cannot panic" in_root scripts/check-panics.sh build/lint/src/nvme/nvme.o
checked "panics are really found" panics_are_found
checked "no function needs too much of the stack" in_root scripts/check-stack.sh \
	build/lint/{src/core/migcore,src/nvme/nvme,src/driver/mdev_nvme,samples/mdev_mtty}.o
checked "frames are really found" frames_are_found
checked "rustdoc of the Cargo crates" in_root env RUSTDOCFLAGS='-D warnings' \
	cargo doc --quiet --locked --workspace --no-deps --document-private-items
checked "layers" "$here/check-layers.sh" "$PROJECT"
checked "layers are really checked" tests/layers.sh
checked "shellcheck" in_root shellcheck --external-sources --source-path=SCRIPTDIR "${shell_files[@]}"
checked "the debug kernel's options are stated once" stated_once "$here/debug-kernel.config"
checked "documentation" tests/docs.sh
checked "documentation is really checked" tests/docs_selftest.sh
checked "evaluator's own test" in_root python3 tests/evaluate_selftest.py
checked "guests that stand still are told of" in_root python3 -B tests/clients/harness/standstill_selftest.py
checked "simulation" in_root env SIM_SECONDS="${SIM_SECONDS:-75}" SIM_SEED="${SIM_SEED:-}" \
	cargo run --quiet --locked --profile sim -p sim
checked "cargo test" in_root cargo test --locked --workspace --no-fail-fast
if ((${#failed[@]} > 0)); then
	printf 'error: failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
say "all $steps steps passed"
