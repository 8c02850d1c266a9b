#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# client-guest.sh: makes the guest that runs in the clients (clients.sh, which calls this).
#
# The stock kernel, unpacked, and a disk with programs of Debian stay in the cache: /clients of the
# root file system, and so of the virtual machine. The guest's process 1 is built from
# tests/clients/guest into build/clients.
. "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=archive.sh
. "$PROJECT/scripts/archive.sh"

here=$PROJECT/scripts
clients=$ROOT/clients

# What the guest's disk holds: one Debian package a line, with why it is there.
packages() {
	cat <<-'PACKAGES'
		base-files   the links (lib64) that the loader is found by
		bash         the harness's commands
		coreutils    the same
		dash         the same: sh
		e2fsprogs    mkfs.ext4, fsck.ext4
		fdisk        sfdisk: partitions
		findutils    nvme-cli's tests
		fio          load that is verified
		grep         the harness's commands
		kmod         modprobe: drivers with parameters
		nvme-cli     asks controllers
		procps       pkill
		sed          the harness's commands
		util-linux   mount, blkdiscard
		xfsprogs     mkfs.xfs, xfs_repair
	PACKAGES
}
# Modules by which process 1 finds that disk, and folders of those that it holds itself.
finding=(virtio_blk ext4)
held=(arch crypto drivers/block drivers/nvme fs lib)

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

# fetch_suite TREE: the tests of nvme-cli's own source, of the version that is in the tree.
fetch_suite() {
	local uri
	uri=$(mirror)
	# shellcheck disable=SC2016
	"$here/in-root.sh" bash -euo pipefail -c '
		cd /tmp
		mkdir -p lists/partial
		echo "deb-src $1 $2 main" >sources
		options=(-qq -o Dir::Etc::SourceList=/tmp/sources -o Dir::Etc::SourceParts=- -o Dir::State::Lists=/tmp/lists)
		apt-get "${options[@]}" update
		apt-get "${options[@]}" source --download-only nvme-cli
		mkdir "$3/usr/share/nvme-cli-tests"
		tar -xf nvme-cli_*.orig.tar.* -C "$3/usr/share/nvme-cli-tests" --strip-components 2 --wildcards "*/tests/*"
		' suite "$uri" "$SUITE" "$1"
}

# make_disk RELEASE IMAGE: guests read of it only what they use, so it may be large.
make_disk() {
	local tree=/clients/programs.partial modules=/usr/lib/modules/$1 folder
	rm -rf --one-file-system "$ROOT$tree"
	bootstrap --variant=extract --include="$(packages | awk '{ print $1 }' | paste -sd,)" \
		"$SUITE" "$ROOT$tree" "deb $(mirror) $SUITE main"
	rm -r "$ROOT$tree"/usr/share/{doc,locale,man}
	for folder in "${held[@]}"; do
		mkdir -p "$ROOT$tree$modules/kernel/$folder"
		cp -r "$ROOT$modules/kernel/$folder/." "$ROOT$tree$modules/kernel/$folder/"
	done
	cp "$ROOT$modules"/modules.* "$ROOT$tree$modules/"
	mkdir -p "$ROOT$tree"/{dev,mnt,proc,sys,tmp}
	fetch_suite "$tree"
	# shellcheck disable=SC2046 # several arguments
	"$here/in-root.sh" $(loader "$tree") "$tree/usr/sbin/mke2fs" -q -t ext4 -O ^has_journal -m 0 \
		-d "$tree" "$2.partial" 512M
	rm -rf --one-file-system "$ROOT$tree"
	mv "$ROOT$2.partial" "$ROOT$2"
}

# build_guest RELEASE DISK: the guest's first file system has its one program, which is process 1,
# and the modules with which that finds the disk.
build_guest() {
	"$here/in-root.sh" cargo rustc --release --locked -p mdev-guest -- -C target-feature=+crt-static
	# shellcheck disable=SC2016
	"$here/in-root.sh" bash -euo pipefail -c '
		work=$(mktemp -d)
		mkdir -p "$work"/{dev,proc,programs,sys} build/clients
		cp target/release/mdev-guest "$work/init"
		scripts/pack-modules.sh "/usr/lib/modules/$1" "$work" "${@:3}"
		(cd "$work" && find . | cpio -o -H newc --quiet) >build/clients/initramfs.partial
		mv build/clients/initramfs.partial build/clients/initramfs
		ln -sfn "$2" build/clients/programs.img' guest "$1" "$2" "${finding[@]}"
}

release=$(kernel_release)
key=$({ echo "$release $SUITE"; packages; declare -f fetch_suite make_disk; echo "${held[*]}"; } | sha256sum | cut -c1-12)
disk=/clients/programs-$key.img
if [[ ! -e $clients/kernel-$release/vmlinux || ! -e $ROOT$disk ]]; then
	[[ $(id -u) -eq 0 ]] || die "user $(id -un) is not root: making the guest's disk needs root"
	locked client-guest
	[[ -e $clients/kernel-$release/vmlinux ]] ||
		step "unpack kernel $release for the clients' guest" unpack_kernel "$release"
	if [[ ! -e $ROOT$disk ]]; then
		host_tools
		step "make the disk of the clients' guest (about 70 MB)" make_disk "$release" "$disk"
	fi
fi
ln -sfn "kernel-$release" "$clients/kernel"
step "build the clients' guest" build_guest "$release" "$disk"
