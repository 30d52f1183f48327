"""NATIVE spaces: recipes as real processes in their sandbox (docs/native-spaces.md)."""
import os
import pathlib
import re
import shutil
import signal
import tempfile
import time
import urllib.request

import pytest
from conftest import BIN, Daemon, free_port, is_alive, run, until
from native import (groups, groups_swept, native_app, native_deploy, processes_of,
                    spaces_directories)

ONE_ZHOST = {"zhosts": ("edge-node-1",)}
TIMEOUT_BEATS = 6  # heartbeats within the failure timeout of start_cluster()


@pytest.fixture(autouse=True)
def sweep_groups():
    with groups_swept():
        yield


@pytest.fixture
def c(sweep_groups, start_cluster):
    return start_cluster(**ONE_ZHOST)


def log_text(c, zhost="edge-node-1"):
    """What the instances there said, also those that are no more."""
    return "\n".join(p.read_text() for p in sorted((c.directory / zhost / "log").glob("*.log*")))


def state(c, topology, path):
    return c.space(topology, path)["state"]


def error(c, topology, path):
    return c.space(topology, path).get("last_error", "")


def wait_space(c, topology, path, wanted, deadline=20):
    return until(lambda: state(c, topology, path) == wanted, f"{path} is {wanted}", deadline)


def submit_failing(c, name, spaces, files):
    """Submits without waiting for it to run."""
    package = c.build(native_app(c, name, spaces, files), name)
    c.zshell("topo", "submit", package)


def data_of(c, zhost="edge-node-1"):
    directory, = spaces_directories(c, zhost)
    return directory / "data"


def test_recipes_run_in_order_in_their_own_directory(c):
    env = "env | grep ^SAMOZA_ | sort > $SAMOZA_DIR/env-$SAMOZA_RECIPE\n"
    say = "#!/bin/sh\nset -e\necho \"says $SAMOZA_RECIPE in $(pwd) as $(id -u)\"\n" + env
    native_deploy(c, "one", [{"name": "db", "exports": {"port": "", "ip": "", "kind": "sql"}}], {
        "db/recipes/deploy": say + "echo kept > kept\n",
        "db/recipes/start": say + "cat kept\nsleep 100002 >/dev/null 2>&1 &\n",
        "db/recipes/stop": say + "echo stopped >> kept\npkill sleep\n",
        "db/recipes/undeploy": say + "cat kept\n",
        "db/files/readme": "a file of the package\n",
    })
    assert c.state("one") == "running"
    directory, = spaces_directories(c, "edge-node-1")
    environment = dict(line.split("=", 1)
                       for line in (directory / "data" / "env-start").read_text().splitlines())
    assert environment["SAMOZA_TOPOLOGY"] == "one" and environment["SAMOZA_INSTANCE"] == "db"
    assert environment["SAMOZA_SPACE"] == "db" and environment["SAMOZA_ZHOST"] == "edge-node-1"
    assert environment["SAMOZA_EXPORT_ip"] == "127.0.0.1"
    assert environment["SAMOZA_EXPORT_kind"] == "sql"
    assert 20000 <= int(environment["SAMOZA_EXPORT_port"]) < 32768
    assert environment["SAMOZA_RECIPE"] == "start"
    exports = {e["name"]: e["value"] for e in c.space("one", "db")["exports"]}
    assert exports["port"] == environment["SAMOZA_EXPORT_port"], "the same value as published"
    assert (directory / "package" / "files" / "readme").read_text() == "a file of the package\n"
    assert processes_of("sleep 100002")

    c.zshell("spaces", "stop", "one/db")
    until(lambda: c.space("one", "db")["state"] == "deployed-stopped", "db is stopped")
    assert processes_of("sleep 100002") == []
    c.zshell("spaces", "start", "one/db")
    until(lambda: c.space("one", "db")["state"] == "deployed-started", "db is started again")
    again = (directory / "data" / "env-start").read_text()
    assert f"SAMOZA_EXPORT_port={environment['SAMOZA_EXPORT_port']}\n" in again
    assert (directory / "data" / "kept").read_text() == "kept\nstopped\n", "the directory is kept"

    c.zshell("topo", "stop", "one")
    until(lambda: spaces_directories(c, "edge-node-1") == [], "the directory is removed")
    lines = log_text(c)
    said = re.findall(r"says (\w+) in (\S+) as (\d+)", lines)
    assert [recipe for recipe, _, _ in said] == ["deploy", "start", "stop", "start", "stop",
                                                 "undeploy"], lines
    assert {where for _, where, _ in said} == {environment["SAMOZA_DIR"]}
    if os.geteuid() == 0:
        assert all(user not in ("0", "65534") for _, _, user in said)
    assert processes_of("sleep 100002") == []


