#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fuzz.sh: coverage-guided fuzzing of what reads bytes from outside. FUZZ_SECONDS in all, shared by
# the targets; T=pattern takes only those with that in their name.
#
# The compiler's own passes count what is reached, and libFuzzer, which the targets are linked
# with, keeps the inputs that reach more: in build/fuzz/corpus, beginning with those of the tree. A
# failure leaves its input in build/fuzz/failures.
. "$(dirname "$0")/common.sh"

SECONDS_IN_ALL=${FUZZ_SECONDS:-600}
T=${T:-}
[[ $SECONDS_IN_ALL =~ ^[1-9][0-9]*$ ]] || die "FUZZ_SECONDS is '$SECONDS_IN_ALL', must be a number of seconds"

here=$PROJECT/scripts
"$here/root.sh"
cd "$PROJECT"
mapfile -t targets < <(cd tests/fuzz/fuzz_targets && printf '%s\n' *"$T"*.rs | sed 's/\.rs$//')
[[ -e tests/fuzz/fuzz_targets/${targets[0]}.rs ]] || die "no target has '$T' in its name"
share=$((SECONDS_IN_ALL / ${#targets[@]}))
((share > 0)) || die "FUZZ_SECONDS is $SECONDS_IN_ALL, less than a second for each of ${#targets[@]} targets"

# As cargo-fuzz has it, but with the compiler at hand. Without the address sanitizer, which needs
# another compiler: the crates under test forbid unsafe code.
flags=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
	-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg=fuzzing)
triple=$(uname -m)-unknown-linux-gnu
# With --target, build scripts and macros are built without these flags.
step "build the fuzz targets" "$here/in-root.sh" env CXX=clang++-19 RUSTFLAGS="${flags[*]}" \
	cargo build --release --locked --manifest-path tests/fuzz/Cargo.toml \
	--target-dir build/fuzz/target --target "$triple"

status=0
for target in "${targets[@]}"; do
	corpus=build/fuzz/corpus/$target
	log=build/fuzz/$target.log
	mkdir -p "$corpus" build/fuzz/failures
	seeds=("tests/fuzz/corpus/$target")
	arguments=(-max_total_time="$share" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1
		-artifact_prefix="build/fuzz/failures/$target-" -verbosity=1)
	case $target in
	stream)
		seeds+=(tests/golden/streams)
		arguments+=(-max_len=140000)
		;;
	records)
		seeds+=(tests/golden/nvme)
		arguments+=(-max_len=20000)
		;;
	guest) arguments+=(-max_len=2048) ;;
	*) arguments+=(-max_len=8192 -dict=tests/fuzz/lines.dict) ;;
	esac
	say "fuzz $target for $share s ..."
	if ! "$here/in-root.sh" "build/fuzz/target/$triple/release/$target" "${arguments[@]}" \
		"$corpus" "${seeds[@]}" >"$log" 2>&1; then
		status=1
		tail -n 60 "$log" >&2
		printf '%s: FAILED, input in build/fuzz/failures, whole log in %s\n' "$target" "$log"
		continue
	fi
	runs=$(awk '/stat::number_of_executed_units/ { print $2 }' "$log")
	reached=$(grep -oE 'cov: [0-9]+' "$log" | tail -n 1 | cut -d' ' -f2 || :)
	printf '%s: ok, %d runs, %d edges reached, %d inputs kept\n' "$target" "$runs" "${reached:-0}" \
		"$(find "$corpus" -type f | wc -l)"
	# Else the counters are not there, and all this was blind.
	((${reached:-0} > 50)) || { echo "$target: FAILED: it reached next to nothing"; status=1; }
done
exit $status
