#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The NVMe driver whose parent offers protocol 1 alone: all that is left works, nothing else is there.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/conform.sh
. "$selftests/lib/conform.sh"
conform mdev-nvme mdev_nvme0 mdev_nvme-16m v1
