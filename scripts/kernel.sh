#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh: prepares the tree which modules for the stock kernel are built against.
#
# Debian's headers lack the metadata of the `kernel` crate; `modules_prepare` in the kernel's
# own source, with its own configuration and compilers, makes it. Resumable: unpacking ends
# in a rename, make goes on where it was.
. "$(dirname "$0")/common.sh"

here=$PROJECT/scripts
"$here/root.sh"
[[ -e $ROOT/kernel/.prepared ]] && exit 0
locked kernel
release=$(kernel_release)
series=$(kernel_series "$release")

# same_compiler NAME CONFIG-TEXT COMMAND: the kernel's compiler and ours must print the same.
same_compiler() {
	local ours
	ours=$("$here/in-root.sh" bash -c "$3")
	[[ $2 == "$ours" ]] ||
		die "$1 differs: kernel $release was built with '$2', this root file system has '$ours'. Rust symbols would not match and no module would load. Set WANTED_KERNEL to a release that was built with the latter, or MIRROR to an archive that has the former."
}

config=$ROOT/usr/lib/modules/$release/config
[[ -r $config ]] || config=$ROOT/boot/config-$release
[[ -r $config ]] || die "no configuration of kernel $release in $ROOT"
config_text() { sed -n "s/^CONFIG_$1=\"\(.*\)\"/\1/p" "$config"; }
grep -q '^CONFIG_RUST=y' "$config" || die "kernel $release has no CONFIG_RUST: no Rust module can be loaded"
same_compiler rustc "$(config_text RUSTC_VERSION_TEXT)" 'rustc --version'
same_compiler gcc "$(config_text CC_VERSION_TEXT)" 'LC_ALL=C x86_64-linux-gnu-gcc-14 --version | head -n 1'

unpack() {
	rm -rf "$ROOT/kernel.partial"
	mkdir "$ROOT/kernel.partial"
	"$here/in-root.sh" tar -C /kernel.partial --strip-components=1 -xf "/usr/src/linux-source-$series.tar.xz"
	cp "$config" "$ROOT/kernel.partial/.config"
	mv "$ROOT/kernel.partial" "$ROOT/kernel"
}

prepare() {
	local make="make -C /kernel CC=x86_64-linux-gnu-gcc-14 KERNELRELEASE=$release"
	"$here/in-root.sh" bash -ec "
		$make olddefconfig
		$make -j\$(nproc) modules_prepare
		cp /usr/src/linux-headers-$release/Module.symvers /kernel/"
}

[[ -d $ROOT/kernel ]] || step "unpack the source of kernel $series" unpack
step "prepare the kernel tree for Rust modules (3 minutes on 2 cores)" prepare
touch "$ROOT/kernel/.prepared"
