#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The NVMe driver, held by the conformance program against what clients of either protocol expect.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/conform.sh
. "$selftests/lib/conform.sh"
conform mdev-nvme mdev_nvme0 mdev_nvme-16m "v1 v2"
