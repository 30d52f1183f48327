"""A rotation of the certificate authority waits for the servers of etcd, which read whom they believe when they start
[machines.identity.renewal]."""
import shutil

import pytest
from conftest import until
from etcd import EtcdCluster
from secure import needs_an_address

pytestmark = needs_an_address


class OnThreeServers(EtcdCluster):
    servers = 3


@pytest.fixture
def cluster(start_cluster):
    return start_cluster(kind=OnThreeServers, zhosts=[])


def authorities(c):
    return c.get("/v1/authorities")


def waits_for(c, phase, servers):
    """The rotation is in that phase, and waits for these servers alone."""
    def are():
        view = authorities(c)
        missing = view.get("store_missing", [])
        return view["rotation"] == phase and len(missing) == len(servers) and all(
            any(text.startswith(f"https://127.0.0.1:{c.etcd.ports[i][0]},") for text in missing) for i in servers)
    until(are, f"in {phase} it waits for {servers}", deadline=60)


def restart(c, i):
    c.etcd.kill(i)
    c.etcd.start(i)
    until(c.etcd.is_healthy, "etcd answers")


def writes(c):
    status, _ = c.request("POST", "/v1/tokens", {}, {"Content-Type": "application/json"})
    return status == 201


def test_it_goes_on_when_each_server_was_restarted_and_the_store_is_written_all_the_time(cluster):
    c = cluster
    c.zshell("cluster", "ca", "rotate")
    waits_for(c, "adding", [0, 1, 2])
    shown = c.zshell("cluster", "ca")
    assert "It waits for the servers of the store:" in shown.stdout and "Samoza CA 2" in shown.stdout
    assert "restart its servers, one after the other" in shown.stdout + shown.stderr
    # Nobody who leads forgets it.
    c.zrms.kill()
    c.start_zrms()
    for i in range(3):
        waits_for(c, "adding", range(i, 3))
        restart(c, i)
        assert writes(c)
    # Now its own certificate is of the next one; theirs are copies of an earlier one.
    waits_for(c, "reissuing", [0, 1, 2])
    assert writes(c)
    shutil.copy(c.directory / "zrms" / "credentials" / "identity.pem", c.etcd.identity)
    until(lambda: authorities(c)["rotation"] == "none", "it has ended", deadline=60)
    assert writes(c)
    c.zrms.kill()
    c.start_zrms()
    assert [a["state"] for a in authorities(c)["authorities"]] == ["former", "signs"] and writes(c)


def test_it_can_be_taken_back_and_forced(cluster):
    c = cluster
    c.zshell("cluster", "ca", "rotate")
    waits_for(c, "adding", [0, 1, 2])
    c.zshell("cluster", "ca", "rotate", "--finish")
    waits_for(c, "adding", [0, 1, 2])  # they are connected
    c.zshell("cluster", "ca", "rotate", "--abort")
    until(lambda: authorities(c)["rotation"] == "none", "it is taken back")
    assert authorities(c)["store_missing"] == [] and writes(c)
