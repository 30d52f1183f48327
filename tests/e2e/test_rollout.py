"""Versions of what runs, with real processes: replaced, taken back, rolled back."""
import concurrent.futures
import json
import socket

from conftest import until
from native import native_app, processes_of
from test_move import PAGE, PATHS, answers_pass, expect_all_answered, sources, space


def package(c, version, word, last="exec sleep 100074", **rollout):
    """An importer and its provider; `word` is in their command lines."""
    start = f"#!/bin/sh\n# {word}\n{last}\n".replace("sleep", f"env VERSION={word} sleep")
    spaces = [{"name": name, "run": {"mode": "foreground"}, "restart": {"attempts": 0},
               **({"imports": [{"from": "db"}]} if name == "web" else {})} for name in ("web", "db")]
    directory = native_app(c, "shop", spaces, {
        "db/recipes/start": start,
        "web/recipes/start": f"#!/bin/sh\n# {word}\nexec sleep 100074\n"}, version)
    manifest = json.loads((directory / "manifest.yaml").read_text())
    (directory / "manifest.yaml").write_text(json.dumps({**manifest, "rollout": rollout}))
    return c.build(directory, f"shop-{version}")


def line_of(c, name):
    shown = c.zshell("topo", "status", "shop").stdout.splitlines()
    return next((line.split(":", 1)[1].strip() for line in shown if line.strip().startswith(f"{name}:")), None)


