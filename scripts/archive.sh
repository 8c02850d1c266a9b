# SPDX-License-Identifier: GPL-2.0
# Sourced by the scripts that take file systems from a Debian archive: which one, with what, and how
# what was taken is run.
# MIRROR=<address> overrides the mirror, which else is the host's own.
# shellcheck shell=bash

host_tools() {
	command -v mmdebstrap >/dev/null && return
	step "install mmdebstrap on this machine" bash -c '
		apt-get update -qq &&
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap'
}

# The host's first mirror that serves a whole archive (not the security one).
mirror() {
	local found
	if [[ -n ${MIRROR:-} ]]; then echo "$MIRROR"; return; fi
	# shellcheck disable=SC2016 # apt expands it
	found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		grep -E '/debian/?$' | head -n 1) || found=
	[[ -n $found ]] || die "apt on this machine names no Debian mirror: set MIRROR=<address of a Debian archive>"
	echo "$found"
}

# bootstrap ARGUMENT...: mmdebstrap, in a mount namespace of its own: a killed one leaves what it
# mounted.
bootstrap() { unshare --mount --propagation private --fork --kill-child mmdebstrap "$@"; }

# loader FOLDER: how to call a program of an extracted tree, inside the root file system, without
# entering the tree.
loader() {
	printf '%s --library-path %s' "$1/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" \
		"$1/lib/x86_64-linux-gnu:$1/usr/lib/x86_64-linux-gnu"
}
