"""startz with daemons that only pretend: what is started, waited for and left alone."""

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading

import pytest

from startz_cluster import Cluster, DEADLINE, STARTZ, alive, free_port, until


def test_up_starts_everything_and_returns_when_ready(cluster):
    done = cluster.up("--zhosts", "2", "--heartbeat", "250ms")
    assert (done.returncode, done.stderr) == (0, ""), done
    rows = cluster.rows()
    assert [row[:2] + row[3:4] for row in rows] == [
        ["zrms", "zrms", "running"], ["edge-node-1", "zhost", "running"],
        ["edge-node-2", "zhost", "running"]]
    assert len({row[4] for row in rows}) == 3
    assert all(alive(int(row[2])) for row in rows)
    assert f"The cluster is ready: zshell --api http://{rows[0][4]}\n" in done.stdout
    assert json.loads(cluster.log("zrms").splitlines()[0])["zrms"] == [
        "--dir", cluster.dir + "/zrms", "--listen", rows[0][4], "--heartbeat", "250ms",
        "--failure-timeout", "3s", "--log-file", cluster.dir + "/log/zrms.log"]
    assert json.loads(cluster.log("edge-node-2").splitlines()[0])["zhost"] == [
        "--dir", cluster.dir + "/zhosts/edge-node-2", "--name", "edge-node-2", "--zrms",
        "http://" + rows[0][4], "--zedge", rows[2][4], "--log-file",
        cluster.dir + "/log/edge-node-2.log"]


def test_the_first_up_starts_three_zhosts(cluster):
    assert cluster.up().returncode == 0
    assert [row[0] for row in cluster.rows()] == ["zrms"] + [f"edge-node-{i}" for i in (1, 2, 3)]


def test_a_key_is_made_once_and_trusted(cluster):
    cluster.up("--zhosts", "1")
    key = os.path.join(cluster.dir, "keys", "dev")
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    first = open(key).read()
    public = open(key + ".pub").read()
    assert open(os.path.join(cluster.dir, "zrms", "trust", "dev.pub")).read() == public
    assert public.startswith("ed25519 ")
    cluster.run("down")
    cluster.again()
    assert open(key).read() == first


def test_daemons_inherit_nothing(cluster):
    extra = os.open("/dev/null", os.O_RDONLY)
    high = os.dup2(extra, 77, inheritable=True)
    try:
        cluster.up("--zhosts", "1", pass_fds=[high])
    finally:
        os.close(extra)
        os.close(high)
    said = json.loads(cluster.log("edge-node-1").splitlines()[0])
    # 3 is the directory that it reads for this.
    assert (said["fds"], said["session"], said["cwd"]) == ([0, 1, 2, 3], True, "/")


def test_a_second_up_starts_only_what_is_missing(cluster):
    cluster.up("--zhosts", "2")
    before = {row[0]: row for row in cluster.rows()}
    os.kill(int(before["edge-node-2"][2]), signal.SIGKILL)
    until(lambda: not alive(int(before["edge-node-2"][2])))
    assert [row[2:4] for row in cluster.rows()][2] == ["-", "stopped"]
    done = cluster.again()
    assert done.returncode == 0, done
    after = {row[0]: row for row in cluster.rows()}
    assert {n: r for n, r in after.items() if n != "edge-node-2"} == {
        n: r for n, r in before.items() if n != "edge-node-2"}
    assert after["edge-node-2"][2] != before["edge-node-2"][2]
    assert after["edge-node-2"][4] == before["edge-node-2"][4]


def test_ready_means_the_new_incarnation(cluster):
    """zrms still says `deployed-started` of the one that was killed."""
    cluster.up("--zhosts", "1")
    os.kill(cluster.pids()["edge-node-1"], signal.SIGKILL)
    until(lambda: "edge-node-1" not in cluster.pids())
    open(os.path.join(cluster.dir, "zhosts", "edge-node-1", "silent"), "w").close()
    done = cluster.again("--ready-timeout", "300ms")
    assert done.returncode == 1, done
    assert "timed out waiting for edge-node-1" in done.stderr
    assert "startz down --dir" in done.stderr


