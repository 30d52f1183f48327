# Targets for people; `make help` lists them.
BUILD ?= build
RUN_DIR ?= run

.PHONY: build run run-lamp stop test unit mutate check check-long coverage fuzz sanitize tsan format bench install docs deb test-deb cross clean help setup

help:
	@echo "make build     build everything, into $(BUILD)/bin/"
	@echo "make run       start zrms and three zhosts on this machine, deploy examples/my-app"
	@echo "               RUN_OPTIONS='--api 127.0.0.1:7400' where 7331 is taken"
	@echo "make run-lamp  the same, with examples/lamp: Apache, PHP and MariaDB of Debian"
	@echo "make stop      stop that cluster"
	@echo "make test      run all tests; ends with 'N passed, N failed'"
	@echo "make unit      unit tests alone, without sanitizers and with all random cases: quick, and what a debugger wants"
	@echo "make mutate    break the core on purpose, once per invariant; the random search must find it"
	@echo "make check     layers, circles, format, citations, static analysis"
	@echo "make sanitize  unit tests and scenarios with AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make tsan      the same with ThreadSanitizer"
	@echo "make coverage  how much of each directory the unit tests and scenarios reach"
	@echo "               SUITES='unit scenario e2e' for these (also of sanitize and tsan)"
	@echo "make check-long  hours: static analyzer, sanitizers end to end, TSan, valgrind, faults under three zrms,"
	@echo "               control groups, mutations, fuzz, the search over SEEDS (50000); PARTS='search tsan' for these parts"
	@echo "make fuzz      run each fuzz target for FUZZ_SECONDS (60)"
	@echo "make format    run clang-format on the tree"
	@echo "make bench     run the benchmarks, as tables (BENCH_ARGS='-o json' for JSON)"
	@echo "make install   install into PREFIX (/usr/local), below DESTDIR"
	@echo "make docs      the manual as pages, into $(BUILD)/manual/ (zrms serves it at /docs)"
	@echo "make deb       Debian packages, into $(BUILD)/deb/, checked by lintian"
	@echo "make test-deb  install, upgrade, downgrade and purge them in a container that boots systemd (root)"
	@echo "make cross     build for arm64, and run the unit tests of the pure core by qemu (root, some minutes)"
	@echo "make clean     remove $(BUILD)/ and what the checks built beside it"

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(NINJA_ARGS)

$(BUILD)/build.ninja:
	@tools/setup build
	@meson setup $(BUILD) -Dtests=false --prefix $(or $(PREFIX),/usr/local) >$(BUILD).log 2>&1 || { cat $(BUILD).log; rm -f $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

setup:
	@tools/setup build

run: setup build
	@tools/run-example $(BUILD) $(RUN_DIR) $(RUN_OPTIONS)

run-lamp: setup build
	@tools/setup lamp
	@tools/run-lamp $(BUILD) $(RUN_DIR)

stop:
	@if [ -d $(RUN_DIR) ]; then $(BUILD)/bin/startz down --dir $(RUN_DIR); else echo "nothing is running here ($(RUN_DIR)/ does not exist)"; fi

# Unit tests and scenarios are run once, where misused memory shows: in the build with sanitizers. All else is of the
# build that people use.
test: $(BUILD)/build.ninja $(BUILD)-asan/build.ninja
	@tools/setup test
	@meson configure $(BUILD) -Dtests=true -Dunit_tests=false
	@$(MAKE) --no-print-directory build
	@ninja -C $(BUILD)-asan --quiet
	@/usr/bin/python3 tests/run.py --sanitized $(BUILD)-asan $(BUILD) $(TEST_ARGS)

unit: $(BUILD)/build.ninja
	@tools/setup test
	@meson configure $(BUILD) -Dtests=true -Dunit_tests=true
	@$(MAKE) --no-print-directory build
	@/usr/bin/python3 tests/run.py $(BUILD) unit

mutate:
	@tools/setup build
	@tools/mutate $(MUTATE_ARGS)

check:
	@tools/setup check
	@$(MAKE) --no-print-directory build
	@tools/check --analysis $(BUILD)

# SUITES='unit' leaves the scenarios out. The build is clang's, which `make build` does not use: its
# warnings are errors there too. Compiled without optimization and with the lines of functions only, it takes a
# third of the time, and finds the same.
SUITES ?= unit scenario

sanitize: $(BUILD)-asan/build.ninja
	@ninja -C $(BUILD)-asan --quiet
	@/usr/bin/python3 tests/run.py --slow $(BUILD)-asan $(SUITES)

$(BUILD)-asan/build.ninja:
	@tools/setup check
	@CC=clang CC_LD=lld meson setup $(BUILD)-asan -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=0 -Dc_args=-g1 >/dev/null

tsan: $(BUILD)-tsan/build.ninja
	@ninja -C $(BUILD)-tsan --quiet
	@TSAN_OPTIONS=allocator_may_return_null=1 /usr/bin/python3 tests/run.py --slow $(BUILD)-tsan $(SUITES)

$(BUILD)-tsan/build.ninja:
	@tools/setup check
	@CC=clang meson setup $(BUILD)-tsan -Db_sanitize=thread -Db_lundef=false -Doptimization=1 >/dev/null

coverage: $(BUILD)-coverage/build.ninja
	@ninja -C $(BUILD)-coverage --quiet
	@tools/coverage $(BUILD)-coverage $(SUITES)

$(BUILD)-coverage/build.ninja:
	@tools/setup coverage
	@CC=gcc meson setup $(BUILD)-coverage -Db_coverage=true -Doptimization=g >/dev/null

# Hours: PARTS='search tsan' runs only these (tools/check-long --list).
SEEDS ?= 50000

check-long:
	@tools/setup long
	@tools/check-long --seeds $(SEEDS) --fuzz-seconds $(or $(LONG_FUZZ_SECONDS),180) $(PARTS)

FUZZ_SECONDS ?= 60

fuzz: $(BUILD)-fuzz/build.ninja
	@tools/fuzz $(BUILD)-fuzz $(FUZZ_SECONDS)

$(BUILD)-fuzz/build.ninja:
	@tools/setup check
	@CC=clang meson setup $(BUILD)-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 -Dc_args=-fsanitize=fuzzer-no-link >/dev/null

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

bench: build
	@$(BUILD)/bin/zbench all $(BENCH_ARGS)

install: build
	@meson install -C $(BUILD) $(if $(DESTDIR),--destdir $(DESTDIR))

docs: build
	@tools/setup console
	@node docs/manual/build.mjs $(BUILD)/bin/mex $(BUILD)/manual
	@echo "$(BUILD)/manual/index.html"

deb: build
	@tools/setup deb
	@tools/make-deb $(BUILD)

# Two versions, the present one and a later one of the same tree: for an upgrade and a downgrade.
test-deb: build
	@tools/setup deb
	@meson configure $(BUILD) -Dtests=true
	@ninja -C $(BUILD) --quiet tests/rig/rig-switch
	@tools/test-deb $(BUILD) $(TEST_DEB_ARGS)

cross:
	@tools/setup cross
	@tools/cross $(BUILD)

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz $(BUILD)-coverage $(BUILD)-mutate $(BUILD)-long
