"""zrms whose state is in etcd: it keeps everything over restarts, and only who leads writes."""
import re
import signal

import pytest
from conftest import run, text_of, until
from etcd import EtcdCluster
from native import native_app, native_deploy
from secure import needs_an_address

pytestmark = needs_an_address

SERVE = {"a/recipes/start": "#!/bin/sh\nwhile :; do sleep 1; done >/dev/null 2>&1 &\n"}


class ThreeServers(EtcdCluster):
    servers = 3


@pytest.fixture
def one(start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    return start_cluster(kind=EtcdCluster, zhosts=["edge-node-1"])


@pytest.fixture
def three(start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    return start_cluster(kind=ThreeServers, zhosts=["edge-node-1"])


class WithoutLimits(EtcdCluster):
    """Etcd takes 128 operations and 1.5 MiB by itself."""
    limits = ()


def says(daemon, words):
    return until(lambda: words in daemon.log.read_text(), f"{daemon.name} says: {words}")


def test_what_was_acknowledged_is_there_after_each_restart(one):
    """[machines.replicated.store]"""
    c = one
    native_deploy(c, "shop", [{"name": "a"}], SERVE)
    c.wait_state("shop", "running")
    before, spaces = c.events(), c.zruns("edge-node-1")
    assert not (c.directory / "zrms" / "zrms.db").exists()
    # Stopped as it should be, and killed: then it waits until its own lease of before has ended.
    for end in (lambda: c.zrms.kill(signal.SIGTERM), c.zrms.kill):
        end()
        c.start_zrms()
        c.wait_zhost("edge-node-1", "deployed-started")
        c.wait_state("shop", "running")
        assert c.zruns("edge-node-1") == spaces
        assert c.events()[:len(before)] == before
    assert c.zrms.log.read_text().count("won term=") >= 3
    assert c.zshell("cluster", "audit").returncode == 0


def test_servers_of_etcd_may_end_one_by_one(three):
    c = three
    for i in range(3):
        c.etcd.kill(i)
        native_deploy(c, f"shop-{i}", [{"name": "a"}], SERVE)
        c.wait_state(f"shop-{i}", "running")
        c.etcd.start(i)
        until(c.etcd.is_healthy, "etcd answers again")
    c.zrms.kill(signal.SIGTERM)
    c.start_zrms()
    for i in range(3):
        c.wait_state(f"shop-{i}", "running")


def test_of_two_zrms_the_second_waits_and_takes_over(one):
    c = one
    second = c.second_zrms().start()
    says(second, "waiting leader=")
    assert "won term=" not in second.log.read_text()
    c.zrms.kill(signal.SIGTERM)  # it gives its lease back
    says(second, "won term=")
    second.kill(signal.SIGTERM)
    second.start()
    says(second, "term=3")
    second.kill(signal.SIGTERM)


def test_a_leader_that_is_none_any_more_stands_by_and_leads_again(one):
    c = one
    pid = c.zrms.pid
    c.etcd.ctl("del", "samoza/leader")
    # It is refused by etcd, and asked again under the same key until the one that leads has carried it out.
    c.zshell("user", "create", "ann", "--role", "viewer")
    says(c.zrms, "another zrms leads")
    says(c.zrms, "won term=2")
    assert c.zrms.pid == pid and c.zrms.is_running()
    assert c.zshell("user", "list").stdout.count("ann ") == 1
    assert c.zrms.log.read_text().count("subject=user/ann") == 1


def test_an_etcd_that_is_not_there_is_waited_for_and_a_wrong_address_is_refused(one):
    c = one
    c.zrms.kill(signal.SIGTERM)
    done = run(*["etcd:http://127.0.0.1:1" if word == c.etcd.url else word for word in c.zrms.command], check=False)
    assert done.returncode == 1 and "expected https://HOST:PORT" in done.stderr
    c.etcd.kill(0)
    c.zrms.start()
    says(c.zrms, "etcd.silent")
    c.etcd.start(0)
    until(c.is_healthy, "zrms answers")


def test_a_zhost_that_falls_silent_is_a_problem(start_cluster):
    """Nobody asks zrms for anything: its own timer has to ring, again and again."""
    c = start_cluster(kind=EtcdCluster, zhosts=["edge-node-1", "edge-node-2"])
    c.zhosts["edge-node-1"].kill()
    c.wait_zhost("edge-node-1", "problem")


@pytest.mark.parametrize("kind", [EtcdCluster, WithoutLimits])
def test_the_loss_of_thousands_of_instances_at_once_is_one_decision(start_cluster, kind):
    count = 3000
    c = start_cluster(kind=kind, timeout="4s", zhosts=[{"name": "edge-node-1", "cpu": 16, "memory": "64GiB"},
                                                       {"name": "edge-node-2", "cpu": 1, "memory": "8MiB"}])
    package = c.build(native_app(c, "many", [{"name": "a", "count": count, "resources": {"cpu": "1m", "memory": "16MiB"}}],
                                 SERVE), "many")
    c.zhosts["edge-node-1"].process.send_signal(signal.SIGSTOP)  # it starts none of them, and is lost
    c.zshell("topo", "submit", package)
    placed = len(c.get("/v1/spaces?topology=many")["spaces"])
    assert placed == count
    c.wait_zhost("edge-node-1", "problem")
    before = c.events()
    lost = [e for e in c.events("many") if e["from"] == "deploying"]
    assert len(lost) == count, lost[:3]
    divided = re.search(r"^zrms_store_divided_total (\d+)", text_of(f"{c.url}/metrics"), re.M)
    assert divided and int(divided.group(1)) >= 2
    c.zrms.kill()
    c.start_zrms()
    assert len(c.get("/v1/spaces?topology=many")["spaces"]) == count
    assert c.events()[:len(before)] == before


def test_what_is_exclusive_ends_when_a_leader_cannot_renew_its_lease(one):
    """Another zrms could lead then: nothing is promised to a zhost, and it stops what needs the promise."""
    c = one
    native_deploy(c, "shop", [{"name": "a", "exclusive": True, "stop": {"grace": "200ms"}}, {"name": "b"}],
                  SERVE | {"b/recipes/start": SERVE["a/recipes/start"]})
    c.wait_state("shop", "running")
    before = set(c.zruns("edge-node-1"))
    assert len(before) == 2
    c.etcd.kill(0)
    until(lambda: len(c.zruns("edge-node-1")) == 1, "the exclusive one ends")
    assert set(c.zruns("edge-node-1")) < before, "the other one runs on"
    assert c.zrms.is_running()
