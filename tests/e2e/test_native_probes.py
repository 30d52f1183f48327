"""NATIVE spaces: readiness and health (docs/native-spaces.md)."""
import os
import re

import pytest
from conftest import is_alive, until
from native import (SLEEPER, data_of, error, log_text, native_deploy, processes_of, state,
                    submit_failing)


def test_a_foreground_process_counts_as_started_once_it_is_ready(c):
    native_deploy(c, "ready", [{"name": "p", "run": {"mode": "foreground"},
                                "exports": {"port": ""}, "ready": {"tcp": "port"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import http.server, os, time
            time.sleep(1.5)
            print("listens", flush=True)
            http.server.HTTPServer(("127.0.0.1", int(os.environ["SAMOZA_EXPORT_port"])),
                                   http.server.BaseHTTPRequestHandler).serve_forever()
        """})
    events = {e["to"]: e for e in c.events("ready") if e["kind"] == "space"}
    assert "deployed-started" in events
    assert "listens" in log_text(c)


def test_a_ready_probe_that_never_passes_fails_the_start_in_time(c):
    submit_failing(c, "slow", [{"name": "p", "restart": {"attempts": 0},
                                "recipes": {"timeout": "2s"},
                                "run": {"mode": "foreground"}, "ready": {"tcp": "1"}}],
                   {"p/recipes/start": SLEEPER.format(100004)})
    until(lambda: c.state("slow") == "failed", "it has failed")
    assert "not ready: timed out after 2 s" in error(c, "slow", "p")
    assert "Connection refused" in error(c, "slow", "p")
    assert processes_of("sleep 100004") == []


SERVER = """
    #!/usr/bin/python3
    import http.server, os, pathlib
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            with open("checks", "a") as checks:
                checks.write(self.path + "\\n")
            self.send_response(500 if pathlib.Path("sick").exists() else 200)
            self.end_headers()
        def log_message(self, *words): pass
    pathlib.Path("sick").unlink(missing_ok=True)
    http.server.HTTPServer(("127.0.0.1", int(os.environ["SAMOZA_EXPORT_port"])),
                           Handler).serve_forever()
"""


@pytest.mark.parametrize("check, why", [
    ({"http": "http://127.0.0.1:${port}/health"}, r"http://127.0.0.1:\d+/health: answered 500"),
    ({"command": "echo /health >> checks; test ! -e sick || { echo is sick; exit 2; }"},
     r"the command failed: exit status 2: is sick")])
def test_a_failing_health_check_counts_as_death(c, check, why):
    native_deploy(c, "health", [{
        "name": "p", "exports": {"port": ""}, "run": {"mode": "foreground"},
        "ready": {"http": "http://127.0.0.1:${port}/"},
        "health": dict(check, interval="200ms", timeout="1s", failures=2)}],
        {"p/recipes/start": SERVER})
    checks = data_of(c) / "checks"
    until(lambda: checks.exists() and checks.read_text().count("/health") >= 4,
          "several checks have passed")
    assert c.space("health", "p")["restarts"] == 0
    (data_of(c) / "sick").write_text("")
    until(lambda: c.space("health", "p")["restarts"] == 1 and state(c, "health", "p") ==
          "deployed-started", "it runs again")
    causes = [e["cause"] for e in c.events("health") if e["to"] == "deployed-stopped"]
    assert any(re.fullmatch("process: health check failed 2 times: " + why, x) for x in causes), (
        causes)


# Its next answers to the check are failures, as many as `sick` says; `passed` grows with each success.
MOODY_SERVER = """
    #!/usr/bin/python3
    import http.server, os, pathlib
    sick = pathlib.Path("sick")
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            left = int(sick.read_text()) if self.path == "/health" and sick.exists() else 0
            if left > 1:
                pathlib.Path("next").write_text(str(left - 1))
                os.replace("next", "sick")
            elif left == 1:
                sick.unlink()
            elif self.path == "/health":
                with open("passed", "a") as passed:
                    passed.write(".")
            self.send_response(500 if left > 0 else 200)
            self.end_headers()
        def log_message(self, *words): pass
    http.server.HTTPServer(("127.0.0.1", int(os.environ["SAMOZA_EXPORT_port"])),
                           Handler).serve_forever()
"""


SICK_DEADLINE = 60  # each check may take its whole timeout on a loaded machine


def moody_deploy(c, name, failures):
    native_deploy(c, name, [{
        "name": "p", "exports": {"port": ""}, "run": {"mode": "foreground"},
        "ready": {"http": "http://127.0.0.1:${port}/"},
        "health": {"http": "http://127.0.0.1:${port}/health", "interval": "100ms",
                   "timeout": "2s", "failures": failures}}],
        {"p/recipes/start": MOODY_SERVER})


def make_sick(c, times):
    """The file appears whole: the server may read it at any moment."""
    data = data_of(c)
    (data / "new").write_text(str(times))
    os.chmod(data / "new", 0o666)
    (data / "new").rename(data / "sick")


def passed(c):
    file = data_of(c) / "passed"
    return len(file.read_text()) if file.exists() else 0


def stops(c, topology):
    """Why the started instance stopped, each time."""
    return [e["cause"] for e in c.events(topology) if e["to"] == "deployed-stopped" and
            e["from"] == "deployed-started"]


def test_only_failures_in_a_row_count_as_death(c):
    moody_deploy(c, "moody", failures=3)
    zrun, = c.zruns("edge-node-1")
    for turn in 1, 2:
        make_sick(c, 2)
        until(lambda: log_text(c).count("health check failed (2 of 3)") == turn, "it failed twice",
              SICK_DEADLINE)
        before = passed(c)
        until(lambda: passed(c) > before, "it is well again", SICK_DEADLINE)
    assert log_text(c).count("health check failed (1 of 3)") == 2, "a success starts the count again"
    assert c.space("moody", "p")["restarts"] == 0 and c.zruns("edge-node-1") == [zrun]

    make_sick(c, 3)
    until(lambda: c.space("moody", "p")["restarts"] == 1 and
          state(c, "moody", "p") == "deployed-started", "it runs again", SICK_DEADLINE)
    cause, = stops(c, "moody")
    assert re.fullmatch(r"process: health check failed 3 times: http://\S+/health: answered 500",
                        cause)
    assert not is_alive(zrun)


def test_one_failure_is_counted_as_once(c):
    moody_deploy(c, "strict", failures=1)
    make_sick(c, 1)
    until(lambda: c.space("strict", "p")["restarts"] == 1 and
          state(c, "strict", "p") == "deployed-started", "it runs again", SICK_DEADLINE)
    cause, = stops(c, "strict")
    assert cause.startswith("process: health check failed once: http://")


def test_an_instance_that_stays_sick_uses_up_its_attempts(c):
    native_deploy(c, "sick", [{
        "name": "p", "run": {"mode": "foreground"}, "restart": {"attempts": 1},
        "ready": {"command": "test -e up"},
        "health": {"command": "exit 3", "interval": "100ms", "timeout": "5s", "failures": 1}}],
        {"p/recipes/start": "#!/bin/sh\ntouch up\nexec sleep 100041\n"})
    until(lambda: c.state("sick") == "failed", "its attempts are used up", SICK_DEADLINE)
    assert error(c, "sick", "p") == (
        "process: health check failed once: the command failed: exit status 3")
    assert processes_of("sleep 100041") == []
