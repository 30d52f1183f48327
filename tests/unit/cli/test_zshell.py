"""zshell against a fake zrms: layouts to the byte, exit status, formats, errors, scripts."""

import itertools
import json
import os
import re
import socket
import subprocess
import threading

import pytest

from fake_zrms import CREATED, ID, UPDATED, event, placements, refusal, space, topology, zhost

MEX = "application/vnd.samoza.mex+zip"


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


def test_a_reason_leads_to_its_section_of_the_manual(zrms, listed, zshell):
    listed.update(state="failed", failure_reason="no zhost is available", failure_code="no-zhost-available", placements=[])
    zrms.routes[f"GET /v1/topologies/{ID}/explain"] = (200, {"topology": "my-app", "spaces": [
        {"space": "api", "summary": "api has no place: 0 of 0 zhosts could take it", "reason": "no zhost is available: none has joined",
         "failure_code": "no-zhost-available", "zhosts": [], "rules": []}]})
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api", "not-deployed")]})
    zrms.routes[f"GET /v1/topologies/{ID}/spaces/api"] = (
        200, space("api", "not-deployed", why="api has no place", failure_code="no-place"))
    where = f"{zrms.url}/docs/reasons.html"
    assert f"  FailureReason: no zhost is available\n  See:       {where}#no-zhost-available\n" in zshell("topo", "status", "my-app").out
    assert json.loads(zshell("topo", "status", "my-app", "-o", "json").out)["failure_code"] == "no-zhost-available"
    assert f"  Reason: no zhost is available: none has joined\n  See: {where}#no-zhost-available\n" in zshell("topo", "explain", "my-app").out
    assert f"  Why:       api has no place\n  See:       {where}#no-place\n" in zshell("spaces", "status", "my-app/api").out
    # An earlier zrms has no codes.
    del listed["failure_code"]
    assert "See" not in zshell("topo", "status", "my-app").out


def test_a_refusal_leads_to_its_section_of_the_manual(zrms, listed, zshell):
    zrms.routes[f"POST /v1/topologies/{ID}/stop"] = (409, {"error": {"code": "conflict", "message": "it is stopped", "details": []}})
    done = zshell("topo", "stop", ID)
    assert done.status == 1
    assert done.err == f"zshell: it is stopped\nSee {zrms.url}/docs/refusals.html#conflict\n"
    # What zshell itself finds wrong was not refused by zrms.
    assert "See http" not in zshell("mesh", "ping", "api").err


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


def test_messages_of_the_mesh(zrms, zshell):
    zrms.routes["GET /v1/mesh/ping?space=my-app/api&count=2&zhost=edge-node-1"] = (200, {"pings": [
        {"from": "edge-node-1", "topology": "my-app", "space": "api", "zhost": "edge-node-2", "way": "direct",
         "round_trip_ms": 0.0874},
        {"from": "edge-node-1", "topology": "my-app", "space": "api", "zhost": "edge-node-2",
         "error": "no answer"}], "silent": [{"zhost": "edge-node-3", "why": "it did not answer in time"}]})
    done = zshell("mesh", "ping", "my-app/api", "--count", "2", "--from", "edge-node-1")
    assert done.out == (
        "FROM        TO         ZHOST       WAY    ROUND TRIP RESULT\n"
        "edge-node-1 my-app/api edge-node-2 direct    0.09 ms ok\n"
        "edge-node-1 my-app/api edge-node-2 -               - no answer\n")
    assert (done.status, done.err) == (0, "zhost edge-node-3 is missing here: it did not answer in time.\n")
    zrms.routes["GET /v1/mesh/ping"] = (200, {"pings": [
        {"from": "n1", "topology": "my-app", "space": "api", "zhost": "n2", "error": "no answer"}]})
    assert zshell("mesh", "ping", "my-app/api").status == 1
    assert zshell("mesh", "ping", "api").err == "zshell: 'api' is not TOPOLOGY/SPACE\n"
    zrms.routes["GET /v1/mesh/peers"] = (200, {"peers": [
        {"zhost": "n1", "peer": "n2", "way": "direct", "since": UPDATED, "round_trip_ms": 1.5, "sent_direct": 12,
         "sent_by_hub": 3, "refused": 2, "received": 7, "dropped": 1, "lost": 0},
        {"zhost": "n2", "peer": "n1", "way": "hub", "sent_direct": 0,
         "sent_by_hub": 7, "refused": 0, "received": 15, "dropped": 0, "lost": 0}]})
    assert zshell("mesh", "peers").out == (
        "ZHOST PEER WAY    SINCE                ROUND TRIP DIRECT BY HUB REFUSED LOST RECEIVED DROPPED\n"
        f"n1    n2   direct {UPDATED}    1.50 ms     12      3       2    0        7       1\n"
        "n2    n1   hub    -                             -      0      7       0    0       15       0\n")
    zrms.routes["GET /v1/mesh/routes"] = (200, {"routes": [
        {"topology": "my-app", "from": "api", "to": "store", "from_zhost": "n1", "to_zhost": "n1", "way": "same-zhost",
         "sent_direct": 0, "sent_by_hub": 0, "sent_here": 5, "refused": 0}], "left_out": 4})
    done = zshell("mesh", "routes")
    assert done.out == (
        "FROM       ZHOST TO    ZHOST WAY        DIRECT BY HUB HERE REFUSED RECEIVED DROPPED\n"
        "my-app/api n1    store n1    same zhost      0      0    5       0        -       -\n")
    assert done.err == "4 more are left out.\n"
    assert json.loads(zshell("-o", "json", "mesh", "routes").out)["left_out"] == 4


