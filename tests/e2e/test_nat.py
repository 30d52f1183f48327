"""A zhost that others see at another address than its own (tests/rig): it is in a network of its own, and a router between that and
the others' puts its own address in the place of the zhost's. The zhost knows, and tells, only the one that nobody else reaches."""
import shutil

import pytest

import numbers_app
from conftest import until
from rig_cluster import cluster_on
from test_mesh_cuts import MeshCluster

pytestmark = pytest.mark.skipif(shutil.which("nft") is None, reason="there is no nft (tools/setup test)")

MACHINES = ["control", "router", "alpha", "beta"]
MASQUERADE = """
table ip nat {
    chain out {
        type nat hook postrouting priority 100;
        ip saddr 10.88.0.0/24 masquerade
    }
}
"""


class Hidden(MeshCluster):
    """beta is in 10.88.0.0/24, from where there is a way to the others, and none back. `sender` sends to the other one."""

    def hide(self):
        self.rig["router"].run("ip", "address", "add", "10.88.0.1/24", "dev", "eth0")
        self.rig["router"].run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; nft -f -", input=MASQUERADE)
        self.rig["beta"].run("ip", "-batch", "-", input="address flush dev eth0\naddress add 10.88.0.2/24 dev eth0\n"
                             "route add default via 10.88.0.1\n")
        assert self.rig["alpha"].run("ip", "route", "get", "10.88.0.2", check=False).returncode != 0

    def deploy_from(self, sender, receiver):
        on = [{"constraints": [f"zhost == {name}"]} for name in (sender, receiver)]
        source = self.app("count", numbers_app.spaces(*on), numbers_app.SOURCES, numbers_app.PATHS)
        self.submit(self.build(source, "count"))
        self.wait_running("count")


@pytest.fixture
def c(rig_switch, tmp_path):
    with cluster_on(rig_switch, tmp_path, MACHINES, Hidden, heartbeat="1s", timeout="20s") as made:
        made.hide()
        made.join_all("alpha", "beta")
        yield made


@pytest.mark.parametrize("sender, receiver, way", [("alpha", "beta", "hub"), ("beta", "alpha", "direct")])
def test_a_zhost_behind_a_router_is_reached_through_the_hub_and_reaches_others_directly(c, sender, receiver, way):
    """What it sends itself needs no hub."""
    c.deploy_from(sender, receiver)
    assert c.view("cluster", "status", "beta")["address"] == "10.88.0.2"
    until(lambda: c.peer(sender).get("way") == way, f"messages from {sender} go by {way}", 60)
    c.flows(300)
    assert c.peer(sender)["way"] == way
    # The hub is gone and back: messages do, too, and in order (`taken` fails otherwise).
    c.rig.cut_both("control", sender if sender == "alpha" else "router")
    if way == "direct":
        c.flows()
    c.rig.heal()
    c.flows(300)
