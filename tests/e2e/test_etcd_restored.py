"""An etcd that was set back while zhosts lived on: zrms notices, and goes on as from a restored backup."""
import shutil
import signal

import pytest
from conftest import until
from etcd import EtcdCluster, ThreeZrms
from native import native_deploy
from secure import needs_an_address

pytestmark = needs_an_address

SERVE = {"a/recipes/start": "#!/bin/sh\nwhile :; do sleep 1; done >/dev/null 2>&1 &\n"}


def from_snapshot(c, token):
    c.etcd.restore(c.directory / "etcd.snapshot", token)


def from_files(c, _):
    """As of a machine that was set back as a whole: the log is that of then, too."""
    c.etcd.kill(0)
    shutil.rmtree(c.directory / "etcd-0")
    shutil.copytree(c.directory / "etcd-0.then", c.directory / "etcd-0")
    c.etcd.start(0)
    until(c.etcd.is_healthy, "etcd answers")


@pytest.fixture
def one(start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    return start_cluster(kind=EtcdCluster, zhosts=["edge-node-1"])


@pytest.mark.parametrize("how, token, why", [
    (from_snapshot, "etcd-cluster", "its log is not the one in which it was written"),
    (from_snapshot, "another", "it is another cluster of etcd"),
    (from_files, None, "it is older than what this machine has seen of it")])
def test_an_etcd_that_was_set_back_is_a_restored_backup(one, how, token, why):
    """[machines.replicated.store] [machines.operation.backup]"""
    c = one
    native_deploy(c, "old", [{"name": "a"}], SERVE)
    c.wait_state("old", "running")
    spaces = c.zruns("edge-node-1")
    c.etcd.save(c.directory / "etcd.snapshot")
    if how is from_files:
        c.zrms.kill(signal.SIGTERM)
        c.etcd.kill(0)
        shutil.copytree(c.directory / "etcd-0", c.directory / "etcd-0.then")
        c.etcd.start(0)
        c.start_zrms()
        c.wait_zhost("edge-node-1", "deployed-started")
    native_deploy(c, "new", [{"name": "a"}], SERVE)  # of which the backup knows nothing
    c.wait_state("new", "running")
    assert len(c.zruns("edge-node-1")) == 2
    newest = c.events()[-1]["seq"]
    c.zrms.kill(signal.SIGTERM)
    how(c, token)
    c.start_zrms()
    c.wait_zhost("edge-node-1", "deployed-started")
    assert why in c.zrms.log.read_text()
    until(lambda: c.zruns("edge-node-1") == spaces, "what the backup knows runs on, the rest is unloaded")
    native_deploy(c, "later", [{"name": "a"}], SERVE)
    c.wait_state("later", "running")
    assert c.events("later")[0]["seq"] > newest, "numbers that were used are not used again"
    # Once: it is an ordinary store from here on.
    c.zrms.kill(signal.SIGTERM)
    c.start_zrms()
    c.wait_zhost("edge-node-1", "deployed-started")
    assert c.zrms.log.read_text().count("store   restored") == 1
    assert set(spaces) < set(c.zruns("edge-node-1"))


def test_another_zrms_takes_over_after_a_restore_and_does_not_restore_again(start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    c = start_cluster(kind=ThreeZrms, zhosts=["edge-node-1"])
    c.leader()
    native_deploy(c, "old", [{"name": "a"}], SERVE)
    c.wait_state("old", "running")
    spaces = c.zruns("edge-node-1")
    c.etcd.save(c.directory / "etcd.snapshot")
    native_deploy(c, "new", [{"name": "a"}], SERVE)
    c.wait_state("new", "running")
    for daemon in c.all_zrms().values():
        daemon.kill(signal.SIGTERM)
    c.etcd.restore(c.directory / "etcd.snapshot")
    for daemon in c.all_zrms().values():
        daemon.start()
    first = c.leader()
    until(lambda: c.zruns("edge-node-1") == spaces, "what the backup knows runs on, the rest is unloaded", 40)
    c.all_zrms()[first].kill()
    c.leader(other_than=first)
    c.wait_zhost("edge-node-1", "deployed-started")
    logs = [daemon.log.read_text().count("store   restored") for daemon in c.all_zrms().values()]
    assert sorted(logs) == [0, 0, 1]
    assert c.zruns("edge-node-1") == spaces
