"""Stop, start again, redeploy, remove."""
import urllib.error
import urllib.request

from conftest import until
from page import Page


def status_of(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_stop_closes_importers_first_and_a_start_restores_all_spaces(guest_book):
    c = guest_book
    zedge = c.zedge("edge-node-1")
    page = Page(zedge)
    page.add("1", "kept over a stop")
    assert status_of(f"{zedge}/my-app/dashboard/") == 200
    shown = c.zshell("topo", "stop", "my-app").stdout
    identity = c.topology("my-app")["id"]
    assert f"Stopping topology {identity}" in shown and f"Topology {identity} stopped." in shown
    assert c.state("my-app") == "stopped"
    stops = [e["subject"] for e in c.events("my-app") if e["to"] == "stopping"]
    assert stops == ["my-app/dashboard", "my-app/api", "my-app/store"]
    for name in c.zhosts:
        until(lambda: status_of(f"{c.zedge(name)}/my-app/dashboard/") == 404, "the page is gone")
    assert c.get("/v1/mesh/spaces")["spaces"] == []
    assert [p for name in c.zhosts for p in c.zruns(name)] == []
    page.close()
    c.zshell("topo", "start", "my-app", "--wait=30s")
    assert c.state("my-app") == "running"
    page = Page(c.zedge("edge-node-1"))
    assert page.entries() == ["kept over a stop"]


def test_a_stop_calls_on_close_of_the_store(guest_book):
    c = guest_book
    zhost = c.zhost_of("my-app", "store")
    c.zshell("topo", "stop", "my-app")
    logs = [p.read_text() for p in (c.directory / zhost / "log").rglob("*") if p.is_file()]
    assert any("store closes" in text for text in logs), logs


def test_a_name_can_be_reused_once_its_topology_is_stopped(guest_book):
    c = guest_book
    page = Page(c.zedge("edge-node-2"))
    page.add("1", "from the first")
    page.close()
    # What is deployed already is not touched, however often it is submitted.
    places = c.get("/v1/topologies/my-app")["placements"]
    assert "Topology unchanged:" in c.zshell("topo", "submit", c.package).stdout
    assert "is running." in c.zshell("topo", "apply", c.package).stdout
    assert c.get("/v1/topologies/my-app")["placements"] == places
    higher = c.package_of_version("1.1.0", c.package)
    # Nor does a higher version touch what does not differ in it.
    assert "Topology updated:" in c.zshell("topo", "submit", higher, "--wait=30s").stdout
    moves = [e for e in c.events("my-app") if e["kind"] == "space" and e["to"] == "stopping"]
    assert (moves, c.get("/v1/topologies/my-app")["placements"]) == ([], places)
    c.zshell("topo", "stop", "my-app")
    first = c.get("/v1/topologies")["topologies"]
    c.submit(higher)
    history = c.get("/v1/topologies/my-app/revisions")["revisions"]
    assert [(r["revision"], r["version"], r["result"]) for r in history] == \
        [(1, "1.0.0", "completed"), (2, "1.1.0", "completed")]
    shown = c.zshell("topo", "history", "my-app").stdout.splitlines()
    assert shown[-1].split()[:2] == ["2", "1.1.0"] and shown[-1].split()[-1] == "completed"
    assert "  Version:   1.1.0\n  Revision:  2\n" in c.zshell("topo", "status", "my-app").stdout
    page = Page(c.zedge("edge-node-2"))
    assert page.entries() == ["from the first"]
    # It is the same application: its id stays, and nothing lists two of one name.
    again = c.get("/v1/topologies")["topologies"]
    assert [(t["id"], t["created"]) for t in again] == [(t["id"], t["created"]) for t in first]


def test_removing_a_topology_with_its_data_deletes_both(guest_book):
    c = guest_book
    page = Page(c.zedge("edge-node-2"))
    page.add("1", "soon forgotten")
    page.close()
    running = c.zshell("topo", "rm", "my-app", check=False)
    assert running.returncode == 1 and "stop it first" in running.stderr
    c.zshell("topo", "stop", "my-app")
    c.zshell("topo", "rm", "my-app", "--data")
    assert c.get("/v1/topologies")["topologies"] == []
    c.submit(c.package)
    page = Page(c.zedge("edge-node-2"))
    assert page.entries() == []


def test_a_dry_run_shows_placements_or_reasons_and_changes_nothing(start_cluster, example_package):
    from conftest import BIN, run
    c = start_cluster(zhosts=["edge-node-1", "edge-node-2"])
    package = c.directory / "my-app.mex"
    package.write_bytes(example_package.read_bytes())
    run(BIN / "mex", "sign", package, "--key", c.key)
    mark = c.events()[-1]["seq"]
    shown = c.zshell("topo", "submit", package, "--dry-run")
    assert "dashboard            edge-node-1" in shown.stdout and "dry run" in shown.stderr
    huge = c.build(c.app("huge", [{"name": "a", "type": "CALL", "resources": {"cpu": "16"}}]), "huge")
    refused = c.zshell("topo", "submit", huge, "--dry-run", check=False)
    assert refused.returncode == 1
    assert "insufficient capacity on remaining zhosts" in refused.stdout, refused
    assert c.get("/v1/topologies")["topologies"] == []
    assert c.events(None, mark) == []
    kept = [p for p in (c.directory / "zrms" / "artifacts").rglob("*") if p.is_file()]
    assert kept == []
