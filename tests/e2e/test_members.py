"""A change adds instances inside of one that does not change, or removes them: the process around them stays."""
from conftest import IDLE, until, zruns_below
from test_move import space
from test_plan import events_after, last_seq, moves, plan

APP = ("app", "app/cache", "app/cache/log")


def package(c, version, *names):
    """Each space is inside of the one before it; all start-first, beside a neighbour."""
    inside = [path.rsplit("/", 2)[-2] if "/" in path else None for path in names]
    spaces = [space(path.rsplit("/", 1)[-1], **({"inside": parent} if parent else {}))
              for path, parent in zip(names, inside)] + [space("other")]
    directory = c.app("shop", spaces, {s["name"]: IDLE for s in spaces}, manifest={
        "metadata": {"name": "shop", "version": version, "publisher": "example.com",
                     "created": "2026-04-29T10:30:00Z"},
        "rollout": {"policy": "rolling", "healthy": {"for": "100ms", "within": "30s"}}})
    return c.build(directory, f"shop-{version}")


def epochs(c):
    return {s["path"]: s["epoch"] for s in c.get("/v1/spaces?topology=shop")["spaces"]}


def pids(c):
    """Of the processes of spaces: the one that makes them stays, too."""
    return set(zruns_below(c.zhosts["edge-node-1"].pid))


def test_a_child_comes_and_goes_and_the_process_of_its_parent_stays(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.submit(package(c, "1.0.0", "app"))
    before, processes = epochs(c), pids(c)
    added = package(c, "1.1.0", *APP)
    shown = plan(c, "topo", "plan", added)
    assert [(s["space"], s["verdict"], s["effect"]) for s in shown["spaces"]] == [
        ("app", "unchanged", "stays available"), ("cache", "added", "starts"), ("log", "added", "starts"),
        ("other", "unchanged", "stays available")], shown["spaces"]
    seq = last_seq(c)
    c.zshell("topo", "submit", added, "--wait=60s")
    came = moves(events_after(c, seq))
    assert {subject: m[-1] for subject, m in moves(shown["moves"]).items()} == {
        subject: m[-1] for subject, m in came.items()}, "it does what its plan says, whether or not log waits for cache"
    assert set(came) == {"shop/app/cache", "shop/app/cache/log"}, "nothing else moves"
    assert {path: epochs(c)[path] for path in before} == before
    assert processes < pids(c) and len(pids(c)) == len(processes) + 2

    c.zrms.kill()
    c.start_zrms()
    removed = package(c, "1.2.0", "app")
    until(lambda: c.topology("shop")["state"] == "running", "shop runs")
    shown = plan(c, "topo", "plan", removed)
    assert [(s["space"], s["verdict"]) for s in shown["spaces"]] == [
        ("app", "unchanged"), ("other", "unchanged"), ("cache", "removed"), ("log", "removed")], shown["spaces"]
    c.zshell("topo", "submit", removed, "--wait=60s")
    until(lambda: epochs(c) == before, "what was removed goes, and nothing else")
    until(lambda: pids(c) == processes, "the processes of before are there, and no other")

    c.zshell("topo", "submit", package(c, "1.3.0", "app", "app/cache"), "--wait=60s")
    assert {path: epochs(c)[path] for path in before} == before
    c.zshell("topo", "rollback", "shop", "--wait=60s")
    until(lambda: pids(c) == processes, "after a rollback as well")
