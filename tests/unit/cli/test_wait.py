"""Waiting and following: by the event stream, resumed where it broke, believed only after a GET."""

import json
import threading

import pytest

from fake_zrms import ID, event, placements, space, topology


@pytest.fixture
def mex(zrms, tmp_path):
    path = tmp_path / "a.mex"
    path.write_bytes(b"x")
    zrms.routes["POST /v1/topologies"] = (201, topology("pending"))
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [topology("pending")]})
    return str(path)


class States:
    """GET of the topology: what set() said last."""

    def __init__(self, zrms, state, **more):
        self.view = topology(state, placements=placements(), **more)
        zrms.routes[f"GET /v1/topologies/{ID}"] = lambda request: (200, self.view)

    def set(self, state, **more):
        self.view = topology(state, placements=placements(), **more)


def when_following(zrms, count, act):
    """Acts once `count` connections to the event stream were made, and zshell has asked after
    the last of them how things stand."""
    def asked_since():
        lines = [r["line"] for r in zrms.requests]
        last = max(i for i, line in enumerate(lines) if line.startswith("GET /v1/events?"))
        return last + 1 < len(lines)

    def wait():
        never = threading.Event()
        while zrms.connections < count or not asked_since():
            never.wait(0.005)
        act()
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


STARTED = [event(1, "topology", "my-app", None, "pending"),
           event(2, "space", "my-app/store", "not-deployed", "deploying"),
           event(3, "space", "my-app/store", "deploying", "starting"),
           event(4, "space", "my-app/store", "starting", "deployed-started"),
           event(5, "topology", "my-app", "pending", "running")]
SHOWN = ("  store                deploying\n"
         "  store                starting\n"
         "  store                running\n"
         "  dashboard            running\n"
         "  api                  running\n")


def test_submit_and_wait_shows_each_space_and_ends_when_running(zrms, zshell, mex):
    states = States(zrms, "pending")

    def run():
        states.set("running")
        zrms.push(*STARTED)
    when_following(zrms, 1, run)
    done = zshell("topo", "submit", mex, "--wait=50s")
    assert done.out.endswith("  Spaces: 3\n\n" + SHOWN + f"Topology {ID} is running.\n"), done
    assert done.status == 0


def test_a_change_faster_than_events_is_shown_with_its_result(zrms, zshell, mex):
    States(zrms, "running")
    done = zshell("topo", "submit", mex, "--wait=50s")
    assert done.out.endswith("  Spaces: 3\n\n"
                             "  dashboard            running\n"
                             "  api                  running\n"
                             "  store                running\n"
                             f"Topology {ID} is running.\n"), done


def test_with_names_only_no_progress_is_shown(zrms, zshell, mex):
    States(zrms, "running")
    done = zshell("topo", "submit", mex, "--wait=50s", "-o", "name")
    assert (done.status, done.out) == (0, ""), done


def test_the_stream_resumes_after_the_last_event(zrms, zshell, mex):
    states = States(zrms, "pending")
    zrms.break_after = 2

    def run():
        states.set("running")
        zrms.push(*STARTED)
    # Nobody believes "running" before the stream has told it, or a new connection has asked.
    when_following(zrms, 1, lambda: zrms.push(*STARTED[:3]))
    when_following(zrms, 2, run)
    done = zshell("topo", "submit", mex, "--wait=50s")
    assert (done.status, done.out.count("deploying")) == (0, 1), done
    afters = [r["query"]["after"] for r in zrms.asked("^GET /v1/events") if "stream=0" not in r["line"]]
    assert afters[:2] == ["0", "2"]


def test_what_happened_to_an_earlier_revision_is_not_shown(zrms, zshell, mex):
    states = States(zrms, "pending")
    zrms.push(*STARTED)

    def run():
        states.set("running")
        zrms.push(event(6, "space", "my-app/api", "starting", "deployed-started"),
                  event(7, "topology", "my-app", "pending", "running"))
    when_following(zrms, 1, run)
    done = zshell("topo", "submit", mex, "--wait=50s")
    assert (done.status, done.out.count("deploying"), done.out.count("api")) == (0, 0, 1), done


def test_events_alone_do_not_end_the_wait(zrms, zshell, mex):
    States(zrms, "degraded")
    zrms.push(*STARTED)
    done = zshell("topo", "submit", mex, "--wait=300ms")
    assert done.status == 4, done
    assert f"Topology {ID} is still degraded after 300ms" in done.err


def test_a_wait_that_times_out_says_what_is_missing(zrms, zshell, mex):
    States(zrms, "pending", failure_reason="no zhost is available")
    done = zshell("topo", "submit", mex, "--wait=200ms")
    assert done.status == 4, done
    assert done.err == (f"Topology {ID} is still pending after 200ms: no zhost is available\n"
                        "The operation continues; `zshell topo status my-app` shows its state.\n")


def test_a_topology_that_fails_ends_the_wait(zrms, zshell, mex):
    states = States(zrms, "pending")

    def fail():
        states.set("failed", failure_reason="api failed 6 times on n1: start: trap")
        zrms.push(event(1, "topology", "my-app", "pending", "failed"))
    when_following(zrms, 1, fail)
    done = zshell("topo", "submit", mex, "--wait=50s")
    assert done.status == 1, done
    assert f"Topology {ID} failed: api failed 6 times on n1: start: trap\n" in done.err


def test_wait_in_json_prints_the_view_that_it_ended_with(zrms, zshell, mex):
    States(zrms, "running")
    done = zshell("topo", "submit", mex, "--wait=50s", "-o", "json")
    assert json.loads(done.out)["state"] == "running"


