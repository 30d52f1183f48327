"""What would follow from a change or a drain is computed by zrms itself, and then follows."""
import json

from conftest import IDLE, until
from native import native_app
from test_move import space
from test_rollout import package

SHORT = {"healthy": {"for": "100ms", "within": "30s"}}


def plan(c, *words, status=10):
    done = c.zshell(*words, "-o", "json", check=False)
    assert done.returncode == status, done
    return json.loads(done.stdout)


def moves(events, kinds=("placement", "space")):
    """Subject by subject: of what is independent the order is not promised."""
    found = {}
    for e in events:
        if e["kind"] in kinds:
            found.setdefault(e["subject"], []).append((e.get("from") or "", e.get("to") or ""))
    return found


def events_after(c, seq):
    return [e for e in c.events("shop") if e["seq"] > seq]


def last_seq(c):
    return max((e["seq"] for e in c.events("shop")), default=0)


def test_a_plan_says_that_a_step_back_has_its_gap(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.submit(package(c, "1.0.0", "first", **SHORT))
    change = plan(c, "topo", "plan", package(c, "1.1.0", "second", policy="blue-green", keep="10m", **SHORT))
    assert [s["effect"] for s in change["spaces"]] == [
        "one stop and start; a step back has its gap, too"] * 2, change["spaces"]
    change = plan(c, "topo", "plan", package(c, "1.1.0", "second", policy="blue-green", keep="0s", **SHORT))
    assert [s["effect"] for s in change["spaces"]] == ["one stop and start"] * 2, "nothing is kept"


def test_a_change_does_what_its_plan_says(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    first = package(c, "1.0.0", "first", **SHORT)
    new = plan(c, "topo", "plan", first)
    assert (new["action"], new["changes"], new["end"]) == ("create", True, "completed"), new
    assert [(s["space"], s["verdict"], s["effect"]) for s in new["spaces"]] == [
        ("web", "added", "starts"), ("db", "added", "starts")]
    assert c.topology("shop") is None, "a plan changes nothing"
    c.submit(first)
    assert moves(new["moves"]) == moves(c.events("shop"))

    same = plan(c, "topo", "plan", first, status=0)
    assert (same["action"], same["changes"], same["moves"]) == ("none", False, [])

    second = package(c, "1.1.0", "second", **SHORT)
    change = plan(c, "topo", "plan", second)
    assert (change["action"], change["from_version"], change["to_version"], change["policy"]) == (
        "update", "1.0.0", "1.1.0", "replace")
    assert [(s["space"], s["verdict"], s["effect"], s["gaps"]) for s in change["spaces"]] == [
        ("web", "replaced", "one stop and start", 1), ("db", "replaced", "one stop and start", 1)]
    assert "artifacts" in change["spaces"][0]["fields"]
    seq = last_seq(c)
    c.submit(second)
    until(lambda: c.get("/v1/topologies/shop/revisions")["revisions"][-1]["result"] == "completed",
          "the change has completed")
    assert moves(change["moves"]) == moves(events_after(c, seq))

    shown = c.zshell("topo", "plan", package(c, "1.2.0", "third", **SHORT), check=False)
    assert shown.returncode == 10 and "shop would be led from 1.1.0 to 1.2.0, policy replace." in shown.stdout, shown
    refused = c.zshell("topo", "plan", first, check=False)
    assert refused.returncode == 1 and "1.0.0 is lower than 1.1.0" in refused.stderr, refused


def test_what_has_no_place_is_named_with_its_reason(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    large = c.build(c.app("large", [space("big", resources={"cpu": 60})], {"big": IDLE}), "large")
    answer = plan(c, "topo", "plan", large)
    assert (answer["action"], answer["end"]) == ("create", "waiting"), answer
    assert [left["name"] for left in answer["left"]] == ["large/big"]
    assert "cpu" in answer["left"][0]["why"], answer["left"]


def test_a_drain_does_what_its_plan_says(start_cluster):
    c = start_cluster()
    c.deploy("shop", [space("api", count=3), space("db", storage="local")], {"api": IDLE, "db": IDLE})
    zhost = c.zhost_of("shop", "db")
    planned = plan(c, "cluster", "drain", zhost, "--plan")
    assert planned["action"] == "drain" and planned["end"] == "waiting", planned
    assert [left["name"] for left in planned["left"]] == ["shop/db"]
    assert "keeps its data here" in planned["left"][0]["why"]
    assert c.get(f"/v1/zhosts/{zhost}")["cordoned"] is False, "a plan changes nothing"
    here = {f"shop/api-{n}" for n in (1, 2, 3) if c.zhost_of("shop", f"api-{n}") == zhost}
    assert {m["subject"] for m in planned["moves"] if m["kind"] == "placement"} == here
    seq = last_seq(c)
    c.zshell("cluster", "drain", zhost)
    until(lambda: c.get(f"/v1/zhosts/{zhost}")["instances"] == 1, "the rest has left")
    assert moves(planned["moves"], ["placement"]) == moves(events_after(c, seq), ["placement"])
    unknown = c.zshell("cluster", "drain", "nowhere", "--plan", check=False)
    assert unknown.returncode == 1 and "nowhere" in unknown.stderr, unknown


def canary(c, version, word, spaces):
    """`spaces`: by name, what they declare; all change with `word`."""
    declared = [{"name": name, "run": {"mode": "foreground"}, **more} for name, more in spaces.items()]
    directory = native_app(c, "shop", declared, {
        f"{name}/recipes/start": f"#!/bin/sh\n# {word if more.get('handover') else 'same'}\nexec sleep 100174\n"
        for name, more in spaces.items()}, version)
    manifest = json.loads((directory / "manifest.yaml").read_text())
    (directory / "manifest.yaml").write_text(json.dumps(
        {**manifest, "rollout": {**SHORT, "policy": "canary", "canary": {"steps": ["10%", "50%"]}}}))
    return c.build(directory, f"shop-{version}")


def test_a_plan_of_a_canary_says_what_its_last_promotion_stops(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    spaces = {"api": {"handover": "start-first"}, "db": {"handover": "stop-first"},
              "web": {"imports": [{"from": "db"}]}}
    c.submit(canary(c, "1.0.0", "first", spaces))
    second = canary(c, "1.1.0", "second", spaces)
    change = plan(c, "topo", "plan", second)
    assert change["end"] == "waiting" and "waiting for topo promote" in change["detail"], change
    assert [(s["space"], s["verdict"], s["effect"], s["gaps"]) for s in change["spaces"]] == [
        ("api", "replaced", "stays available", 0),
        ("db", "replaced", "changes at the last promotion: one stop and start", 1),
        ("web", "unchanged", "stays available; at the last promotion: one stop and start", 1)], change["spaces"]
    assert {m["subject"] for m in change["moves"] if m["kind"] in ("space", "copy")} == {"shop/api"}, (
        "its moves end at the first wait")
    shown = c.zshell("topo", "plan", second, check=False).stdout
    assert "changes at the last promotion: one stop and start" in shown, shown

    c.submit(second)
    seq = last_seq(c)
    for step in (1, 2):
        until(lambda: c.topology("shop")["rollout"].get("step") == step
              and c.topology("shop")["rollout"]["state"] == "waiting", "it waits for promote")
        assert [e for e in events_after(c, seq) if e["subject"] in ("shop/db", "shop/web")] == [], "not before"
        c.zshell("topo", "promote", "shop")
    until(lambda: c.get("/v1/topologies/shop/revisions")["revisions"][-1]["result"] == "completed", "it has completed")
    stopped = [e["subject"] for e in events_after(c, seq) if e["kind"] == "space" and e["to"] == "stopping"]
    assert sorted(stopped) == ["shop/db", "shop/web"], stopped


def test_a_plan_of_a_canary_of_what_stops_first_alone_says_when_it_changes(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    spaces = {"db": {"handover": "stop-first"}}
    c.submit(canary(c, "1.0.0", "first", spaces))
    change = plan(c, "topo", "plan", canary(c, "1.1.0", "second", spaces))
    assert [(s["verdict"], s["effect"]) for s in change["spaces"]] == [
        ("replaced", "changes at the last promotion: one stop and start")], change["spaces"]
    assert change["end"] == "waiting" and [m for m in change["moves"] if m["kind"] == "space"] == [], change
