"""What has happened, as zshell shows it: `events`, `topo events`, and the ends of statuses."""

import json
import os
import re
import subprocess
import time

import pytest

from fake_zrms import ID, placements, space, topology


def at(seconds):
    """A time so long ago, as zrms writes it."""
    now = time.time() - seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"


def event(seq, kind, subject, old, new, cause, ago=0, topology_id=ID):
    view = {"seq": seq, "time": at(ago), "kind": kind, "subject": subject, "from": old, "to": new,
            "cause": cause}
    if topology_id:
        view["topology"] = topology_id
    return view


@pytest.fixture
def listed(zrms):
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [topology()]})
    zrms.routes[f"GET /v1/topologies/{ID}"] = (200, topology(placements=placements()))
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("store")]})
    zrms.routes[f"GET /v1/topologies/{ID}/spaces/store"] = (200, space("store"))


@pytest.fixture
def story(zrms, listed):
    zrms.push(
        event(1, "zhost", "beta", "not-deployed", "deployed-started", "joined", 4000, None),
        event(2, "placement", "my-app/store", None, "beta", "placed", 3000),
        event(3, "topology", "my-app", "pending", "running", "every space is running", 2990),
        event(4, "space", "my-app/store", "deployed-started", "deployed-stopped",
              "start: exit status 7", 300),
        event(5, "placement", "my-app/store", "beta", "alpha",
              "re-placed: its attempts there were used up", 290),
        event(6, "zhost", "beta", "deployed-started", "problem", "no heartbeat for 3.1 s", 200,
              None),
        event(7, "zhost", "beta", "deployed-started", "problem", "no heartbeat for 3.1 s", 200),
        event(8, "space", "my-app/store", "starting", "deployed-started", "started", 100))


def subjects(done):
    return [re.split(" +", line)[2] for line in done.out.splitlines()]


def test_events_of_the_cluster_are_one_line_each(story, zshell):
    done = zshell("events")
    assert (done.status, done.err) == (0, "")
    # The event of a zhost is there once, though a topology has it, too.
    assert subjects(done) == ["beta", "my-app/store", "my-app", "my-app/store", "my-app/store",
                              "beta", "my-app/store"]
    assert done.out.splitlines()[0].endswith(
        " zhost     beta not-deployed -> deployed-started joined")


def test_events_are_chosen_by_time_number_and_text(story, zshell):
    assert len(subjects(zshell("events", "--since", "10m"))) == 4
    assert subjects(zshell("events", "--tail", "2")) == ["beta", "my-app/store"]
    assert subjects(zshell("events", "--grep", "exit status 7")) == ["my-app/store"]
    assert subjects(zshell("topo", "events", "my-app", "--since", "4m")) == [
        "beta", "my-app/store"]
    listed = json.loads(zshell("events", "--tail", "1", "-o", "json").out)
    assert [e["seq"] for e in listed["events"]] == [8]


def test_a_long_history_is_read_to_its_end(zrms, listed, zshell):
    def page(request):
        query = request["query"]
        first = int(query["after"]) + 1
        events = [event(i, "topology", "my-app", "a", "b", "c") for i in
                  range(first, min(first + 10000, 20002))]
        return 200, {"events": events}
    zrms.answer_events = page
    done = zshell("topo", "events", "my-app", "--tail", "1", "-o", "json")
    assert [e["seq"] for e in json.loads(done.out)["events"]] == [20001]


def test_the_tail_of_collapsed_events_is_a_number_of_lines(zrms, listed, zshell):
    zrms.push(event(1, "topology", "my-app", "-", "pending", "submitted", 300))
    for i in range(12):
        zrms.push(event(2 * i + 2, "space", "my-app/api", "deployed-started", "deployed-stopped",
                        "exit status 7", 180 - 15 * i),
                  event(2 * i + 3, "space", "my-app/api", "deployed-stopped", "starting",
                        "tried again", 179 - 15 * i))
    for words in (["events"], ["topo", "events", "my-app"]):
        lines = zshell(*words, "--collapse", "--tail", "2").out.splitlines()
        assert len(lines) == 2 and all("(\u00d712 in 3 min)" in line for line in lines), lines
        assert len(zshell(*words, "--tail", "2").out.splitlines()) == 2
    shown = zshell("topo", "status", "my-app").out.split("Events:\n")[1].splitlines()
    assert len(shown) == 3 and shown[-1].endswith("tried again (\u00d712 in 3 min)"), shown


