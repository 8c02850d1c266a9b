#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The sample, held by the conformance program against what clients of either protocol expect.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/conform.sh
. "$selftests/lib/conform.sh"
conform mdev-mtty mtty mtty-2 "v1 v2"
