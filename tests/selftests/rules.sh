#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Each rule of the verdict with its errno, and their order, at both places.
. "$(dirname "$0")/lib/lib.sh"
need_module mdev-nvme
plan 26
load mdev-nvme
type=$(type_node mdev_nvme0 16m)
device=$(node "$(uuid 1)")
setup create "$type" "$(uuid 1)"
good=$(cat "$type/migration_version")

# all_refused ERRNO FILE STRING...
all_refused() {
	local errno=$1 file=$2 string
	shift 2
	for string; do refuses "$errno" "$file" "$string"; done
}
with() { set_field "$good" "$1" "$2"; }

for place in type device; do
	file=${!place}/migration_version
	check "$place: rule 1, head: EINVAL" all_refused EINVAL "$file" \
		nonsense mdev_nvme mdev_nvme/1 mdev_nvme/1, Mdev_nvme/1,a=b mdev_nvme/01,a=b mdev_nvme/,a=b /1,a=b
	check "$place: rule 2, namespace: EXDEV, whatever follows" all_refused EXDEV "$file" \
		"mdev_mtty/1,model=nvme1" "other/1,!!!" "${good/mdev_nvme/mdev_nvm}"
	check "$place: rule 2, grammar: EXDEV, whatever follows" all_refused EXDEV "$file" "mdev_nvme/2,%%%" "mdev_nvme/0,a"
	check "$place: rule 3, form: EINVAL" all_refused EINVAL "$file" \
		"$good," "$good,x-b=1,x-a=1" "$good,x-a=1,x-a=2" "$good,zzz=1,zzz=1" "$good,=1" "$good,zzz" "$good,Zzz=1" \
		"$good,zzz=a..b" "$good,zzz=" "$(with lba 0512)" "$(with features 7)" "$(with features 0X7)" \
		"$(with capacity 99999999999999999999)" "${good/,lba=512/}" "${good/,lba=512,queues=16/,queues=16,lba=512}" \
		"${good/,state=1/,x-a=1,state=1}"
	check "$place: rule 4, unknown key: EOPNOTSUPP" all_refused EOPNOTSUPP "$file" "$good,zoned=1" "${good/,state=/,zoned=1,state=}"
	check "$place: rule 5, model: EXDEV" all_refused EXDEV "$file" "$(with model nvme2)"
	check "$place: rule 6, type: EMEDIUMTYPE" all_refused EMEDIUMTYPE "$file" "$(with type 64m_local)" "$(with type nosuch)"
	check "$place: rule 7, state: EPROTONOSUPPORT" all_refused EPROTONOSUPPORT "$file" "$(with state 0)" "$(with state 2)"
	check "$place: rule 8, parameter: ERANGE" all_refused ERANGE "$file" \
		"$(with lba 4096)" "$(with queues 0)" "$(with queues 17)" "$(with capacity 16777217)" "$(with capacity 0)"
	check "$place: rule 9, features: EOPNOTSUPP" all_refused EOPNOTSUPP "$file" "$(with features 0x8)" "$(with features 0xf)"
	check "$place: less than the target's is accepted" eval \
		'accepts "$file" "$(with queues 1)"; accepts "$file" "$(with features 0x0)"; accepts "$file" "$good,x-from=old-host"'
	check "$place: the first failing rule decides" eval '
		worst=$good,zoned=1
		worst=$(set_field "$worst" features 0x8); worst=$(set_field "$worst" queues 17)
		worst=$(set_field "$worst" state 2); worst=$(set_field "$worst" type nosuch); worst=$(set_field "$worst" model nvme2)
		refuses EINVAL "$file" "$(set_field "$worst" lba 0512)"
		refuses EOPNOTSUPP "$file" "$worst"
		worst=${worst/,zoned=1/}
		refuses EXDEV "$file" "$worst"
		worst=$(set_field "$worst" model nvme1); refuses EMEDIUMTYPE "$file" "$worst"
		worst=$(set_field "$worst" type 16m); refuses EPROTONOSUPPORT "$file" "$worst"
		worst=$(set_field "$worst" state 1); refuses ERANGE "$file" "$worst"
		worst=$(set_field "$worst" queues 16); refuses EOPNOTSUPP "$file" "$worst"
		accepts "$file" "$(set_field "$worst" features 0x7)"'
	check "$place: an accepts line written by mistake is EINVAL" eval '
		for name in 16m 64m 1g; do
			refuses EINVAL "$file" "$(cat "$(type_node mdev_nvme0 "$name")/migration_accepts")"
		done
		refuses EINVAL "$file" "$(cat "$device/migration_accepts")"'
done
finish
