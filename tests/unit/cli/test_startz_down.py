"""What `startz down` ends, and what it leaves alone."""

import json
import os
import signal
import socket
import subprocess

import pytest

from startz_cluster import DEADLINE, alive


def test_down_ends_everything_and_the_ports_are_kept(cluster):
    cluster.up("--zhosts", "2")
    rows = cluster.rows()
    zruns = cluster.zruns()
    os.kill(cluster.pids()["edge-node-1"], signal.SIGKILL)  # its zrun has lost its zhost
    assert len(zruns) == 2 and all(alive(pid) for pid in zruns)
    done = cluster.run("down")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "Stopped 2 instances\n" in done.stdout
    assert not any(alive(int(row[2])) for row in rows)
    assert not any(alive(pid) for pid in zruns)
    assert [row[2:4] for row in cluster.rows()] == [["-", "stopped"]] * 3
    assert [row[4] for row in cluster.rows()] == [row[4] for row in rows]
    assert cluster.run("down").stdout == f"Nothing is running in {cluster.dir}\n"
    cluster.again()
    assert [row[4] for row in cluster.rows()] == [row[4] for row in rows]


def test_zruns_are_asked_to_stop_before_they_are_killed(cluster):
    os.makedirs(os.path.join(cluster.dir, "zhosts", "edge-node-2"))
    open(os.path.join(cluster.dir, "zhosts", "edge-node-2", "stubborn"), "w").close()
    cluster.up("--zhosts", "2")
    zruns = cluster.zruns()
    assert "Stopped 2 instances\n" in cluster.run("down").stdout
    assert not any(alive(pid) for pid in zruns)
    closed = [os.path.exists(os.path.join(cluster.dir, "zhosts", f"edge-node-{i}", "closed"))
              for i in (1, 2)]
    assert closed == [True, False]


def test_a_zrun_whose_socket_is_gone_is_found(cluster):
    os.makedirs(os.path.join(cluster.dir, "zhosts", "edge-node-1"))
    open(os.path.join(cluster.dir, "zhosts", "edge-node-1", "hidden"), "w").close()
    cluster.up("--zhosts", "1")
    pid, = cluster.zruns()
    assert "Stopped 1 instance\n" in cluster.run("down").stdout
    assert not alive(pid)


@pytest.mark.parametrize("wrong", ["start_time", "boot"])
def test_a_reused_pid_is_left_alone(cluster, wrong):
    cluster.up("--zhosts", "1")
    cluster.run("down")
    other = subprocess.Popen(["sleep", "600"])
    try:
        state = cluster.state()
        with open(f"/proc/{other.pid}/stat") as file:
            right = {"pid": other.pid, "start_time": int(file.read().rsplit(")", 1)[1].split()[19]),
                     "boot": open("/proc/sys/kernel/random/boot_id").read().strip()}
        for member in state["members"]:
            member.update(right)
            member[wrong] = {"start_time": right["start_time"] + 1, "boot": "x"}[wrong]
        with open(os.path.join(cluster.dir, "startz.json"), "w") as file:
            json.dump(state, file)
        assert cluster.pids() == {}
        assert cluster.run("down").returncode == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait(DEADLINE)


def test_a_foreign_process_that_holds_a_socket_is_not_killed(cluster):
    cluster.up("--zhosts", "1")
    cluster.run("down")
    path = os.path.join(cluster.dir, "zhosts", "edge-node-1", "run", "b.s")
    old = os.getcwd()
    os.chdir(os.path.dirname(path))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("b.s")
        listener.listen(64)
        os.chdir(old)
        done = cluster.run("down")
    assert done.returncode == 1
    assert "held by processes other than zrun" in done.stderr
