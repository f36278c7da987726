# SPDX-License-Identifier: MIT
# The front door; meson builds. `make help` lists the targets.

PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   := build
SEEDS   ?= 200
FUZZ_SECONDS ?= 60

.NOTPARALLEL: # ninja and tests/run.py use the processors
.PHONY: all help packages packages-for-tests tested check test run tidy format bench size fuzz sim joint mutants pages torture fresh \
        coverage install clean

all: packages $(BUILD)/build.ninja ## build everything into build/
	@ninja -C $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

packages:
	@tools/packages.sh build

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix=$(PREFIX)

# A folder that was set up before Check was there has no tests: it is told.
tested: packages-for-tests $(BUILD)/build.ninja $(BUILD)/.tested
	@ninja -C $(BUILD)

packages-for-tests:
	@tools/packages.sh build test

$(BUILD)/.tested:
	@meson configure $(BUILD) -Dtests=enabled
	@touch $@

check: tested ## build, unit tests, vectors, simulator, tidy: the quick gate
	@tests/run.py --check

test: tested ## everything
	@tests/run.py

run: all ## see it work: a transfer over a link that is cut
	@tools/demo.py

tidy: tested ## the rules of CONTRIBUTING.md that a program can judge
	@tools/tidy

format: ## lay the C sources out as .clang-format says
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

coverage: tested ## line and branch coverage of codec, machine, COTP and TPKT
	@tools/coverage --walk

bench: tested ## the speed table, against its yardsticks
	@tests/bench/run.py

size: packages-for-tests ## what the core takes on a device, and runs it there
	@tests/device.py

fuzz: packages-for-tests ## every fuzz target for FUZZ_SECONDS=60
	@tools/fuzz.sh $(FUZZ_SECONDS)

sim: all ## the simulator, SEEDS=200
	@$(BUILD)/convene-sim --seeds $(SEEDS)

joint: tested ## two session machines in every order of primitives, to a stated depth
	@tests/joint/explore.sh

mutants: tested ## the state table made wrong row by row: what notices
	@tests/joint/mutants.py

pages: tested ## docs/x225: the state tables with their tests, the clauses
	@tests/joint/mutants.py --pages

torture: tested ## real faults: cut links, killed processes, full disks
	@tests/torture/run.sh

fresh: ## run and test a clone in a new minimal Debian 12
	@tools/fresh.sh

install: all ## into PREFIX=/usr/local below DESTDIR=
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD)
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

clean: ## remove what was built, and nothing else
	@rm -rf $(BUILD) build-*
