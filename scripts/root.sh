#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# root.sh: makes the root file system that builds the modules and that the VM runs on.
#
# A Debian trixie with the stock 7.x kernel of trixie-backports and the *stable* toolchain
# which built that kernel. Each stage ends with a stamp, so that an interrupted run goes on
# where it stopped; the folder is keyed by its contents (common.sh: root_key).
# MIRROR=<address> overrides the mirror, which else is the host's own.
. "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=archive.sh
. "$PROJECT/scripts/archive.sh"

here=$PROJECT/scripts

[[ -e $ROOT/.packages-done ]] && exit 0
[[ $(id -u) -eq 0 ]] || die "user $(id -un) is not root: making a root file system needs root"
locked root

base() {
	local uri=$1
	rm -rf --one-file-system "$ROOT.partial"
	bootstrap --variant=apt "$SUITE" "$ROOT.partial" \
		"deb $uri $SUITE main" "deb $uri $SUITE-updates main" "deb $uri $SUITE-backports main"
	# Backports has a newer rustc: with it the mangled symbols differ and no module loads.
	cat >"$ROOT.partial/etc/apt/preferences.d/stable-toolchain" <<-PIN
		Package: src:rustc src:rust-bindgen src:gcc-14 src:llvm-toolchain-19 src:cargo
		Pin: release n=$SUITE
		Pin-Priority: 1001
	PIN
	# No service starts in a root file system that is not booted.
	printf '#!/bin/sh\nexit 101\n' >"$ROOT.partial/usr/sbin/policy-rc.d"
	chmod +x "$ROOT.partial/usr/sbin/policy-rc.d"
	mv "$ROOT.partial" "$ROOT"
}

# choose_kernel: the wanted release, or the newest 7.x of the archive that is neither the
# cloud flavour (it has no mdev) nor a real-time or debug one.
choose_kernel() {
	local found
	found=$("$here/in-root.sh" apt-cache pkgnames linux-headers-7. |
		sed -n 's/^linux-headers-\(7\.[0-9.]*[^-]*-amd64\)$/\1/p' | sort -V)
	if grep -qxF "$WANTED_KERNEL" <<<"$found"; then
		echo "$WANTED_KERNEL"
	elif [[ -n $found ]]; then
		tail -n 1 <<<"$found"
	else
		die "the archive has neither linux-headers-$WANTED_KERNEL nor any other linux-headers-7.*-amd64: is $SUITE-backports on this mirror?"
	fi
}

packages() {
	local release=$1 source
	source=$(kernel_series "$release")
	sed -e 's/#.*//' -e 's/[[:space:]].*//' -e '/^$/d' "$here/packages.txt" |
		sed -e "s/KERNEL/$release/" -e "s/SOURCE/$source/"
}

install_packages() {
	export DEBIAN_FRONTEND=noninteractive
	# Finishes what an interrupted run left half done.
	"$here/in-root.sh" dpkg --configure -a
	"$here/in-root.sh" apt-get update -qq
	"$here/in-root.sh" apt-get -y -qq --fix-broken install
	# shellcheck disable=SC2046
	"$here/in-root.sh" apt-get install -y --no-install-recommends \
		-t "$SUITE-backports" -o Dpkg::Use-Pty=0 $(packages "$(kernel_release)")
}

if [[ ! -d $ROOT ]]; then
	host_tools
	uri=$(mirror)
	step "make a $SUITE root file system in $ROOT (from $uri)" base "$uri"
fi
if [[ ! -s $ROOT/etc/mdev-kernel-release ]]; then
	step "read the archive's index" "$here/in-root.sh" apt-get update -qq
	release=$(choose_kernel)
	[[ $release == "$WANTED_KERNEL" ]] ||
		say "kernel $WANTED_KERNEL is no longer in the archive: using $release"
	echo "$release" >"$ROOT/etc/mdev-kernel-release"
fi
step "install kernel $(kernel_release), toolchain and VM packages (about 600 MB)" install_packages
touch "$ROOT/.packages-done"
