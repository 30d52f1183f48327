"""zshell against a fake zrms: layouts to the byte, exit status, names, formats, errors."""

import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest

from fake_zrms import CREATED, ID, OTHER, UPDATED, event, placements, space, topology
from terminal import Terminal

MEX = "application/vnd.samoza.mex+zip"


@pytest.fixture
def listed(zrms):
    """One topology, as lists and as itself."""
    view = topology(placements=placements())
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [topology()]})
    zrms.routes[f"GET /v1/topologies/{ID}"] = (200, view)
    return view


def refusal(status, message, *details):
    return status, {"error": {"code": "refused", "message": message, "details": list(details)}}


# ------------------------------------------------------------------ layouts

def test_submit_has_the_layout_of_the_seed(zrms, zshell, tmp_path):
    mex = tmp_path / "my-app.mex"
    mex.write_bytes(b"PK-content")
    zrms.routes["POST /v1/topologies"] = (201, topology("pending"))
    done = zshell("topo", "submit", str(mex))
    assert done.out == (f"Submitting topology from {mex}...\n"
                        "\n"
                        "Topology created:\n"
                        f"  ID:     {ID}\n"
                        "  Name:   my-app\n"
                        "  State:  pending\n"
                        "  Spaces: 3\n")
    assert (done.status, done.err) == (0, "")
    sent = zrms.asked("^POST")[0]
    assert (sent["body"], sent["type"]) == (b"PK-content", MEX)


def test_status_of_a_topology_has_the_layout_of_the_seed(listed, zshell):
    done = zshell("topo", "status", "my-app")
    assert done.out == ("Topology: my-app\n"
                        f"  ID:        {ID}\n"
                        "  State:     running\n"
                        "  Spaces:    3\n"
                        f"  Created:   {CREATED}\n"
                        f"  Updated:   {UPDATED}\n"
                        "\n"
                        "Placements:\n"
                        "  SPACE                ZHOST          STATE\n"
                        "  --------------------------------------------\n"
                        "  dashboard            edge-node-1    running\n"
                        "  api                  edge-node-2    running\n"
                        "  store                edge-node-3    running\n")
    assert done.status == 0


def test_a_failure_reason_stands_under_updated(zrms, listed, zshell):
    listed.update(state="failed", failure_reason="no zhost is available",
                  placements=[{"space": "api", "state": "not-deployed", "why": "api has no place"}])
    done = zshell("topo", "status", "my-app")
    assert f"  Updated:   {UPDATED}\n  FailureReason: no zhost is available\n" in done.out
    assert "  api                  -              not deployed\n" in done.out
    assert done.out.endswith("\nWhy:\n  api has no place\n")


def test_stop_prints_a_line_before_and_after(zrms, listed, zshell):
    zrms.routes[f"POST /v1/topologies/{ID}/stop"] = (202, topology("stopped"))
    zrms.routes[f"GET /v1/topologies/{ID}/spaces"] = (
        200, {"spaces": [space("api", "not-deployed", "not-deployed")]})
    done = zshell("topo", "stop", ID)
    assert done.out == f"Stopping topology {ID}\nTopology {ID} stopped.\n"
    assert (done.status, done.err) == (0, "")


def test_no_wait_does_not_print_that_the_stop_is_done(zrms, listed, zshell):
    zrms.routes[f"POST /v1/topologies/{ID}/stop"] = (
        202, topology("stopped", notice="edge-node-2 is away"))
    done = zshell("topo", "stop", ID, "--no-wait")
    assert done.out == f"Stopping topology {ID}\n"
    assert (done.status, done.err) == (0, "edge-node-2 is away\n")
    assert zrms.connections == 0


def test_events_are_one_line_each(zrms, listed, zshell):
    zrms.push(event(1, "topology", "my-app", None, "pending", "submitted"),
              event(2, "space", "my-app/api", "starting", "deployed-started", "on_init returned 0"))
    done = zshell("topo", "events", "my-app")
    assert done.out == (f"{UPDATED} topology  my-app - -> pending submitted\n"
                        f"{UPDATED} space     my-app/api starting -> deployed-started "
                        "on_init returned 0\n")


def test_lists(zrms, listed, zshell):
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [
        space("api"), space("store", "waiting-for-ancestor", restarts=12)]})
    zrms.routes["GET /v1/mesh/spaces"] = (200, {"spaces": [
        {"topology": "my-app", "space": "api", "type": "CALL", "zhost": "edge-node-2",
         "since": UPDATED}]})
    assert zshell("topo").out == (
        "ID                                   NAME   VERSION STATE   SPACES UPDATED\n"
        f"{ID} my-app -       running      3 {UPDATED}\n")
    assert zshell("topo", "list").out == zshell("topo").out
    assert zshell("spaces").out == (
        "NAME         TYPE STATE                GOAL    ZHOST       SINCE                RESTARTS\n"
        f"my-app/api   CALL running              running edge-node-2 {UPDATED}        0\n"
        f"my-app/store CALL waiting for ancestor running edge-node-2 {UPDATED}       12\n")
    assert zshell("mesh", "spaces").out == (
        "NAME       TYPE ZHOST       SINCE\n"
        f"my-app/api CALL edge-node-2 {UPDATED}\n")


