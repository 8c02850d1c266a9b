#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# doc.sh: rustdoc of all crates in build/doc, Cargo's and those that Kbuild alone builds. A public
# item without documentation, or a link to nothing, is an error.
#
# rustdoc gets the flags with which Kbuild compiled a crate: they are in the command file that it
# leaves beside each object. So the documentation is that of the code which is loaded.
. "$(dirname "$0")/common.sh"

here=$PROJECT/scripts
KDIR='' KERNEL=stock "$here/modules.sh"
cd "$PROJECT"
out=build/doc
rm -rf "$out" "$out.partial"

cargo_crates() {
	# A folder of its own: what is there from other builds is no part of this.
	"$here/in-root.sh" env RUSTDOCFLAGS='-D warnings' CARGO_TARGET_DIR=build/doc-target \
		cargo doc --locked --workspace --no-deps
	mkdir -p "$out.partial"
	cp -r build/doc-target/doc/. "$out.partial/"
}

# In the root file system: kernel_crate ROOT OUT [OPTION...] documents one crate.
# shellcheck disable=SC2016
kernel_crate='
root=$1 out=$2
shift 2
object=${root%.rs}.o
saved=${object%/*}/.${object##*/}.cmd
[[ -r $saved ]] || { echo "Kbuild left no $saved" >&2; exit 1; }
command=$(sed -n "s/^savedcmd_[^ ]* := //p" "$saved")
# Kbuild doubles a dollar sign, and a shell read the line with its quotes.
eval "words=(${command//\$\$/\$})"
arguments=() skip=0
for word in "${words[@]}"; do
	if ((skip)); then skip=0; continue; fi
	case $word in
	*.rs) ;;
	rustc) arguments+=(rustdoc) ;;
	--out-dir) skip=1 ;;
	# What only code generation knows.
	--emit=* | --remap-path-scope=* | -Zbinary_dep_depinfo=*) ;;
	*) arguments+=("$word") ;;
	esac
done
[[ " ${arguments[*]} " == *" rustdoc "* ]] || { echo "$saved: no command of rustc" >&2; exit 1; }
export RUSTC_BOOTSTRAP=1 MDEV_BINDINGS=$PWD/src/mdev/bindings_generated.rs
exec env "${arguments[@]}" -Dwarnings -Dmissing_docs \
	-Zunstable-options --enable-index-page --generate-link-to-definition \
	--output "$out" "$@" "$root"
'
document() { "$here/in-root.sh" bash -euo pipefail -c "$kernel_crate" kernel_crate "$1" "$out.partial" "${@:2}"; }

# srctree: links to files of the kernel lead into the tree that was built against.
srctree() {
	local path missing=0
	while read -r path; do
		[[ -e $ROOT/kernel/$path ]] || { echo "no such file in the kernel's tree: $path"; missing=1; }
	done < <(grep -rEho --include='*.html' 'href="srctree/[^"#]+' "$out.partial" | cut -d/ -f2- | sort -u)
	((missing == 0)) || return 1
	find "$out.partial" -name '*.html' -type f -exec \
		sed -i "s|href=\"srctree/|href=\"file://$ROOT/kernel/|g" {} +
}

step "document the Cargo crates" cargo_crates
# In this order: a crate's documentation links to that of those below it.
step "document mdev" document src/mdev/mdev.rs
# Drivers have nothing public: they are documented for those who write one.
step "document mdev_nvme" document src/driver/mdev_nvme.rs --document-private-items
step "document mdev_mtty" document samples/mdev_mtty.rs --document-private-items
step "check links into the kernel's tree" srctree
mv "$out.partial" "$out"
say "$out/index.html"
