"""One instance on every zhost that fits [change.counts.each], with real daemons."""
import json

from conftest import IDLE, until
from native import native_app

WAIT = "--wait=60s"
NAMES = ("edge-node-1", "edge-node-2", "edge-node-3")


def zhost(name, camera="yes"):
    return {"name": name, "labels": {"camera": camera}}


def package(c, version="1.0.0", rollout=None):
    """`agent` on each zhost with a camera, and one `web`."""
    small = {"run": {"mode": "foreground"}, "resources": {"cpu": "50m", "memory": "16MiB"}}
    spaces = [{"name": "agent", "count": "each", "placement": {"constraints": ["camera == yes"]}, **small},
              {"name": "web", **small}]
    directory = native_app(c, "shop", spaces, {
        f"{s['name']}/recipes/start": f"#!/bin/sh\n# {version}\nexec sleep 1000\n" for s in spaces}, version)
    if rollout is not None:
        manifest = json.loads((directory / "manifest.yaml").read_text())
        manifest["rollout"] = rollout
        (directory / "manifest.yaml").write_text(json.dumps(manifest))
    return c.build(directory, f"shop-{version}")


def agents(c):
    return {s["path"]: s["zhost"] for s in c.get("/v1/spaces?topology=shop")["spaces"]
            if s["state"] == "deployed-started" and s["path"].startswith("agent@")}


def there_are(c, *names):
    until(lambda: agents(c) == {f"agent@{n}": n for n in names}, f"there is one on each of {names}")


def test_there_is_one_on_every_zhost_that_fits(start_cluster):
    c = start_cluster(zhosts=[zhost(n) for n in NAMES])
    tried = c.zshell("topo", "submit", package(c), "--dry-run").stdout
    assert "agent@edge-node-1" in tried and "agent@edge-node-3" in tried, tried
    c.submit(package(c))
    there_are(c, *NAMES)
    assert c.state("shop") == "running"
    shown = c.zshell("spaces", "status", "shop/agent@edge-node-2").stdout
    assert "edge-node-2" in shown, shown
    assert c.space("shop", "agent@edge-node-2")["state"] == "deployed-started"
    assert "shop/agent@edge-node-1" in c.zshell("spaces", "list").stdout

    c.add_zhost(zhost("edge-node-4"))
    there_are(c, *NAMES, "edge-node-4")

    # A zhost that starts with another label does not fit any longer.
    c.zhosts["edge-node-4"].kill()
    c.add_zhost(zhost("edge-node-4", "no"))
    there_are(c, *NAMES)
    until(lambda: not c.zruns("edge-node-4") or c.zhost_of("shop", "web") == "edge-node-4", "it has gone")
    until(lambda: c.state("shop") == "running", "it runs")

    # It is never placed elsewhere, and goes when its zhost is removed.
    c.kill_machine("edge-node-3")
    c.wait_zhost("edge-node-3", "problem")
    until(lambda: c.state("shop") == "degraded", "it waits for its zhost")
    there_are(c, "edge-node-1", "edge-node-2")
    c.zshell("cluster", "rm", "edge-node-3")
    until(lambda: c.state("shop") == "running", "nothing is missing")
    there_are(c, "edge-node-1", "edge-node-2")


def test_a_drain_stops_it_last_and_an_uncordon_brings_it_back(start_cluster):
    c = start_cluster(zhosts=[zhost(n) for n in NAMES])
    c.submit(package(c))
    there_are(c, *NAMES)
    place = c.zhost_of("shop", "web")
    drained = c.zshell("cluster", "drain", place, WAIT)
    assert f"Zhost {place} is drained." in drained.stdout
    there_are(c, *(n for n in NAMES if n != place))
    assert c.zhost_of("shop", "web") != place and not c.zruns(place)
    c.zrms.kill()
    c.start_zrms()
    until(lambda: c.state("shop") == "running", "a drained zhost lacks nothing")
    c.zshell("cluster", "uncordon", place)
    there_are(c, *NAMES)


def test_a_rolling_change_reaches_all_of_them_and_a_rename_is_none(start_cluster):
    c = start_cluster(zhosts=[zhost(n) for n in NAMES])
    c.submit(package(c))
    there_are(c, *NAMES)
    before = {s["path"]: s["epoch"] for s in c.get("/v1/spaces?topology=shop")["spaces"]}
    rollout = {"policy": "rolling", "batch": 1, "healthy": {"for": "200ms", "within": "30s"}}
    c.zshell("topo", "submit", package(c, "1.1.0", rollout), WAIT)
    there_are(c, *NAMES)
    after = {s["path"]: (s["epoch"], s["version"]) for s in c.get("/v1/spaces?topology=shop")["spaces"]}
    for path, epoch in before.items():
        assert after[path][0] > epoch and after[path][1] == "1.1.0", (path, after)
    refused = c.zshell("topo", "scale", "shop", "agent=3", check=False)
    assert refused.returncode == 1 and "cannot be scaled" in refused.stderr, refused
    refused = c.zshell("spaces", "move", "shop/agent@edge-node-1", check=False)
    assert refused.returncode == 1 and "belongs to its zhost" in refused.stderr, refused


def test_a_package_says_what_does_not_go_with_each(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    spaces = [{"name": "web", "type": "CALL"},
              {"name": "agent", "type": "CALL", "count": "each", "inside": "web"}]
    refused = c.build
    directory = c.app("bad", spaces, {"web": IDLE, "agent": IDLE})
    try:
        refused(directory, "bad")
    except Exception as e:  # noqa: BLE001 -- whatever run() raises has the text
        assert "count: each does not go with inside" in str(getattr(e, "stderr", "") or e)
    else:
        raise AssertionError("it was built")
