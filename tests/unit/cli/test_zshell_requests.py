"""What zshell asks of zrms: goals, operations, lists in part, restarts."""

import json
import re

import pytest

from fake_zrms import ID, event, space, topology, zhost


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
        1, "zshell: no zhost nope\n`zshell cluster zhosts` lists all zhosts.\n"
           f"See {zrms.url}/docs/refusals.html#not-found\n"), done


def test_a_state_that_nothing_of_the_list_has_is_refused(zrms, zshell):
    done = zshell("topo", "--state", "deploying")
    assert done.status == 2 and "degraded" in done.err, done
    assert zrms.requests == []


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
