"""Instances that come and go while others run, with real processes."""
from conftest import until
from native import native_app

WAIT = "--wait=60s"


def package(c, version, *names, count=2):
    """`api` with a count, and the other spaces."""
    small = {"run": {"mode": "foreground"}, "resources": {"cpu": "50m", "memory": "16MiB"}}
    spaces = [{"name": "api", "count": count, **small}, *({"name": name, **small} for name in names)]
    directory = native_app(c, "shop", spaces, {
        f"{name}/recipes/start": "#!/bin/sh\nexec sleep 1000\n" for name in ("api", *names)}, version)
    return c.build(directory, f"shop-{version}")


def started(c):
    return {s["path"]: s["epoch"] for s in c.get("/v1/spaces?topology=shop")["spaces"]
            if s["state"] == "deployed-started"}


def counts_line(c):
    shown = c.zshell("topo", "status", "shop").stdout.splitlines()
    return next((line.split(":", 1)[1].strip() for line in shown if line.strip().startswith("Counts:")), None)


def test_a_topology_is_scaled_and_a_later_version_keeps_the_count(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.submit(package(c, "1.0.0", "db"))
    until(lambda: c.state("shop") == "running", "it runs")
    first = started(c)
    done = c.zshell("topo", "scale", "shop", "api=4", WAIT).stdout
    assert "Scaling topology" in done and "is running." in done, done
    grown = started(c)
    assert sorted(grown) == ["api-1", "api-2", "api-3", "api-4", "db"]
    assert {path: grown[path] for path in first} == first, "what was there is not touched"
    assert counts_line(c) == "api 4 (scaled; package: 2)"
    assert c.topology("shop")["scaled"] == [{"space": "api", "count": 4, "package": 2}]

    c.zrms.kill()
    c.start_zrms()
    later = package(c, "1.1.0", "web")
    c.zshell("topo", "submit", later, WAIT)
    until(lambda: sorted(started(c)) == ["api-1", "api-2", "api-3", "api-4", "web"], "db is gone, web has come")
    until(lambda: len(c.zruns("edge-node-1")) == 5, "nothing else runs")
    assert started(c)["api-1"] == first["api-1"]
    c.zshell("topo", "scale", "shop", "api=1", WAIT)
    until(lambda: sorted(started(c)) == ["api-1", "web"], "the highest numbers go")

    c.zshell("topo", "rollback", "shop", "--to", "1", WAIT)
    until(lambda: sorted(started(c)) == ["api-1", "api-2", "db"], "the first revision is back")
    for counts, words in (("db=2", "has no count"), ("api=0", "expected SPACE=N"), ("x=1", "no space")):
        refused = c.zshell("topo", "scale", "shop", counts, check=False)
        assert refused.returncode == 1 and words in refused.stderr, refused
    history = c.get("/v1/topologies/shop/revisions")["revisions"]
    assert [r["what"] for r in history] == ["submit", "scale api=4", "submit", "scale api=1", "rollback to 1"]


def test_a_submission_resets_scaled_counts(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    file = package(c, "1.0.0")
    c.submit(file)
    until(lambda: c.state("shop") == "running", "it runs")
    c.zshell("topo", "scale", "shop", "api=3", WAIT)
    assert "unchanged" in c.zshell("topo", "submit", file).stdout
    assert sorted(started(c)) == ["api-1", "api-2", "api-3"]
    assert "updated" in c.zshell("topo", "submit", file, "--reset-values", WAIT).stdout
    until(lambda: sorted(started(c)) == ["api-1", "api-2"], "the count is that of the package")
    assert counts_line(c) is None