def test_an_empty_list_keeps_its_header(zrms, zshell):
    zrms.routes["GET /v1/mesh/spaces"] = (200, {"spaces": []})
    assert zshell("mesh", "spaces").out == "NAME TYPE ZHOST SINCE\n"


def test_one_space(zrms, listed, zshell):
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api")]})
    zrms.routes[f"GET /v1/topologies/{ID}/spaces/api"] = (200, space(
        "api", "unresolved", why="api is unresolved: needs store", last_error="start: trap",
        imports=[{"from": "store", "optional_import": False, "providers": []},
                 {"from": "cache", "optional_import": True, "providers": ["cache-1", "cache-2"]}],
        exports=[{"name": "port", "value": "80"}], log=["hello", "evil \x1b[31m\nline"]))
    assert zshell("spaces", "status", "api").out == (
        "Space: my-app/api\n"
        "  Type:      CALL\n"
        "  State:     unresolved\n"
        "  Goal:      running\n"
        "  Zhost:     edge-node-2\n"
        f"  Since:     {UPDATED}\n"
        "  Epoch:     1\n"
        "  Restarts:  0\n"
        "  Why:       api is unresolved: needs store\n"
        "  LastError: start: trap\n"
        "\n"
        "Imports:\n"
        "  FROM  KIND      PROVIDERS\n"
        "  store mandatory -\n"
        "  cache optional  cache-1, cache-2\n"
        "\n"
        "Exports:\n"
        "  NAME VALUE\n"
        "  port 80\n"
        "\n"
        "Log:\n"
        "  hello\n"
        "  evil \\x1b[31m\\nline\n")


def zhost(name, **more):
    view = {"name": name, "state": "deployed-started", "cordoned": False, "instances": 2,
            "cpu_millicores": {"total": 2000, "reserved": 150},
            "memory_bytes": {"total": 8 << 30, "reserved": 96 << 20},
            "labels": [{"name": "region", "value": "eu"}], "capabilities": ["sensors.camera"],
            "devices": [{"kind": "gpu", "model": "T4", "count": 2, "free": 1}],
            "incarnation": 1}
    view.update(more)
    return view


def test_cluster(zrms, zshell):
    zrms.routes["GET /v1/cluster"] = (200, {
        "id": "c1", "zhosts": [{"state": "deployed-started", "count": 2},
                               {"state": "problem", "count": 1}],
        "topologies": [{"state": "running", "count": 1}, {"state": "failed", "count": 0}],
        "spaces": [], "cpu_millicores": {"total": 6000, "reserved": 150, "used": 1250},
        "memory_bytes": {"total": 8 << 30, "reserved": 96 << 20}})
    zrms.routes["GET /v1/zhosts"] = (200, {"zhosts": [
        zhost("edge-node-1", zedge="127.0.0.1:1"), zhost("edge-node-2", cordoned=True)]})
    assert zshell("cluster").out == (
        "Cluster: c1\n"
        "  Zhosts:     2 running, 1 problem\n"
        "  Topologies: 1 running\n"
        "  Spaces:     none\n"
        "  CPU:        6 cores, 0.15 reserved, 1.25 used\n"
        "  Memory:     8 GiB, 96 MiB reserved\n")
    assert zshell("cluster", "zhosts").out.splitlines() == [
        "NAME        STATE                CPU       MEMORY SPACES ZEDGE       LABELS    CAPABILITIES",
        "edge-node-1 running           0.15/2 96 MiB/8 GiB      2 127.0.0.1:1 region=eu "
        "sensors.camera,gpu-T4:1/2",
        "edge-node-2 running, cordoned 0.15/2 96 MiB/8 GiB      2 -           region=eu "
        "sensors.camera,gpu-T4:1/2"]


def test_status_names_every_service(zrms, zshell):
    zrms.routes["GET /v1/zhosts"] = (200, {"zhosts": [
        zhost("edge-node-1", zedge=zrms.url[len("http://"):]),
        zhost("edge-node-2", state="problem", zedge="127.0.0.1:1")]})
    rows = [line.split()[:3] for line in zshell("status").out.splitlines()]
    assert rows == [["SERVICE", "NAME", "STATE"],
                    ["zrms", "zrms", "connected"],
                    ["zhost", "edge-node-1", "connected"],
                    ["zedge", "edge-node-1", "connected"],
                    ["zhost", "edge-node-2", "unreachable"],
                    ["zedge", "edge-node-2", "unreachable"]]
    services = json.loads(zshell("status", "-o", "json").out)["services"]
    assert [list(s.values())[:3] for s in services] == rows[1:]


def test_status_without_zrms(zshell):
    done = zshell("status", url="http://127.0.0.1:1")
    assert done.status == 3
    assert done.out.splitlines()[1].split()[:3] == ["zrms", "zrms", "unreachable"]


