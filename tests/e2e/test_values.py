"""One package as several applications, with names and values of their own, with real processes."""
import threading
import time
import urllib.parse

from conftest import until
from native import native_app

WAIT = "--wait=60s"
SMALL = {"run": {"mode": "foreground"}, "resources": {"cpu": "50m", "memory": "16MiB"}}
TOPOLOGY = """apiVersion: samoza/v1
kind: Topology
metadata: {name: shop}
parameters:
  - {name: region, default: eu-west, pattern: "[a-z-]+", description: "where the shop runs"}
  - {name: replicas, type: integer, default: 1, minimum: 1, maximum: 5}
  - {name: owner}
spaces:
  - name: api
    type: NATIVE
    count: ${param.replicas}
    run: {mode: foreground}
    resources: {cpu: 50m, memory: 16MiB}
    exports: {greeting: "${param.owner} in ${param.region}"}
"""


def package(c, version, topology=TOPOLOGY):
    directory = native_app(c, "shop", [{"name": "api", **SMALL}],
                           {"api/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}, version)
    (directory / "topology.yaml").write_text(topology)
    return c.build(directory, f"shop-{version}")


def started(c, name):
    return sorted(s["path"] for s in c.get(f"/v1/spaces?topology={name}")["spaces"]
                  if s["state"] == "deployed-started")


def greeting(c, name, path="api-1"):
    return {e["name"]: e["value"] for e in c.space(name, path)["exports"]}.get("greeting")


def revisions(c, name):
    return c.get(f"/v1/topologies/{name}/revisions")["revisions"]


def values(c, name):
    """Of the newest revision; those by default have a star."""
    return {v["name"]: v["value"] + ("*" if v["is_default"] else "") for v in revisions(c, name)[-1].get("values", [])}


def refusal(c, *words, command="submit"):
    done = c.zshell("topo", command, *words, check=False)
    assert done.returncode == 1, done
    return done.stderr


def test_one_package_is_three_applications(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    file = package(c, "1.0.0")
    (c.directory / "eu.yaml").write_text("# Europe\nregion: eu-north\nreplicas: 2\nowner: lena\n")
    c.zshell("topo", "submit", file, "--set", "owner=ada", WAIT)
    c.zshell("topo", "submit", file, "--name", "shop-us", "--set", "region=us-east", "--set", "owner=A & B=C", WAIT)
    c.zshell("topo", "submit", file, "--name", "shop-eu", "--values", c.directory / "eu.yaml", "--set", "replicas=3", WAIT)
    assert [started(c, n) for n in ("shop", "shop-us", "shop-eu")] == [["api-1"], ["api-1"], ["api-1", "api-2", "api-3"]]
    assert [greeting(c, n) for n in ("shop", "shop-us", "shop-eu")] == [
        "ada in eu-west", "A & B=C in us-east", "lena in eu-north"]
    assert values(c, "shop") == {"region": "eu-west*", "replicas": "1*", "owner": "ada"}
    assert values(c, "shop-eu") == {"region": "eu-north", "replicas": "3", "owner": "lena"}
    assert len(c.zruns("edge-node-1")) == 5
    shown = c.zshell("topo", "history", "shop-eu").stdout
    assert "Values of revision 1: region=eu-north, replicas=3, owner=lena" in shown, shown
    assert "unchanged" in c.zshell("topo", "submit", file, "--name", "shop-eu").stdout


def test_each_mistake_is_refused_with_its_position(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    file = package(c, "1.0.0")
    bad = c.directory / "bad.yaml"
    bad.write_text('region: EU\nreplica: 3\nreplicas: "2"\nowner:\n')
    said = refusal(c, file, "--values", bad, "--set", "colour=red", "--set", "replicas=9", "--set", "nothing")
    for line in ("--set 'nothing' sets nothing: expected NAME=VALUE",
                 "--set colour: there is no such parameter; known: region, replicas, owner",
                 "--set replicas: expected a value of type integer from 1 to 5, found '9'",
                 f"{bad}:1:9: region: expected a value of type string that matches [a-z-]+, found 'EU'",
                 f"{bad}:2:10: replica: there is no such parameter; did you mean 'replicas'?",
                 f"{bad}:4:7: owner: it has no value"):
        assert line in said, (line, said)
    assert "topology.yaml:7:5: parameter 'owner' has no default and must be set: --set owner=VALUE" in refusal(c, file)
    assert "bad.yaml:3:11: replicas: expected a value of type integer from 1 to 5, found the text" in refusal(c, file, "--values", bad)
    assert "is no name" in refusal(c, file, "--set", "owner=x", "--name", "Shop_1")
    assert "cannot read the file of values" in refusal(c, file, "--values", c.directory / "none.yaml")
    (c.directory / "big.yaml").write_text("#" * 40000)
    assert "more than 32768 bytes" in refusal(c, file, "--values", c.directory / "big.yaml")
    assert "no default and must be set" in refusal(c, file, command="plan")
    wrong = package(c, "1.0.1", TOPOLOGY.replace("count: ${param.replicas}", "count: ${param.owner}"))
    said = refusal(c, wrong, "--set", "owner=x")
    assert "topology.yaml:11:12: 'count': expected a whole number, or each, found 'x'" in said, said
    assert "(with ${param.owner})" in said
    assert c.get("/v1/topologies")["topologies"] == []


def test_values_outlive_versions_rollbacks_and_kills_of_zrms(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    one, two = package(c, "1.0.0"), package(c, "1.1.0", TOPOLOGY.replace("in $", "of $").replace(
        "default: 1,", "default: 2,"))
    c.zshell("topo", "submit", one, "--set", "owner=ada", "--set", "replicas=1", WAIT)
    planned = c.zshell("topo", "plan", one, "--set", "owner=eve", check=False)
    assert planned.returncode == 10, planned
    assert [line.split() for line in planned.stdout.splitlines() if line.startswith("owner")] == [["owner", "ada", "eve"]]
    assert c.zshell("topo", "plan", one).returncode == 0
    assert greeting(c, "shop") == "ada in eu-west"

    # zrms dies again and again while a version and values are submitted: what was acknowledged holds.
    stop = threading.Event()

    def kill():
        while not stop.is_set():
            time.sleep(1.5)
            c.zrms.kill()
            c.start_zrms()
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for file, *more in ((two,), (two, "--set", "region=us-east"), (two, "--set", "owner=eve")):
            until(lambda file=file, more=more: c.zshell("topo", "submit", file, *more, check=False).returncode == 0,
                  "it is accepted", 60)
    finally:
        stop.set()
        killer.join()
    until(lambda: c.state("shop") == "running" and greeting(c, "shop") == "eve of us-east", "it runs with them", 60)
    assert values(c, "shop") == {"region": "us-east", "replicas": "1", "owner": "eve"}
    assert started(c, "shop") == ["api-1"], "what was given stays, whatever the default is now"

    c.zshell("topo", "rollback", "shop", "--to", "1", WAIT)
    assert greeting(c, "shop") == "ada in eu-west"
    assert values(c, "shop") == {"region": "eu-west*", "replicas": "1", "owner": "ada"}
    assert "must be set" in refusal(c, two, "--reset-values")
    c.zshell("topo", "submit", two, "--reset-values", "--set", "owner=bob", WAIT)
    assert values(c, "shop") == {"region": "eu-west*", "replicas": "2*", "owner": "bob"}
    assert started(c, "shop") == ["api-1", "api-2"]

    # A client of its own: the same in a query.
    query = urllib.parse.urlencode({"set": "region=us-west\nowner=zoe", "values": "replicas: 1", "name": "other"})
    status, body = c.request("POST", f"/v1/topologies?{query}", two.read_bytes(), {"Content-Type": "application/zip"})
    assert status == 201, body
    assert values(c, "other") == {"region": "us-west", "replicas": "1", "owner": "zoe"}
