#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# demo.sh: the main job, in virtual machines: verdicts of sysfs, then a live migration.
# T=sysfs or T=migration shows that part alone.
. "$(dirname "$0")/common.sh"

here=$PROJECT/scripts
case ${T:-} in
'') parts=(sysfs migration) ;;
sysfs | migration) parts=("$T") ;;
*) die "T is '$T': the demo's parts are sysfs and migration" ;;
esac
"$here/modules.sh"
"$here/tool.sh"
for part in "${parts[@]}"; do
	[[ $part != migration ]] || "$here/clients.sh"
	"$here/vm.sh" "$here/demo-$part.sh"
done