def test_a_zrms_that_does_not_answer(environment):
    """It is there and silent, as when it is stopped by a signal."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        url = "http://127.0.0.1:%d" % silent.getsockname()[1]
        begin = time.monotonic()
        started = [subprocess.Popen([os.environ["ZSHELL"], "--api", url, *words], text=True,
                                    env=environment, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
                   for words in (["status"], ["topo", "list"])]
        for process in started:
            out, err = process.communicate(timeout=30)
            assert process.returncode == 3, (out, err)
            assert f"zrms at {url} does not answer" in err
            assert err.count(f"still waiting for zrms at {url} ...\n") == 1, err
        assert time.monotonic() - begin < 25
        assert out == ""


def test_a_late_answer_is_waited_for(zrms, environment, tmp_path):
    mex = tmp_path / "a.mex"
    mex.write_bytes(b"PK-content")
    go = threading.Event()

    def late(_):
        assert go.wait(60)
        return 201, topology("pending")
    zrms.routes["POST /v1/topologies"] = late
    with subprocess.Popen([os.environ["ZSHELL"], "--api", zrms.url, "topo", "submit", str(mex)],
                          env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        try:
            told = process.stderr.readline()
        finally:
            go.set()
        out, err = process.communicate(timeout=30)
    assert (told, err) == (f"still waiting for zrms at {zrms.url} ...\n", "")
    assert process.returncode == 0 and ID in out


def test_explain(zrms, listed, zshell):
    zrms.routes[f"GET /v1/topologies/{ID}/explain"] = (200, {"topology": "my-app", "spaces": [
        {"space": "api-1", "zhost": "n1", "summary": "best of 2", "zhosts": [
            {"zhost": "n1", "eligible": True, "chosen": True, "score": 12.5, "failed_rules": [],
             "scores": [{"name": "preference", "value": "50"}, {"name": "neighbours", "value": "1"},
                        {"name": "fragmentation", "value": "0.000"},
                        {"name": "load", "value": "5.0 %"}]},
            {"zhost": "n2", "eligible": False, "scores": [],
             "failed_rules": ["cpu: needs 2, 1 free", "cordoned"]}]},
        {"space": "store", "summary": "no zhost would do", "reason": "no zhost is available",
         "smallest_change": "one zhost", "zhosts": []}]})
    assert zshell("topo", "explain", "my-app", "api").out == (
        "Topology: my-app\n"
        "\n"
        "api-1 -> n1\n"
        "  best of 2\n"
        "  ZHOST VERDICT      WHY\n"
        "  n1    chosen       preference 50, 1 of this topology there, 5.0 % full with this instance\n"
        "  n2    does not fit cpu: needs 2, 1 free; cordoned\n")
    assert zshell("topo", "explain", "my-app").out.endswith(
        "\nstore -> no place\n"
        "  no zhost would do\n"
        "  Reason: no zhost is available\n"
        "  It would fit with: one zhost\n")
    assert zshell("topo", "explain", "my-app", "nobody").status == 1


# ------------------------------------------------------------------ formats

@pytest.mark.parametrize("words", [
    ["-o", "json", "topo", "status", "my-app"], ["topo", "-ojson", "status", "my-app"],
    ["topo", "status", "my-app", "--output=json"], ["topo", "status", "-o", "json", "my-app"]])
def test_json_anywhere_on_the_line(listed, zshell, words):
    assert json.loads(zshell(*words).out) == {**listed, "events": []}


def test_yaml(listed, zshell):
    out = zshell("topo", "status", "my-app", "-o", "yaml").out
    assert f"id: {ID}\n" in out
    assert "state: running\n" in out


def test_lists_in_json_have_one_key(zrms, listed, zshell):
    zrms.push(event(7, "topology", "my-app", "pending", "running", "all started"))
    assert list(json.loads(zshell("topo", "-o", "json").out)) == ["topologies"]
    events = json.loads(zshell("topo", "events", "my-app", "-o", "json").out)["events"]
    assert events == zrms.events


def test_unknown_keys_of_a_newer_zrms_are_ignored(zrms, listed, zshell):
    listed.update(news={"a": [1]}, placements=[dict(listed["placements"][0], mood="fine")])
    assert zshell("topo", "status", "my-app").status == 0


# ------------------------------------------------------------------ names

def two_topologies(zrms, *states):
    ids = [ID, OTHER]
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [
        topology(state, id=i, created=f"2026-04-2{n}T00:00:00Z")
        for n, (i, state) in enumerate(zip(ids, states))]})
    for i, state in zip(ids, states):
        zrms.routes[f"GET /v1/topologies/{i}"] = (200, topology(state, id=i))


@pytest.mark.parametrize("word", [ID, ID[:9], "a1b2c"])
def test_an_id_by_any_unambiguous_prefix(zrms, zshell, word):
    two_topologies(zrms, "running", "stopped")
    assert json.loads(zshell("topo", "status", word, "-o", "json").out)["id"] == ID


@pytest.mark.parametrize("states,expected", [
    (("running", "stopped"), ID), (("stopped", "running"), OTHER), (("stopped", "stopped"), OTHER)])
def test_a_name_means_the_topology_not_stopped_or_else_the_newest(zrms, zshell, states, expected):
    two_topologies(zrms, *states)
    assert json.loads(zshell("topo", "status", "my-app", "-o", "json").out)["id"] == expected


def test_an_ambiguous_prefix_lists_its_matches(zrms, zshell):
    two_topologies(zrms, "running", "stopped")
    done = zshell("topo", "status", "a1b2")
    assert done.status == 1
    assert done.err == ("zshell: ambiguous id 'a1b2' matches 2 topologies; use a longer prefix:\n"
                        f"  {ID}  my-app  running\n"
                        f"  {OTHER}  my-app  stopped\n")


def test_an_unknown_name(listed, zshell):
    done = zshell("topo", "status", "nobody")
    assert (done.status, done.err) == (
        1, "zshell: no topology 'nobody'\n`zshell topo` lists all topologies.\n")


def test_an_instance_by_path_prefix_and_topology(zrms, listed, zshell):
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api-2/cache"), space("api")]})
    zrms.routes[f"GET /v1/topologies/{ID}/spaces/api-2/cache"] = (200, space("api-2/cache"))
    for word in ("my-app/api-2/cache", "api-2/cache", f"{ID[:8]}/api-2/cache"):
        assert zshell("spaces", "status", word).out.startswith("Space: my-app/api-2/cache\n"), word
    done = zshell("spaces", "status", "my-app/aip")
    assert done.status == 1
    assert "no instance my-app/aip; did you mean my-app/api?" in done.err


def test_a_path_of_two_topologies_is_ambiguous(zrms, zshell):
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [
        topology(), topology(id=OTHER, name="other")]})
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [
        space("api"), space("api", topology_name="other", topology_id=OTHER)]})
    done = zshell("spaces", "status", "api")
    assert (done.status, done.err) == (
        1, "zshell: ambiguous path: 2 topologies have 'api':\n  my-app/api\n  other/api\n")


def test_several_stopped_topologies_with_a_path_are_ambiguous_too(zrms, zshell):
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [
        topology("stopped"), topology("stopped", id=OTHER, name="other")]})
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [
        space("api"), space("api", topology_name="other", topology_id=OTHER)]})
    done = zshell("spaces", "status", "api")
    assert (done.status, done.err) == (
        1, "zshell: ambiguous path: 2 topologies have 'api':\n  my-app/api\n  other/api\n")
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [
        topology("stopped"), topology(id=OTHER, name="other")]})
    zrms.routes[f"GET /v1/topologies/{OTHER}/spaces/api"] = (200, space("api", topology_name="other"))
    assert zshell("spaces", "status", "api").out.startswith("Space: other/api\n")


def many(zrms, count):
    """A cluster of so many topologies with an instance each."""
    ids = [f"{k:08x}-e5f6-7890-abcd-ef1234567890" for k in range(count)]
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [
        topology(id=i, name=f"app-{k}") for k, i in enumerate(ids)]})
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [
        space("api", topology_name=f"app-{k}", topology_id=i) for k, i in enumerate(ids)]})
    zrms.routes[f"GET /v1/topologies/{ids[7]}"] = (200, topology(id=ids[7], name="app-7"))
    zrms.routes[f"GET /v1/topologies/{ids[7]}/spaces/api"] = (200, space("api"))
    zrms.routes[f"GET /v1/topologies/{ids[7]}/logs"] = (200, {"lines": ["a line"]})


@pytest.mark.parametrize("words", [
    ["topo", "status", "app-7"], ["topo", "status", "00000007"], ["topo", "status", "0000"],
    ["topo", "status", "nobody"], ["topo", "status", "000"], ["spaces", "status", "app-7/api"],
    ["spaces", "logs", "00000007/api"], ["spaces", "status", "api"],
    ["complete", "--", "topo", "status", "app-7"], ["complete", "--", "spaces", "logs", "app-7"],
    ["complete", "--", "topo", "status", ""], ["complete", "--", "spaces", "logs", ""]],
    ids=" ".join)
def test_a_name_costs_as_little_in_a_large_cluster(zrms, zshell, words):
    few, large = 1000, 5000
    many(zrms, few)
    zshell(*words)
    before = zrms.sent_bytes
    many(zrms, large)
    zshell(*words)
    assert zrms.sent_bytes - before <= 1.1 * before
    assert before > 0


def test_more_names_than_anybody_reads_are_not_completed(zrms, zshell):
    many(zrms, 1200)
    assert complete(zshell, "topo", "status", "") == []
    assert len(complete(zshell, "topo", "status", "app-11")) == 111
    assert len(complete(zshell, "spaces", "logs", "app-11")) == 111


# ------------------------------------------------------------------ goals

@pytest.mark.parametrize("word,body", [
    ("deploy", {"goal": "deployed-stopped"}), ("start", {"goal": "deployed-started"}),
    ("stop", {"goal": "deployed-stopped", "command": "stop"}), ("undeploy", {"goal": "not-deployed"})])
def test_goals_of_one_instance(zrms, listed, zshell, word, body):
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api")]})
    zrms.routes[f"PUT /v1/topologies/{ID}/spaces/api/goal"] = (202, space("api"))
    assert zshell("spaces", word, "my-app/api").status == 0
    assert json.loads(zrms.asked("^PUT")[0]["body"]) == body


@pytest.mark.parametrize("word", ["deploy", "start", "stop", "undeploy"])
@pytest.mark.parametrize("what,query", [("my-app/api", "?path=api"), ("my-app", "")])
def test_grouped_operations(zrms, listed, zshell, word, what, query):
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api")]})
    zrms.routes[f"GET /v1/topologies/{ID}/spaces"] = (200, {"spaces": [space("api")]})
    zrms.routes[f"POST /v1/topologies/{ID}/{word}-all"] = (202, topology())
    done = zshell("spaces", word, what, "--all")
    assert (done.status, done.err) == (0, "")
    assert zrms.asked("^POST")[0]["line"] == f"POST /v1/topologies/{ID}/{word}-all{query}"


def test_a_grouped_start_that_starts_nothing_says_so(zrms, listed, zshell):
    spaces = {"spaces": [space("api", "not-deployed", "not-deployed"), space("store")]}
    zrms.routes["GET /v1/spaces"] = (200, spaces)
    zrms.routes[f"GET /v1/topologies/{ID}/spaces"] = (200, spaces)
    zrms.routes[f"POST /v1/topologies/{ID}/start-all"] = (202, topology())
    done = zshell("spaces", "start", "my-app/api", "--all", "--wait=5s")
    assert (done.status, done.out) == (0, ""), done
    assert "no instance of my-app/api is deployed, so none was started" in done.err
    assert "zshell spaces deploy my-app/api --all, or zshell topo start my-app" in done.err
    assert zshell("spaces", "start", "my-app", "--all").out == "Starting my-app and everything below it\n"


def test_commands_send_the_right_requests(zrms, listed, zshell, tmp_path):
    zrms.routes[f"POST /v1/topologies/{ID}/start"] = (202, topology("pending"))
    zrms.routes[f"POST /v1/topologies/{ID}/recover"] = (202, topology("degraded"))
    zrms.routes[f"DELETE /v1/topologies/{ID}"] = (200, {})
    zrms.routes["POST /v1/zhosts/n1/cordon"] = (200, {})
    zrms.routes["POST /v1/zhosts/n1/uncordon"] = (200, {})
    zrms.routes["GET /v1/zhosts/n1"] = (200, zhost("n1"))
    zrms.routes["DELETE /v1/zhosts/n1"] = (200, {})
    zrms.routes["POST /v1/topologies"] = (201, topology("pending"))
    mex = tmp_path / "a.mex"
    mex.write_bytes(b"x")
    for words in (["topo", "start", "my-app"], ["topo", "recover", "my-app"],
                  ["topo", "rm", "my-app"], ["topo", "rm", "my-app", "--data"],
                  ["cluster", "cordon", "n1"], ["cluster", "uncordon", "n1"],
                  ["cluster", "rm", "n1"], ["topo", "submit", str(mex), "--no-start"]):
        assert zshell(*words).status == 0, words
    assert [r["line"] for r in zrms.requests if not r["line"].startswith("GET")] == [
        f"POST /v1/topologies/{ID}/start", f"POST /v1/topologies/{ID}/recover",
        f"DELETE /v1/topologies/{ID}", f"DELETE /v1/topologies/{ID}?data=1",
        "POST /v1/zhosts/n1/cordon", "POST /v1/zhosts/n1/uncordon", "DELETE /v1/zhosts/n1",
        "POST /v1/topologies?start=0"]


@pytest.mark.parametrize("words, line", [
    (["topo", "--state", "degraded"], "/v1/topologies?state=degraded"),
    (["topo", "list", "--state", "running"], "/v1/topologies?state=running"),
    (["spaces", "--state", "running"], "/v1/spaces?state=deployed-started"),
    (["spaces", "list", "--zhost", "n 1", "--state", "failed", "--topology", "x&y"],
     "/v1/spaces?state=failed&zhost=n%201&topology=x%26y"),
    (["mesh", "spaces", "--zhost", "n1"], "/v1/mesh/spaces?zhost=n1"),
    (["cluster", "zhosts", "--state", "problem", "--label", "region=eu,rack=a"],
     "/v1/zhosts?state=problem&label=region%3Deu%2Crack%3Da"),
    (["cluster", "zhosts", "--state", "running"], "/v1/zhosts?state=deployed-started"),
])
@pytest.mark.parametrize("format", [[], ["-o", "json"]])
def test_a_list_asks_for_the_part_that_is_wanted(zrms, zshell, words, line, format):
    path = line.split("?")[0]
    key = path.rsplit("/", 1)[1]
    zrms.routes[f"GET {path}"] = (200, {key: []})
    done = zshell(*words, *format)
    assert (done.status, done.err) == (0, ""), done
    assert [r["line"] for r in zrms.requests] == [f"GET {line}"]


@pytest.mark.parametrize("words, request_line", [
    (["cluster", "status", "nope"], "GET /v1/zhosts/nope"),
    (["cluster", "cordon", "nope"], "POST /v1/zhosts/nope/cordon"),
    (["cluster", "rm", "nope"], "GET /v1/zhosts/nope")])
def test_an_unknown_zhost_is_refused_with_what_to_do(zrms, zshell, words, request_line):
    zrms.routes[request_line] = (404, {"error": {"code": "not-found", "message": "no zhost nope",
                                                 "details": []}})
    done = zshell(*words)
    assert (done.status, done.err) == (
        1, "zshell: no zhost nope\n`zshell cluster zhosts` lists all zhosts.\n"), done


def test_a_state_that_nothing_of_the_list_has_is_refused(zrms, zshell):
    done = zshell("topo", "--state", "deploying")
    assert done.status == 2 and "degraded" in done.err, done
    assert zrms.requests == []


# ------------------------------------------------------------------ refusals and exit status

def test_a_refusal_shows_all_findings_and_what_to_do(zrms, zshell, tmp_path):
    mex = tmp_path / "a.mex"
    mex.write_bytes(b"x")
    zrms.routes["POST /v1/topologies"] = refusal(
        422, "2 findings", "topology.yaml:3:1: unknown key 'a\x1b[2J'", "topology.yaml:4:1: b")
    done = zshell("topo", "submit", str(mex))
    assert done.status == 1
    assert done.err == ("zshell: 2 findings\n"
                        "  topology.yaml:3:1: unknown key 'a\\x1b[2J'\n"
                        "  topology.yaml:4:1: b\n"
                        f"Nothing was stored. `mex validate {mex}` lists all findings.\n")


def test_a_file_that_cannot_be_sent(zshell, tmp_path):
    missing = tmp_path / "none.mex"
    done = zshell("topo", "submit", str(missing))
    assert (done.status, done.out) == (1, "")
    assert done.err == f"zshell: cannot read {missing}: No such file or directory\n"
    assert f"mex build {tmp_path} -o" in zshell("topo", "submit", str(tmp_path)).err


def test_zrms_not_reachable(zshell):
    done = zshell("topo", url="http://127.0.0.1:1")
    assert (done.status, done.out) == (3, "")
    assert "zrms cannot be reached at http://127.0.0.1:1" in done.err
    assert "startz up" in done.err


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"topologies": [{"id": 3}]}', b""])
def test_a_server_other_than_zrms_is_reported(zrms, zshell, body):
    zrms.routes["GET /v1/topologies"] = (200, body)
    done = zshell("topo")
    assert done.status == 1
    assert "does not understand" in done.err


def test_an_error_without_a_reason(zrms, zshell):
    zrms.routes["GET /v1/topologies"] = (500, b"oops")
    done = zshell("topo")
    assert (done.status, done.err) == (
        1, "zshell: the answer is HTTP status 500, without a reason: is that zrms?\n")


@pytest.mark.parametrize("words,message", [
    (["topo", "lsit"], "did you mean 'topo list'?"), (["statsu"], "did you mean 'status'?"),
    (["mesh"], "incomplete command 'mesh'; did you mean 'mesh spaces'?"), (["topo", "submit"], "FILE is missing"),
    (["topo", "status", "a", "b"], "unexpected argument 'b'"),
    (["topo", "stop", "a", "--now"], "unknown option --now"),
    (["topo", "-o", "xml"], "'xml': expected one of table, wide, name, json, yaml"), (["topo", "-o"], "--output needs a value: FORMAT"),
    (["topo", "start", "a", "--wait=soon"], "'soon' is not a duration"),
    (["topo", "rm", "a", "--data=1"], "--data takes no value"),
    (["--api", "ftp://x", "topo"], "'ftp://x' is not the address of zrms"),
    (["help", "nothing"], "unknown command 'nothing'")])
def test_usage(zshell, words, message):
    done = zshell(*words)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_help_lists_every_command_and_explains_each(zshell):
    help_text = zshell("help").out
    commands = re.findall(r"^  ((?:status|topo|spaces|events|mesh|cluster|help|completion|exit)(?: [a-z]+)?)",
                          help_text, re.M)
    assert len(commands) == 38, commands
    for command in commands:
        one = zshell("help", *command.split())
        assert (one.status, one.err) == (0, ""), command
        assert zshell(*command.split(), "--help").out == one.out, command


def test_version(zshell):
    assert re.fullmatch(r"zshell \d+\.\d+\.\d+\n", zshell("--version").out)


# ------------------------------------------------------------------ completion

def complete(zshell, *words):
    return zshell("complete", "--", *words).out.split()


def test_completion_of_commands_options_and_names(zrms, listed, zshell):
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api"), space("store")]})
    zrms.routes["GET /v1/zhosts"] = (200, {"zhosts": [zhost("edge-node-1")]})
    assert complete(zshell, "to") == ["topo"]
    assert complete(zshell, "topo", "st") == ["start", "status", "stop"]
    assert complete(zshell, "topo", "status", "") == ["my-app"]
    assert complete(zshell, "topo", "status", "a1") == [ID]
    assert complete(zshell, "spaces", "logs", "my-app/s") == ["my-app/store"]
    assert complete(zshell, "cluster", "cordon", "") == ["edge-node-1"]
    assert complete(zshell, "topo", "submit", "--") == ["--api", "--dry-run", "--execute", "--help",
                                                         "--no-pager", "--no-start", "--output",
                                                         "--version", "--wait"]
    assert complete(zshell, "topo", "-o", "") == ["json", "name", "table", "wide", "yaml"]
    assert complete(zshell, "-o", "json", "topo", "sub") == ["submit"]
    assert complete(zshell, "topo", "submit", "") == [":files"]
    assert complete(zshell, "help", "topo", "ex") == ["explain"]
    assert complete(zshell, "topo", "--state", "") == ["degraded", "failed", "pending", "running",
                                                       "stopped"]
    assert complete(zshell, "spaces", "list", "--state", "wa") == ["waiting-for-ancestor"]
    assert complete(zshell, "spaces", "list", "--zhost", "") == ["edge-node-1"]
    assert complete(zshell, "mesh", "spaces", "--topology", "my") == ["my-app"]


def test_completion_without_zrms_is_silent(zshell):
    done = zshell("complete", "--", "topo", "status", "", url="http://127.0.0.1:1")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_bash_completes_with_the_packaged_script(zrms, listed, zshell, environment):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "../../../packaging/completion/zshell.bash")
    with open(path, encoding="utf-8") as file:
        assert file.read() == zshell("completion", "bash").out
    script = """
        source "$1"
        COMP_WORDS=("$ZSHELL" topo status m) COMP_CWORD=3
        _zshell
        echo "${COMPREPLY[@]}"
        """
    done = subprocess.run(["bash", "-c", script, "bash", path], capture_output=True, text=True,
                          env=dict(environment, ZRMS_URL=zrms.url), timeout=60)
    assert (done.stdout, done.stderr) == ("my-app\n", "")


def test_the_manual_page_names_every_command(zshell, tmp_path):
    here = os.path.dirname(os.path.abspath(__file__))
    page = subprocess.run(
        [os.path.join(here, "../../../docs/man/fill.py"),
         os.path.join(here, "../../../docs/man/zshell.1.in"), os.environ["ZSHELL"]],
        capture_output=True, text=True, check=True, timeout=60).stdout
    assert "@" not in page
    for command in ("status", "topo submit", "spaces undeploy", "cluster rm", "completion"):
        assert f".It Xo Cm {command}" in page


def test_lines_from_a_pipe(zrms, listed, zshell):
    done = zshell(stdin="topo status 'my-app'\n\n# nothing\ntopo status my-app -o json\n")
    assert done.out.startswith("Topology: my-app\n")
    assert "zshell[" not in done.out
    assert done.status == 0


# ------------------------------------------------------------------ scripts and formats

def test_a_script_stops_at_the_first_line_that_fails(zrms, listed, zshell, tmp_path):
    script = tmp_path / "script"
    script.write_text("# first\ntopo status my-app\n\ntopo status nobody\ntopo status my-app\n")
    done = zshell("-e", str(script))
    assert done.status == 1
    assert done.out.count("Topology: my-app") == 1
    assert f"{script}:4: stopped here: topo status nobody" in done.err
    done = zshell("-e", "-", stdin="topo status my-app\n")
    assert (done.status, done.out.count("Topology: my-app")) == (0, 1)
    assert zshell("-e", str(script), "topo").status == 2
    assert zshell("-e", str(tmp_path / "missing")).status == 1
    assert zshell("-e", "-", stdin="topo dance\ntopo status my-app\n").status == 2
    assert zshell("-e", "-", stdin="topo -e x\n").status == 2


def test_names_are_one_per_line_without_header(zrms, zshell):
    zrms.routes["GET /v1/zhosts"] = (200, {"zhosts": [zhost("edge-node-1"), zhost("beta")]})
    assert zshell("cluster", "zhosts", "-o", "name").out == "edge-node-1\nbeta\n"
    assert zshell("-e", "-", "-o", "name", stdin="cluster zhosts\n").out == "edge-node-1\nbeta\n"
    zrms.routes["GET /v1/zhosts"] = (200, {"zhosts": []})
    assert zshell("cluster", "zhosts", "-o", "name").out == ""


def test_with_names_only_no_other_line_is_printed(zrms, listed, zshell):
    """Blocks, sentences, headings and lines that say what is done: of what has a table and what has none."""
    zrms.push(event(1, "topology", "my-app", None, "running"))
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api")]})
    zrms.routes[f"GET /v1/topologies/{ID}/spaces/api"] = (200, space("api", log=["a line"]))
    zrms.routes[f"POST /v1/topologies/{ID}/start"] = (202, topology())
    zrms.routes["GET /v1/zhosts/beta"] = (200, zhost("beta"))
    for words, names in ((["topo"], [ID]), (["spaces"], ["my-app/api"]),
                         (["topo", "status", "my-app"], ["dashboard", "api", "store"]),
                         (["cluster", "status", "beta"], ["my-app/api"]),
                         (["spaces", "status", "api"], []), (["topo", "start", "my-app"], []),
                         (["events"], []), (["topo", "events", "my-app"], [])):
        done = zshell(*words, "-o", "name")
        assert (done.status, done.out.splitlines()) == (0, names), (words, done)


def test_the_value_of_a_short_option_may_follow_an_equals_sign(listed, zshell):
    for words in (["-o=json"], ["-ojson"], ["-o", "json"], ["--output=json"]):
        assert json.loads(zshell("topo", *words).out)["topologies"][0]["id"] == ID


def packaged(shell):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        f"../../../packaging/completion/zshell.{shell}")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_packaged_completion_is_what_zshell_prints(zshell, shell):
    with open(packaged(shell), encoding="utf-8") as file:
        assert file.read() == zshell("completion", shell).out
    assert zshell("completion", "tcsh").status == 2


@pytest.fixture
def on_path(zrms, listed, environment, tmp_path):
    os.symlink(os.environ["ZSHELL"], tmp_path / "zshell")
    return dict(environment, ZRMS_URL=zrms.url, HOME=str(tmp_path), TERM="xterm",
                PATH=f"{tmp_path}:{environment['PATH']}")


def test_fish_completes_with_the_packaged_script(on_path):
    script = f"source {packaged('fish')}; complete -C 'zshell topo status m'"
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True,
                          env=on_path, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("my-app", 0), done


def test_zsh_completes_with_the_packaged_script(on_path, tmp_path):
    t = Terminal(on_path, program=["zsh", "-f", "-i"])
    try:
        t.type(f"PS1='ready> '; autoload -Uz compinit; compinit -u -d {tmp_path}/dump; "
               f"source {packaged('zsh')}\r")
        t.expect("\nready> |\rready> ")
        t.type("zshell topo status m\t\r")
        t.expect("Topology: my-app")
    finally:
        t.close()


# ------------------------------------------------------------------ restart

def test_restart_stops_waits_and_starts_what_was_to_run(zrms, listed, zshell):
    spaces = {"api": ["deployed-started", "deployed-started"],
              "api/cache": ["deployed-started", "deployed-started"],
              "api/idle": ["deployed-stopped", "deployed-stopped"],
              "store": ["deployed-started", "deployed-started"]}

    def views(_=None):
        return 200, {"spaces": [space(p, *v) for p, v in reversed(spaces.items())]}

    def goal(request):
        path = re.search("/spaces/(.*)/goal", request["line"]).group(1)
        wanted = json.loads(request["body"])["goal"]
        for p, v in spaces.items():
            if p == path or (p.startswith(path + "/") and wanted == "deployed-stopped"):
                v[0], v[1] = wanted, wanted
        return 200, space(path)
    zrms.routes["GET /v1/spaces"] = views
    zrms.routes[f"GET /v1/topologies/{ID}/spaces"] = views
    for path in spaces:
        zrms.routes[f"PUT /v1/topologies/{ID}/spaces/{path}/goal"] = goal
    done = zshell("spaces", "restart", "my-app/api")
    assert (done.status, done.err) == (0, ""), done
    assert done.out == "Restarting my-app/api\nmy-app/api is running again.\n"
    asked = [(re.search("/spaces/(.*)/goal", r["line"]).group(1), json.loads(r["body"])["goal"])
             for r in zrms.asked("^PUT")]
    assert asked == [("api", "deployed-stopped"), ("api", "deployed-started"),
                     ("api/cache", "deployed-started")]
    assert spaces["api/idle"] == ["deployed-stopped", "deployed-stopped"]


def test_restart_starts_nothing_before_all_of_it_has_stopped(zrms, listed, zshell):
    """What has to stop is `stopping` for a while; a start that is asked for then would end the stop."""
    states, goals, early = {"api": "deployed-started", "api/cache": "deployed-started"}, {}, []

    def views(_=None):
        view = 200, {"spaces": [space(p, s, goals.get(p, "deployed-started"))
                                for p, s in states.items()]}
        for number, (path, state) in enumerate(states.items()):
            if state == "stopping" and zrms.connections > 0:  # it was seen; now it ends
                states[path] = "deployed-stopped"
                zrms.push(event(10 + number, "space", f"my-app/{path}", state, "deployed-stopped"))
        return view

    def goal(request):
        path = re.search("/spaces/(.*)/goal", request["line"]).group(1)
        wanted = json.loads(request["body"])["goal"]
        if wanted == "deployed-started":
            early.extend(p for p, s in states.items() if s == "stopping")
            states[path], goals[path] = wanted, wanted
        else:
            for p in states:
                states[p], goals[p] = "stopping", wanted
        return 200, space(path)
    zrms.routes["GET /v1/spaces"] = views
    zrms.routes[f"GET /v1/topologies/{ID}/spaces"] = views
    for path in states:
        zrms.routes[f"PUT /v1/topologies/{ID}/spaces/{path}/goal"] = goal
    done = zshell("spaces", "restart", "my-app/api", "--wait=20s")
    assert (done.status, early) == (0, []), done
    assert set(states.values()) == {"deployed-started"}


def test_what_is_not_to_run_is_not_restarted(zrms, listed, zshell):
    view = {"spaces": [space("api", "deployed-stopped", "deployed-stopped")]}
    zrms.routes["GET /v1/spaces"] = (200, view)
    zrms.routes[f"GET /v1/topologies/{ID}/spaces"] = (200, view)
    done = zshell("spaces", "restart", "my-app/api")
    assert done.status == 1 and "zshell spaces start my-app/api" in done.err
    assert zrms.asked("^PUT") == []
