"""NATIVE spaces whose zhost, zrms or supervisor is gone: what goes on, and what ends by itself
(docs/native-spaces.md)."""
import os
import re
import signal

from conftest import is_alive, text_of, until
from native import (SLEEPER, data_of, log_text, native_deploy, process_of, processes_of, run_by,
                    spaces_directories, state, submit_failing)

TIMEOUT_BEATS = 10  # heartbeats within the failure timeout of start_cluster()


def test_services_keep_running_while_their_zhost_restarts(sweep_groups, start_cluster):
    c = start_cluster(zhosts=("edge-node-1",), timeout="20s")
    native_deploy(c, "on", [{"name": "s"}, {"name": "f", "run": {"mode": "foreground"}}], {
        "s/recipes/start": "#!/bin/sh\nsleep 100017 >/dev/null 2>&1 &\necho $! > pid\n",
        "s/recipes/stop": "#!/bin/sh\necho 'stop runs'\nkill $(cat pid) || pkill sleep\n",
        "f/recipes/start": SLEEPER.format(100018)})

    def both():
        return sorted(pid for number in (100017, 100018) for pid, _ in processes_of(f"sleep {number}"))
    before = run_by(2, "sleep 100017", "sleep 100018")
    zruns = c.zruns("edge-node-1")
    assert len(zruns) == 2
    c.zhosts["edge-node-1"].kill()
    assert both() == before
    c.restart_zhost("edge-node-1")
    c.wait_state("on", "running")
    assert both() == before
    assert [e["to"] for e in c.events("on") if e["kind"] == "space"].count("starting") == 2
    c.zshell("topo", "stop", "on")
    assert both() == []
    assert "stop runs" in log_text(c)
    assert spaces_directories(c, "edge-node-1") == []


def test_killing_the_supervisor_kills_all_its_processes(c):
    native_deploy(c, "super", [{"name": "p"}], {
        "p/recipes/start": "#!/bin/sh\nsetsid sleep 100019 >/dev/null 2>&1 &\n"})
    pid = process_of("sleep 100019")
    zrun, = c.zruns("edge-node-1")
    os.kill(zrun, signal.SIGKILL)
    until(lambda: not is_alive(pid), "the service is gone")
    until(lambda: c.space("super", "p")["restarts"] == 1 and state(c, "super", "p") ==
          "deployed-started", "it runs again")
    causes = [e["cause"] for e in c.events("super") if e["to"] == "deployed-stopped"]
    assert any(cause.startswith("process: killed by signal 9") for cause in causes), causes


