#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# in-vm.sh PATH-OF-THE-C-SAMPLE: measures inside the virtual machine.
set -euo pipefail

modprobe -a mdev vfio vfio_iommu_type1
exec /project/target/release/mdev-bench "$MODULES" "$1"
