"""startz with daemons that only pretend: what is started, left alone, shown and ended."""

import fcntl
import json
import os
import re
import select
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

DEADLINE = 60
STARTZ = os.environ["STARTZ"]
PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")


class Cluster:
    def __init__(self, directory):
        self.dir = str(directory)
        self.env = dict(os.environ, STARTZ_PROGRAMS=PROGRAMS, LC_ALL="C.UTF-8")
        self.env.pop("STARTZ_DIR", None)

    def run(self, *words, **more):
        return subprocess.run([STARTZ, words[0], "--dir", self.dir, *words[1:]], env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=DEADLINE, **more)

    def up(self, *words, **more):
        return self.run("up", "--api", "127.0.0.1:0", "--detach", *words, **more)

    def again(self, *words):
        return self.run("up", "--detach", *words)

    def rows(self):
        done = self.run("status")
        assert done.returncode == 0, done
        lines = [line.split() for line in done.stdout.splitlines()]
        assert lines[0] == ["NAME", "PROGRAM", "PID", "STATE", "ADDRESS"]
        return lines[1:]

    def pids(self):
        return {row[0]: int(row[2]) for row in self.rows() if row[2] != "-"}

    def state(self):
        with open(os.path.join(self.dir, "startz.json")) as file:
            return json.load(file)

    def log(self, name):
        with open(os.path.join(self.dir, "log", name + ".log")) as file:
            return file.read()

    def zruns(self):
        found = []
        base = os.path.join(self.dir, "zhosts")
        for name in os.listdir(base):
            try:
                with open(os.path.join(base, name, "zrun.pid")) as file:
                    found.append(int(file.read()))
            except FileNotFoundError:
                pass
        return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it never came"
        select.select([], [], [], 0.01)


@pytest.fixture
def cluster(tmp_path):
    c = Cluster(tmp_path / "a directory")
    yield c
    c.run("down")
    for pid in c.zruns() if os.path.isdir(os.path.join(c.dir, "zhosts")) else []:
        assert not alive(pid)


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
    # What runs stays as it is, and what is started again is asked for anew.
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


def test_a_port_that_is_taken_is_refused(cluster):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = cluster.run("up", "--api", f"127.0.0.1:{port}", "--detach")
    assert done.returncode == 1
    assert f"127.0.0.1:{port} is in use by another program" in done.stderr
    assert "What was started" not in done.stderr
    assert not os.path.exists(cluster.dir)


def test_incompatible_durations_are_refused(cluster):
    done = cluster.up("--heartbeat", "5s", "--failure-timeout", "1s")
    assert done.returncode == 1, done
    assert "a failure timeout of 1s is too short for heartbeats every 5s" in done.stderr
    assert "at least twice as long" in done.stderr
    assert not os.path.exists(cluster.dir)
    assert cluster.up("--zhosts", "1", "--heartbeat", "1500ms").returncode == 0
    cluster.run("down")
    done = cluster.again("--heartbeat", "2s")  # of the 3 s from before
    assert done.returncode == 1 and "timeout of 3s is too short" in done.stderr


def test_another_address_for_a_running_zrms_is_refused(cluster):
    cluster.up("--zhosts", "1")
    before = cluster.rows()
    done = cluster.up("--zhosts", "1")
    assert done.returncode == 1
    assert f"is already running at {before[0][4]}" in done.stderr
    assert cluster.rows() == before


def test_addresses_other_than_loopback_are_refused(cluster):
    done = cluster.run("up", "--api", "0.0.0.0:7331")
    assert done.returncode == 2
    assert "there is no access control yet" in done.stderr


def test_a_daemon_that_exits_at_once_shows_its_last_lines(cluster):
    os.makedirs(os.path.join(cluster.dir, "zrms"))
    open(os.path.join(cluster.dir, "zrms", "fail"), "w").close()
    done = cluster.up()
    assert done.returncode == 1
    assert f"zrms has exited; the last lines of {cluster.dir}/log/zrms.log:\n" in done.stderr
    assert "  zrms: the store is damaged \\x1b[31m\n" in done.stderr


def copy_of(cluster, name):
    return os.path.join(cluster.dir, "config", name + ".yaml")


def test_a_configuration_file_lists_the_zhosts(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: paris, cpu: 4, capabilities: [sensors.camera]}\n"
                      "- {name: rome}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    assert [row[0] for row in cluster.rows()] == ["zrms", "paris", "rome"]
    assert json.loads(cluster.log("rome").splitlines()[0])["zhost"][-2:] == [
        "--config", copy_of(cluster, "rome")]
    done = cluster.again("--config", str(config), "--zhosts", "3")
    assert "lists only 2" in done.stderr
    config.write_text("zhosts:\n- {nam: paris}\n")
    done = cluster.again("--config", str(config))
    assert done.returncode == 1
    assert f"{config}:2:4: unknown key 'nam'" in done.stderr


def test_a_bad_configuration_file_leaves_nothing_behind(cluster, tmp_path):
    done = cluster.up("--config", str(tmp_path / "missing.yaml"))
    assert done.returncode == 1 and f"cannot read {tmp_path}/missing.yaml" in done.stderr
    assert not os.path.exists(cluster.dir)


