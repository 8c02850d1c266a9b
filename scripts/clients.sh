#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# clients.sh: fetches the QEMU versions that the tests migrate devices with, and makes the guest
# that runs in them (client-guest.sh).
#
# The clients stay in the cache: /clients of the root file system, and so of the virtual machine.
# One more client is the root file system's own QEMU.
# MIRROR=<address> overrides the mirror, which else is the host's own.
. "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=archive.sh
. "$PROJECT/scripts/archive.sh"

here=$PROJECT/scripts
clients=$ROOT/clients

# The suites whose QEMU differs: bookworm's is the last that reads the migration region (v1),
# trixie's the first stable one that only knows the ioctls (v2).
suites=(bookworm trixie)

# extract SUITE: into a folder named by the version that it turns out to have.
extract() {
	local suite=$1 version partial
	partial=/clients/$suite.partial
	rm -rf --one-file-system "$clients/$suite.partial"
	# base-files brings the links (lib64) that the loader is found by, zstd unpacks the guest's kernel.
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

"$here/kernel.sh"
missing=()
for suite in "${suites[@]}"; do
	[[ -x $clients/$suite/usr/bin/qemu-system-x86_64 ]] || missing+=("$suite")
done
if ((${#missing[@]} > 0)); then
	[[ $(id -u) -eq 0 ]] || die "user $(id -un) is not root: extracting the clients needs root"
	locked clients
	mkdir -p "$clients"
	for suite in "${suites[@]}"; do
		[[ ! -x $clients/$suite/usr/bin/qemu-system-x86_64 ]] || continue
		host_tools
		step "extract the QEMU of $suite (about 60 MB)" extract "$suite"
	done
fi
"$here/client-guest.sh"
say "clients: $(cd "$clients" && echo qemu-*/), and the root file system's own"
