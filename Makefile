# SPDX-License-Identifier: GPL-2.0
# Verbs only; what they do is in scripts/. Each sets up what it needs, and goes on where an
# interrupted run stopped.
#
#   make                      the modules (KDIR=<tree> for a prepared kernel tree of your own)
#   make demo [T=sysfs]       the whole story in virtual machines, or the part without guests
#   make test [T=pattern]     everything (KERNEL=debug: on a kernel with KASAN, lockdep, ...)
#   make check                host only: formatting, lints, layers, Cargo tests
#   make vm RUN=script.sh     that script as root in the virtual machine, modules in $MODULES
#   make tool                 the command-line tool, its man page and its completions
#   make fuzz [T=pattern]     coverage-guided fuzzing, FUZZ_SECONDS=600 in all
#   make bench [T=stream]     costs, as ratios within one run; or a part: nodes, stream, guest
#   make doc                  rustdoc of all crates
#   make clean                removes what was built here, not the cache

.DEFAULT_GOAL := modules
.PHONY: modules demo test check vm tool bench fuzz doc clean

modules:
	@scripts/modules.sh

tool:
	@scripts/tool.sh

demo:
	@T='$(T)' scripts/demo.sh

test:
	@T='$(T)' KERNEL='$(KERNEL)' scripts/test.sh

check:
	@scripts/check.sh

vm:
	@test -f '$(RUN)' || { echo "error: make vm RUN=<script to run in the virtual machine>: there is no file '$(RUN)'" >&2; exit 2; }
	@scripts/modules.sh
	@scripts/vm.sh '$(RUN)'

bench:
	@T='$(T)' scripts/bench.sh

fuzz:
	@T='$(T)' scripts/fuzz.sh

doc:
	@scripts/doc.sh

clean:
	@scripts/clean.sh
