"""NATIVE spaces: readiness and health (docs/native-spaces.md)."""
import contextlib
import os
import re
import signal
import socket

import pytest
from conftest import free_port, is_alive, until
from native import (SLEEPER, data_of, error, log_text, native_deploy, process_of, processes_of,
                    recipes_of, state, submit_failing, wait_space)


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
    until(lambda: "listens" in log_text(c), "its log has what it said")


def test_a_ready_probe_that_never_passes_fails_the_start_in_time(c):
    submit_failing(c, "slow", [{"name": "p", "restart": {"attempts": 0},
                                "recipes": {"timeout": "8s"},
                                "run": {"mode": "foreground"}, "ready": {"tcp": "1"}}],
                   {"p/recipes/start": SLEEPER.format(100004)})
    until(lambda: c.state("slow") == "failed", "it has failed", 60)
    assert "not ready: timed out after 8 s" in error(c, "slow", "p")
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
    ({"command": "echo /health >> checks; test ! -e sick || { echo is sick >&2; exit 2; }"},
     r"the command failed: exit status 2: is sick")])
def test_a_failing_health_check_counts_as_death(c, check, why):
    native_deploy(c, "health", [{
        "name": "p", "exports": {"port": ""}, "run": {"mode": "foreground"},
        "ready": {"http": "http://127.0.0.1:${port}/"},
        "health": dict(check, interval="200ms", timeout="20s", failures=2)}],
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
                   "timeout": "20s", "failures": failures}}],
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


def test_checks_follow_each_other_by_their_interval(c):
    native_deploy(c, "often", [{
        "name": "p", "exports": {"port": ""}, "run": {"mode": "foreground"},
        "ready": {"http": "http://127.0.0.1:${port}/"},
        "health": {"http": "http://127.0.0.1:${port}/health", "interval": "100ms",
                   "timeout": "30s", "failures": 3}}],
        {"p/recipes/start": MOODY_SERVER})
    until(lambda: passed(c) >= 20, "many checks have passed, which do not wait for the timeout",
          SICK_DEADLINE)


def test_health_is_watched_while_the_zhost_is_away(c):
    moody_deploy(c, "alone", failures=2)
    zrun, = c.zruns("edge-node-1")
    c.zhosts["edge-node-1"].kill()
    make_sick(c, 2)
    until(lambda: not is_alive(zrun), "its zrun has ended", SICK_DEADLINE)
    c.zhosts["edge-node-1"].start()
    until(lambda: c.space("alone", "p")["restarts"] == 1 and
          state(c, "alone", "p") == "deployed-started", "it runs again", SICK_DEADLINE)
    # Of the last error, not of an event: the zhost may have been away for long enough to be lost.
    assert error(c, "alone", "p").startswith("process: health check failed 2 times: http://")


def test_what_a_check_leaves_behind_ends_with_it_and_is_not_the_service(c):
    native_deploy(c, "leaves", [{"name": "p", "health": {
        "command": "echo >> checks; setsid sleep 100043 >/dev/null 2>&1 & true",
        "interval": "100ms", "timeout": "20s"}}],
        {"p/recipes/start": "#!/bin/sh\nsleep 100076 >/dev/null 2>&1 &\n"})
    checks = data_of(c) / "checks"
    until(lambda: checks.exists() and len(checks.read_text()) >= 5, "checks have passed")
    until(lambda: len(processes_of("sleep 100043")) <= 1, "what the ones before left has ended")
    pid = process_of("sleep 100076")
    os.kill(pid, signal.SIGKILL)
    until(lambda: c.space("leaves", "p")["restarts"] == 1 and
          state(c, "leaves", "p") == "deployed-started", "its death is seen, and it runs again")
    until(lambda: len(processes_of("sleep 100043")) <= 1, "one check at most has left something")
    assert stops(c, "leaves") == ["process: it has no process left"]
    c.zshell("topo", "stop", "leaves")
    assert processes_of("sleep 100043") == []


def test_a_check_that_hangs_is_ended_with_all_that_it_started(c):
    native_deploy(c, "hangs", [{"name": "p", "run": {"mode": "foreground"}, "health": {
        "command": "test ! -e hang || { (setsid sleep 100045 &); sleep 100045; }",
        "interval": "100ms", "timeout": "500ms", "failures": 1000}}],
        {"p/recipes/start": SLEEPER.format(100046)})
    (data_of(c) / "hang").write_text("")
    until(lambda: "health check failed (3 of 1000)" in log_text(c), "it has hung three times")
    (data_of(c) / "hang").unlink()
    until(lambda: processes_of("sleep 100045") == [], "nothing of it is left")
    assert c.space("hangs", "p")["restarts"] == 0


