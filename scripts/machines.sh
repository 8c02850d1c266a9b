# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154 # variables of test.sh
# Sourced by test.sh: the virtual machines that selftests run in, several side by side. Each asks for a script when it
# has ended one (lib/in-vm.sh), so that a slow one holds up nobody else. A machine that a script took down boots again.

# Processes that run one each, for whoever has to end them.
machines=()

# machines_at_once: how many. A script keeps little more than one processor busy, and a machine has 4 GiB.
machines_at_once() {
	local most memory
	if [[ -n ${MACHINES:-} ]]; then
		echo "$MACHINES"
		return
	fi
	most=$(nproc)
	memory=$(($(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo) / (5 << 20)))
	((most <= memory)) || most=$memory
	((most <= 2)) || most=2
	echo "$((most > 0 ? most : 1))"
}

# patience SECONDS: how many they are on this kernel.
patience() { if [[ $KERNEL == debug ]]; then echo $((4 * $1)); else echo "$1"; fi; }

# take END: takes a script out of the queue, the first or the last (head or tail), and prints it; nothing if there is
# none.
take() {
	(
		flock 9
		"$1" -n 1 "$work/queue"
		if [[ $1 == head ]]; then sed -i 1d "$work/queue"; else sed -i '$d' "$work/queue"; fi
	) 9>"$work/queue.lock"
}

# feed RUN END: hands scripts to the machine with this run folder as it asks for them, until it ends, or says nothing
# for so long that it must hang. Fails if it never asked. `vm` is its process.
feed() {
	local run=$1 script what='its boot' fed='' limit since=$SECONDS
	limit=$(patience 300)
	# Whoever started this may have been killed.
	while kill -0 "$vm" 2>/dev/null && kill -0 $$ 2>/dev/null; do
		if [[ -e $run/ask ]]; then
			rm "$run/ask"
			fed=yes script='' what='its last script' since=$SECONDS
			# For what the machine does between two scripts, or to end.
			limit=$(patience "${HANG_SECONDS:-120}")
			(($(time_left) < 60)) || script=$(take "$2")
			if [[ -n $script ]]; then
				what=$(basename "$script" .sh)
				limit=$((limit + $(script_limit "$script")))
				# However soon the machine dies, it shows who had it.
				: >"$run/results/$what.out"
			fi
			printf %s "${script:+/project/${script#"$PROJECT"/}}" >"$run/next.partial"
			mv "$run/next.partial" "$run/next"
		elif ((SECONDS - since > limit)); then
			kill "$vm"
			wait "$vm" || :
			echo "the machine hung: nothing came of it for $limit s after the begin of $what" >>"$run.console"
			break
		fi
		sleep 0.2
	done
	[[ -n $fed ]]
}

# shown NUMBER: what is printed of a machine's output while it runs.
shown() {
	tee -a "$work/live$1" |
		grep --line-buffered -E '^(@|ok|not ok|# [0-9]+ allocations failed|# the emulated processor lost)' |
		sed -u "s/^/ $1 /" || :
}

# boot NUMBER END KIND: one machine of this kind, from its boot to its end; its results are in $work/results then.
# Fails if it asked for no script.
boot() {
	local run=$work/machine$1 iommu='' limit status=0 fed='' out last=''
	limit=$(time_left)
	((limit < 1000000)) || limit=999999
	# That which the kernel has a driver for.
	[[ $3 != iommu ]] || iommu=$([[ $KERNEL == debug ]] && echo amd || echo intel)
	rm -rf "$run"
	mkdir -p "$run/results"
	: >"$run.console"
	say "virtual machine $1"
	VM_IOMMU=$iommu VM_RUN=$run VM_TIMEOUT=${VM_TIMEOUT:-$limit} VM_ENV='SCRIPT_TIMEOUT SOAK HOSTILE_SECONDS HOSTILE_SEED' \
		setpriv --pdeathsig TERM "$here/vm.sh" "$selftests/lib/in-vm.sh" > >(shown "$1") 2>>"$run.console" &
	vm=$!
	if feed "$run" "$2"; then fed=yes; fi
	kill "$vm" 2>/dev/null || :
	wait "$vm" || status=$?
	vm=
	if [[ -z $fed ]]; then
		say "virtual machine $1: it did not come as far as a script"
		cp "$run.console" "$work/mute.console"
		return 1
	fi
	for out in "$run"/results/*.out; do
		[[ -e $out ]] || continue
		last=$(basename "$out" .out)
		if [[ ! -e ${out%.out}.end ]]; then
			cp "$run.console" "$work/results/$last.console"
			status=0
		fi
		cp "${out%.out}".* "$work/results/"
	done
	# 3: it was told to end there, as something was left behind; 124: as the time is up.
	case $status in
	0 | 3 | 124) ;;
	*) cp "$run.console" "$work/after-${last:-its-boot}.console" ;;
	esac
}

# machine NUMBER END KIND: boots machines, one after the other, until the queue is empty or the time is up.
machine() {
	local vm='' mute=0
	trap 'kill $vm 2>/dev/null || :; wait; exit 143' TERM
	while [[ -s $work/queue ]] && (($(time_left) >= 60)) && kill -0 $$ 2>/dev/null; do
		if boot "$@"; then
			mute=0
		elif ((++mute == 2)); then
			return 1
		fi
	done
}

# end_machines: all of them, at once.
end_machines() {
	((${#machines[@]} == 0)) || kill "${machines[@]}" 2>/dev/null || :
	wait || :
}

# run_all KIND SCRIPT...: runs these scripts in machines of this kind. What each printed is in $work/results then; what
# nobody has taken is left in $work/queue, and after-NAME.console is there for a machine that died between two scripts.
run_all() {
	local kind=$1 number most pid
	# Scripts with clients come last, and keep the processors busiest: two machines that begin at either end seldom
	# have two of these at once. A single one begins at the front.
	local ends=(tail head)
	shift
	printf '%s\n' "$@" >"$work/queue"
	mkdir -p "$work/results"
	rm -f "$work"/{mute,after-*}.console
	most=$(machines_at_once)
	((most <= $#)) || most=$#
	for ((number = 1; number <= most; number++)); do
		machine "$number" "${ends[number % 2]}" "$kind" &
		machines+=($!)
	done
	for pid in "${machines[@]}"; do wait "$pid" || :; done
	machines=()
}
