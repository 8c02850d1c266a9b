#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# peers.sh: builds the kernel's own C mtty sample, which tests and measurements compare with.
#
# Its source comes from the prepared kernel tree and stays in the cache: /peers of the root
# file system, and so of the virtual machine. Prints the module's path there.
. "$(dirname "$0")/common.sh"

here=$PROJECT/scripts
"$here/kernel.sh"
release=$(kernel_release)
module=/peers/$release/mtty.ko
if [[ -e $ROOT$module ]]; then echo "$module"; exit 0; fi
locked peers
if [[ -e $ROOT$module ]]; then echo "$module"; exit 0; fi

# shellcheck disable=SC2016
build='
release=$1
work=/peers/$release.partial
rm -rf "$work"
mkdir -p "$work"
cp /kernel/samples/vfio-mdev/mtty.c "$work/"
echo "obj-m := mtty.o" >"$work/Kbuild"
make -C /kernel M="$work" KERNELRELEASE="$release" CC=x86_64-linux-gnu-gcc-14 modules
rm -rf "/peers/$release"
mv "$work" "/peers/$release"
'
step "build the C mtty sample for kernel $release" \
	"$here/in-root.sh" bash -euo pipefail -c "$build" peers "$release"
echo "$module"
