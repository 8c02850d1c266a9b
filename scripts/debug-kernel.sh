#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# debug-kernel.sh: builds the kernel that finds what the stock one lets pass, once.
. "$(dirname "$0")/common.sh"

usage() {
	cat <<-'TEXT'
	usage: debug-kernel.sh [build | env]

	Builds, from the source of the stock kernel, one with KASAN, lockdep, kmemleak, fault
	injection and more: scripts/debug-kernel.config says what and why. It takes 15 to 45
	minutes and about 3 GB, goes on where an earlier run was interrupted, and does nothing
	when all is there. `env` builds nothing and fails if there is none yet.

	Prints shell assignments, for eval:
	  VM_KERNEL      its bzImage      (for scripts/vm.sh)
	  VM_MODULES     its lib/modules/<release> folder      (for scripts/vm.sh)
	  KDEBUG_TREE    the tree that modules are built against
	  KDEBUG_BIND    IN_ROOT_BIND for scripts/in-root.sh: the tree is /kernel-debug there,
	                 and only there (its files name each other by that path)
	  KDEBUG_MAKE    arguments for make: make -C /kernel-debug $KDEBUG_MAKE M=... MO=...
	TEXT
}

here=$PROJECT/scripts
verb=${1:-build}
case $verb in
build | env) [[ $# -le 1 ]] || { usage >&2; exit 2; } ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac

"$here/root.sh"
series=$(kernel_release | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')
source=/usr/src/linux-source-$series.tar.xz
fragment=$here/debug-kernel.config
[[ -r $ROOT$source ]] || die "no $source in $ROOT: is linux-source-SOURCE still in scripts/packages.txt?"

# Outside of the root file system: another package there must not cost another build.
home=$CACHE/kernel-debug-$(kernel_release)
tree=$home/tree
installed=$home/installed
bind=$tree:/kernel-debug
make="make -C /kernel-debug LLVM=-19"

# in_tree SCRIPT: in the root file system, with the tree in its place.
in_tree() { IN_ROOT_BIND=$bind "$here/in-root.sh" bash -euo pipefail -c "$1"; }

unpack() {
	rm -rf "$tree.partial"
	mkdir -p "$tree.partial"
	IN_ROOT_BIND=$tree.partial:/kernel-debug "$here/in-root.sh" \
		tar -C /kernel-debug --strip-components=1 -xf "$source"
	mv "$tree.partial" "$tree"
}

configure() {
	in_tree "
		cd /kernel-debug
		scripts/kconfig/merge_config.sh -m \
			arch/x86/configs/x86_64_defconfig kernel/configs/kvm_guest.config \
			/project/scripts/debug-kernel.config
		$make olddefconfig"
}

# verify: merge_config and olddefconfig drop in silence what depends on something absent.
verify() {
	local line name wanted found wrong=()
	while read -r line; do
		case $line in
		CONFIG_*=*) name=${line%%=*} wanted=$line ;;
		'# CONFIG_'*' is not set') name=${line#\# } name=${name%% *} wanted= ;;
		*) continue ;;
		esac
		# "not set" holds for a misspelt name too: it must be an option of this kernel.
		grep -qxE "(menu)?config ${name#CONFIG_}" "$home/options" ||
			{ wrong+=("$name: this kernel has no such option"); continue; }
		found=$(grep "^$name=" "$tree/.config") || found=
		[[ $found == "$wanted" ]] ||
			wrong+=("wanted ${wanted:-$name not set}, got ${found:-$name not set}")
	done <"$fragment"
	((${#wrong[@]} == 0)) || {
		printf '   %s\n' "${wrong[@]}" >&2
		die "${#wrong[@]} lines of scripts/debug-kernel.config did not take effect: look up what those options depend on (make menuconfig in $tree, key /)"
	}
}

list_options() {
	find "$tree" -name 'Kconfig*' -type f -exec sed -n 's/^[[:space:]]*\(\(menu\)\?config [A-Z0-9a-z_]*\)[[:space:]]*$/\1/p' {} + |
		sort -u >"$home/options.partial"
	mv "$home/options.partial" "$home/options"
}

build() { in_tree "$make -j\$(nproc) bzImage modules"; }

install_built() {
	rm -rf "$installed" "$home/installed.partial"
	mkdir "$home/installed.partial"
	IN_ROOT_BIND="$bind $home/installed.partial:/srv/installed" "$here/in-root.sh" \
		bash -euo pipefail -c "
			$make -s INSTALL_MOD_PATH=/srv/installed modules_install
			cp /kernel-debug/arch/x86/boot/bzImage /srv/installed/vmlinuz
			$make -s kernelrelease >/srv/installed/release"
	mv "$home/installed.partial" "$installed"
}

print_env() {
	local release
	release=$(<"$installed/release")
	printf '%s=%q\n' VM_KERNEL "$installed/vmlinuz" \
		VM_MODULES "$installed/lib/modules/$release" \
		KDEBUG_TREE "$tree" KDEBUG_BIND "$bind" KDEBUG_MAKE LLVM=-19
}

# What decides the kernel: source, options, compilers, and how this script uses them.
key() {
	{
		kernel_release
		cat "$fragment"
		# shellcheck disable=SC2016
		"$here/in-root.sh" bash -c 'rustc --version; clang-19 --version; bindgen --version; stat -c %s "$1"' key "$source"
		declare -f configure build install_built
	} | sha256sum | cut -c1-12
}

wanted=$(key)
is_built() { [[ -e $home/built && $(<"$home/built") == "$wanted" ]]; }
if [[ $verb == env ]]; then
	is_built || die "no debug kernel of $(kernel_release) with this configuration yet: run scripts/debug-kernel.sh"
	print_env
	exit 0
fi
if ! is_built; then
	mkdir -p "$home"
	locked kernel-debug
fi
if ! is_built; then # nor has the run that held the lock
	rm -f "$home/built"
	[[ -d $tree ]] || step "unpack the source of kernel $series for the debug kernel" unpack
	list_options
	step "configure the debug kernel" configure
	verify
	step "build the debug kernel (15 to 45 minutes on 2 cores, once)" build
	step "install the debug kernel's modules" install_built
	[[ $(key) == "$wanted" ]] ||
		die "the configuration or the compilers changed during the build: run scripts/debug-kernel.sh again"
	echo "$wanted" >"$home/built"
fi
print_env
