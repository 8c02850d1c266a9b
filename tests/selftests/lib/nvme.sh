# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the scripts that drive NVMe devices by the bare guest, after lib.sh.

nvme_guest=/project/target/release/nvme-guest
[[ -x $nvme_guest ]] || { echo "no $nvme_guest: run make tool"; exit 1; }
need_module mdev-nvme
# By the group; where the kernel has character devices, by iommufd.
nvme_ways=()
[[ ! -e /dev/iommu ]] || nvme_ways=(--iommufd)

# guest_of TASK DEVICE [OPTION...]: the bare guest does something with the device of a UUID or a directory.
guest_of() { "$nvme_guest" "$1" "$2" "${nvme_ways[@]}" "${@:3}"; }

# guest TASK NUMBER [OPTION...]: with the device of uuid NUMBER.
guest() { guest_of "$1" "$(uuid "$2")" "${@:3}"; }

# refuses_guest TASK NUMBER [OPTION...]: it must fail, and says why.
refuses_guest() { fails guest "$@"; }

# charged FOLDER: bytes that a memory control group has been charged.
charged() { cat "$1/memory.current"; }
