# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the fail-nth selftests, after lib.sh: allocations that fail by number.

[[ -e /proc/self/fail-nth ]] || skip_all "this kernel has no fault injection (KERNEL=debug has)"

# Allocations that may sleep fail too, and no stack is printed for each.
for fault in failslab fail_page_alloc; do
	echo N >"/sys/kernel/debug/$fault/ignore-gfp-wait"
	echo 0 >"/sys/kernel/debug/$fault/verbose"
done
echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
echo 0 >/sys/kernel/debug/fail_page_alloc/min-order

# The kernel's own instruments are spared: kmemleak turns itself off for good when it cannot
# allocate, and would find nothing from then on.
for cache in /sys/kernel/slab/*; do
	case ${cache##*/} in
	kmemleak_* | debug_objects_cache) ;;
	*) echo 1 >"$cache/failslab" ;;
	esac
done
echo Y >/sys/kernel/debug/failslab/cache-filter

# fail_nth OPERATION ARGUMENT...: see fail_nth.py
# shellcheck disable=SC2154 # lib.sh has it
fail_nth() { python3 -E -S "$selftests/lib/fail_nth.py" "$@"; }
