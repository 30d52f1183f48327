"""startz up --zrms 3 --store etcd: a control plane that survives the loss of any one of its processes, on one machine."""
import os
import re
import signal

import pytest
from conftest import BIN, free_port, is_alive, run, until
from native import SLEEPER, native_app

UP = (BIN / "startz", "up", "--detach", "--zhosts", "1", "--heartbeat", "300ms", "--failure-timeout", "5s")


@pytest.fixture
def home(tmp_path):
    directory = tmp_path / "cluster"
    yield directory
    run(BIN / "startz", "down", "--dir", directory, check=False)


def up(home, *options, **how):
    return run(*UP, "--dir", home, *options, **how)


def status(home):
    rows = (line.split() for line in run(BIN / "startz", "status", "--dir", home).stdout.splitlines()[1:])
    return {row[0]: row for row in rows if row}


def kill(home, name):
    pid = int(status(home)[name][2])
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_alive(pid), f"{name} ended")


def test_three_zrms_on_three_etcd(home, start_cluster):
    """[machines.replicated.store] [shell.startz.store]"""
    c = start_cluster(zhosts=[])  # builds the package
    shown = up(home, "--zrms", "3", "--store", "etcd", "--api", f"127.0.0.1:{free_port()}").stdout
    rows = status(home)
    assert sorted(rows) == ["edge-node-1", "etcd-1", "etcd-2", "etcd-3", "zrms", "zrms-2", "zrms-3"]
    assert {name: row[3] for name, row in rows.items()} == dict.fromkeys(rows, "running")
    api = re.search(r"zshell --api (\S+)", shown).group(1)
    assert api == "http://" + ",".join(rows[name][4] for name in ("zrms", "zrms-2", "zrms-3"))
    zshell = BIN / "zshell", "--api", api

    def leader():
        return re.search(r"Leader: +(\S+) at", run(*zshell, "cluster").stdout).group(1)

    package = c.build(native_app(c, "run", [{"name": "p", "run": {"mode": "foreground"}}],
                                 {"p/recipes/start": SLEEPER.format(300107)}), "run")
    run(BIN / "mex", "sign", package, "--key", home / "keys/dev")
    run(*zshell, "topo", "submit", package, "--wait=30s")
    # The one that leads, and a server of etcd: both are started again, and nothing else.
    for name in (leader(), "etcd-2"):
        kill(home, name)
        until(lambda: "running" in run(*zshell, "topo", "status", "run", check=False).stdout, "zrms answers", 40)
        before = status(home)
        assert before[name][3] == "stopped"
        up(home)
        after = status(home)
        assert [n for n in after if after[n] != before[n]] == [name] and after[name][3] == "running"
        assert after[name][4] == before[name][4]
    run(BIN / "startz", "down", "--dir", home)
    assert all(row[3] == "stopped" for row in status(home).values())
    up(home)
    until(lambda: "running" in run(*zshell, "topo", "status", "run", check=False).stdout, "everything is there again", 40)


def test_what_cannot_be_is_refused_before_anything_starts(home, tmp_path):
    done = up(home, "--zrms", "3", check=False)
    assert done.returncode == 1 and "several zrms need a store that they share: give --store etcd" in done.stderr
    assert not (home / "startz.json").exists()
    bare = tmp_path / "bin"
    bare.mkdir()
    done = up(home, "--store", "etcd", check=False, env=dict(os.environ, PATH=str(bare)))
    assert done.returncode == 1 and "apt install etcd-server" in done.stderr
    up(home, "--api", f"127.0.0.1:{free_port()}")
    done = up(home, "--store", "etcd", check=False)
    assert done.returncode == 1 and "zrms store migrate" in done.stderr
