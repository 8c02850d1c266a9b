#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Planted: what the kernel says of an emulated processor that stands still, and then the end.
. /project/tests/selftests/lib/ktap.sh
plan 1
echo "<3>rcu: INFO: rcu_preempt detected stalls on CPUs/tasks: (planted)" >/dev/kmsg
echo "<4>After 10 seconds, these CPUS still haven't responded to the NMI: 0 (planted)" >/dev/kmsg
echo c >/proc/sysrq-trigger
sleep 1000
