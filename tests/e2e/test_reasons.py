"""What REST tells of a topology for pages: what a revision says, and the verdict of each zhost by the rule that fails."""
import json
import re
import urllib.request

import pytest

from conftest import until
from test_access import new_user


def space(name, **more):
    return {"name": name, "type": "CALL", "resources": {"cpu": "20m", "memory": "8MiB"}, **more}


@pytest.fixture
def c(start_cluster):
    return start_cluster(zhosts=[{"name": "n1", "cpu": 4, "memory": "4GiB", "region": "eu"},
                                 {"name": "n2", "cpu": 4, "memory": "4GiB", "region": "us", "capabilities": ["sensors.camera"]},
                                 {"name": "n3", "cpu": "10m", "memory": "4GiB", "region": "us"}])


def as_user(c, token, path):
    request = urllib.request.Request(c.url + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def test_a_revision_says_what_it_declares(c):
    paths = [{"from": "web", "to": "store", "name": "orders"}]
    c.deploy("shop", [space("web", count=2, imports=[{"from": "store", "optional": True}]), space("store", exports={"word": "plain"}),
                      space("cache", inside="web")], paths=paths)
    content = c.get("/v1/topologies/shop/revisions/1")
    assert content["revision"] == c.get("/v1/topologies/shop/revisions")["revisions"][0]
    spaces = {s["name"]: s for s in content["topology"]["spaces"]}
    assert list(spaces) == ["web", "store", "cache"] and content["topology"]["paths"] == paths
    assert (spaces["web"]["count"], spaces["web"]["imports"][0]["optional"], spaces["cache"]["inside"]) == (2, True, "web")
    assert spaces["store"]["exports"] == {"word": "plain"}
    c.zshell("topo", "scale", "shop", "web=3", "--wait=60s")
    web = next(s for s in c.get("/v1/topologies/shop/revisions/2")["topology"]["spaces"] if s["name"] == "web")
    assert web["count"] == 3, "with the counts that people gave"
    # A viewer sees that there are exports, but no values.
    seen = as_user(c, new_user(c, "ann", "viewer"), "/v1/topologies/shop/revisions/1")
    assert next(s for s in seen["topology"]["spaces"] if s["name"] == "store")["exports"] == {"word": ""}
    for number in ("3", "0", "one"):
        assert c.request("GET", f"/v1/topologies/shop/revisions/{number}")[0] == 404


def test_each_zhost_is_told_with_the_rules_that_it_fails(c):
    c.deploy("inspection", [space("eye", capabilities=["sensors.camera"], placement={"region": "us"})])
    c.request("POST", "/v1/zhosts/n2/cordon")
    path = "/v1/topologies/inspection/explain?path=eye"
    together = c.get(path)["spaces"][0]
    assert all(z["failures"] == [] for z in together["zhosts"])
    e = c.get(path + "&each=1")["spaces"][0]
    assert {z["zhost"] for z in e["zhosts"]} == {"n1", "n2", "n3"}
    rules = [r["rule"] for r in e["rules"]]
    failed = {z["zhost"]: [rules[f["rule"]] for f in z["failures"]] for z in e["zhosts"]}
    assert [rules.count(name) for name in ("capability", "cpu")] == [1, 1], rules
    assert "capability" in failed["n1"] and "cpu" not in failed["n1"] and {"capability", "cpu"} <= set(failed["n3"]), failed
    for z in e["zhosts"]:
        assert [f["text"] for f in z["failures"]] == z["failed_rules"] and z["eligible"] == (z["failures"] == [])
    # What is left after each rule is what satisfies it and all before.
    for k, rule in enumerate(e["rules"]):
        assert rule["left"] == sum(all(f["rule"] > k for f in z["failures"]) for z in e["zhosts"]), (k, e)
    assert c.request("GET", "/v1/topologies/inspection/explain?each=1")[0] == 400


def test_what_has_no_place_has_a_rule_after_which_nothing_is_left(c):
    c.deploy("inspection", [space("eye", capabilities=["sensors.camera"])])
    c.kill_machine("n2")
    until(lambda: c.state("inspection") == "failed", "it has no place", 40)
    e = c.get("/v1/topologies/inspection/explain?path=eye&each=1")["spaces"][0]
    ended = next(r for r in e["rules"] if r["left"] == 0)
    assert ended == {"rule": "capability", "what": "capability 'sensors.camera'", "left": 0}
    n2 = next(z for z in e["zhosts"] if z["zhost"] == "n2")
    assert [e["rules"][f["rule"]]["rule"] for f in n2["failures"]] == ["state"]

    # Each sentence has its code, and each code its section in the manual of this zrms.
    assert e["failure_code"] == "capability-missing"
    topology = c.get("/v1/topologies/inspection")
    assert topology["failure_code"] == c.get("/v1/topologies")["topologies"][0]["failure_code"] == "capability-missing"
    assert [p["failure_code"] for p in topology["placements"]] == ["no-place"]
    assert c.space("inspection", "eye")["failure_code"] == "no-place"
    attention = c.get("/v1/summary")["attention"]
    assert {a["kind"]: a["failure_code"] for a in attention} == {"topology": "capability-missing", "zhost": "zhost-silent"}
    shown = [line.strip() for command in (("topo", "status", "inspection"), ("topo", "explain", "inspection"), ("spaces", "status", "inspection/eye"))
             for line in c.zshell(*command).stdout.splitlines() if line.strip().startswith("See:")]
    refused = c.zshell("topo", "promote", "inspection", check=False)
    assert refused.returncode == 1, refused
    shown += [line for line in refused.stderr.splitlines() if line.startswith("See http")]
    where = [re.fullmatch(r"See:? +(http://[^ #]+)#([a-z-]+)", line).groups() for line in shown]
    assert [section for _, section in where] == ["capability-missing", "capability-missing", "no-place", "conflict"]
    for page, section in where:
        with urllib.request.urlopen(page, timeout=20) as answer:
            assert f' id="{section}"' in answer.read().decode(), (page, section)
