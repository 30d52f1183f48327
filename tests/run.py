"""Runs every test and ends with one line, `N passed, N failed`.

    tests/run.py [--slow] [--sanitized OTHER] BUILD [unit|scenario|fuzz|e2e …]      without a name: all of them

With --sanitized, unit tests and scenarios are run in that other build, which has sanitizers, and of the unit tests
only those in BUILD that cannot be run there. With --slow, for a build with a sanitizer or counters, unit tests have longer until they are ended, only
those that fail are printed, and tests of the tools, which run nothing of the build, are left out.
Unit tests and the random search are run by meson, scenarios by zsim itself (each scenario counts),
end-to-end tests by pytest (each test counts). A skipped test is named, with its reason.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
DISK_MIN = 3 << 30  # what end-to-end tests that run at the same time may have, and those that fail


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.failures = []

    def fail(self, name):
        self.failed += 1
        self.failures.append(name)


def heading(text):
    print(f"== {text}", flush=True)


def run_meson(build, suite, tally, slow):
    """One test for each test program; its output is shown where it failed."""
    command = ["meson", "test", "-C", str(build), "--no-rebuild", "--suite", suite,
               "--print-errorlogs", "--logbase", f"log-{suite}",
               # They compute a quarter of their time, and wait for servers and deadlines the rest of it.
               "--num-processes", str(3 * (os.cpu_count() or 1))]
    if slow:
        command += ["--quiet", "--no-suite", "tools"]
    # It ends what hangs; how fast something is, a test says itself.
    command += ["--timeout-multiplier", "10" if slow else "4"]
    # A refused allocation must reach our own check, not end in the sanitizer's. What is undefined ends the test.
    environment = dict({"ASAN_OPTIONS": "allocator_may_return_null=1",
                        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}, **os.environ)
    done = subprocess.run(command, cwd=ROOT, check=False, env=environment)
    log = build / "meson-logs" / f"log-{suite}.json"
    if not log.exists():
        tally.fail(f"meson test --suite {suite} (exit {done.returncode}, no log)")
        return
    for line in log.read_text().splitlines():
        result = json.loads(line)
        if result["result"] == "OK":
            tally.passed += 1
        elif result["result"] == "SKIP":
            tally.skipped += 1
            print(f"skipped: {result['name']}")
        else:
            tally.fail(f"{result['name']}: {result['result']}")


def run_scenarios(build, tally):
    directory = ROOT / "tests/scenario"
    files = sorted(str(p.relative_to(ROOT))
                   for p in [*directory.glob("*.yaml"), *directory.glob("known/*.yaml")])
    done = subprocess.run([str(build / "bin/zsim"), "run", *files], cwd=ROOT, text=True,
                          capture_output=True, check=False)
    found = re.search(r"^(\d+) passed, (\d+) failed$", done.stdout, re.MULTILINE)
    if found is None:
        sys.stdout.write(done.stdout[-4000:] + done.stderr[-4000:])
        tally.fail(f"zsim run (exit {done.returncode}, no result)")
        return
    tally.passed += int(found.group(1))
    if int(found.group(2)) > 0:
        sys.stdout.write(done.stdout)
        for _ in range(int(found.group(2))):
            tally.fail("scenario (see FAIL above)")
    print(f"{found.group(1)} of {len(files)} scenario files passed")


def run_pytest(build, tally):
    shutil.rmtree(build / "e2e", ignore_errors=True)
    free = shutil.disk_usage(build).free
    if free < DISK_MIN:
        tally.fail(f"e2e: the disk of {build} has {free >> 20} MiB free, and {DISK_MIN >> 20} are needed: make room there")
        return
    report = build / "e2e.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "--durations=5", f"--junitxml={report}",
               f"--basetemp={build / 'e2e'}", "-p", "no:cacheprovider",
               # They compute for less than a third of their time.
               "-n", str(min(2 * (os.cpu_count() or 1), 8)), "--dist", "loadgroup", "tests/e2e"]
    environment = dict(os.environ, SAMOZA_BIN=str(build / "bin"))
    done = subprocess.run(command, cwd=ROOT, check=False, env=environment)
    if done.returncode not in (0, 1) or not report.exists():
        tally.fail(f"pytest (exit {done.returncode})")
        return
    for case in xml.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            tally.fail(name)
        elif case.find("skipped") is not None:
            tally.skipped += 1
        else:
            tally.passed += 1
    report.unlink()


def has_unit_tests(build):
    options = json.loads(subprocess.check_output(["meson", "introspect", "--buildoptions", str(build)]))
    return any(option["name"] == "unit_tests" and option["value"] for option in options)


def main():
    words = sys.argv[1:]
    slow = words[:1] == ["--slow"]
    if slow:
        words.pop(0)
    sanitized = None
    if words[:1] == ["--sanitized"]:
        sanitized = pathlib.Path(words[1]).resolve()
        del words[:2]
    build = pathlib.Path(words[0]).resolve()
    wanted = words[1:] or ["unit", "scenario", "fuzz", "e2e"]
    if "unit" in wanted and not has_unit_tests(sanitized or build):
        sys.exit(f"tests/run.py: {sanitized or build} has no unit tests; make unit builds and runs them")
    tally = Tally()
    for part in wanted:
        heading(part)
        if part == "unit" and sanitized is not None:
            run_meson(sanitized, part, tally, True)
            run_meson(build, part, tally, slow)
        elif part in ("unit", "fuzz"):
            run_meson(build, part, tally, slow)
        elif part == "scenario":
            run_scenarios(sanitized or build, tally)
        elif part == "e2e":
            run_pytest(build, tally)
        else:
            sys.exit(f"tests/run.py: no part '{part}'; there are unit, scenario, fuzz, e2e")
    for name in tally.failures:
        print(f"FAILED: {name}")
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    print(f"{tally.passed} passed, {tally.failed} failed{skipped}")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