def test_what_runs_already_is_waited_for(cluster):
    """A process that lives is no zhost that has joined."""
    assert cluster.up("--zhosts", "2").returncode == 0
    pids = cluster.pids()
    url = "http://" + cluster.rows()[0][4]
    state = os.path.join(cluster.dir, "zhosts", "edge-node-1", "state")
    with open(state, "w") as file:
        file.write("problem")
    done = cluster.again("--ready-timeout", "300ms")
    assert done.returncode == 1, done
    assert f"edge-node-1 was running already, but zrms at {url} reports it as problem" in done.stderr
    assert f"kill {pids['edge-node-1']}" in done.stderr
    assert "edge-node-1 is running" not in done.stdout
    os.unlink(os.path.join(cluster.dir, "zhosts", "edge-node-1", "incarnation"))
    assert f"but zrms at {url} does not know it" in cluster.again("--ready-timeout", "300ms").stderr
    assert cluster.pids() == pids  # it restarts nothing by itself

    again = subprocess.Popen([STARTZ, "up", "--dir", cluster.dir, "--detach"], env=cluster.env,
                             stdout=subprocess.PIPE, text=True)
    assert again.stdout.readline().startswith("zrms is running at ")
    assert again.stdout.readline().startswith("edge-node-2 is running, zedge at ")
    os.unlink(state)
    with open(os.path.join(cluster.dir, "zhosts", "edge-node-1", "incarnation"), "w") as file:
        file.write("1")
    assert again.stdout.readline().startswith("edge-node-1 is running, zedge at ")
    assert again.wait(DEADLINE) == 0
    again.stdout.close()


def test_a_zhost_of_another_zrms_is_ready_when_that_one_says_so(cluster, tmp_path):
    other = Cluster(tmp_path / "other")
    assert other.up("--zhosts", "1").returncode == 0
    theirs = "http://" + other.rows()[0][4]
    assert cluster.up("--zhosts", "1").returncode == 0
    zrms = os.path.join(other.dir, "zrms")
    try:
        # It runs, and its zrms does not know it.
        done = cluster.run("node", "--name", "camera", "--zrms", theirs, "--detach",
                           "--ready-timeout", "300ms")
        assert done.returncode == 1, done
        camera, = (row for row in cluster.rows() if row[0] == "camera")
        done = cluster.again("--ready-timeout", "300ms")
        assert done.returncode == 1, done
        assert f"camera was running already, but zrms at {theirs} does not know it" in done.stderr
        assert "camera is running" not in done.stdout
        with open(os.path.join(zrms, "others.json"), "w") as file:
            json.dump({"camera": camera[4]}, file)
        done = cluster.again()
        assert done.returncode == 0, done
        assert f"camera is running with zrms at {theirs}, zedge at {camera[4]}\n" in done.stdout
        assert "edge-node-1 is running, zedge at " in done.stdout
    finally:
        other.run("down")
    done = cluster.again("--ready-timeout", "300ms")
    assert done.returncode == 1, done
    assert f"camera was running already, but zrms at {theirs} does not answer" in done.stderr


def given(cluster, name):
    """The words with which a zhost was started last."""
    starts = [json.loads(line) for line in cluster.log(name).splitlines() if line[0] == "{"]
    return starts[-1]["zhost"]


def test_commands_are_allowed_on_the_zhosts_that_are_started_so(cluster):
    cluster.env.pop("ZHOST_ALLOW_EXEC", None)
    assert cluster.up("--zhosts", "2").returncode == 0
    assert "--allow-exec" not in given(cluster, "edge-node-1")
    # It is read only at a start [shell.startz.changed].
    done = cluster.again("--allow-exec")
    assert done.returncode == 1, done
    assert "edge-node-1 is running without --allow-exec, which it reads only when it starts" \
        in done.stderr
    cluster.run("down")
    assert cluster.again("--allow-exec").returncode == 0
    assert [given(cluster, f"edge-node-{i}")[-1] for i in (1, 2)] == ["--allow-exec"] * 2
    # What runs stays as it is, and what is started again is asked for again.
    os.kill(cluster.pids()["edge-node-2"], signal.SIGKILL)
    until(lambda: "edge-node-2" not in cluster.pids())
    assert cluster.again().returncode == 0
    assert "--allow-exec" in given(cluster, "edge-node-1")
    assert "--allow-exec" not in given(cluster, "edge-node-2")
    url = "http://" + cluster.rows()[0][4]
    cluster.env["ZHOST_ALLOW_EXEC"] = "true"
    assert cluster.run("node", "--name", "camera", "--zrms", url, "--detach").returncode == 0
    assert "--allow-exec" in given(cluster, "camera")


