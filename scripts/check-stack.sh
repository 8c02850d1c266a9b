#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check-stack.sh OBJECT...: no function takes more than STACK_LIMIT bytes (4096) of the stack.
#
# A kernel's stack is 16 KiB, for all functions on the way from the system call and for an
# interrupt's. Values that are moved are easily there more than once, which only the object shows.
set -euo pipefail
limit=${STACK_LIMIT:-4096}
status=0
(($# > 0)) || { echo 'usage: check-stack.sh OBJECT...' >&2; exit 2; }
# The begin of a function, and what it takes of the stack.
# shellcheck disable=SC2016 # a number of the assembler's
wanted='^[0-9a-f]+ <|sub +\$0x[0-9a-f]+,%rsp$'
for object; do
	frames=0
	name=
	while read -r line; do
		if [[ $line =~ ^[0-9a-f]+\ \<(.*)\>:$ ]]; then
			name=${BASH_REMATCH[1]}
		elif [[ $line =~ \$0x([0-9a-f]+),%rsp$ ]]; then
			frames=$((frames + 1))
			if ((16#${BASH_REMATCH[1]} > limit)); then
				echo "$object: $name takes $((16#${BASH_REMATCH[1]})) bytes of the stack, more than $limit"
				status=1
			fi
		fi
	done < <(objdump --disassemble --demangle --no-show-raw-insn "$object" |
		grep -E "$wanted" || :)
	((frames > 0)) || { echo "$object: no function that takes any: nothing was looked at"; status=1; }
done
exit $status
