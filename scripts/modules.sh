#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# modules.sh [TARGET]: builds the modules (or another Kbuild target, such as clean) for the stock
# kernel, in the cached root file system; for KDIR=<tree>, with the tools of this machine.
. "$(dirname "$0")/common.sh"

target=${1:-modules}
if [[ -n ${KDIR:-} ]]; then
	[[ -e $KDIR/Makefile ]] || die "KDIR=$KDIR is no kernel tree: it has no Makefile"
	[[ -e $KDIR/rust/libkernel.rmeta || $target == clean ]] ||
		die "KDIR=$KDIR has no metadata of the kernel crate: configure it with CONFIG_RUST=y and run 'make modules_prepare' in it"
	exec make -C "$KDIR" M="$PROJECT" "$target"
fi
"$PROJECT/scripts/kernel.sh"
exec "$PROJECT/scripts/in-root.sh" make -s -C /kernel M=/project \
	KERNELRELEASE="$(kernel_release)" CC=x86_64-linux-gnu-gcc-14 -j"$(nproc)" "$target"