LISTENER = """
    #!/usr/bin/python3
    import http.server, os
    if "{mode}" == "service" and os.fork() > 0:
        os._exit(0)
    http.server.HTTPServer(("{address}", {port}), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.mark.parametrize("check", ["tcp", "http"])
@pytest.mark.parametrize("mode, address", [("service", "127.0.0.1"), ("foreground", "0.0.0.0")])
def test_a_port_counts_only_when_the_instance_itself_listens_on_it(c, check, mode, address):
    port = free_port()
    ready = {"tcp": str(port)} if check == "tcp" else {"http": f"http://127.0.0.1:{port}/"}
    native_deploy(c, "owner", [{"name": "p", "run": {"mode": mode}, "ready": ready}],
                  {"p/recipes/start": LISTENER.format(mode=mode, address=address, port=port)})
    submit_failing(c, "stranger", [{"name": "p", "restart": {"attempts": 1000}, "ready": ready,
                                    "recipes": {"timeout": "8s"}, "run": {"mode": "foreground"}}],
                   {"p/recipes/start": SLEEPER.format(100047)})
    # On a loaded machine an attempt may end before anything has answered, or be killed before it says why.
    until(lambda: f"port {port}: answered, but no process of this instance listens on it"
          in (error(c, "stranger", "p") or ""), "it has failed", 120)
    assert "starting" not in {e["from"] for e in c.events("stranger")
                              if e["to"] == "deployed-started" and e["kind"] == "space"}
    assert state(c, "owner", "p") == "deployed-started"


@pytest.mark.parametrize("mode", ["service", "foreground"])
def test_a_port_that_another_program_took_during_a_back_off_is_named(c, mode):
    port = free_port()
    start = """
        #!/usr/bin/python3
        import os, socket, time
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", {port}))
        listener.listen()
        if "{mode}" == "service" and os.fork() > 0:
            os._exit(0)
        time.sleep(100051)
        """.format(port=port, mode=mode)
    native_deploy(c, "taken", [{"name": "p", "run": {"mode": mode}, "ready": {"tcp": str(port)},
                                "restart": {"attempts": 1000}}], {"p/recipes/start": start})
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def take():
            for pid, _ in recipes_of(c):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                other.bind(("127.0.0.1", port))
            except OSError:
                return False
            other.listen()
            return True
        until(take, "the port is another's")
        # Of the attempts that fail the first may have been killed.
        said = re.compile(rf"Address already in use.*port {port} is in use by .*\(process {os.getpid()}\)"
                          rf"|port {port} is in use by .*\(process {os.getpid()}\).*Address already in use", re.S)
        until(lambda: said.search(error(c, "taken", "p") or ""), "it is said")
    wait_space(c, "taken", "p", "deployed-started")


def test_a_drawn_port_that_another_program_took_during_a_back_off_is_drawn_again(c):
    native_deploy(c, "drawn", [
        {"name": "db", "provides": ["database"], "exports": {"port": ""},
         "run": {"mode": "foreground"}, "ready": {"tcp": "port"}, "restart": {"attempts": 1000}},
        {"name": "app", "imports": [{"from": "database", "variables": ["port"]}]}], {
        "db/recipes/start": """
            #!/usr/bin/python3
            import os, socket, time
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", int(os.environ["SAMOZA_EXPORT_port"])))
            listener.listen()
            time.sleep(100053)
            """,
        # Without its only provider it is stopped meanwhile.
        "app/recipes/start": "#!/bin/sh\necho \"db is at $SAMOZA_IMPORT_database_0_port\"\n"
                             "sleep 100054 >/dev/null 2>&1 &\n"})

    def port_of():
        return next((int(e["value"]) for e in c.space("drawn", "db").get("exports") or []), 0)
    port = port_of()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def take():
            try:
                other.bind(("127.0.0.1", port))
            except OSError:
                return False
            other.listen()
            return True
        # Its zhost stands still meanwhile: one that was started just then would meet the port.
        (pid, _), = until(lambda: [p for p in recipes_of(c) if "python3" in p[1]], "it runs")
        os.kill(c.zhosts["edge-node-1"].pid, signal.SIGSTOP)
        try:
            os.kill(pid, signal.SIGKILL)
            until(take, "the port is another's")
        finally:
            os.kill(c.zhosts["edge-node-1"].pid, signal.SIGCONT)
        now = until(lambda: port_of() not in (0, port) and port_of(), "it has another port")
        until(lambda: f"db is at {now}" in log_text(c), "its importer knows", 30)
        assert "Address already in use" not in log_text(c), "no start has failed for it"
    # It keeps that, also when the first one is free again.
    restarts = c.space("drawn", "db")["restarts"]
    (pid, _), = until(lambda: [p for p in recipes_of(c) if "python3" in p[1]], "it runs")
    os.kill(pid, signal.SIGKILL)
    until(lambda: c.space("drawn", "db")["restarts"] > restarts and port_of() == now,
          "it runs again")


def test_an_instance_that_stays_sick_uses_up_its_attempts(c):
    native_deploy(c, "sick", [{
        "name": "p", "run": {"mode": "foreground"}, "restart": {"attempts": 1},
        "ready": {"command": "test -e up"},
        "health": {"command": "exit 3", "interval": "100ms", "timeout": "5s", "failures": 1}}],
        {"p/recipes/start": "#!/bin/sh\ntouch up\nexec sleep 100075\n"})
    until(lambda: c.state("sick") == "failed", "its attempts are used up", SICK_DEADLINE)
    assert error(c, "sick", "p") == (
        "process: health check failed once: the command failed: exit status 3")
    assert processes_of("sleep 100075") == []
