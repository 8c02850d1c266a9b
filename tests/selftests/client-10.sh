#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A running guest travels between two devices of the sample, by QEMU 10 and the ioctls (v2).
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/client.sh
. "$(dirname "$0")/lib/client.sh"
need_module mdev-mtty
load mdev-mtty
client travel 10 "$(mtty_type_node mtty-1)" --times $((20 * ${SOAK:-1}))
