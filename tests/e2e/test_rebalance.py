"""A rebalance moves what is better off elsewhere, as its plan says, and leaves all else alone; also through kill -9 of
zrms."""
import json
import os
import signal

from conftest import IDLE, start_of, until
from test_move import space
from test_plan import moves, plan

ZHOSTS = ["edge-node-1", "edge-node-2", "edge-node-3"]


def uneven(start_cluster, spaces, sources, **options):
    """Everything is on two zhosts, and the third one is empty."""
    c = start_cluster(**options)
    c.zshell("cluster", "cordon", "edge-node-3")
    c.deploy("shop", spaces, sources)
    c.zshell("cluster", "uncordon", "edge-node-3")
    return c


def rebalance_of(c):
    return c.get("/v1/cluster/rebalance")


def named(view, state):
    return {m["name"]: m["to"] for m in view.get("moves", []) if m["state"] == state}


def processes(c):
    return {(pid, start_of(pid)) for name in ZHOSTS for pid in c.zruns(name)}


def last_seq(c):
    return max(e["seq"] for e in c.events())


def test_a_rebalance_does_what_its_plan_says(start_cluster):
    c = uneven(start_cluster, [space("api", count=6), space("db", storage="local")], {"api": IDLE, "db": IDLE})
    assert rebalance_of(c)["state"] == "none"
    assert "There has been no rebalance." in c.zshell("cluster", "rebalance", "--show").stdout
    planned = plan(c, "cluster", "rebalance", "--plan")
    assert (planned["subject"], planned["action"], planned["end"]) == ("cluster", "rebalance", "completed"), planned
    assert rebalance_of(c)["state"] == "none", "a plan changes nothing"
    shown = c.zshell("cluster", "rebalance", "--plan", check=False)
    assert shown.returncode == 10 and "The cluster would be rebalanced." in shown.stdout, shown

    before, seq = processes(c), last_seq(c)
    done = c.zshell("cluster", "rebalance", "--wait=60s")
    assert "Rebalance done: 2 moved, 0 under way, 0 waiting" in done.stdout, done
    view = rebalance_of(c)
    moved = named(view, "moved")
    assert view["state"] == "done" and set(moved.values()) == {"edge-node-3"}, view
    events = [e for e in c.events("shop", seq) if e["kind"] in ("placement", "space")]
    assert moves(planned["moves"]) == moves(events), (planned["moves"], events)
    assert {e["subject"] for e in events if e["kind"] == "placement"} == set(moved)
    assert not [e for e in events if e["kind"] == "space"], "no slot was unserved"
    until(lambda: len(processes(c)) == len(before), "what has moved has left")
    assert len(processes(c) & before) == len(before) - len(moved), "what stays runs on"

    nothing = plan(c, "cluster", "rebalance", "--plan", status=0)
    assert not nothing["changes"] and not moves(nothing["moves"]), nothing
    again = c.zshell("cluster", "rebalance", "--wait")
    assert again.returncode == 0 and not named(rebalance_of(c), "moved"), again


def test_what_stops_first_moves_only_where_it_is_named(start_cluster):
    c = uneven(start_cluster, [space("lock", count=3, exclusive=True)], {"lock": IDLE}, timeout="20s")
    stays = c.zshell("cluster", "rebalance", "--wait", "-o", "json")
    view = rebalance_of(c)
    assert view["stay"] == 2 and not named(view, "moved"), (stays, view)
    assert view["moves"][0]["why"] == "lock-1 is exclusive, and not included", view
    refused = c.zshell("cluster", "rebalance", "--include", "shop/look", check=False)
    assert refused.returncode == 1 and "no space 'shop/look'" in refused.stderr, refused
    limit = c.zshell("cluster", "rebalance", "--max-moves", "0", check=False)
    assert limit.returncode == 2, limit
    c.zshell("cluster", "rebalance", "--include", "shop/lock", "--max-moves", "1", "--wait=60s")
    assert len(named(rebalance_of(c), "moved")) == 1
    assert {c.zhost_of("shop", f"lock-{n}") for n in (1, 2, 3)} == set(ZHOSTS)


def test_a_rebalance_goes_on_after_zrms_was_killed(start_cluster):
    c = uneven(start_cluster, [space("api", count=6)], {"api": IDLE})
    before = processes(c)
    answer = json.loads(c.zshell("cluster", "rebalance", "-o", "json").stdout)
    chosen = {m["name"]: m["to"] for m in answer["moves"]}
    assert answer["state"] == "running" and len(chosen) == 2, answer
    c.zrms.kill()
    c.start_zrms()
    for _ in range(3):
        refused = c.zshell("cluster", "rebalance", check=False)
        if rebalance_of(c)["state"] == "done":
            break
        assert refused.returncode == 1 and "a rebalance is under way" in refused.stderr, refused
        c.zrms.kill()
        c.start_zrms()
    until(lambda: rebalance_of(c)["state"] == "done", "the rebalance has ended")
    assert {name: c.zhost_of(*name.split("/")) for name in chosen} == chosen
    until(lambda: len(processes(c)) == len(before), "what has moved has left")
    assert len(processes(c) & before) == len(before) - 2, "what stays runs on"
    c.wait_state("shop", "running")


def test_a_rebalance_can_be_stopped(start_cluster):
    # One at a time, so that some have not begun when it is stopped.
    c = uneven(start_cluster, [space("api", count=30)], {"api": IDLE}, zrms_options=["--drain-units", "1"], timeout="60s")
    none = c.zshell("cluster", "rebalance", "--stop", check=False)
    assert none.returncode == 1 and "no rebalance is under way" in none.stderr, none
    both = c.zshell("cluster", "rebalance", "--stop", "--plan", check=False)
    assert both.returncode == 1 and "leave out the other options" in both.stderr, both
    os.kill(c.zhosts["edge-node-3"].pid, signal.SIGSTOP)  # the first one does not arrive before it is stopped
    try:
        begun = json.loads(c.zshell("cluster", "rebalance", "-o", "json").stdout)
        assert begun["state"] == "running" and begun["waiting"] > 0, begun
        c.zshell("cluster", "rebalance", "--stop")
    finally:
        os.kill(c.zhosts["edge-node-3"].pid, signal.SIGCONT)
    until(lambda: rebalance_of(c)["state"] == "done", "the rebalance has ended")
    stopped = c.zshell("cluster", "rebalance", "--show")
    audit = c.zshell("cluster", "audit").stdout
    assert "done rebalance the cluster" in audit and "done stop the rebalance" in audit, audit
    assert "Rebalance done" in stopped.stdout and "It was stopped by" in stopped.stdout, stopped
    view = rebalance_of(c)
    dropped = [m for m in view["moves"] if m["state"] == "stays"]
    assert dropped and all("was stopped by" in m["why"] for m in dropped), view
    assert [e for e in c.events() if e["kind"] == "rebalance" and "stopped by" in e["cause"]]
    for name, to in named(view, "moved").items():
        assert c.zhost_of(*name.split("/")) == to
    c.wait_state("shop", "running")
