#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# clients.sh: fetches the QEMU versions that the tests migrate devices with, and makes the small
# guest that runs in them.
#
# The clients and the guest's kernel stay in the cache: /clients of the root file system, and so
# of the virtual machine. One more client is the root file system's own QEMU. The guest's only
# program is built from tests/clients/guest into build/clients.
# MIRROR=<address> overrides the mirror, which else is the host's own.
. "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=archive.sh
. "$PROJECT/scripts/archive.sh"

here=$PROJECT/scripts
clients=$ROOT/clients

# The suites whose QEMU differs: bookworm's is the last that reads the migration region (v1),
# trixie's the first stable one that only knows the ioctls (v2).
suites=(bookworm trixie)

# loader FOLDER: how to call a program of an extracted tree, without entering it.
loader() {
	printf '%s --library-path %s' "$1/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" \
		"$1/lib/x86_64-linux-gnu:$1/usr/lib/x86_64-linux-gnu"
}

# extract SUITE: into a folder named by the version that it turns out to have.
extract() {
	local suite=$1 version partial
	partial=/clients/$suite.partial
	rm -rf --one-file-system "$clients/$suite.partial"
	# base-files brings the links (lib64) that the loader is found by, zstd unpacks the kernel.
	bootstrap --variant=extract --include=base-files,qemu-system-x86,zstd "$suite" "$ROOT$partial" \
		"deb $(mirror) $suite main"
	# shellcheck disable=SC2046 # several arguments
	version=$("$here/in-root.sh" $(loader "$partial") "$partial/usr/bin/qemu-system-x86_64" --version |
		sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p')
	[[ -n $version ]] || die "the QEMU of $suite does not say its version"
	rm -rf --one-file-system "$clients/qemu-$version"
	mv "$ROOT$partial" "$clients/qemu-$version"
	ln -sfn "qemu-$version" "$clients/$suite"
}

# unpack_kernel RELEASE: its vmlinux. Without it each boot of a guest would unpack it anew, which
# takes the longest of all under emulation. Where it is in vmlinuz stands in the boot protocol's
# header, at 0x1f1 the sectors before it, at 0x248 offset and length of the packed kernel.
unpack_kernel() {
	local image=$ROOT/usr/lib/modules/$1/vmlinuz folder=$clients/kernel-$1 sectors offset length
	sectors=$(od -An -tu1 -j $((0x1f1)) -N 1 "$image")
	read -r offset length < <(od -An -tu4 -j $((0x248)) -N 8 "$image")
	mkdir -p "$folder"
	# The last 4 bytes are the unpacked size.
	dd if="$image" of="$folder/packed" bs=64K iflag=skip_bytes,count_bytes status=none \
		skip=$(((sectors + 1) * 512 + offset)) count=$((length - 4))
	[[ $(od -An -tx4 -N 4 "$folder/packed") == *fd2fb528 ]] ||
		die "kernel $1 is not packed by zstd: $image"
	# shellcheck disable=SC2046 # several arguments
	"$here/in-root.sh" $(loader "/clients/$SUITE") "/clients/$SUITE/usr/bin/zstd" -qdf \
		"/clients/kernel-$1/packed" -o "/clients/kernel-$1/vmlinux.partial"
	rm "$folder/packed"
	mv "$folder/vmlinux.partial" "$folder/vmlinux"
}

# The guest's file system is its one program, which is process 1.
build_guest() {
	"$here/in-root.sh" cargo rustc --release --locked -p mdev-guest -- -C target-feature=+crt-static
	# shellcheck disable=SC2016
	"$here/in-root.sh" bash -euo pipefail -c '
		work=$(mktemp -d)
		mkdir -p "$work"/{dev,proc,sys} build/clients
		cp target/release/mdev-guest "$work/init"
		(cd "$work" && find . | cpio -o -H newc --quiet) >build/clients/initramfs.partial
		mv build/clients/initramfs.partial build/clients/initramfs'
}

"$here/kernel.sh"
release=$(kernel_release)
missing=()
for suite in "${suites[@]}"; do
	[[ -x $clients/$suite/usr/bin/qemu-system-x86_64 ]] || missing+=("$suite")
done
if ((${#missing[@]} > 0)) || [[ ! -e $clients/kernel-$release/vmlinux ]]; then
	[[ $(id -u) -eq 0 ]] || die "user $(id -un) is not root: extracting the clients needs root"
	locked clients
	mkdir -p "$clients"
	for suite in "${suites[@]}"; do
		[[ ! -x $clients/$suite/usr/bin/qemu-system-x86_64 ]] || continue
		host_tools
		step "extract the QEMU of $suite (about 60 MB)" extract "$suite"
	done
	[[ -e $clients/kernel-$release/vmlinux ]] ||
		step "unpack kernel $release for the clients' guest" unpack_kernel "$release"
fi
ln -sfn "kernel-$release" "$clients/kernel"
step "build the clients' guest" build_guest
say "clients: $(cd "$clients" && echo qemu-*/), and the root file system's own"
