#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# modules.sh: builds the modules, with what is in the cached root file system, for the stock
# kernel. KERNEL=debug: for the debug kernel, into build/debug. KERNEL=lint: with clippy, into
# build/lint. KDIR=<tree>: for a prepared kernel tree of the user's own, with the tools of this
# machine; RUSTC=<path> is another compiler of Rust then. More make arguments may follow.
. "$(dirname "$0")/common.sh"

here=$PROJECT/scripts

if [[ -n ${KDIR:-} ]]; then
	[[ -e $KDIR/Makefile ]] || die "KDIR=$KDIR is no kernel tree: it has no Makefile"
	[[ -e $KDIR/rust/libkernel.rmeta ]] ||
		die "KDIR=$KDIR has no metadata of the kernel crate: configure it with CONFIG_RUST=y and run 'make modules_prepare' in it"
	[[ -r $KDIR/.config ]] || die "KDIR=$KDIR is no configured kernel tree: it has no .config"
	theirs=$(sed -n 's/^CONFIG_RUSTC_VERSION_TEXT="\(.*\)"$/\1/p' "$KDIR/.config")
	ours=$("${RUSTC:-rustc}" --version) || die "KDIR=$KDIR needs \"$theirs\", and ${RUSTC:-rustc} does not run"
	[[ $theirs == "$ours" ]] ||
		die "KDIR=$KDIR was prepared by \"$theirs\", and ${RUSTC:-rustc} is \"$ours\": only the same compiler can read what that one has left. Name it by RUSTC=<path>, or prepare the tree with yours"
	# By its whole path, as make looks for it from the tree.
	exec make -C "$KDIR" M="$PROJECT" RUSTC="$(command -v "${RUSTC:-rustc}" | xargs realpath --no-symlinks)" modules "$@"
fi

# copy_sources FOLDER: what Kbuild reads, for a build beside that for the stock kernel. (Kbuild's
# own separate output folder wants a source folder that nothing was built in.)
copy_sources() {
	mkdir -p "$PROJECT/$1"
	"$here/in-root.sh" rsync --archive --relative --prune-empty-dirs \
		--exclude=bindings_generated.rs --exclude=/src/cli --include='*/' --include='*.rs' \
		--include='*.[ch]' --include=Kbuild --exclude='*' Kbuild src samples tests/drivers "$1/"
}

# built_for FOLDER TREE-STAMP: takes away what was built there against another tree, which make
# does not notice: modules depend on more of a kernel's configuration than their files name.
built_for() {
	local stamp="$1/.built-for" id
	id="$2 $(stat -c %Y "$2")"
	if [[ -e $stamp && $(<"$stamp") == "$id" ]]; then return; fi
	find "$1" -name build -prune -o -name target -prune -o \
		\( -name '*.o' -o -name '*.ko' -o -name '*.mod*' -o -name '*.rmeta' -o -name '.*.cmd' \
		-o -name bindings_generated.rs \) -type f -exec rm -f {} +
	echo "$id" >"$stamp"
}

case ${KERNEL:-stock} in
stock | '')
	"$here/kernel.sh"
	built_for "$PROJECT" "$ROOT/kernel/.prepared"
	say "build the modules"
	ticker "building the modules" &
	exec "$here/in-root.sh" make -s -C /kernel M=/project KERNELRELEASE="$(kernel_release)" \
		CC=x86_64-linux-gnu-gcc-14 MDEV_TESTS=m -j"$(nproc)" modules "$@"
	;;
debug)
	assignments=$("$here/debug-kernel.sh")
	eval "$assignments"
	copy_sources build/debug
	built_for "$PROJECT/build/debug" "$VM_KERNEL"
	say "build the modules for the debug kernel"
	ticker "building the modules" &
	# shellcheck disable=SC2086 # several arguments
	IN_ROOT_BIND=$KDEBUG_BIND exec "$here/in-root.sh" make -s -C /kernel-debug $KDEBUG_MAKE \
		M=/project/build/debug MDEV_TESTS=m -j"$(nproc)" modules "$@"
	;;
lint)
	"$here/kernel.sh"
	copy_sources build/lint
	built_for "$PROJECT/build/lint" "$ROOT/kernel/.prepared"
	exec "$here/in-root.sh" make -s -C /kernel M=/project/build/lint \
		KERNELRELEASE="$(kernel_release)" CC=x86_64-linux-gnu-gcc-14 MDEV_TESTS=m CLIPPY=1 modules "$@"
	;;
*) die "KERNEL is '$KERNEL': it must be debug, or not given" ;;
esac
