#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Disturbed migrations of a guest that works on an NVMe device, by QEMU 10 (v2); SOAK=N: by QEMU 11 too.
# timeout: 1500
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/client.sh
. "$(dirname "$0")/lib/client.sh"
need_module mdev-nvme
load mdev-nvme
client faults "10${SOAK:+,11}" "$(type_node mdev_nvme0 64m)"
