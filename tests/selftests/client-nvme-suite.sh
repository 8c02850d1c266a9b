#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The tests that come with nvme-cli's source, in a guest of QEMU 11.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/client.sh
. "$(dirname "$0")/lib/client.sh"
need_module mdev-nvme
load mdev-nvme
client suite 11 "$(type_node mdev_nvme0 64m)"