SLEEPER = """
    #!/bin/sh
    echo $$ > pid
    exec sleep {}
"""


def test_a_foreground_process_is_restarted_when_it_dies(c):
    native_deploy(c, "fore", [{"name": "p", "run": {"mode": "foreground"}}],
                  {"p/recipes/start": SLEEPER.format(100003)})
    (pid, _), = processes_of("sleep 100003")
    os.kill(pid, signal.SIGKILL)
    until(lambda: c.space("fore", "p")["restarts"] == 1 and state(c, "fore", "p") ==
          "deployed-started", "it runs again")
    (again, _), = processes_of("sleep 100003")
    assert again != pid
    causes = [e["cause"] for e in c.events("fore") if e["to"] == "deployed-stopped"]
    assert any(cause.startswith("process: killed by signal 9") for cause in causes), causes


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


def test_a_failed_start_reports_its_status_and_last_line(c):
    submit_failing(c, "bad", [{"name": "p", "restart": {"attempts": 0}}], {
        "p/recipes/start": "#!/bin/sh\necho working\necho 'no disk' >&2\nexit 3\n"})
    until(lambda: c.state("bad") == "failed", "it has failed")
    assert re.fullmatch(r"start: exit status 3: working / no disk", error(c, "bad", "p"))
    assert "p failed once on edge-node-1: start: exit status 3" in c.topology("bad")[
        "failure_reason"]


def test_a_ready_probe_that_never_passes_fails_the_start_in_time(c):
    submit_failing(c, "slow", [{"name": "p", "restart": {"attempts": 0},
                                "recipes": {"timeout": "2s"},
                                "run": {"mode": "foreground"}, "ready": {"tcp": "1"}}],
                   {"p/recipes/start": SLEEPER.format(100004)})
    until(lambda: c.state("slow") == "failed", "it has failed")
    assert "not ready: timed out after 2 s" in error(c, "slow", "p")
    assert "Connection refused" in error(c, "slow", "p")
    assert processes_of("sleep 100004") == []


def test_a_missing_interpreter_is_named(c):
    submit_failing(c, "interpreter", [{"name": "p", "restart": {"attempts": 0}}],
                   {"p/recipes/start": "#!/usr/bin/no-such-shell -e\necho never\n"})
    until(lambda: c.state("interpreter") == "failed", "it has failed")
    assert error(c, "interpreter", "p") == (
        "start: cannot run recipes/start: its interpreter '/usr/bin/no-such-shell' is not here")


def test_a_recipe_that_is_not_executable_code_is_named(c):
    submit_failing(c, "text", [{"name": "p", "restart": {"attempts": 0}}],
                   {"p/recipes/start": "echo never\n"})
    until(lambda: c.state("text") == "failed", "it has failed")
    assert "neither a program of this machine nor a script that begins with #!" in error(
        c, "text", "p")


def test_a_recipe_that_is_not_executable_is_refused_before_anything_runs(c):
    source = native_app(c, "mode", [{"name": "p"}],
                        {"p/recipes/start": ("#!/bin/sh\n", 0o644)})
    done = run(BIN / "mex", "build", source, "-o", c.directory / "x.mex", "--key", c.key, check=False)
    assert done.returncode == 1
    assert "spaces/p/recipes/start" in done.stderr and "not executable" in done.stderr


