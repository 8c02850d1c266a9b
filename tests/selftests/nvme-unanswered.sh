#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A user whose memory never answers: its process ends all the same, and the device is the next one's.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 1
load mdev-nvme
setup create "$(type_node mdev_nvme0 16m)" "$(uuid 1)"
check "killed, killed while another thread resets the device or takes Bus Master Enable away, or by itself" \
	python3 -E "$selftests/lib/vfio_unanswered.py" "$(uuid 1)"
finish
