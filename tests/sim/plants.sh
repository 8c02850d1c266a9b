#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# plants.sh [PATTERN]: plants bugs in a copy of the tree, one at a time, and sees the simulation find
# each of them within SIM_SECONDS (60). It takes some minutes, most of them for the compiler.
set -euo pipefail
project=$(cd "$(dirname "$0")/../.." && pwd)
export SIM_SECONDS=${SIM_SECONDS:-60}
pattern=${1:-}
copy=$project/build/plants
failed=0

# planted NAME FILE OLD NEW: with OLD replaced by NEW the simulation fails.
planted() {
	local name=$1 file=$2 found=0 last
	[[ $name == *"$pattern"* ]] || return 0
	rm -rf "$copy/src" "$copy/tests"
	mkdir -p "$copy/src" "$copy/tests"
	# With the time of now, so that what was planted before is compiled no more.
	cp -r "$project/src/core" "$project/src/nvme" "$copy/src/"
	cp -r "$project/tests/sim" "$project/tests/guest-ram" "$copy/tests/"
	cp "$project/Cargo.lock" "$copy/"
	sed 's/^members = .*/members = ["src\/core", "src\/nvme", "tests\/guest-ram", "tests\/sim"]/' "$project/Cargo.toml" >"$copy/Cargo.toml"
	OLD=$3 NEW=$4 perl -0pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/ and $found = 1; END { exit !$found }' "$copy/$file" ||
		{ echo "plants: $name: $file has no such text"; failed=1; return; }
	if ! "$project/scripts/in-root.sh" env -C build/plants cargo build --quiet --offline --profile sim -p sim \
		>"$copy/log" 2>&1; then
		echo "plants: $name: does not compile"
		cat "$copy/log"
		failed=1
		return
	fi
	RUST_BACKTRACE=0 "$copy/target/sim/sim" >"$copy/log" 2>&1 || found=1
	last=$(grep -A1 'panicked at' "$copy/log" | head -n 2 | sed 's/.*panicked at //' | tr '\n' ' ' | cut -c1-150 || :)
	if ((found)); then
		echo "plants: $name: found in $(grep -o 'seed [0-9]*, step [0-9]*' "$copy/log" | head -n 1): $last"
	else
		echo "plants: $name: NOT FOUND"
		failed=1
	fi
}

planted "the tracker forgets a page" src/nvme/media/tracker.rs \
	'if self.mark(page) != Mark::Initial {' 'if self.mark(page) != Mark::Initial && page != 7 {'
planted "a page that went is not told" src/nvme/media/tracker.rs \
	'_ => self.set(page, Mark::Gone)' '_ => self.set(page, Mark::Clean)'
planted "a page too many counts as seen" src/nvme/media/tracker.rs \
	'let ends = !self.goes_on(mark, end);' 'let ends = !self.goes_on(mark, end); let end = end + 1;'
planted "initial bytes become more" src/nvme/media/tracker.rs \
	'self.set(page, Mark::Dirty);' 'self.set(page, Mark::Initial);'
planted "a neighbour of what was written is dirty" src/nvme/media/tracker.rs \
	'self.set(page, Mark::Dirty);' 'self.set(page, Mark::Dirty); if self.mark(page ^ 1) == Mark::Clean { self.set(page ^ 1, Mark::Dirty); }'
planted "dirty bytes are told wrong" src/nvme/migration/save.rs \
	'pages(tracker.dirty())' 'pages(tracker.gone())'
planted "runs are counted wrong" src/nvme/media/tracker.rs \
	'page % RUN != 0' 'page % (RUN + 1) != 0'
planted "what a failed write has written is not tracked" src/nvme/media.rs \
	'self.store.write(part.page, part.offset, now)?;
            self.written(part.page);' 'self.store.write(part.page, part.offset, now)?;
            if part.len == PAGE || part.offset == 0 { self.written(part.page); }'
planted "a part of a page goes as a whole" src/nvme/media.rs \
	'if part.len == PAGE {' 'if part.len >= PAGE / 2 {'
planted "a load keeps old pages" src/nvme/migration/load.rs \
	'Ok(self.media.clear()?)' 'Ok(())'
planted "a load that is given up keeps its pages" src/nvme/migration/load.rs \
	'let _ = self.media.clear();' ''
planted "a commit does not drive the line" src/nvme/migration/load.rs \
	'self.controller.resume(interrupts);' 'let _ = interrupts;'
planted "the phase of completions is lost" src/nvme/state/fields.rs \
	'fields!(codec, phase, vector' '*phase = true; fields!(codec, phase, vector'
planted "a command at work is lost" src/nvme/state/fields.rs \
	'let blank = Job {' '*job = None; let blank = Job {'
planted "a command at work begins again" src/nvme/io/deallocate.rs \
	'if job.range >= job.ranges() {' 'if job.range > job.ranges() {'
planted "a counter begins again" src/nvme/state/fields.rs \
	'*at = None;' '*at = None; *writes = 0;'
planted "a feature is lost" src/nvme/state/fields.rs \
	'fields!(codec, not_coalesced' '*atomicity = false; fields!(codec, not_coalesced'
planted "a mask of events is lost" src/nvme/state/fields.rs \
	'for request in requests {' '*masked = [false; 2]; for request in requests {'
planted "shadow doorbells are forgotten" src/nvme/state/fields.rs \
	'codec.option(shadow, blank,' '*shadow = None; codec.option(shadow, blank,'
planted "a vector is not told" src/nvme/interrupt.rs \
	'Signal::MsiX => send(fresh, interrupts)' 'Signal::MsiX => send(fresh & !8, interrupts)'
planted "a shutdown waits for Bus Master Enable" src/nvme/process.rs \
	'self.shut_down(media);' 'let _ = media;'
planted "a payload that was changed is taken" src/core/stream/reader.rs \
	'if sum != wanted {' 'if sum != wanted && payload.len() < 4096 {'
exit $failed