def test_stop_waits_for_the_last_space(zrms, zshell, mex):
    spaces = {"state": "stopping"}
    zrms.routes[f"GET /v1/topologies/{ID}"] = (200, topology())
    zrms.routes[f"POST /v1/topologies/{ID}/stop"] = (202, topology("stopped"))
    zrms.routes[f"GET /v1/topologies/{ID}/spaces"] = lambda request: (
        200, {"spaces": [space("api", spaces["state"], "not-deployed")]})
    zrms.push(*STARTED)

    def unload():
        spaces["state"] = "not-deployed"
        zrms.push(event(9, "space", "my-app/api", "undeploying", "not-deployed"))
    when_following(zrms, 1, unload)
    done = zshell("topo", "stop", "my-app", "--wait=50s")
    assert (done.status, done.out) == (0, f"Stopping topology {ID}\nTopology {ID} stopped.\n"), done
    # What happened before the request is not waited for again.
    assert zrms.asked("^GET /v1/events")[-1]["query"]["after"] == "5"


def test_a_wait_after_a_long_history_begins_with_its_end(zrms, zshell, mex):
    zrms.routes[f"GET /v1/topologies/{ID}"] = (200, topology())
    zrms.routes[f"POST /v1/topologies/{ID}/stop"] = (202, topology("stopped"))
    zrms.routes[f"GET /v1/topologies/{ID}/spaces"] = (
        200, {"spaces": [space("api", "not-deployed", "not-deployed")]})
    zrms.push(*(event(i, "space", "my-app/api", "starting", "deployed-started")
                for i in range(1, 12001)), event(12001, "zhost", "n1", None, "problem", topology_id=None))
    assert zshell("topo", "stop", "my-app", "--wait=50s").status == 0
    stored, stream = zrms.asked("^GET /v1/events")
    assert int(stored["query"]["newest"]) <= 1000
    assert stream["query"]["after"] == "12001"


def test_a_hung_stop_names_the_space(zrms, zshell, mex):
    zrms.routes[f"GET /v1/topologies/{ID}"] = (200, topology())
    zrms.routes[f"POST /v1/topologies/{ID}/stop"] = (202, topology("stopped"))
    zrms.routes[f"GET /v1/topologies/{ID}/spaces"] = (
        200, {"spaces": [space("api", "stopping", "not-deployed"),
                         space("store", "not-deployed", "not-deployed")]})
    done = zshell("topo", "stop", "my-app", "--wait=200ms")
    assert done.status == 4, done
    assert done.out == f"Stopping topology {ID}\n"
    assert "Not done after 200ms:\n  my-app/api is stopping\nThe operation continues" in done.err


def test_a_goal_of_one_instance_does_not_wait_for_its_descendants(zrms, zshell, mex):
    spaces = [space("api", "starting"), space("api/cache", "deployed-stopped", "deployed-started")]
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": spaces})
    zrms.routes[f"PUT /v1/topologies/{ID}/spaces/api/goal"] = (202, spaces[0])
    zrms.routes[f"GET /v1/topologies/{ID}/spaces"] = lambda request: (200, {"spaces": spaces})

    def started():
        spaces[0] = space("api")
        zrms.push(event(1, "space", "my-app/api", "starting", "deployed-started"))
    when_following(zrms, 1, started)
    done = zshell("spaces", "start", "my-app/api", "--wait=50s")
    assert (done.status, done.out) == (
        0, "Starting my-app/api\n  api                  running\nmy-app/api: done.\n"), done


def test_wait_survives_a_restart_of_zrms(zrms, zshell, mex):
    """The first connection is refused service, as by a zrms that is just starting."""
    answers = [(503, {"error": {"code": "busy", "message": "starting", "details": []}})]
    states = States(zrms, "pending")
    stream = zrms.stream

    def first_refused(handler, after):
        if answers:
            zrms.send(handler, *answers.pop())
        else:
            states.set("running")
            stream(handler, after)
    zrms.stream = first_refused
    done = zshell("topo", "submit", mex, "--wait=50s")
    assert done.status == 0, done
    assert "lost the connection to zrms (not ready); reconnecting ...\n" in done.err


def test_following_a_log_ends_with_zshell(zrms, zshell, environment, mex):
    import os
    import signal
    import subprocess
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api")]})

    zrms.push(event(1, "topology", "my-app", None, "pending"))
    process = subprocess.Popen([os.environ["ZSHELL"], "topo", "events", "my-app", "-f"],
                               env=dict(environment, ZRMS_URL=zrms.url), stdout=subprocess.PIPE,
                               text=True)
    try:
        assert process.stdout.readline().endswith("my-app - -> pending asked\n")
        zrms.push(event(2, "topology", "my-app", "pending", "running"))
        assert process.stdout.readline().endswith("my-app pending -> running asked\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == -signal.SIGINT
    finally:
        process.kill()
        process.wait(60)
        process.stdout.close()


def test_a_notice_of_zrms_is_shown_and_what_is_awaited_is_asked_for_again(zrms, zshell, mex):
    asked = []

    def view(request):  # on the connection, then at each notice
        asked.append(request)
        if len(asked) < 3:
            if len(asked) == 2:
                zrms.push({"seq": 2, "comment": "notice: zrms writes again"})
            return 503, {"error": {"code": "unavailable", "message": "not durable", "details": []}}
        return 200, topology("running")
    zrms.routes[f"GET /v1/topologies/{ID}"] = view
    zrms.push({"seq": 1, "comment": "notice: zrms cannot write"}, {"seq": 1, "comment": "of a proxy"})
    done = zshell("topo", "submit", mex, "--wait=50s")
    assert done.status == 0, done
    assert done.err == "zrms cannot write\nzrms writes again\n"