def test_repeats_are_one_line_where_asked(zrms, listed, zshell):
    for i in range(12):
        zrms.push(event(2 * i + 1, "space", "my-app/api", "deployed-started", "deployed-stopped",
                        "exit status 7", 180 - 15 * i),
                  event(2 * i + 2, "space", "my-app/api", "deployed-stopped", "starting",
                        "tried again", 179 - 15 * i))
    zrms.push(event(99, "topology", "my-app", "pending", "running", "every space is running"))
    lines = zshell("topo", "events", "my-app", "--collapse").out.splitlines()
    assert len(lines) == 3
    assert lines[0].endswith("exit status 7 (\u00d712 in 3 min)"), lines
    assert lines[1].endswith("tried again (\u00d712 in 3 min)"), lines
    assert lines[2].endswith("every space is running")
    assert len(zshell("topo", "events", "my-app").out.splitlines()) == 25


def test_a_repeat_long_after_is_a_line_of_its_own(zrms, listed, zshell):
    for seq, ago in ((1, 5000), (2, 4700), (3, 100)):
        zrms.push(event(seq, "space", "my-app/api", "starting", "deployed-started", "started", ago))
    lines = zshell("topo", "events", "my-app", "--collapse").out.splitlines()
    assert len(lines) == 2 and lines[0].endswith("started (\u00d72 in 5 min)"), lines
    assert lines[1].endswith("starting -> deployed-started started"), lines


def test_following_shows_only_what_was_asked_for(zrms, listed, environment):
    zrms.push(event(1, "space", "my-app/api", "starting", "deployed-started", "started", 5))
    process = subprocess.Popen([os.environ["ZSHELL"], "events", "-f", "--grep", "wanted"],
                               env=dict(environment, ZRMS_URL=zrms.url), stdout=subprocess.PIPE,
                               text=True)
    try:
        while zrms.connections == 0:
            time.sleep(0.005)
        zrms.push(event(2, "space", "my-app/api", "starting", "deployed-started", "other"),
                  event(3, "space", "my-app/api", "starting", "deployed-started", "wanted"))
        assert process.stdout.readline().endswith("deployed-started wanted\n")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_status_says_since_when_and_what_happened_last(story, zrms, zshell):
    done = zshell("topo", "status", "my-app")
    assert re.search(r"^  Since:     20", done.out, re.M), done
    assert done.out.count("\nEvents:\n") == 1
    assert done.out.rstrip().splitlines()[-1].endswith("starting -> deployed-started started")
    assert len(done.out.split("Events:\n")[1].splitlines()) == 5


def test_an_instance_names_its_earlier_places_with_their_ends(story, zshell):
    done = zshell("spaces", "status", "my-app/store")
    assert re.search(r"^Earlier places:\n  was on beta until 20\S+Z: start: exit status 7$",
                     done.out, re.M), done
    assert "was on alpha" not in done.out
    shown = done.out.split("\nEvents:\n")[1].splitlines()
    assert shown and all(re.split(" +", line.strip())[2] == "my-app/store" for line in shown), done


def test_a_zhost_has_a_status_with_reason_and_events(story, zrms, zshell):
    view = {"name": "beta", "state": "problem", "cordoned": True, "instances": 0,
            "incarnation": 1, "cpu_millicores": {"total": 4000, "reserved": 500},
            "memory_bytes": {"total": 8 << 30, "reserved": 0}, "labels": [], "devices": [],
            "capabilities": [], "withdrawn": [], "limits": [], "since": "2026-04-29T10:30:00Z"}
    zrms.routes["GET /v1/zhosts/beta"] = (200, view)
    zrms.routes["GET /v1/spaces?zhost=beta&limit=100"] = (200, {"spaces": [
        space("here", zhost="beta")]})
    # A cordon changes no state: it is not why the zhost is in it.
    zrms.push(event(9, "zhost", "beta", "problem", "problem", "cordoned", 50, None))
    done = zshell("cluster", "status", "beta")
    assert done.status == 0, done
    assert "Zhost: beta\n  State:     problem, cordoned\n  Since:     2026-04-29T10:30:00Z\n" \
           "  Reason:    no heartbeat for 3.1 s\n" in done.out
    assert "my-app/here" in done.out and "and more" not in done.out
    assert done.out.rstrip().endswith("problem -> problem cordoned")
    listed = json.loads(zshell("cluster", "status", "beta", "-o", "json").out)
    assert {k: listed[k] for k in view} == view
    assert sorted(set(listed) - set(view)) == ["events", "reason"]
    assert listed["reason"] == "no heartbeat for 3.1 s"
    assert [e["seq"] for e in listed["events"]] == [1, 6, 9]


def test_a_zhost_with_many_instances_shows_a_part(story, zrms, zshell):
    zrms.routes["GET /v1/zhosts/beta"] = (200, {
        "name": "beta", "state": "deployed-started", "cordoned": False, "instances": 250,
        "incarnation": 1, "cpu_millicores": {"total": 4000, "reserved": 500},
        "memory_bytes": {"total": 8 << 30, "reserved": 0}})
    zrms.routes["GET /v1/spaces?zhost=beta&limit=100"] = (200, {
        "spaces": [space(f"s{i}", zhost="beta") for i in range(100)], "next": "100.s99"})
    done = zshell("cluster", "status", "beta")
    assert done.out.count("  my-app/s") == 100, done
    assert "\n  and more; `zshell spaces list --zhost beta` lists all\n" in done.out
    # Nothing is asked for that grows with the cluster.
    assert [r["line"] for r in zrms.asked("^GET /v1/(spaces|topologies)")] == [
        "GET /v1/spaces?zhost=beta&limit=100"]
    assert all("newest" in r["query"] for r in zrms.asked("^GET /v1/events"))