def test_an_instance_never_meets_the_processes_of_the_one_before(c):
    native_deploy(c, "twice", [{"name": "p", "resources": {"cpu": "1", "memory": "512MiB"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import fcntl, os, sys
            lock = os.open("lock", os.O_RDWR | os.O_CREAT)
            os.set_inheritable(lock, True)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                open("lives-twice", "w").close()
                sys.exit(1)
            for n in range(300):
                if os.fork() == 0:
                    os.setsid()
                    os.dup2(os.open("/dev/null", os.O_RDWR), 1)
                    os.dup2(1, 2)
                    os.execvp("sleep", ["sleep", "100048"])
        """})
    for turn in 1, 2, 3:
        zrun, = c.zruns("edge-node-1")
        os.kill(zrun, signal.SIGKILL)
        until(lambda: c.space("twice", "p")["restarts"] >= turn and
              state(c, "twice", "p") == "deployed-started", "it runs again", 60)
    assert not (data_of(c) / "lives-twice").exists()
    assert c.space("twice", "p")["restarts"] == 3


def test_an_orphaned_instance_stops_by_itself(sweep_groups, start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ORPHAN_TIMEOUT", "1s")
    c = start_cluster(zhosts=("edge-node-1",))
    native_deploy(c, "orphan", [{"name": "p"}], {
        "p/recipes/start": "#!/bin/sh\nsleep 100028 >/dev/null 2>&1 &\n",
        "p/recipes/stop": "#!/bin/sh\necho bye > bye\npkill sleep\n"})
    zrun, = c.zruns("edge-node-1")
    c.zhosts["edge-node-1"].kill()
    until(lambda: not is_alive(zrun), "its zrun has ended")
    until(lambda: processes_of("sleep 100028") == [], "and all that it had")
    assert (data_of(c) / "bye").exists(), "its stop recipe ran"


def heartbeats(c):
    return int(re.search(r"^samoza_heartbeats_total (\d+)$", text_of(c.url + "/metrics"), re.MULTILINE).group(1))


def test_exclusive_instances_stop_when_zrms_is_silent(c):
    native_deploy(c, "excl", [{"name": "p", "exclusive": True, "stop": {"grace": "200ms"}}], {
        "p/recipes/start": "#!/bin/sh\nsleep 100029 >/dev/null 2>&1 &\n"})
    until(lambda: len(processes_of("sleep 100029")) == 1, "what its recipe has begun runs")
    before = heartbeats(c)
    until(lambda: heartbeats(c) >= before + 2 * TIMEOUT_BEATS + 1,
          "heartbeats arrived for over twice the failure timeout")
    until(lambda: len(processes_of("sleep 100029")) == 1, "one runs")
    c.zrms.kill()
    until(lambda: processes_of("sleep 100029") == [], "it has stopped")
    c.start_zrms()
    until(lambda: len(processes_of("sleep 100029")) == 1, "it runs again where it was")


def test_an_exclusive_instance_stops_without_its_zhost(c):
    native_deploy(c, "excl", [{"name": "p", "exclusive": True, "stop": {"grace": "200ms"}}], {
        "p/recipes/start": "#!/bin/sh\ntrap '' TERM\nsleep 100030 >/dev/null 2>&1 &\n"})
    c.zhosts["edge-node-1"].kill()
    until(lambda: processes_of("sleep 100030") == [], "it has ended")


def test_a_child_of_an_exclusive_instance_stops_before_it_without_its_zhost(sweep_groups, start_cluster):
    # Of the failure timeout, each of the two has two seconds to stop in.
    c = start_cluster(zhosts=("edge-node-1",), timeout="6s")
    files = {}
    for name, number in (("outer", 100092), ("inner", 100093)):
        files[f"{name}/recipes/start"] = f"#!/bin/sh\nsleep {number} >/dev/null 2>&1 &\necho $! > pid\n"
        files[f"{name}/recipes/stop"] = (f"#!/bin/sh\ndate +%s%N > {name}-begins\nkill $(cat pid)\n"
                                         f"date +%s%N > {name}-ends\n")
    native_deploy(c, "order", [{"name": "outer", "exclusive": True, "stop": {"grace": "4s"}},
                               {"name": "inner", "inside": "outer"}], files)
    run_by(2, "sleep 100092", "sleep 100093")
    c.zhosts["edge-node-1"].kill()
    until(lambda: processes_of("sleep 100092") + processes_of("sleep 100093") == [], "both have ended")

    def written(name):
        file, = (c.directory / "edge-node-1" / "spaces").glob(f"*/data/{name}")
        return int(file.read_text())
    between = written("outer-begins") - written("inner-ends")
    assert between > 0, f"the parent began to stop {-between / 1e9} s before its child had stopped"


def test_a_hung_deploy_is_repeated_after_a_restart_of_its_zhost(c):
    # Long enough for a zhost to restart on a loaded machine before the recipe's time is over.
    submit_failing(c, "again", [{"name": "p", "recipes": {"timeout": "15s"}}], {
        "p/recipes/deploy": """
            #!/bin/sh
            mkdir -p /tmp/x && touch here
            test -e go || sleep 100035
        """,
        "p/recipes/start": "#!/bin/sh\nsleep 100036 >/dev/null 2>&1 &\n"})
    old = process_of("sleep 100035")
    c.restart_zhost("edge-node-1")

    def hangs_again():
        pids = [pid for pid, _ in processes_of("sleep 100035")]
        return len(pids) == 1 and pids != [old]
    until(hangs_again, "it hangs again, once")
    c.zshell("topo", "stop", "again")
    until(lambda: processes_of("sleep 100035") == [], "it is ended in time", 60)