@pytest.mark.parametrize("name", ["zrms", "edge-node-1"])
def test_what_cannot_be_recorded_is_not_started(cluster, name):
    assert cluster.up("--zhosts", "1").returncode == 0
    os.kill(cluster.pids()[name], signal.SIGKILL)
    until(lambda: name not in cluster.pids())
    starts = cluster.log(name).count('"--dir"')
    in_the_way = os.path.join(cluster.dir, "startz.json.new")
    os.mkdir(in_the_way)
    done = cluster.again()
    assert done.returncode == 1
    assert f"{name if name == 'zrms' else 'zhost'} was not started: cannot write" in done.stderr, done
    assert name not in cluster.pids()
    assert cluster.log(name).count('"--dir"') == starts
    os.rmdir(in_the_way)
    assert cluster.again().returncode == 0
    pids = cluster.pids()
    assert name in pids
    assert cluster.run("down").returncode == 0
    until(lambda: not any(alive(pid) for pid in pids.values()))


def test_a_key_that_is_trusted_stays_when_it_cannot_be_written(cluster):
    assert cluster.up("--zhosts", "1").returncode == 0
    trusted = os.path.join(cluster.dir, "zrms/trust/dev.pub")
    with open(trusted) as file:
        key = file.read()
    os.mkdir(trusted + ".new")
    assert cluster.again().returncode == 0
    with open(trusted) as file:
        assert file.read() == key


def test_a_node_joins_a_cluster(cluster, tmp_path):
    cluster.up("--zhosts", "1")
    url = "http://" + cluster.rows()[0][4]
    done = cluster.run("node", "--name", "camera", "--zrms", url, "--detach")
    assert done.returncode == 0, done
    assert [row[0] for row in cluster.rows()] == ["zrms", "edge-node-1", "camera"]
    for name in ("../x", "zrms", ".x", "-x", "-", "a b"):
        done = cluster.run("node", f"--name={name}", "--zrms", url, "--detach")
        assert done.returncode == 1 and "invalid zhost name" in done.stderr


def test_a_node_with_a_taken_name_is_not_ready(cluster):
    """zrms knows a started zhost of that name, but it is not this one."""
    cluster.up("--zhosts", "1")
    url = "http://" + cluster.rows()[0][4]
    with open(os.path.join(cluster.dir, "zrms", "others.json"), "w") as file:
        json.dump({"camera": "127.0.0.1:9"}, file)
    directory = os.path.join(cluster.dir, "zhosts", "camera")
    os.makedirs(directory)
    open(os.path.join(directory, "refused"), "w").close()
    done = cluster.run("node", "--name", "camera", "--zrms", url, "--detach")
    assert done.returncode == 1, done
    assert "camera is ready" not in done.stdout
    assert "zrms refuses camera: link    refused" in done.stderr
    assert "another zhost named so is connected" in done.stderr


def test_two_simultaneous_ups_start_one_cluster(cluster):
    command = [STARTZ, "up", "--dir", cluster.dir, "--detach", "--zhosts", "1", "--api",
               f"127.0.0.1:{free_port()}"]
    both = [subprocess.Popen(command, env=cluster.env, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT) for _ in range(2)]
    outputs = [p.communicate(timeout=DEADLINE)[0] for p in both]
    assert [p.returncode for p in both] == [0, 0], outputs
    assert sum("edge-node-1 is running, zedge" in out for out in outputs) == 1, outputs
    assert len(cluster.pids()) == 2
    assert cluster.log("edge-node-1").count('"zhost"') == 1


