"""Messages between spaces on two machines, under a network that cuts, delays and loses (tests/rig): in order, at most
once, by whichever way is left, and directly again by themselves."""
import time

import pytest

import numbers_app
from conftest import Cluster, until
from rig_cluster import RigCluster, cluster_on

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

    def unreachable(self):
        """How many the sender was told that there is no way, since messages first went directly."""
        figures = numbers_app.last_figures(self.log("counter"), ["sent", "full", "unreachable"])
        return figures[2] - self.unreachable_before

    def unreachable_there(self):
        """The same, as the machine of the sender has it, which zrms may not reach."""
        text = "".join(file.read_text() for file in sorted((self.directory / "alpha" / "log").glob("*.log")))
        return numbers_app.last_figures(text.splitlines(), ["sent", "full", "unreachable"])[2] - self.unreachable_before

    unreachable_before = 0

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
    with cluster_on(rig_switch, tmp_path, MACHINES, MeshCluster, heartbeat="1s", timeout="20s") as made:
        made.join_all()
        made.deploy()
        made.is_back()
        made.unreachable_before = made.unreachable()  # before its receiver had started
        yield made


def test_ping_peers_and_routes_between_machines(c):
    pings = c.view("mesh", "ping", "count/checker", "--count", "3")["pings"]
    assert [(p["from"], p["zhost"], p.get("way")) for p in pings] == [("alpha", "beta", "direct")] * 3
    (route,) = c.view("mesh", "routes")["routes"]
    assert (route["from"], route["to"], route["way"]) == ("counter", "checker", "direct")
    assert (route["from_zhost"], route["to_zhost"], route["dropped"]) == ("alpha", "beta", 0)
    c.rig.rule("alpha", "beta", delay=50)
    until(lambda: c.peer().get("round_trip_ms", 0) > 50, "the round trip is measured again")
    (ping,) = c.view("mesh", "ping", "count/checker", "--count", "1")["pings"]
    assert 50 < ping["round_trip_ms"] < 20_000
    c.rig.cut_both("alpha", "beta")
    until(lambda: c.way() == "hub", "messages go through the hub", 60)
    # The answer is lost until the other end has noticed, too.
    until(lambda: [p.get("way") for p in c.view("mesh", "ping", "count/checker", "--count", "1").get("pings", [])] == ["hub"],
          "a ping goes through the hub, and is answered", 60)


def cut_there(rig):
    rig.cut("alpha", "beta")


def cut_back(rig):
    rig.cut("beta", "alpha")


def cut_both_ways(rig):
    rig.cut_both("alpha", "beta")


@pytest.mark.parametrize("cut", [cut_there, cut_back, cut_both_ways])
def test_without_the_direct_way_messages_go_through_the_hub(c, cut):
    cut(c.rig)
    until(lambda: c.way() == "hub", "messages go through the hub", 60)
    c.flows()
    assert c.unreachable() == 0
    c.rig.heal()
    c.is_back()
    # Lost is what was on the link, for as long as a link may be silent (3 s) and its end may take.
    assert c.taken()[1] < 200 * 8
    assert c.unreachable() == 0


@pytest.mark.parametrize("machine", ["alpha", "beta"])
def test_without_the_hub_messages_go_directly_and_none_is_lost(c, machine):
    before = c.taken()[1]
    c.rig.cut_both(machine, "control")
    time.sleep(6)  # long enough for both ends to know
    c.rig.heal()
    c.is_back()
    assert (c.taken()[1], c.unreachable()) == (before, 0)
    assert c.peer()["lost"] == 0


def test_only_without_both_ways_the_sender_is_told_so(c):
    before = c.taken()[0]
    c.rig.isolate("alpha")
    # Both ends of a way notice within 4 s, and dialling is given up after 5 s.
    until(lambda: c.unreachable_there() > 0, "the sender is told so", 60)
    c.rig.heal()
    c.is_back()
    assert c.taken()[0] > before


def test_a_slow_network_that_loses_packets(c):
    c.rig.rule("*", "*", delay=50, loss=1)
    before = c.taken()[0]
    until(lambda: c.taken()[0] > before + 1000, "messages arrive", 90)
    # Whatever happened to links meanwhile: another one is made also on such a network.
    until(lambda: c.way() == "direct", "messages go directly", 60)
    c.rig.heal()
    c.is_back()
    assert c.unreachable() == 0
