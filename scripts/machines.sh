# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154 # variables of test.sh
# Sourced by test.sh: the virtual machines that selftests run in, several side by side. Each asks for a script when it
# has ended one (lib/in-vm.sh), and boots again where one cost it; so a slow script holds up nobody else.

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

# take END: takes a script out of the queue, the first or the last (head or tail), and prints it; nothing if there is
# none. Scripts with clients are at the end and keep the processors busiest: two machines meet in the middle, and
# seldom have two of these at once.
take() {
	(
		flock 9
		"$1" -n 1 "$work/queue"
		if [[ $1 == head ]]; then sed -i 1d "$work/queue"; else sed -i '$d' "$work/queue"; fi
	) 9>"$work/queue.lock"
}

# feed RUN END: hands scripts to the machine with this run folder as it asks for them, until it ends or one takes so
# long that the machine must hang. `vm` is its process.
feed() {
	local run=$1 script='' limit=300 since=$SECONDS
	while kill -0 "$vm" 2>/dev/null; do
		# Whoever started this may have been killed.
		kill -0 $$ 2>/dev/null || return 0
		if [[ -e $run/ask ]]; then
			rm "$run/ask"
			script=
			(($(time_left) < 60)) || script=$(take "$2")
			# A little for what follows it, and for the end of the machine.
			since=$SECONDS limit=120
			if [[ -n $script ]]; then
				limit=$((limit + $(script_limit "$script")))
				# However soon the machine dies, it shows who had it.
				: >"$run/results/$(basename "$script" .sh).out"
			fi
			printf %s "${script:+/project/${script#"$PROJECT"/}}" >"$run/next.partial"
			mv "$run/next.partial" "$run/next"
		elif ((SECONDS - since > limit)); then
			echo "no end of ${script:-the boot} after $limit s; the machine was stopped" >>"$run.console"
			return 0
		fi
		sleep 0.2
	done
}

# shown NUMBER: what is printed of a machine's output while it runs.
shown() {
	tee -a "$work/live$1" |
		grep --line-buffered -E '^(@|ok|not ok|# [0-9]+ allocations failed|# the emulated processor lost)' |
		sed -u "s/^/ $1 /" || :
}

# machine NUMBER END KIND: boots machines of this kind, one after the other, until the queue is empty or the time is up.
machine() {
	local run=$work/machine$1 iommu='' script name started vm=
	# shellcheck disable=SC2064 # vm is set later
	trap 'kill "$vm" 2>/dev/null; exit 143' TERM
	# That which the kernel has a driver for.
	[[ $3 != iommu ]] || iommu=$([[ $KERNEL == debug ]] && echo amd || echo intel)
	while [[ -s $work/queue ]] && (($(time_left) >= 60)); do
		rm -rf "$run"
		mkdir -p "$run/results"
		say "virtual machine $1"
		VM_IOMMU=$iommu VM_RUN=$run VM_TIMEOUT=${VM_TIMEOUT:-$(time_left)} \
			VM_ENV='SCRIPT_TIMEOUT SOAK HOSTILE_SECONDS HOSTILE_SEED' \
			"$here/vm.sh" "$selftests/lib/in-vm.sh" > >(shown "$1") 2>"$run.console" &
		vm=$!
		feed "$run" "$2"
		kill "$vm" 2>/dev/null || :
		wait "$vm" || :
		started=
		for script in "$run"/results/*.out; do
			[[ -e $script ]] || continue
			started=yes
			name=$(basename "$script" .out)
			[[ -e ${script%.out}.end ]] || cp "$run.console" "$work/results/$name.console"
		done
		cp "$run"/results/* "$work/results/" 2>/dev/null || :
		if [[ -z $started ]]; then
			# Another one would not do better.
			cp "$run.console" "$work/console"
			return
		fi
	done
}

# run_all KIND SCRIPT...: runs these scripts in machines of this kind; what each printed is in $work/results then. What
# nobody has taken is left in $work/queue.
run_all() {
	local kind=$1 number most machines=() ends=(head tail)
	shift
	printf '%s\n' "$@" >"$work/queue"
	mkdir -p "$work/results"
	most=$(machines_at_once)
	((most <= $#)) || most=$#
	for ((number = 1; number <= most; number++)); do
		machine "$number" "${ends[number % 2]}" "$kind" &
		machines+=($!)
	done
	# shellcheck disable=SC2064 # these machines
	trap "kill ${machines[*]} 2>/dev/null; wait; rm -rf '$work'" EXIT
	wait "${machines[@]}" || :
	trap 'rm -rf "$work"' EXIT
}