def has_open(pid, end):
    """Whether the process has a file open whose path ends so; it may close others meanwhile."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            if os.readlink(f"/proc/{pid}/fd/{fd}").endswith(end):
                return True
    return False


def test_an_up_waits_for_another_whose_zrms_listens_but_is_not_recorded_yet(cluster):
    """On a machine whose disk is slow, zrms may listen before startz has recorded it."""
    os.makedirs(cluster.dir)
    with open(os.path.join(cluster.dir, "startz.lock"), "w") as lock, socket.socket() as zrms:
        fcntl.flock(lock, fcntl.LOCK_EX)
        zrms.bind(("127.0.0.1", 0))
        zrms.listen()
        port = zrms.getsockname()[1]
        up = subprocess.Popen([STARTZ, "up", "--dir", cluster.dir, "--detach", "--zhosts", "1",
                               "--api", f"127.0.0.1:{port}"], env=cluster.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        until(lambda: up.poll() is not None or has_open(up.pid, "/startz.lock"))
    output = up.communicate(timeout=DEADLINE)[0]
    assert up.returncode == 0, output
    assert len(cluster.pids()) == 2


def test_looking_whether_an_address_is_free_does_not_take_it(cluster):
    """A program that begins to listen meanwhile must not fail."""
    port = free_port()
    stop = threading.Event()
    failures = []

    def listen():
        while not stop.is_set():
            try:
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", port))
                    s.listen()
            except OSError as problem:
                failures.append(problem)
    thread = threading.Thread(target=listen)
    thread.start()
    try:
        for _ in range(40):
            cluster.run("up", "--api", f"127.0.0.1:{port}", "--detach", "--programs", "/nowhere")
    finally:
        stop.set()
        thread.join()
    assert failures == []


def test_usage():
    def run(*words):
        return subprocess.run([STARTZ, *words], capture_output=True, text=True, timeout=DEADLINE)
    assert run().returncode == 2
    assert run("upp").returncode == 2
    assert "unknown option --zhost; did you mean --zhosts?" in run("up", "--zhost", "3").stderr
    assert run("up", "--zhosts", "0").returncode == 2
    nowhere = run("node", "--name", "x")
    assert nowhere.returncode == 1 and "give --zrms URL, or --join TOKEN" in nowhere.stderr
    assert run("--help").returncode == 0
    assert re.fullmatch(r"startz \d+\.\d+\.\d+\n", run("--version").stdout)
    for command in ("up", "node", "status", "down"):
        done = run(command, "--help")
        assert (done.returncode, done.stderr) == (0, "") and f"startz {command}" in done.stdout


def test_status_and_down_of_a_directory_without_a_cluster(tmp_path):
    for command in ("status", "down"):
        done = subprocess.run([STARTZ, command, "--dir", str(tmp_path)], capture_output=True,
                              text=True, timeout=DEADLINE)
        assert (done.returncode, done.stdout) == (1, "")
        assert "no cluster has been started in" in done.stderr


def test_each_zhost_gets_a_token_of_its_own_and_people_find_theirs(cluster):
    done = cluster.up("--zhosts", "2")
    assert done.returncode == 0, done
    for number in (1, 2):
        name = f"edge-node-{number}"
        path = os.path.join(cluster.dir, "zhosts", name, "credentials", "zhost")
        with open(path) as file:
            assert file.read() == "smzz_" + (name.encode().hex() + 43 * "z")[:43] + "\n"
        assert os.stat(path).st_mode & 0o777 == 0o600
    address = cluster.state()["members"][0]["address"]
    note = os.path.join(cluster.env["XDG_STATE_HOME"], "samoza", "clusters", address)
    with open(note) as file:
        assert file.read() == os.path.join(cluster.dir, "zrms", "credentials", "local-admin") + "\n"
    assert os.stat(note).st_mode & 0o777 == 0o600
    cluster.run("down")
    assert not os.path.exists(note), "nothing is known of a cluster that has ended"


def test_a_node_of_somebody_without_a_token_is_refused_with_what_to_do(cluster, tmp_path):
    cluster.up("--zhosts", "1")
    address = cluster.state()["members"][0]["address"]
    other = Cluster(tmp_path / "other")
    other.env["XDG_STATE_HOME"] = str(tmp_path / "another user")
    words = ("node", "--name", "camera", "--zrms", f"http://{address}", "--detach")
    refused = other.run(*words)
    assert refused.returncode == 1
    assert "cannot get a token for zhost camera: who asks?" in refused.stderr
    assert "give it with --token-file FILE, or in SAMOZA_TOKEN" in refused.stderr
