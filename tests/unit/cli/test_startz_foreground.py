"""startz in the foreground: logs, and what Ctrl-C ends."""

import os
import re
import signal
import subprocess

import pytest

from startz_cluster import DEADLINE, STARTZ, alive, until


class Foreground:
    def __init__(self, cluster, *words):
        self.process = subprocess.Popen(
            [STARTZ, "up", "--dir", cluster.dir, *words], env=cluster.env,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
            start_new_session=True)

    def expect(self, pattern):
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if re.search(pattern, line):
                return
        raise AssertionError(f"no {pattern!r} in {seen!r}")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        self.process.stdout.close()


@pytest.fixture
def foreground(cluster):
    opened = []

    def run(*words):
        api = [] if os.path.exists(cluster.dir) else ["--api", "127.0.0.1:0"]
        opened.append(Foreground(cluster, *api, *words))
        return opened[-1]
    yield run
    for f in opened:
        f.close()


def test_the_foreground_shows_logs_and_stops_everything_on_ctrl_c(cluster, foreground):
    f = foreground("--zhosts", "1")
    f.expect("Ctrl-C stops everything")
    pids = cluster.pids()
    with open(os.path.join(cluster.dir, "log", "edge-node-1.log"), "a") as log:
        log.write("a line\x1b[2J of its own\n")
    f.expect(r"^edge-node-1 \| a line\\x1b\[2J of its own$")
    f.process.send_signal(signal.SIGINT)
    f.expect("Stopping zrms")
    assert f.process.wait(DEADLINE) == 0
    assert len(pids) == 2 and not any(alive(pid) for pid in pids.values())
    assert not any(alive(pid) for pid in cluster.zruns())


def test_a_second_up_in_the_foreground_returns(cluster, foreground):
    f = foreground("--zhosts", "2")
    f.expect("Ctrl-C stops everything")
    before = cluster.rows()
    second = cluster.run("up")
    assert (second.returncode, second.stderr) == (0, ""), second
    assert "The cluster is ready" in second.stdout
    assert second.stdout.endswith("Nothing was started: everything was running already.\n")
    assert cluster.rows() == before and f.process.poll() is None


def test_ctrl_c_stops_only_what_this_up_started(cluster, foreground):
    cluster.up("--zhosts", "2")
    before = {row[0]: row for row in cluster.rows()}
    zruns = {pid: alive(pid) for pid in cluster.zruns()}
    f = foreground("--zhosts", "3")
    f.expect(r"Ctrl-C stops what was started now: edge-node-3\.")
    added = cluster.pids()["edge-node-3"]
    new_zrun, = set(cluster.zruns()) - set(zruns)
    f.process.send_signal(signal.SIGINT)
    assert f.process.wait(DEADLINE) == 0
    after = {row[0]: row for row in cluster.rows()}
    assert {name: after[name] for name in before} == before
    assert not alive(added) and not alive(new_zrun)
    assert {pid: alive(pid) for pid in zruns} == zruns and len(zruns) == 2


def test_ctrl_c_leaves_what_another_up_started_meanwhile(cluster, foreground):
    f = foreground("--zhosts", "2")
    f.expect("Ctrl-C stops everything")
    os.kill(cluster.pids()["edge-node-2"], signal.SIGKILL)
    f.expect("edge-node-2 has exited")
    assert cluster.again().returncode == 0
    again = cluster.pids()["edge-node-2"]
    f.process.send_signal(signal.SIGINT)
    assert f.process.wait(DEADLINE) == 0
    assert cluster.pids() == {"edge-node-2": again}


def test_ctrl_c_of_a_node_leaves_the_cluster(cluster):
    cluster.up("--zhosts", "1")
    before = cluster.rows()
    node = subprocess.Popen(
        [STARTZ, "node", "--name", "camera", "--dir", cluster.dir, "--zrms",
         "http://" + before[0][4]], env=cluster.env, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, bufsize=1)
    try:
        while not re.search("Ctrl-C stops what was started now: camera", node.stdout.readline()):
            assert node.poll() is None
        node.send_signal(signal.SIGINT)
        assert node.wait(DEADLINE) == 0
    finally:
        node.kill()
        node.wait(DEADLINE)
        node.stdout.close()
    assert cluster.rows()[:2] == before
    assert "camera" not in cluster.pids()


def test_the_foreground_restarts_nothing_by_itself(cluster, foreground):
    f = foreground("--zhosts", "2")
    f.expect("Ctrl-C stops everything")
    os.kill(cluster.pids()["edge-node-2"], signal.SIGKILL)
    f.expect(r"edge-node-2 has exited: signal 9 \(Killed\)\. It is not restarted")
    assert set(cluster.pids()) == {"zrms", "edge-node-1"}
    assert cluster.run("down").returncode == 0
    f.expect("All daemons have exited")
    assert f.process.wait(DEADLINE) == 1


def test_ctrl_c_while_starting_leaves_nothing_running(cluster, foreground):
    os.makedirs(os.path.join(cluster.dir, "zhosts", "edge-node-1"))
    open(os.path.join(cluster.dir, "zhosts", "edge-node-1", "silent"), "w").close()
    f = foreground("--zhosts", "1", "--api", "127.0.0.1:0")
    f.expect("zrms is ready")
    until(lambda: len(cluster.pids()) == 2)
    pids = cluster.pids()
    f.process.send_signal(signal.SIGINT)
    assert f.process.wait(DEADLINE) == 1
    assert not any(alive(pid) for pid in pids.values())
