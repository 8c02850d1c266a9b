#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Threads do to one device of the sample, at once and at random, whatever there is to do, by either
# protocol and by both, and close it under each other. A short storm; where the kernel sees every
# wrong access and lock, a long one.
# timeout: 900
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib/conform.sh
. "$selftests/lib/conform.sh"
steps=1000 limit=200
[[ ! -e /sys/kernel/debug/kmemleak ]] || steps=2000
conform mdev-mtty mtty mtty-2 "v1 v2" --only ^storm --rounds "$steps" --seed 2