def test_one_space(zrms, listed, zshell):
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api")]})
    zrms.routes[f"GET /v1/topologies/{ID}/spaces/api"] = (200, space(
        "api", "unresolved", why="api is unresolved: needs store", last_error="start: trap",
        imports=[{"from": "store", "optional_import": False, "providers": []},
                 {"from": "rates", "optional_import": False, "providers": [],
                  "kept_until": UPDATED},
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
        f"  rates mandatory none; it runs on until {UPDATED}\n"
        "  cache optional  cache-1, cache-2\n"
        "\n"
        "Exports:\n"
        "  NAME VALUE\n"
        "  port 80\n"
        "\n"
        "Log:\n"
        "  hello\n"
        "  evil \\x1b[31m\\nline\n")


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


def connections(listening):
    """How many were made to it; each stays until it is accepted."""
    listening.setblocking(False)
    for count in itertools.count():
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return count


def test_a_zrms_that_does_not_answer(environment):
    """It is there and silent, as when it is stopped by a signal: a command waits once, for the one request that it makes."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        url = "http://127.0.0.1:%d" % silent.getsockname()[1]
        started = [subprocess.Popen([os.environ["ZSHELL"], "--api", url, *words], text=True,
                                    env=environment, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
                   for words in (["status"], ["topo", "list"])]
        for process in started:
            out, err = process.communicate(timeout=60)
            assert process.returncode == 3, (out, err)
            waited = re.search(f"zrms at {url} does not answer: no data for ([0-9.]+) s;", err)
            assert waited and float(waited[1]) < 30, err  # of 10 s: not the minute that a change has
            assert err.count(f"still waiting for zrms at {url} ...\n") == 1, err
        assert connections(silent) == len(started)
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
                        f"Nothing was stored. `mex validate {mex}` lists all findings.\n"
                        f"See {zrms.url}/docs/refusals.html#refused\n")


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
    (["mesh"], "incomplete command 'mesh'; did you mean 'mesh spaces', 'mesh ping', 'mesh peers'"), (["topo", "submit"], "FILE is missing"),
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


def commands_of(zshell):
    return re.findall(r"^  ((?:status|topo|spaces|events|mesh|cluster|zhost|user|login|logout|context|secret|help|completion|exit)(?: [a-z-]+){0,2})",
                      zshell("help").out, re.M)


def test_help_lists_every_command_and_explains_each(zshell):
    commands = commands_of(zshell)
    assert len(commands) == 79, commands
    for command in commands:
        one = zshell("help", *command.split())
        assert (one.status, one.err) == (0, ""), command
        assert zshell(*command.split(), "--help").out == one.out, command


def test_no_number_is_taken_as_not_given(zshell):
    """0 is a value where there is a default that may be replaced, and refused where it would be the same as nothing."""
    ranges = {}
    for command in commands_of(zshell):
        text = " ".join(zshell("help", *command.split()).out.split("\nOptions of every command:")[0].split())
        for option, words in re.findall(r" --([a-z-]+)\[?[= ][A-Z]+\]? ((?:(?! --[a-z]).)*)", text):
            ranges |= {f"{command} --{option}": found for found in re.findall(r"[(;] ?(\d[0-9a-zA-Z]* to \S+?)\)", words)}
            assert "default 0" not in words
    assert ranges["topo rollback --to"] == "1 to 4294967295" and len(ranges) > 20, ranges
    assert not [option for option, found in ranges.items() if found.startswith("0")], ranges


def test_version(zshell):
    assert re.fullmatch(r"zshell \d+\.\d+\.\d+\n", zshell("--version").out)


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
