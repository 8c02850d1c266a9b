#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The sample whose parent offers protocol 1 alone: all that is left works, nothing else is there.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/conform.sh
. "$selftests/lib/conform.sh"
conform mdev-mtty mtty mtty-2 v1
