"""Loss of machines, and what comes back by itself."""
import os
import signal

import pytest

from conftest import is_alive, until
from page import Page


def others(cluster, name):
    return [n for n in cluster.zhosts if n != name]


def kinds(events, subject):
    return [(e["from"], e["to"]) for e in events if e["subject"] == subject and e["kind"] != "placement"]


@pytest.mark.parametrize("with_zruns", [True, False], ids=["machine", "zhost-only"])
def test_the_store_moves_with_its_entries_when_its_zhost_dies(guest_book, with_zruns):
    c = guest_book
    lost = c.zhost_of("my-app", "store")
    page = Page(c.zedge(others(c, lost)[0]))
    assert page.add("1", "before the loss") == ["before the loss"]
    orphans = c.zruns(lost)
    assert orphans
    mark = c.events()[-1]["seq"]
    if with_zruns:
        c.kill_machine(lost)
    else:
        c.zhosts[lost].kill()
    c.wait_zhost(lost, "problem")
    until(lambda: any(e["to"] == "degraded" for e in c.events("my-app", mark)), "degraded")
    c.wait_state("my-app", "running")
    assert c.zhost_of("my-app", "store") in others(c, lost)
    page.close()
    page = Page(c.zedge(others(c, lost)[0]))
    assert page.entries() == ["before the loss"]
    assert page.add("2", "after the loss") == ["before the loss", "after the loss"]
    story = c.events(None, mark)
    order = [(e["subject"], e["to"]) for e in story]
    expected = [(lost, "problem"), ("my-app/store", "not-deployed"), ("my-app", "degraded"),
                ("my-app/store", "deploying"), ("my-app/store", "starting"),
                ("my-app/store", "deployed-started"), ("my-app", "running")]
    places = [order.index(step) for step in expected]
    assert places == sorted(places), order
    if not with_zruns:
        # The copies that went on without their zhost are told to stop when it is back.
        assert all(is_alive(pid) for pid in orphans)
        c.zhosts[lost].start()
        c.wait_zhost(lost, "deployed-started")
        until(lambda: not any(is_alive(pid) for pid in orphans), "old copies end")
        assert page.entries() == ["before the loss", "after the loss"]


def test_a_topology_without_a_place_fails_and_recovers_when_a_zhost_joins(start_cluster):
    c = start_cluster(zhosts=["plain-1", {"name": "eye-1", "capabilities": ["sensors.camera"]}])
    c.deploy("watch", [{"name": "eye", "type": "IO", "capabilities": ["sys.log", "sensors.camera"]},
                       {"name": "other", "type": "CALL"}])
    assert c.zhost_of("watch", "eye") == "eye-1"
    c.kill_machine("eye-1")
    c.wait_state("watch", "failed")
    shown = c.zshell("topo", "status", "watch").stdout
    assert "FailureReason: no zhost satisfies capability requirement 'sensors.camera'" in shown
    assert "State:     failed" in shown
    explained = c.zshell("topo", "explain", "watch", "eye").stdout
    assert "sensors.camera" in explained and "plain-1" in explained
    c.add_zhost({"name": "eye-2", "capabilities": ["sensors.camera"]})
    c.wait_state("watch", "running")
    assert c.zhost_of("watch", "eye") == "eye-2"
    states = [to for _, to in kinds(c.events("watch"), "watch")]
    assert states == ["pending", "running", "degraded", "failed", "degraded", "running"]


def test_a_restarted_zhost_reconnects_to_its_running_spaces(guest_book):
    c = guest_book
    name = c.zhost_of("my-app", "store")
    page = Page(c.zedge(others(c, name)[0]))
    page.add("1", "kept")
    zruns = c.zruns(name)
    mark = c.events()[-1]["seq"]
    c.zhosts[name].kill()
    c.zhosts[name].start()
    until(lambda: page.entries() == ["kept"], "the store answers through its new zhost")
    assert c.zruns(name) == zruns
    moves = [e for e in c.events(None, mark) if e["kind"] == "space"]
    assert moves == [], moves
    assert c.space("my-app", "store")["restarts"] == 0


def test_a_partitioned_zhost_is_a_problem_and_returns(guest_book):
    c = guest_book
    name = c.zhost_of("my-app", "api")
    os.kill(c.zhosts[name].pid, signal.SIGSTOP)
    try:
        c.wait_zhost(name, "problem")
        c.wait_state("my-app", "running")
        assert c.zhost_of("my-app", "api") != name
    finally:
        os.kill(c.zhosts[name].pid, signal.SIGCONT)
    c.wait_zhost(name, "deployed-started")
    until(lambda: len([z for z in c.get("/v1/mesh/spaces")["spaces"]
                       if z["space"] == "api"]) == 1, "one api")
    page = Page(c.zedge(others(c, name)[0]))
    assert page.add("1", "healed") == ["healed"]


def test_a_space_that_is_never_replaced_waits_for_its_zhost_over_a_restart_of_zrms(start_cluster):
    c = start_cluster(zhosts=["edge-1", "edge-2"])
    c.deploy("watch", [{"name": "cam", "type": "CALL", "loss": {"replace_after": "never"}},
                       {"name": "web", "type": "CALL"}])
    lost = c.zhost_of("watch", "cam")
    processes = c.zruns(lost)
    c.zhosts[lost].kill()
    c.wait_zhost(lost, "problem")
    c.wait_state("watch", "degraded")
    c.zrms.kill()
    c.start_zrms()
    # web is placed again where it has to be; cam is told as waiting.
    until(lambda: next(p for p in c.topology("watch")["placements"] if p["space"] == "web")["state"]
          == "deployed-started", "web runs")
    assert c.state("watch") == "degraded"
    said = " ".join(c.zshell("topo", "status", "watch").stdout.split())
    assert f"cam waits for its zhost {lost}, silent since " in said
    c.zhosts[lost].start()
    until(lambda: c.state("watch") == "running" and c.zhost_of("watch", "cam") == lost, "it runs where it was")
    assert set(c.zruns(lost)) & set(processes), "the process that ran all the time was adopted"
