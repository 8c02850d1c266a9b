#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# in-vm.sh PATH-OF-THE-C-SAMPLE [PART]: measures inside the virtual machine; status 1 if a goal of
# either program is missed.
set -euo pipefail

modprobe -a mdev vfio vfio_iommu_type1
# Some hundred devices are open at once, with three files each.
ulimit -n 4096
status=0
[[ ${2:-nodes} != nodes ]] || /project/target/release/mdev-bench "$MODULES" "$1" || status=$?
((status <= 1)) || exit "$status"
if [[ ${2:-stream} == stream ]]; then
	/project/target/release/mdev-bench-stream "$MODULES" || { again=$?; status=$((again > status ? again : status)); }
fi
exit "$status"
