#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# initramfs.sh RELEASE MODULES: prints the path, inside the root file system, of a small
# initramfs for this kernel release, and makes it first if it is not cached.
#
# MODULES is the folder, inside the root file system, of the release's modules; HOST_MODULES
# is the same on this machine where IN_ROOT_BIND binds it from elsewhere. The first
# program loads what the root file system itself needs (9p, overlay) and nothing else, then
# makes scripts/guest.sh process 1. Cached by release and by all that decides its contents.
. "$(dirname "$0")/common.sh"

here=$PROJECT/scripts
release=${1:?usage: initramfs.sh RELEASE MODULES}
modules=${2:?usage: initramfs.sh RELEASE MODULES}

key=$({ echo "$release $modules"; cat "$0" "$here/pack-modules.sh" "${HOST_MODULES:-$ROOT$modules}/modules.dep"; } | sha256sum | cut -c1-12)
image=/var/cache/mdev/initramfs-$release-$key.gz
if [[ -e $ROOT$image ]]; then echo "$image"; exit 0; fi
locked initramfs

# shellcheck disable=SC2016
build='
work=$(mktemp -d)
modules=$1 image=$2
mkdir -p "$work"/{bin,proc,sys,dev,lower,upper,merged}
cp /usr/bin/busybox "$work/bin/"
/project/scripts/pack-modules.sh "$modules" "$work" 9p 9pnet_virtio overlay
cat >"$work/init" <<"INIT"
#!/bin/busybox sh
# An error here ends process 1: the kernel panics and the machine stops.
set -e
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
if grep -qw probe /proc/cmdline; then poweroff -f; fi
while read -r module; do insmod "$module"; done </order
opts=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o $opts,cache=loose,ro root /lower
mount -t tmpfs -o mode=755 tmpfs /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /merged
mount -t 9p -o $opts,cache=loose,ro project /merged/project
mount -t 9p -o $opts,cache=none run /merged/mnt
for dir in proc sys dev; do mount --move /$dir /merged/$dir; done
exec switch_root /merged /bin/bash /mnt/guest.sh
INIT
chmod +x "$work/init"
mkdir -p "$(dirname "$image")"
(cd "$work" && find . | cpio -o -H newc --quiet | gzip -1) >"$image.partial"
mv "$image.partial" "$image"
'
[[ -e $ROOT$image ]] ||
	step "make the initramfs of kernel $release" \
		"$here/in-root.sh" bash -euo pipefail -c "$build" initramfs "$modules" "$image"
echo "$image"
