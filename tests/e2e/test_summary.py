"""The cluster at a glance, of real daemons: a zhost is lost, and what it means for the topology is said."""
import pytest

from conftest import until


@pytest.fixture
def c(start_cluster):
    return start_cluster(zhosts=[{"name": "n1", "cpu": 4, "memory": "4GiB", "region": "eu"},
                                 {"name": "n2", "cpu": 4, "memory": "4GiB", "region": "us", "capabilities": ["sensors.camera"]}])


def columns(summary):
    """What the summary says of each zhost, by name."""
    found = {}
    for part in summary["zhosts"]:
        for k, name in enumerate(part["names"]):
            found[name] = {key: values[k] for key, values in part.items() if key not in ("seq", "labels")}
            found[name].update({label["name"]: label["values"][k] for label in part["labels"]})
    return found


def test_a_lost_zhost_is_first_what_it_carried_then_itself(c):
    c.deploy("inspection", [{"name": "eye", "type": "IO", "capabilities": ["sensors.camera"]},
                            {"name": "web", "type": "CALL", "count": 3}])
    c.wait_state("inspection", "running")
    # Its load comes with a heartbeat.
    summary = until(lambda: (s := c.get("/v1/summary")) and columns(s)["n1"]["memory_used"] > 0 and s, "the load of n1")
    assert summary["attention"] == [] and summary["open_zhosts"] == 2
    zhosts = columns(summary)
    assert [zhosts[name]["region"] for name in ("n1", "n2")] == ["eu", "us"]
    assert zhosts["n2"]["instances"] >= 1 and zhosts["n1"]["cpu_total"] == 4000
    row = summary["topologies"][0]
    assert row["topology"]["name"] == "inspection"
    assert {space["space"]: space["states"] for space in row["spaces"]} == {
        "eye": [{"state": "deployed-started", "count": 1}], "web": [{"state": "deployed-started", "count": 3}]}
    seen = summary["seq"]

    c.kill_machine("n2")
    c.wait_state("inspection", "failed")
    before = c.events()[-1]["seq"]
    summary = c.get("/v1/summary")
    assert seen < before <= summary["seq"] <= c.events()[-1]["seq"]
    topology, zhost = summary["attention"]
    assert (topology["kind"], topology["name"], topology["state"], topology["space"]) == (
        "topology", "inspection", "failed", "eye")
    assert topology["reason"].startswith("no zhost satisfies capability requirement 'sensors.camera'")
    assert (zhost["kind"], zhost["name"], zhost["state"], zhost["count"]) == ("zhost", "n2", "problem", 1)
    assert zhost["reason"].startswith("no heartbeat since 20")
    assert zhost["reason"].endswith(": 1 instance that ran there has no other place")
    assert columns(summary)["n2"]["states"] == "problem"


def test_a_drain_that_cannot_end_says_what_is_left(c):
    c.deploy("inspection", [{"name": "eye", "type": "IO", "capabilities": ["sensors.camera"]}])
    assert c.request("POST", "/v1/zhosts/n2/drain", {})[0] == 200
    attention = until(lambda: [a for a in c.get("/v1/summary")["attention"] if a.get("count")], "the drain")
    assert [(a["kind"], a["name"], a["state"], a["count"]) for a in attention] == [("zhost", "n2", "draining", 1)]
    assert attention[0]["reason"].startswith("1 left: inspection/eye: ")
    zhost = columns(c.get("/v1/summary"))["n2"]
    assert (zhost["cordoned"], zhost["drains"], zhost["left"]) == (True, "draining", 1)
    assert c.get("/v1/summary")["open_zhosts"] == 1
