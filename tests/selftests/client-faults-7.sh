#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Disturbed migrations of a guest with two devices, by QEMU 7.2 (v1).
# timeout: 1200
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/client.sh
. "$(dirname "$0")/lib/client.sh"
refusing_places
client faults 7 "$(mtty_type_node mtty-1)" "$(mtty_type_node mtty-2)" "${refusing[@]}"
