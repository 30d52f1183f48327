"""zrms store migrate: from SQLite to etcd and back, under spaces that run; killed at any moment."""
import contextlib
import shutil
import signal
import sqlite3
import subprocess

import pytest
from conftest import BIN, run, until
from etcd import Etcd
from native import native_app, native_deploy
from secure import ADDRESS, SecureCluster, needs_an_address

pytestmark = needs_an_address

SERVE = {"a/recipes/start": "#!/bin/sh\nwhile :; do sleep 1; done >/dev/null 2>&1 &\n"}


class BesideEtcd(SecureCluster):
    """On SQLite, and beside it an etcd that is empty."""

    def init(self, directory):
        run(BIN / "zrms", "init", "--dir", directory / "zrms", "--listen", f"{ADDRESS}:7331", "--name", "lab",
            "--advertise", f"{ADDRESS},127.0.0.1")
        self.ca = directory / "zrms" / "credentials" / "authorities.pem"
        identity = directory / "etcd.pem"  # zrms renews its own
        shutil.copy(self.ca.parent / "identity.pem", identity)
        self.etcd = Etcd(directory, identity, self.ca)
        self.etcd.ctl("del", "test/there")

    def stop(self):
        super().stop()
        self.etcd.stop()


@pytest.fixture
def moved(start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    # Nobody is lost, however long a zrms is away or a zhost stands still.
    return start_cluster(kind=BesideEtcd, zhosts=["edge-node-1"], timeout="60s")


def command(c, source, target, *options):
    return [BIN / "zrms", "store", "migrate", "--dir", c.directory / "zrms", "--from", source, "--to", target, *options]


def sqlite_of(c):
    return f"sqlite:{c.directory / 'zrms'}"


def store_of_zrms(c, url):
    """What the next zrms is started with; None: the default."""
    words = [str(w) for w in c.zrms.command]
    if "--store" in words:
        at = words.index("--store")
        del words[at:at + 2]
    c.zrms.command = words + (["--store", url] if url else [])


def facts(c):
    """What must be the same on the other side."""
    topologies = [(t["name"], t["id"], t["state"]) for t in c.get("/v1/topologies")["topologies"]]
    spaces = [(s["path"], s["zhost"], s["state"]) for s in c.get("/v1/spaces")["spaces"]]
    return topologies, spaces, c.zshell("user", "list").stdout.count("ann")


def is_run_on(c, before, events, spaces):
    c.wait_zhost("edge-node-1", "deployed-started")
    until(lambda: facts(c) == before, "everything is there")
    assert c.zruns("edge-node-1") == spaces, "no space was restarted"
    assert c.events()[:len(events)] == events
    numbers = [e["seq"] for e in c.events()]
    assert numbers == sorted(set(numbers))


def test_from_sqlite_to_etcd_and_back_under_spaces_that_run(moved):
    """[machines.replicated.store]"""
    c = moved
    native_deploy(c, "shop", [{"name": "a"}], SERVE)
    c.wait_state("shop", "running")
    c.zshell("user", "create", "ann", "--role", "viewer")
    before, events, spaces = facts(c), c.events(), c.zruns("edge-node-1")
    audit = c.zshell("cluster", "audit").stdout.splitlines()

    done = run(*command(c, sqlite_of(c), c.etcd.url), check=False)
    assert done.returncode == 1 and "is in use by another zrms" in done.stderr
    c.zrms.kill(signal.SIGTERM)
    plan = run(*command(c, sqlite_of(c), c.etcd.url, "--plan")).stdout
    assert "nothing was changed" in plan and "records" in plan
    assert not c.etcd.ctl("get", "--prefix", "samoza/", "--keys-only").stdout.strip()

    done = run(*command(c, sqlite_of(c), c.etcd.url))
    assert "moved to etcd:" in done.stdout, done.stdout
    # By mistake as before.
    c.zrms.start()
    until(lambda: not c.zrms.is_running(), "it ends")
    assert f"start zrms with --store {c.etcd.url}" in c.zrms.log.read_text()
    with contextlib.closing(sqlite3.connect(c.directory / "zrms" / "zrms.db")) as store:
        version = store.execute("PRAGMA user_version").fetchone()[0]
    assert version > 1000, "an earlier zrms takes it for one of a later version"

    store_of_zrms(c, c.etcd.url)
    c.start_zrms()
    is_run_on(c, before, events, spaces)
    assert c.zshell("cluster", "audit").stdout.splitlines()[:len(audit)] == audit
    native_deploy(c, "late", [{"name": "a"}], SERVE)
    c.wait_state("late", "running")
    before, events, spaces = facts(c), c.events(), c.zruns("edge-node-1")

    done = run(*command(c, c.etcd.url, sqlite_of(c), "--replace"), check=False)
    assert done.returncode == 1 and "is in use by another zrms" in done.stderr
    c.zrms.kill()  # its lease lasts a moment longer
    done = run(*command(c, c.etcd.url, sqlite_of(c)), check=False)
    assert done.returncode == 1 and "give --replace" in done.stderr
    run(*command(c, c.etcd.url, sqlite_of(c), "--replace"))
    store_of_zrms(c, None)
    c.start_zrms()
    is_run_on(c, before, events, spaces)
    # A new term, above those on etcd: zhosts follow it.
    native_deploy(c, "last", [{"name": "a"}], SERVE)
    c.wait_state("last", "running")


def test_another_zrms_on_etcd_is_in_the_way(moved):
    c = moved
    c.zrms.kill(signal.SIGTERM)
    run(*command(c, sqlite_of(c), c.etcd.url))
    store_of_zrms(c, c.etcd.url)
    c.start_zrms()
    other = c.directory / "other"
    shutil.copytree(c.directory / "zrms" / "credentials", other / "credentials")
    done = run(BIN / "zrms", "store", "migrate", "--dir", other, "--from", c.etcd.url, "--to", f"sqlite:{other}",
               check=False)
    assert done.returncode == 1 and "runs on etcd:" in done.stderr and "stop it first" in done.stderr
    assert c.is_healthy()


def test_killed_at_any_moment_it_is_given_again(moved):
    c = moved
    package = c.build(native_app(c, "many", [{"name": "a", "count": 300, "resources": {"cpu": "1m", "memory": "1MiB"}}],
                                 SERVE), "many")
    c.zhosts["edge-node-1"].process.send_signal(signal.SIGSTOP)  # it starts none of them
    c.zshell("topo", "submit", package)
    before, events = facts(c), c.events()
    c.zrms.kill(signal.SIGTERM)
    c.zhosts["edge-node-1"].process.send_signal(signal.SIGKILL)
    run(*command(c, sqlite_of(c), c.etcd.url, "--plan"))
    kills, after = 0, 0.005  # the first before it has done anything, each further one later, until it is done first
    while True:
        process = subprocess.Popen([str(w) for w in command(c, sqlite_of(c), c.etcd.url)], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        try:
            process.wait(timeout=after)
            assert process.returncode == 0, process.stdout.read()
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills, after = kills + 1, after * 1.4
    assert kills > 0
    done = run(*command(c, sqlite_of(c), c.etcd.url))
    assert "moved to etcd:" in done.stdout
    store_of_zrms(c, c.etcd.url)
    c.start_zrms()
    assert facts(c)[1] == before[1]
    assert c.events()[:len(events)] == events
