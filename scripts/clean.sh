#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# clean.sh: removes what was built in the project's folder. The cache stays: it is keyed by what
# is in it, and shared with other clones.
. "$(dirname "$0")/common.sh"

cd "$PROJECT"
rm -rf build target
find . -path ./.git -prune -o \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
	-o -name '*.rmeta' -o -name '.*.cmd' -o -name '.*.d' -o -name '*.a' \
	-o -name bindings_generated.rs -o -name layout_generated.inc -o -name Module.symvers -o -name modules.order \
	-o -name .built-for \) \
	-type f -exec rm -f {} +
say "the cache stays in $CACHE"
