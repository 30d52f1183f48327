"""Messages between spaces on two machines, under a network that cuts, delays and loses (tests/rig): in order, at most
once, by whichever way is left, and directly again by themselves."""
import pytest

import numbers_app
from conftest import Cluster, until
from rig import Rig
from rig_cluster import RigCluster

MACHINES = ["control", "alpha", "beta"]


class MeshCluster(RigCluster):
    """alpha sends numbered messages to beta."""

    app = Cluster.app

    def deploy(self):
        on = {name: {"constraints": [f"zhost == {name}"]} for name in ("alpha", "beta")}
        source = self.app("count", numbers_app.spaces(on["alpha"], on["beta"]), numbers_app.SOURCES, numbers_app.PATHS)
        self.submit(self.build(source, "count"))
        self.wait_running("count")

    def log(self, path):
        done = self.zshell("spaces", "logs", f"count/{path}", "--lines", "10000", check=False)
        lines = done.stdout.splitlines()
        numbers_app.check_order(lines)
        return lines

    def taken(self):
        """So many, and so many were missing between them; anything out of order fails."""
        return numbers_app.last_figures(self.log("checker"), ["taken", "missing"])

    def peer(self, zhost="alpha"):
        peers = self.view("mesh", "peers", "--zhost", zhost).get("peers", [])
        return peers[0] if peers else {}

    def way(self):
        return self.peer().get("way")

    def flows(self, by=100):
        """Messages arrive."""
        before = self.taken()[0]
        until(lambda: self.taken()[0] >= before + by, "messages arrive", 60)

    def is_back(self):
        until(lambda: self.way() == "direct", "messages go directly again", 60)
        self.flows()


@pytest.fixture
def c(rig_switch, tmp_path):
    with Rig(rig_switch, *MACHINES) as rig:
        made = MeshCluster(rig, tmp_path, heartbeat="1s", timeout="20s")
        try:
            made.join_all()
            made.deploy()
            made.is_back()
            yield made
        finally:
            for machine in MACHINES:
                rig[machine].kill()
            for process in made.processes.values():
                process.wait()


def test_ping_peers_and_routes_between_machines(c):
    pings = c.view("mesh", "ping", "count/checker", "--count", "3")["pings"]
    assert [(p["from"], p["zhost"], p.get("way")) for p in pings] == [("alpha", "beta", "direct")] * 3
    (route,) = c.view("mesh", "routes")["routes"]
    assert (route["from"], route["to"], route["way"]) == ("counter", "checker", "direct")
    assert (route["from_zhost"], route["to_zhost"], route["dropped"]) == ("alpha", "beta", 0)
    c.rig.rule("alpha", "beta", delay=50)
    until(lambda: c.peer()["round_trip_ms"] > 50, "the round trip is measured again")
    (ping,) = c.view("mesh", "ping", "count/checker", "--count", "1")["pings"]
    assert 50 < ping["round_trip_ms"] < 500
    c.rig.cut_both("alpha", "beta")
    until(lambda: c.way() == "hub", "messages go through the hub", 60)
    # The answer is lost until the other end has noticed, too.
    until(lambda: [p.get("way") for p in c.view("mesh", "ping", "count/checker", "--count", "1").get("pings", [])] == ["hub"],
          "a ping goes through the hub, and is answered", 60)