def test_a_configuration_file_may_move_once_it_was_used(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n- {name: rome}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    text = config.read_text()
    config.unlink()
    os.kill(cluster.pids()["rome"], signal.SIGKILL)
    until(lambda: "rome" not in cluster.pids())
    assert cluster.again().returncode == 0
    assert cluster.log("rome").count(copy_of(cluster, "rome")) == 2
    assert open(copy_of(cluster, "rome")).read() == text


def test_a_changed_configuration_is_refused_for_a_zhost_that_runs(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n- {name: rome, cpu: 4}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    before = cluster.rows()
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n- {name: rome, cpu: 5}\n")
    done = cluster.again("--config", str(config))
    assert done.returncode == 1, done
    assert f"rome is running, and {config} changes its configuration" in done.stderr
    assert f"stop it first (startz down --dir {cluster.dir})" in done.stderr
    assert cluster.rows() == before
    # The order, comments and another spelling change nothing.
    config.write_text("# moved\nzhosts:\n- {cpu: \"4\", name: rome}\n- {name: paris, cpu: 4}\n")
    assert cluster.again("--config", str(config)).returncode == 0


def test_a_changed_configuration_is_taken_by_what_starts(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n- {name: rome, cpu: 4}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    os.kill(cluster.pids()["rome"], signal.SIGKILL)
    until(lambda: "rome" not in cluster.pids())
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n- {name: rome, cpu: 5}\n")
    assert cluster.again("--config", str(config)).returncode == 0
    assert "cpu: 5" in open(copy_of(cluster, "rome")).read()
    done = cluster.again("--config", str(config))
    assert done.returncode == 0, done


def test_other_durations_for_a_running_zrms_are_refused(cluster):
    assert cluster.up("--zhosts", "1", "--heartbeat", "500ms").returncode == 0
    saved = cluster.state()
    done = cluster.again("--heartbeat", "250ms")
    assert done.returncode == 1, done
    assert "is already running with --heartbeat 500ms: stop it first" in done.stderr
    done = cluster.again("--failure-timeout", "9s")
    assert "is already running with --failure-timeout 3s: stop it first" in done.stderr
    assert cluster.state() == saved
    assert cluster.again("--heartbeat", "500ms").returncode == 0


def test_a_configuration_that_an_earlier_startz_used_in_place_is_copied(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    cluster.run("down")
    state = cluster.state()
    state["members"][1]["config"] = str(config)
    with open(os.path.join(cluster.dir, "startz.json"), "w") as file:
        json.dump(state, file)
    os.unlink(copy_of(cluster, "paris"))
    assert cluster.again().returncode == 0
    assert open(copy_of(cluster, "paris")).read() == config.read_text()


def test_up_without_options_starts_every_known_zhost(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: alpha, cpu: 4}\n- {name: beta}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    assert cluster.again("--zhosts", "2").returncode == 0
    names = ["zrms", "alpha", "beta", "edge-node-1", "edge-node-2"]
    assert [row[0] for row in cluster.rows()] == names
    cluster.run("down")
    done = cluster.again()
    assert done.returncode == 0, done
    assert sorted(cluster.pids()) == sorted(names)
    for name in names[1:]:
        assert cluster.log(name).count('"zhost"') == 2
        with_file = 2 if name in ("alpha", "beta") else 0
        assert cluster.log(name).count(copy_of(cluster, name)) == with_file, name


def test_a_node_joins_a_cluster(cluster, tmp_path):
    cluster.up("--zhosts", "1")
    url = "http://" + cluster.rows()[0][4]
    done = cluster.run("node", "--name", "camera", "--zrms", url, "--detach")
    assert done.returncode == 0, done
    assert [row[0] for row in cluster.rows()] == ["zrms", "edge-node-1", "camera"]
    for name in ("../x", "zrms", ".x", "-x", "-", "a b"):
        done = cluster.run("node", f"--name={name}", "--zrms", url, "--detach")
        assert done.returncode == 1 and "invalid zhost name" in done.stderr


@pytest.mark.parametrize("name", ["-x", ".x", "zrms"])
def test_a_configuration_with_a_name_that_no_zhost_may_have_is_refused(cluster, tmp_path, name):
    config = tmp_path / "zhosts.yaml"
    config.write_text(f'zhosts:\n- {{name: "{name}"}}\n')
    done = cluster.up("--config", str(config))
    assert done.returncode == 1, done
    assert "expected" in done.stderr and f"'{name}'" in done.stderr, done.stderr
    assert not os.path.exists(cluster.dir)


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


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


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
        fds = f"/proc/{up.pid}/fd"
        until(lambda: up.poll() is not None or any(
            os.readlink(os.path.join(fds, fd)).endswith("/startz.lock") for fd in os.listdir(fds)))
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


def test_usage():
    def run(*words):
        return subprocess.run([STARTZ, *words], capture_output=True, text=True, timeout=DEADLINE)
    assert run().returncode == 2
    assert run("upp").returncode == 2
    assert "unknown option --zhost; did you mean --zhosts?" in run("up", "--zhost", "3").stderr
    assert run("up", "--zhosts", "0").returncode == 2
    assert run("node", "--name", "x").returncode == 2
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
