#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A device of a type that cannot be migrated, opened: it offers nothing of either protocol.
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/conform.sh
. "$selftests/lib/conform.sh"
conform mdev-nvme mdev_nvme0 mdev_nvme-64m_local none --only ^info. --only ^feature.
