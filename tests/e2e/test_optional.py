"""Optional spaces: the topology runs without them."""
import json

from conftest import until


def test_a_topology_runs_without_its_optional_space_and_says_why_that_does_not(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.deploy("shop", [{"name": "eye", "type": "CALL", "optional": True, "resources": {"cpu": 900}},
                      {"name": "web", "type": "CALL"}])
    status = c.zshell("topo", "status", "shop").stdout
    assert "State:" in status and "running" in status.split("State:")[1].splitlines()[0]
    assert "Why:" not in status
    optional = " ".join(status.split("Optional:\n")[1].split("\n\n")[0].split())
    assert optional.startswith("not deployed: eye has no place: insufficient capacity"), status
    eye, web = c.topology("shop")["placements"]
    assert eye["optional_part"] and "no place" in eye["why"] and "zhost" not in eye
    assert web["zhost"] == "edge-node-1" and "why" not in web
    assert json.loads(c.zshell("topo", "status", "shop", "-o", "json").stdout)["state"] == "running"
    assert c.events("shop")[-1]["cause"] == "every space that is not optional is running"
    c.zshell("spaces", "stop", "shop/web")
    until(lambda: c.state("shop") == "stopped", "the state is that of the others")
