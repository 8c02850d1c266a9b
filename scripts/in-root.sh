#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# in-root.sh COMMAND...: runs a command inside the cached root file system.
#
# All mounts live in a mount namespace of their own, so nothing is left mounted whatever
# happens to this process. The project is /project there, Cargo's home is in the cache.
# IN_ROOT_BIND="host:inside ..." adds more bind mounts.
. "$(dirname "$0")/common.sh"

[[ -x $ROOT/bin/bash ]] || die "no root file system at $ROOT: run scripts/root.sh first"
[[ $(id -u) -eq 0 ]] || die "user $(id -un) is not root: entering $ROOT needs root"
mkdir -p "$CACHE/cargo" "$ROOT/project" "$ROOT/cargo"

export IN_ROOT=$ROOT IN_ROOT_PROJECT=$PROJECT IN_ROOT_CARGO=$CACHE/cargo
# shellcheck disable=SC2016
exec unshare --mount --propagation private --fork --kill-child bash -ec '
	mount -t proc proc "$IN_ROOT/proc"
	mount --rbind /sys "$IN_ROOT/sys"
	mount --rbind /dev "$IN_ROOT/dev"
	mount -t tmpfs tmpfs "$IN_ROOT/tmp"
	mount --bind "$IN_ROOT_PROJECT" "$IN_ROOT/project"
	mount --bind "$IN_ROOT_CARGO" "$IN_ROOT/cargo"
	for pair in ${IN_ROOT_BIND:-}; do
		mkdir -p "$IN_ROOT/${pair#*:}"
		mount --bind "${pair%%:*}" "$IN_ROOT/${pair#*:}"
	done
	# Names and certificates as the host has them (a company may have its own authority). Mounted,
	# not copied: several of these run at once.
	host_file() { : >>"$IN_ROOT$2" && mount --bind "$(readlink -f "$1")" "$IN_ROOT$2"; }
	host_file /etc/resolv.conf /etc/resolv.conf
	if [ -r /etc/ssl/certs/ca-certificates.crt ]; then
		mkdir -p "$IN_ROOT/etc/ssl"
		host_file /etc/ssl/certs/ca-certificates.crt /etc/ssl/host-certificates.crt
		export SSL_CERT_FILE=/etc/ssl/host-certificates.crt CARGO_HTTP_CAINFO=/etc/ssl/host-certificates.crt
	fi
	unset SSL_CERT_DIR
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
	export CARGO_HOME=/cargo
	unset RUSTUP_HOME RUSTUP_TOOLCHAIN TMPDIR
	exec chroot "$IN_ROOT" /bin/bash -c "cd /project && exec \"\$@\"" in-root "$@"
' in-root "$@"
