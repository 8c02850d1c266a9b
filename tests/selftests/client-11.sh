#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A running guest travels between two devices of the sample, by QEMU 11 and the ioctls (v2), with
# the second form of what is left in pre-copy.
# timeout: 450
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/client.sh
. "$(dirname "$0")/lib/client.sh"
need_module mdev-mtty
load mdev-mtty
client travel 11 "$(mtty_type_node mtty-2)" --times $((3 * ${SOAK:-1}))