def test_a_status_in_json_has_since_reason_and_events(story, zrms, zshell):
    plain = zrms.routes[f"GET /v1/topologies/{ID}"][1]
    listed = json.loads(zshell("topo", "status", "my-app", "-o", "json").out)
    assert {k: listed[k] for k in plain} == plain
    assert listed["reason"] == "every space is running"
    assert listed["since"] == [e for e in zrms.events if e["seq"] == 3][0]["time"]
    assert [e["seq"] for e in listed["events"]] == [3, 4, 5, 7, 8]
    zrms.routes[f"GET /v1/topologies/{ID}"] = (200, dict(plain, failure_reason="no zhost fits"))
    listed = json.loads(zshell("topo", "status", "my-app", "-o", "json").out)
    assert listed["reason"] == listed["failure_reason"] == "no zhost fits"


def test_an_instance_in_json_has_its_places(story, zrms, zshell):
    listed = json.loads(zshell("spaces", "status", "my-app/store", "-o", "json").out)
    times = {e["seq"]: e["time"] for e in zrms.events}
    assert listed["places"] == [
        {"zhost": "beta", "since": times[2], "until": times[5], "cause": "start: exit status 7"},
        {"zhost": "alpha", "since": times[5]}]
    assert listed["reason"] == "started"
    assert [e["seq"] for e in listed["events"]] == [2, 4, 5, 8]
    assert "places:\n" in zshell("spaces", "status", "my-app/store", "-o", "yaml").out


def test_logs_of_earlier_places(story, zrms, zshell):
    def log(request):
        zhost = request["query"].get("zhost", "now")
        return 200, {"lines": [f"{zhost} {i}" for i in range(int(request["query"]["lines"]))]}
    zrms.routes[f"GET /v1/topologies/{ID}/logs"] = log
    done = zshell("spaces", "logs", "my-app/store", "--lines", "2", "--previous")
    assert (done.status, done.out) == (0, "beta 0\nbeta 1\n"), done
    done = zshell("spaces", "logs", "my-app/store", "--lines", "1", "--all")
    assert re.fullmatch("==> beta, until 20\\S+Z <==\nbeta 0\n==> alpha <==\nalpha 0\n", done.out), done
    assert zshell("spaces", "logs", "my-app/store", "--all", "-f").status == 2
    zrms.routes[f"GET /v1/topologies/{ID}/logs"] = lambda r: (
        (503, {"error": {"code": "unavailable", "message": "zhost beta cannot be reached",
                         "details": []}}) if r["query"]["zhost"] == "beta" else log(r))
    done = zshell("spaces", "logs", "my-app/store", "--lines", "1", "--all")
    assert done.status == 0 and "alpha 0" in done.out and "cannot be reached" in done.err


def test_an_instance_moves_with_what_it_is_inside(zrms, listed, zshell):
    inner = space("store/cache")
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("store"), inner]})
    zrms.routes[f"GET /v1/topologies/{ID}/spaces/store/cache"] = (200, inner)
    zrms.push(event(1, "placement", "my-app/store", None, "beta", "placed", 30),
              event(2, "placement", "my-app/store", "beta", "alpha", "re-placed", 20),
              event(3, "placement", "my-app/stored", "x", "y", "re-placed", 10))
    listed = json.loads(zshell("spaces", "status", "my-app/store/cache", "-o", "json").out)
    assert [p["zhost"] for p in listed["places"]] == ["beta", "alpha"]


def test_a_zhost_where_it_was_twice_has_one_log(zrms, listed, zshell):
    zrms.push(event(1, "placement", "my-app/store", None, "beta", "placed", 30),
              event(2, "placement", "my-app/store", "beta", "alpha", "re-placed", 20),
              event(3, "placement", "my-app/store", "alpha", "beta", "re-placed", 10))
    zrms.routes[f"GET /v1/topologies/{ID}/logs"] = lambda r: (200, {"lines": [r["query"]["zhost"]]})
    done = zshell("spaces", "logs", "my-app/store", "--all")
    assert [line for line in done.out.splitlines() if "=" not in line] == ["alpha", "beta"], done


def test_an_instance_that_was_nowhere_else_has_no_previous_log(zrms, listed, zshell):
    zrms.push(event(1, "placement", "my-app/store", None, "beta", "placed", 3000))
    done = zshell("spaces", "logs", "my-app/store", "--previous")
    assert done.status == 1 and "has not been on another zhost before" in done.err
