#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is sent while a device is migrated: what is dirty, and nothing else.
# timeout: 600
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/nvme.sh
. "$selftests/lib/nvme.sh"
load mdev-nvme
plan 5
small=$(ivshmem_of 67108864)
setup bind_pci "$small"
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
setup create "$(type_node "$small" 16m)" "$(uuid 2)"

check "stop-and-copy has exactly the pages that are dirty, by v1" guest exact 1 --protocol v1
check "and by v2" guest exact 1 --protocol v2
check "and of a BAR" guest exact 2 --protocol v2
check "the first pass ends however fast the guest writes; dirty_bytes is true" guest initial 1
# Pages go from the media to the client in one copy, each by a call of this function; the way around it, over a
# buffer, is as good but for its cost.
tracing=/sys/kernel/tracing
lent() {
	local said pages copies
	# shellcheck disable=SC2016 # the kernel's word
	echo 'r:lent mdev_nvme:mdev_helper_lend_to_user left=$retval' >"$tracing/kprobe_events"
	echo 1 >"$tracing/events/kprobes/lent/enable"
	said=$(guest exact 1 --protocol v2)
	copies=$(grep -c 'lent: .*left=0x0$' "$tracing/trace")
	echo 0 >"$tracing/events/kprobes/lent/enable"
	echo >"$tracing/kprobe_events"
	pages=$(sed -n 's/ pages: .*//p' <<<"$said")
	echo "$pages pages, $copies copies"
	((pages > 0 && copies > pages))
}
if [[ -e $tracing/kprobe_events ]]; then
	check "what is lent goes straight to the client" lent
else
	skip "what is lent goes straight to the client" "this kernel has no events of kprobes"
fi
unbind_pci "$small" >/dev/null
finish