def test_a_version_replaces_what_runs_and_a_bad_one_is_taken_back(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    short = {"healthy": {"for": "100ms", "within": "30s"}}
    c.submit(package(c, "1.0.0", "first"))
    identity = c.topology("shop")["id"]
    done = c.zshell("topo", "submit", package(c, "1.1.0", "second", **short), "--wait=60s").stdout
    assert "Topology updated:" in done and f"Topology {identity} is running." in done
    assert (line_of(c, "Version"), line_of(c, "Revision")) == ("1.1.0", "2")
    until(lambda: len(c.zruns("edge-node-1")) == 2, "the former copies are gone")
    assert {c.space("shop", name)["version"] for name in ("web", "db")} == {"1.1.0"}
    stops = [e["subject"] for e in c.events("shop") if e["kind"] == "space" and e["to"] == "stopping"]
    assert stops == ["shop/web", "shop/db"]

    bad = c.zshell("topo", "submit", package(c, "1.2.0", "third", "exit 3", **short), "--wait=60s", check=False)
    assert bad.returncode == 1, bad
    assert "The rollout to 1.2.0 failed: db: " in bad.stderr and "back on 1.1.0" in bad.stderr, bad.stderr
    until(lambda: c.state("shop") == "running", "what was before runs")
    assert line_of(c, "Version") == "1.1.0"
    assert line_of(c, "Last rollout").startswith("1.2.0 failed ")
    assert "failed" not in [e["to"] for e in c.events("shop") if e["kind"] == "topology"]

    c.zshell("topo", "rollback", "shop", "--wait=60s")
    assert (line_of(c, "Version"), line_of(c, "Revision"), line_of(c, "Last rollout")) == ("1.0.0", "4", None)
    history = c.get("/v1/topologies/shop/revisions")["revisions"]
    assert [(r["version"], r["what"], r["result"]) for r in history] == [
        ("1.0.0", "submit", "completed"), ("1.1.0", "submit", "completed"),
        ("1.2.0", "submit", "failed"), ("1.0.0", "rollback to 1", "completed")]
    until(lambda: processes_of("sleep 100074"), "it runs")


def test_a_rolling_version_waits_for_people(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.submit(package(c, "1.0.0", "first"))
    rolling = package(c, "1.1.0", "second", policy="rolling", healthy={"for": "1h", "within": "2h"})
    c.zshell("topo", "submit", rolling)
    until(lambda: c.space("shop", "db")["version"] == "1.1.0", "the provider is replaced")
    assert line_of(c, "Rollout").startswith("rolling to 1.1.0, 0 of 2 (db is "), c.zshell("topo", "status", "shop")
    c.zshell("topo", "pause", "shop")
    assert line_of(c, "Rollout").startswith("paused on its way to 1.1.0")
    again = c.zshell("topo", "pause", "shop", check=False)
    assert again.returncode == 1 and "paused already" in again.stderr
    c.zshell("topo", "resume", "shop")
    c.zshell("topo", "abort", "shop")
    until(lambda: line_of(c, "Last rollout") is not None, "it went back")
    assert line_of(c, "Last rollout").startswith("1.1.0 was aborted ")
    until(lambda: c.state("shop") == "running", "what was before runs")
    assert {c.space("shop", name)["version"] for name in ("web", "db")} == {"1.0.0"}
    none = c.zshell("topo", "promote", "shop", check=False)
    assert none.returncode == 1 and "no rollout of shop is under way" in none.stderr


def asked_app(c, version, memory):
    """The spaces of test_move.py; with another amount of memory, `front` and `store` are other contents."""
    spaces = [space("asker"), *(space(name, resources={"memory": memory}) for name in ("front", "store")), PAGE]
    directory = c.app("shop", spaces, sources(), PATHS)
    manifest = json.loads((directory / "manifest.yaml").read_text())
    manifest["metadata"]["version"] = version
    manifest["rollout"] = {"policy": "rolling", "healthy": {"for": "2s"}}
    (directory / "manifest.yaml").write_text(json.dumps(manifest))
    return c.build(directory, f"shop-{version}")


def large(c, version):
    """Of which the zhost has room for one copy."""
    directory = native_app(c, "shop", [{
        "name": "api", "handover": "start-first", "run": {"mode": "foreground"},
        "resources": {"cpu": 3, "memory": "16MiB"}}], {
        "api/recipes/start": f"#!/bin/sh\n# {version}\nexec sleep 100074\n"}, version)
    manifest = json.loads((directory / "manifest.yaml").read_text())
    (directory / "manifest.yaml").write_text(json.dumps(
        {**manifest, "rollout": {"policy": "rolling", "healthy": {"for": "0s"}}}))
    return c.build(directory, f"shop-{version}")


def test_a_version_without_room_goes_on_without_surge_and_a_lower_one_where_it_is_allowed(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.submit(large(c, "1.1.0"))
    newer = large(c, "1.2.0")
    c.zshell("topo", "submit", newer)
    until(lambda: "api waits for room on edge-node-1: insufficient capacity" in (line_of(c, "Rollout") or ""), "it waits for room")
    again = c.zshell("topo", "submit", newer, "--no-surge", "--wait=60s").stdout
    assert "Topology unchanged" in again and "is running." in again, again
    assert (line_of(c, "Version"), line_of(c, "Revision"), line_of(c, "Rollout")) == ("1.2.0", "2", None)

    older = large(c, "1.0.0")
    refused = c.zshell("topo", "submit", older, check=False)
    assert refused.returncode == 1
    assert "1.0.0 is lower than 1.2.0: use topo rollback or --allow-downgrade" in refused.stderr, refused.stderr
    c.zshell("topo", "apply", older, "--allow-downgrade", "--no-surge")
    assert (line_of(c, "Version"), line_of(c, "Revision")) == ("1.0.0", "3")


def test_a_new_version_runs_beside_the_old_one_and_every_question_is_answered(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.submit(asked_app(c, "1.0.0", "32MiB"))
    answers_pass(c, "shop", 100)
    before = c.zruns("edge-node-1")
    assert len(before) == 3

    c.zshell("topo", "submit", asked_app(c, "1.1.0", "40MiB"))
    until(lambda: len(now := c.zruns("edge-node-1")) == 4 and set(before) < set(now), "a second copy runs")
    c.zrms.kill()  # before it takes over
    c.start_zrms()
    until(lambda: line_of(c, "Version") == "1.1.0", "the new version has completed")
    until(lambda: len(c.zruns("edge-node-1")) == 3, "the former copies are gone")
    assert len(set(before) & set(c.zruns("edge-node-1"))) == 1, "only the asker has not changed"

    c.zshell("topo", "rollback", "shop", "--wait=60s")
    assert line_of(c, "Version") == "1.0.0"
    states = [e["to"] for e in c.events("shop") if e["kind"] == "space"]
    assert states.count("deployed-started") == 4 and "stopping" not in states
    answers_pass(c, "shop", 100)
    expect_all_answered(c, "shop")


class Gate:
    """A port: a probe that connects to it passes once it is open."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def open(self):
        self.socket.listen(64)

    def probe(self):
        return {"command": f"exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{self.port}'"}


def gated(c, version, zhost, gate=None, policy="rolling"):
    """One space on that zhost, which has started when the gate is open."""
    ready = {"ready": gate.probe()} if gate else {}
    directory = native_app(c, "shop", [{
        "name": "api", "handover": "start-first", "run": {"mode": "foreground"}, "recipes": {"timeout": "5m"},
        "placement": {"constraints": [f"zhost == {zhost}"]}, **ready}], {
        "api/recipes/start": f"#!/bin/sh\n# {version}\nexec sleep 100074\n"}, version)
    manifest = json.loads((directory / "manifest.yaml").read_text())
    (directory / "manifest.yaml").write_text(json.dumps(
        {**manifest, "rollout": {"policy": policy, "healthy": {"for": "100ms", "within": "10m"}}}))
    return c.build(directory, f"shop-{version}")


def test_a_successor_is_shown_beside_its_slot_until_it_takes_over(start_cluster):
    c = start_cluster()
    c.submit(gated(c, "1.2.0", "edge-node-1"))
    gate = Gate()
    c.zshell("topo", "submit", gated(c, "1.3.0", "edge-node-2", gate))
    until(lambda: "Next: 1.3.0 on edge-node-2, starting" in " ".join(
        c.zshell("spaces", "status", "shop/api").stdout.split()), "it is shown")
    shown = " ".join(c.zshell("spaces", "status", "shop/api").stdout.split())
    assert "State: running" in shown and "Zhost: edge-node-1" in shown, shown
    assert line_of(c, "Rollout").endswith("(api is starting on edge-node-2)"), c.zshell("topo", "status", "shop").stdout
    gate.open()
    until(lambda: c.zhost_of("shop", "api") == "edge-node-2", "it has taken over")
    until(lambda: "Next:" not in c.zshell("spaces", "status", "shop/api").stdout, "nothing follows")


def slow_to_stop(c, gate):
    """Version 1.2.0 on edge-node-1; once asked to stop, it ends when the gate is open."""
    directory = native_app(c, "shop", [{
        "name": "api", "handover": "start-first", "run": {"mode": "foreground"}, "stop": {"grace": "2m"},
        "placement": {"constraints": ["zhost == edge-node-1"]}}], {
        "api/recipes/start": f"#!/bin/bash\n"
                             f"trap 'until (exec 3<>/dev/tcp/127.0.0.1/{gate.port}) 2>/dev/null; do sleep 0.1; done; "
                             f"exit 0' TERM\nwhile :; do sleep 0.1; done\n"}, "1.2.0")
    return c.build(directory, "shop-1.2.0")


def test_zrms_is_killed_between_the_switch_and_the_stop_of_the_former_copy(start_cluster):
    c = start_cluster()
    gate = Gate()
    c.submit(slow_to_stop(c, gate))
    former = c.zruns("edge-node-1")
    assert len(former) == 1
    c.zshell("topo", "submit", gated(c, "1.3.0", "edge-node-2"))
    until(lambda: c.zhost_of("shop", "api") == "edge-node-2", "it has taken over")
    serving = c.zruns("edge-node-2")
    assert len(serving) == 1 and c.zruns("edge-node-1") == former, "both are alive"
    epoch = c.space("shop", "api")["epoch"]
    c.zrms.kill()
    assert c.zruns("edge-node-1") == former and c.zruns("edge-node-2") == serving
    c.start_zrms()
    for zhost in ("edge-node-1", "edge-node-2"):
        c.wait_zhost(zhost, "deployed-started")
    # What was switched stays so, and what was to stop stops.
    assert (c.zhost_of("shop", "api"), c.space("shop", "api")["epoch"]) == ("edge-node-2", epoch)
    assert c.zruns("edge-node-1") == former and c.zruns("edge-node-2") == serving
    gate.open()
    until(lambda: c.zruns("edge-node-1") == [], "the former copy has gone")
    until(lambda: line_of(c, "Version") == "1.3.0", "the new version has completed")
    assert c.zruns("edge-node-2") == serving
    assert "stopping" not in [e["to"] for e in c.events("shop") if e["kind"] == "space"]


def submissions(c):
    return len([line for line in c.get("/v1/audit")["lines"] if line.get("action", "").startswith("submit shop")])


def test_a_script_that_waits_learns_that_a_rollout_was_aborted_or_is_not_over(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.submit(gated(c, "1.2.0", "edge-node-1"))
    gate = Gate()
    package = gated(c, "1.3.0", "edge-node-1", gate)
    late = c.zshell("topo", "submit", package, "--wait=2s", check=False)
    assert late.returncode == 4, late
    assert line_of(c, "Rollout").startswith("rolling to 1.3.0, 0 of 1 "), "it goes on"
    asked = submissions(c)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waits = pool.submit(c.zshell, "topo", "submit", package, "--wait=60s", check=False)
        until(lambda: submissions(c) > asked, "it waits")
        c.zshell("topo", "abort", "shop")
        gate.open()  # a start that has begun ends before the copy goes
        aborted = waits.result()
    assert aborted.returncode == 1, aborted
    assert "The rollout to 1.3.0 was aborted" in aborted.stderr and "back on 1.2.0" in aborted.stderr, aborted.stderr
    view = c.topology("shop")
    assert "rollout" not in view and view["last_rollout"]["result"] == "aborted", view


def test_a_change_that_makes_no_sense_is_refused_with_what_would(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    short = {"healthy": {"for": "100ms", "within": "30s"}}

    def refused(words, *command):
        done = c.zshell("topo", *command, check=False)
        assert done.returncode == 1 and words in " ".join(done.stderr.split()), done

    refused("no topology 'shop' `zshell topo` lists all topologies.", "rollback", "shop")
    c.submit(package(c, "1.0.0", "first", **short))
    for command in ("promote", "abort", "pause", "resume"):
        refused("no rollout of shop is under way; a submission of a higher version begins one", command, "shop")
    refused("no other revision of shop has completed before 1, so there is none to go back to", "rollback", "shop")
    refused("revision 7 of shop is not kept; `topo history` lists those that are", "rollback", "shop", "--to", "7")
    status, answer = c.request("POST", "/v1/topologies/shop/rollback?to=0")
    assert status == 400 and "no revision has the number 0: the first one is 1" in str(answer), answer
    refused("has the content of the current one, 1; `topo history` lists the others", "rollback", "shop", "--to", "1")
    refused("1.0.0 is deployed with other contents: raise the version", "submit", package(c, "1.0.0", "other", **short))
    refused("0.9.0 is lower than 1.0.0: use topo rollback or --allow-downgrade", "plan", package(c, "0.9.0", "old", **short))
    refused("no space 'api' in shop; `topo status` lists what it has", "scale", "shop", "api=2")

    # Nothing waits for promote while its last step is under way, and what goes back cannot be promoted.
    slow = package(c, "1.1.0", "second", policy="rolling", healthy={"for": "1h", "within": "2h"})
    c.zshell("topo", "submit", slow)
    refused("the rollout is under way and does not wait for 'promote'", "promote", "shop")
    c.zshell("topo", "pause", "shop")
    refused("the rollout is paused already; 'resume' goes on with it, and 'abort' returns", "pause", "shop")
    c.zshell("topo", "stop", "shop", "--wait")
    refused("shop is stopped, so there is nothing to roll back; submit the version that is wanted", "rollback", "shop")
