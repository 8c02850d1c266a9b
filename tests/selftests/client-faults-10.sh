#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Disturbed migrations of a guest with two devices, by QEMU 10 (v2); SOAK=N: by QEMU 11 too.
# timeout: 1200
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/client.sh
. "$(dirname "$0")/lib/client.sh"
refusing_places
client faults "10${SOAK:+,11}" "$(mtty_type_node mtty-1)" "$(mtty_type_node mtty-2)" "${refusing[@]}"
