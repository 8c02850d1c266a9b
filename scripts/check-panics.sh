#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check-panics.sh OBJECT...: no object refers to a function of Rust's core library that panics.
#
# What judges bytes from outside must not have a path to one, reachable or not: in the kernel a
# panic is an oops of the process that wrote the bytes. The kernel is built with checks of sums and
# indices, so the object says what the compiler could not rule out.
set -euo pipefail
status=0
(($# > 0)) || { echo 'usage: check-panics.sh OBJECT...' >&2; exit 2; }
for object; do
	symbols=$(nm --undefined-only --demangle "$object")
	# Every crate formats something: no symbols would mean that nothing was looked at.
	[[ $symbols == *'core::fmt'* ]] || { echo "$object: no symbols of Rust's core library"; status=1; }
	while read -r _ symbol; do
		echo "$object can panic: $symbol"
		status=1
	done < <(grep -E 'core::panicking::|_fail(ed)?$|_failed_inner$|rust_begin_unwind' <<<"$symbols" || :)
done
exit $status