def test_a_gigabyte_of_output_fills_neither_disk_nor_memory(c):
    native_deploy(c, "loud", [{"name": "p", "run": {"mode": "foreground"}},
                              {"name": "calm", "run": {"mode": "foreground"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import os, time
            line = b"x" * 99 + b"\\n"
            for n in range(160):
                os.write(1, line * 65536)
            os.write(1, b"that was a gigabyte\\n")
            open("done", "w").close()
            time.sleep(100005)
        """,
        "calm/recipes/start": SLEEPER.format(100006)})
    data = [f / "data" for f in spaces_directories(c, "edge-node-1")]
    until(lambda: any((d / "done").exists() for d in data), "all is printed", 60)
    logs = sum(p.stat().st_size for p in (c.directory / "edge-node-1" / "log").iterdir())
    assert logs < 8 * 1024 * 1024, logs
    for daemon in [c.zhosts["edge-node-1"].pid, *c.zruns("edge-node-1")]:
        status = pathlib.Path(f"/proc/{daemon}/status").read_text()
        rss, = re.findall(r"VmRSS:\s+(\d+) kB", status)
        assert int(rss) < 65536, status
    assert state(c, "loud", "p") == "deployed-started"
    until(lambda: re.search(r"it prints more than 64 KiB a second: \d+ bytes are not in this log",
                            log_text(c)), "the log says so")
    assert state(c, "loud", "calm") == "deployed-started"


def test_processes_that_fork_away_are_found_and_killed(c):
    native_deploy(c, "away", [{"name": "p", "stop": {"grace": "2s"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import os, signal
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.setsid()
                    os.chdir("/")
                    os.execvp("sleep", ["sleep", "100007"])
                os._exit(0)
        """})
    assert len(processes_of("sleep 100007")) == 1
    c.zshell("spaces", "stop", "away/p")
    wait_space(c, "away", "p", "deployed-stopped")
    assert processes_of("sleep 100007") == []
    assert error(c, "away", "p") == ""


def test_a_service_with_no_process_left_has_died(c):
    native_deploy(c, "gone", [{"name": "p"}], {
        "p/recipes/start": "#!/bin/sh\nsleep 100008 >/dev/null 2>&1 &\n"})
    (pid, _), = processes_of("sleep 100008")
    os.kill(pid, signal.SIGTERM)
    until(lambda: c.space("gone", "p")["restarts"] == 1 and state(c, "gone", "p") ==
          "deployed-started", "it runs again")
    causes = [e["cause"] for e in c.events("gone") if e["to"] == "deployed-stopped"]
    assert "process: no process of it is left" in causes


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace_period(c):
    native_deploy(c, "deaf", [{"name": "p", "stop": {"grace": "1s"},
                               "run": {"mode": "foreground"}},
                              {"name": "other", "run": {"mode": "foreground"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import signal, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            open("marker-100009", "w").close()
            time.sleep(100009)
        """,
        "other/recipes/start": SLEEPER.format(100010)})
    begun = time.monotonic()
    c.zshell("spaces", "stop", "deaf/p")
    wait_space(c, "deaf", "p", "deployed-stopped")
    assert time.monotonic() - begun < 5
    assert error(c, "deaf", "p").startswith("stop: ") and "killed" in error(c, "deaf", "p")
    assert state(c, "deaf", "other") == "deployed-started"


def test_a_stop_recipe_that_hangs_or_fails_is_recorded(c):
    native_deploy(c, "stops", [{"name": "hangs", "stop": {"grace": "1s"}}, {"name": "fails"}], {
        "hangs/recipes/start": "#!/bin/sh\nsleep 100011 >/dev/null 2>&1 &\n",
        "hangs/recipes/stop": "#!/bin/sh\necho waits\nsleep 100012\n",
        "fails/recipes/start": "#!/bin/sh\nsleep 100011 >/dev/null 2>&1 &\n",
        "fails/recipes/stop": "#!/bin/sh\necho broken\nexit 7\n"})
    c.zshell("spaces", "stop", "stops/hangs")
    c.zshell("spaces", "stop", "stops/fails")
    wait_space(c, "stops", "hangs", "deployed-stopped")
    wait_space(c, "stops", "fails", "deployed-stopped")
    assert error(c, "stops", "hangs") == "stop: killed after 1 s: waits"
    assert error(c, "stops", "fails") == "stop: exit status 7: broken"
    assert processes_of("sleep 100011") + processes_of("sleep 100012") == []


def test_a_recipe_cannot_write_outside_its_directory(c):
    secret = c.directory / "secret"
    secret.write_text("not for recipes")
    secret.chmod(0o644)
    native_deploy(c, "out", [{"name": "p"}, {"name": "q"}], {
        "q/recipes/start": "#!/bin/sh\necho mine > private\nsleep 100013 >/dev/null 2>&1 &\n",
        "p/recipes/start": f"""
            #!/bin/sh
            try() {{ if "$@" 2>/dev/null; then echo "DID: $*"; else echo "refused: $1"; fi; }}
            for f in /etc/samoza-was-here /usr/samoza-was-here /var/samoza-was-here \\
                     /samoza-was-here /samoza/samoza-was-here $SAMOZA_PACKAGE/was-here \\
                     $SAMOZA_PACKAGE/recipes/start /proc/sys/kernel/hostname /run/was-here \\
                     /dev/was-here {c.directory}/was-here; do
                if (echo x >> "$f") 2>/dev/null; then echo "WROTE $f"; fi
            done
            for f in {secret} {c.directory}/zrms/zrms.db /root /home/* /etc/shadow \\
                     {c.directory}/edge-node-1/zhost.db; do
                if cat "$f" >/dev/null 2>&1 || ls "$f/" >/dev/null 2>&1; then echo "READ $f"; fi
            done
            try mount -t tmpfs none /tmp
            try unshare -U true
            try unshare -n true
            try chroot / true
            try mknod /tmp/null c 1 3
            try chown 0 .
            echo x > /tmp/own && echo x > here && echo "own directories work"
            ls /proc | grep -c '^[0-9]' | sed 's/^/processes seen: /'
            grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status
            sleep 100014 >/dev/null 2>&1 &
        """})
    text = log_text(c)
    assert "own directories work" in text
    assert "WROTE" not in text and "READ" not in text and "DID" not in text, text
    assert re.search(r"CapEff:\s*0000000000000000", text) and re.search(r"NoNewPrivs:\s*1", text)
    assert re.search(r"Seccomp:\s*2", text)
    seen, = re.findall(r"processes seen: (\d+)", text)
    assert int(seen) < 10
    assert not pathlib.Path("/etc/samoza-was-here").exists()
    assert not pathlib.Path("/tmp/own").exists()
    assert secret.read_text() == "not for recipes"
    assert "sandbox:" not in text, "every step of the enclosure stands on this machine"


def test_a_hung_recipe_does_not_block_other_instances(c):
    submit_failing(c, "hung", [{"name": "p", "recipes": {"timeout": "10s"},
                                "restart": {"attempts": 0}}],
                   {"p/recipes/start": "#!/bin/sh\necho thinks\nsleep 100015\n"})
    until(lambda: state(c, "hung", "p") == "starting", "it hangs")
    native_deploy(c, "quick", [{"name": "q"}],
                  {"q/recipes/start": "#!/bin/sh\nsleep 100016 >/dev/null 2>&1 &\n"})
    assert state(c, "hung", "p") == "starting", "the other runs while it hangs"
    until(lambda: c.state("hung") == "failed", "it is over")
    assert error(c, "hung", "p") == "start: timed out after 10 s: thinks"
    assert processes_of("sleep 100015") == []


def test_services_keep_running_while_their_zhost_restarts(c):
    native_deploy(c, "on", [{"name": "s"}, {"name": "f", "run": {"mode": "foreground"}}], {
        "s/recipes/start": "#!/bin/sh\nsleep 100017 >/dev/null 2>&1 &\necho $! > pid\n",
        "s/recipes/stop": "#!/bin/sh\necho 'stop runs'\nkill $(cat pid) || pkill sleep\n",
        "f/recipes/start": SLEEPER.format(100018)})
    before = processes_of("sleep 10001")
    zruns = c.zruns("edge-node-1")
    assert len(before) == 2 and len(zruns) == 2
    c.zhosts["edge-node-1"].kill()
    assert processes_of("sleep 10001") == before
    c.zhosts["edge-node-1"].start()
    c.wait_zhost("edge-node-1", "deployed-started")
    c.wait_state("on", "running")
    assert processes_of("sleep 10001") == before
    assert [e["to"] for e in c.events("on") if e["kind"] == "space"].count("starting") == 2
    c.zshell("topo", "stop", "on")
    assert processes_of("sleep 10001") == []
    assert "stop runs" in log_text(c)
    assert spaces_directories(c, "edge-node-1") == []


def test_killing_the_supervisor_kills_all_its_processes(c):
    native_deploy(c, "super", [{"name": "p"}], {
        "p/recipes/start": "#!/bin/sh\nsetsid sleep 100019 >/dev/null 2>&1 &\n"})
    (pid, _), = processes_of("sleep 100019")
    zrun, = c.zruns("edge-node-1")
    os.kill(zrun, signal.SIGKILL)
    until(lambda: not is_alive(pid), "the service is gone")
    until(lambda: c.space("super", "p")["restarts"] == 1 and state(c, "super", "p") ==
          "deployed-started", "it runs again")
    causes = [e["cause"] for e in c.events("super") if e["to"] == "deployed-stopped"]
    assert any(cause.startswith("process: killed by signal 9") for cause in causes), causes


UPDATE = """
    #!/bin/sh
    env | grep -E '^SAMOZA_(OLD_)?(IMPORT|UPDATE)_' | sort
"""


def test_an_update_reports_what_was_added_and_removed(c):
    native_deploy(c, "up", [
        {"name": "db", "count": 2, "provides": ["database"], "exports": {"ip": "", "port": ""}},
        {"name": "app", "imports": [{"from": "database", "variables": ["ip", "port"]}]}], {
        "db/recipes/start": "#!/bin/sh\nsleep 100020 >/dev/null 2>&1 &\n",
        "app/recipes/start": UPDATE + "sleep 100021 >/dev/null 2>&1 &\n",
        "app/recipes/update": UPDATE})
    text = until(lambda: "SAMOZA_IMPORT_database_COUNT=2" in log_text(c) and log_text(c),
                 "both are known")
    ports = [{e["name"]: e["value"] for e in c.space("up", f"db-{n}")["exports"]}["port"]
             for n in (1, 2)]
    assert ports[0] != ports[1]
    assert "SAMOZA_IMPORT_database_0_PATH=db-1" in text
    assert f"SAMOZA_IMPORT_database_0_port={ports[0]}" in text
    c.zshell("spaces", "stop", "up/db-1")
    text = until(lambda: "SAMOZA_UPDATE_REMOVED=database:db-1" in log_text(c) and log_text(c),
                 "an update")
    assert f"SAMOZA_OLD_IMPORT_database_0_port={ports[0]}" in text
    assert "SAMOZA_IMPORT_database_0_PATH=db-2" in text
    c.zshell("spaces", "start", "up/db-1")
    until(lambda: "SAMOZA_UPDATE_ADDED=database:db-1" in log_text(c), "another update")
    assert [e["to"] for e in c.events("up") if e["subject"] == "up/app" and
            e["kind"] == "space"].count("starting") == 1, "the state stayed"


def test_a_failed_or_hung_update_is_recorded_and_the_instance_stays_started(c):
    native_deploy(c, "badup", [
        {"name": "db", "count": 2, "exports": {"ip": ""}},
        {"name": "fails", "imports": [{"from": "db"}]},
        {"name": "hangs", "imports": [{"from": "db"}], "recipes": {"timeout": "4s"}}], {
        "db/recipes/start": "#!/bin/sh\nsleep 100022 >/dev/null 2>&1 &\n",
        "fails/recipes/start": "#!/bin/sh\nsleep 100023 >/dev/null 2>&1 &\n",
        "fails/recipes/update": "#!/bin/sh\necho no\nexit 4\n",
        "hangs/recipes/start": "#!/bin/sh\nsleep 100024 >/dev/null 2>&1 &\n",
        "hangs/recipes/update": "#!/bin/sh\necho hmm\nsleep 100025\n"})
    until(lambda: all(state(c, "badup", p) == "deployed-started" for p in
                      ("db-1", "db-2", "fails", "hangs")), "all run")
    c.zshell("spaces", "stop", "badup/db-2")
    until(lambda: error(c, "badup", "fails") == "update: exit status 4: no", "it is recorded")
    until(lambda: error(c, "badup", "hangs").startswith("update: timed out after 4 s"),
          "it is recorded")
    until(lambda: processes_of("sleep 100025") == [], "what hung is killed")
    assert len(processes_of("sleep 100023")) == len(processes_of("sleep 100024")) == 1
    assert state(c, "badup", "fails") == state(c, "badup", "hangs") == "deployed-started"


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


def test_a_failed_deploy_and_a_failed_undeploy_are_reported(c):
    submit_failing(c, "deps", [{"name": "p", "restart": {"attempts": 0}}], {
        "p/recipes/deploy": "#!/bin/sh\necho 'no room'\nexit 5\n",
        "p/recipes/start": "#!/bin/sh\n"})
    until(lambda: c.state("deps") == "failed", "it has failed")
    assert error(c, "deps", "p") == "deploy: exit status 5: no room"
    assert state(c, "deps", "p") == "not-deployed"
    assert spaces_directories(c, "edge-node-1") == []
    native_deploy(c, "undeps", [{"name": "p"}], {
        "p/recipes/start": "#!/bin/sh\nsleep 100026 >/dev/null 2>&1 &\n",
        "p/recipes/undeploy": "#!/bin/sh\ntest -e may || { echo 'not yet'; exit 6; }\n"})
    c.zshell("spaces", "undeploy", "undeps/p")
    until(lambda: error(c, "undeps", "p") == "undeploy: exit status 6: not yet", "it is said")
    assert state(c, "undeps", "p") == "deployed-stopped"
    (data_of(c) / "may").write_text("")
    c.zshell("spaces", "undeploy", "undeps/p")
    wait_space(c, "undeps", "p", "not-deployed")
    assert spaces_directories(c, "edge-node-1") == []


def test_recipes_see_exports_of_ancestors_and_may_leave_no_process(c):
    native_deploy(c, "inside", [
        {"name": "server", "exports": {"port": "", "ip": ""}},
        {"name": "war-file", "inside": "server"}], {
        "server/recipes/start": "#!/bin/sh\nsleep 100027 >/dev/null 2>&1 &\n",
        "war-file/recipes/start":
            "#!/bin/sh\necho to $SAMOZA_ANCESTOR_server_ip:$SAMOZA_ANCESTOR_server_port of "
            "$SAMOZA_ANCESTOR_server_PATH\n"})
    exports = {e["name"]: e["value"] for e in c.space("inside", "server")["exports"]}
    text = log_text(c)
    assert f"to 127.0.0.1:{exports['port']} of server" in text
    assert "start left no process" in text
    assert state(c, "inside", "server/war-file") == "deployed-started"


def test_an_orphaned_instance_stops_by_itself(start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ORPHAN_TIMEOUT", "1s")
    c = start_cluster(**ONE_ZHOST)
    native_deploy(c, "orphan", [{"name": "p"}], {
        "p/recipes/start": "#!/bin/sh\nsleep 100028 >/dev/null 2>&1 &\n",
        "p/recipes/stop": "#!/bin/sh\necho bye > bye\npkill sleep\n"})
    zrun, = c.zruns("edge-node-1")
    c.zhosts["edge-node-1"].kill()
    until(lambda: not is_alive(zrun), "its zrun has ended")
    assert processes_of("sleep 100028") == []
    assert (data_of(c) / "bye").exists(), "its stop recipe ran"


def heartbeats(c):
    with urllib.request.urlopen(c.url + "/metrics") as answer:
        return int(re.search(r"^samoza_heartbeats_total (\d+)$", answer.read().decode(),
                             re.MULTILINE).group(1))


def test_exclusive_instances_stop_when_zrms_is_silent(c):
    native_deploy(c, "excl", [{"name": "p", "exclusive": True, "stop": {"grace": "200ms"}}], {
        "p/recipes/start": "#!/bin/sh\nsleep 100029 >/dev/null 2>&1 &\n"})
    assert len(processes_of("sleep 100029")) == 1
    before = heartbeats(c)
    until(lambda: heartbeats(c) >= before + 2 * TIMEOUT_BEATS + 1,
          "heartbeats arrived for over twice the failure timeout")
    assert len(processes_of("sleep 100029")) == 1
    c.zrms.kill()
    until(lambda: processes_of("sleep 100029") == [], "it has stopped", 5)
    c.start_zrms()
    until(lambda: len(processes_of("sleep 100029")) == 1, "it runs again where it was")


def test_an_exclusive_instance_stops_without_its_zhost(c):
    native_deploy(c, "excl", [{"name": "p", "exclusive": True, "stop": {"grace": "200ms"}}], {
        "p/recipes/start": "#!/bin/sh\ntrap '' TERM\nsleep 100030 >/dev/null 2>&1 &\n"})
    c.zhosts["edge-node-1"].kill()
    until(lambda: processes_of("sleep 100030") == [], "it has ended", 5)


def test_a_fork_bomb_is_limited_and_killed(c):
    native_deploy(c, "bomb", [{"name": "p", "stop": {"grace": "1s"}},
                              {"name": "calm", "run": {"mode": "foreground"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import os, time
            if os.fork() == 0:
                for n in range(300):
                    with __import__("contextlib").suppress(OSError):
                        if os.fork() == 0:
                            os.setsid()
                            os.execvp("sleep", ["sleep", "100031"])
                time.sleep(100031)
        """,
        "calm/recipes/start": SLEEPER.format(100032)})
    until(lambda: len(processes_of("100031")) >= 100, "it forks")
    c.zshell("topo", "stop", "bomb")
    assert processes_of("100031") == []


def test_memory_and_cpu_are_limited_where_the_machine_has_control_groups(c):
    before = groups()
    native_deploy(c, "eats", [
        {"name": "p", "run": {"mode": "foreground"}, "restart": {"attempts": 0},
         "resources": {"cpu": "300m", "memory": "48MiB"}},
        {"name": "calm", "run": {"mode": "foreground"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import pathlib, time
            while not pathlib.Path("eat").exists():
                time.sleep(0.05)
            food = [bytearray(1 << 20) for n in range(200)]
            print("has eaten", flush=True)
            time.sleep(100033)
        """,
        "calm/recipes/start": SLEEPER.format(100034)})
    (pid, _), = [p for p in processes_of("recipes/start") if "python3" in p[1]]
    if "resources: no control group" in log_text(c):
        assert "no control group for memory" in log_text(c)
        assert not groups() - before
        return
    mine = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    assert "/samoza-" in mine, mine
    limits = [p for g in groups() - before for p in pathlib.Path(g).iterdir()
              if p.name in ("memory.max", "memory.limit_in_bytes")]
    assert str(48 << 20) in [p.read_text().strip() for p in limits]
    quotas = [p.read_text().strip() for g in groups() - before
              for p in pathlib.Path(g).iterdir() if p.name in ("cpu.max", "cpu.cfs_quota_us")]
    assert "30000" in quotas or "30000 100000" in quotas, quotas
    for directory in spaces_directories(c, "edge-node-1"):
        (directory / "data" / "eat").write_text("")
    until(lambda: error(c, "eats", "p") == "process: killed by signal 9", "it is killed", 30)
    assert state(c, "eats", "calm") == "deployed-started"
    assert "has eaten" not in log_text(c)
    c.zshell("topo", "stop", "eats")
    until(lambda: not groups() - before, "its groups are gone")


def test_a_hung_deploy_is_repeated_after_a_restart_of_its_zhost(c):
    # Long enough for a zhost to restart on a loaded machine before the recipe's time is over.
    submit_failing(c, "again", [{"name": "p", "recipes": {"timeout": "15s"}}], {
        "p/recipes/deploy": """
            #!/bin/sh
            mkdir -p /tmp/x && touch here
            test -e go || sleep 100035
        """,
        "p/recipes/start": "#!/bin/sh\nsleep 100036 >/dev/null 2>&1 &\n"})
    until(lambda: len(processes_of("sleep 100035")) == 1, "it hangs")
    (old, _), = processes_of("sleep 100035")
    c.zhosts["edge-node-1"].kill()
    c.zhosts["edge-node-1"].start()
    c.wait_zhost("edge-node-1", "deployed-started")

    def hangs_again():
        pids = [pid for pid, _ in processes_of("sleep 100035")]
        return len(pids) == 1 and pids != [old]
    until(hangs_again, "it hangs again, once")
    c.zshell("topo", "stop", "again")
    until(lambda: processes_of("sleep 100035") == [], "it is ended in time", 60)


def test_a_hung_deploy_and_undeploy_time_out(c):
    # The limit holds for the recipes that do not hang, too: on a loaded machine they need seconds.
    submit_failing(c, "hangd", [{"name": "p", "recipes": {"timeout": "4s"},
                                 "restart": {"attempts": 0}}], {
        "p/recipes/deploy": "#!/bin/sh\necho unpacks\nsleep 100037\n",
        "p/recipes/start": "#!/bin/sh\n"})
    until(lambda: c.state("hangd") == "failed", "it has failed")
    assert error(c, "hangd", "p") == "deploy: timed out after 4 s: unpacks"
    native_deploy(c, "hangu", [{"name": "p", "recipes": {"timeout": "4s"}}], {
        "p/recipes/start": "#!/bin/sh\n",
        "p/recipes/undeploy": "#!/bin/sh\necho packs\nsleep 100037\n"})
    c.zshell("spaces", "undeploy", "hangu/p")
    until(lambda: error(c, "hangu", "p") == "undeploy: timed out after 4 s: packs", "it is said")
    assert processes_of("sleep 100037") == []


def add_zhost_by(c, prefix, directory):
    """A zhost that another program starts: with fewer rights."""
    daemon = Daemon(c, "edge-node-1", [
        *prefix, BIN / "zhost", "--dir", directory, "--name", "edge-node-1", "--zrms", c.url,
        "--zedge", f"127.0.0.1:{free_port()}"], c.directory / "edge-node-1.log")
    c.zhosts["edge-node-1"] = daemon.start()
    c.wait_zhost("edge-node-1", "deployed-started")


LESS = [
    # Root of a container that may not make namespaces.
    ("no-namespaces", ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"],
     "sandbox: no namespaces of processes and mounts: Operation not permitted"),
    # An ordinary user.
    ("user", ["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups"],
     "resources: no control group for memory for cpu: this user may not make any")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up rights")
@pytest.mark.parametrize("prefix, said", [less[1:] for less in LESS],
                         ids=[less[0] for less in LESS])
def test_without_root_an_instance_still_runs_and_is_still_confined(sweep_groups, start_cluster,
                                                                prefix, said):
    c = start_cluster(zhosts=())
    directory = pathlib.Path(tempfile.mkdtemp(prefix="samoza-e2e-"))
    try:
        directory.chmod(0o755)
        own = directory / "zhost"
        own.mkdir(mode=0o700)
        if "--reuid=4321" in prefix:
            os.chown(own, 4321, 4321)
        add_zhost_by(c, prefix, own)
        native_deploy(c, "less", [
            {"name": "p", "exports": {"port": ""}, "stop": {"grace": "1s"}},
            {"name": "f", "run": {"mode": "foreground"}, "stop": {"grace": "1s"}}], {
            "p/recipes/start": f"""
                #!/bin/sh
                echo x > here && echo x > $TMPDIR/there && cat here && echo "own directories work"
                for f in /etc/samoza-was-here {c.directory}/was-here $SAMOZA_PACKAGE/was-here \\
                         {directory}/was-here /tmp/../var/tmp/../samoza-was-here; do
                    if (echo x >> "$f") 2>/dev/null; then echo "WROTE $f"; fi
                done
                mount -t tmpfs none /tmp 2>/dev/null && echo "MOUNTED"
                grep -E '^(CapEff|NoNewPrivs|Seccomp|Uid):' /proc/self/status
                setsid sh -c 'trap "" TERM; sleep 100038; sleep 100038' >/dev/null 2>&1 &
            """,
            "p/recipes/stop": "#!/bin/sh\necho \"stop in $(pwd)\"\n",
            "f/recipes/start": SLEEPER.format(100039)})
        text = "\n".join(p.read_text() for p in (own / "log").glob("*.log"))
        assert said in text, "what is missing is said"
        assert "own directories work" in text and "WROTE" not in text and "MOUNTED" not in text, text
        assert re.search(r"CapEff:\s*0000000000000000", text), text
        assert re.search(r"NoNewPrivs:\s*1", text) and re.search(r"Seccomp:\s*2", text), text
        assert not re.search(r"Uid:\s*0", text), text
        (pid, _), = processes_of("sleep 100039")
        os.kill(pid, signal.SIGKILL)
        until(lambda: c.space("less", "f")["restarts"] == 1 and state(c, "less", "f") ==
              "deployed-started", "it runs again")
        c.zshell("topo", "stop", "less")
        assert processes_of("sleep 100038") + processes_of("sleep 100039") == []
        text = "\n".join(p.read_text() for p in (own / "log").glob("*.log"))
        assert "stop in " in text
        assert list((own / "spaces").iterdir()) == []
        native_deploy(c, "more", [{"name": "p"}], {
            "p/recipes/start": "#!/bin/sh\nsetsid sleep 100040 >/dev/null 2>&1 &\n"})
        zrun, = c.zruns("edge-node-1")
        os.kill(zrun, signal.SIGKILL)
        until(lambda: c.space("more", "p")["restarts"] == 1 and
              len(processes_of("sleep 100040")) == 1, "what it had is ended, and runs again")
    finally:
        c.stop()
        shutil.rmtree(directory, ignore_errors=True)
