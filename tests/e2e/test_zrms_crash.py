"""zrms dies at any moment: nothing acknowledged is lost, nothing healthy is disturbed."""
import concurrent.futures
import os
import random
import threading
import time
import urllib.error

from conftest import run, until, BIN
from page import Page


def test_acknowledged_topologies_survive_kills_under_a_load_of_submissions(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    base = c.build(c.app("load-0", [{"name": "a", "type": "CALL"}]), "load-0")
    packages = {}
    for n in range(60):
        name = f"load-{n}"
        directory = c.app(name, [{"name": "a", "type": "CALL"}])
        packages[name] = directory
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: c.build(packages[n], n), packages))
    assert base.exists()
    acknowledged, repeated, lock = {}, {}, threading.Lock()
    chance = random.Random(7)

    def submit(name):
        body = (c.directory / f"{name}.mex").read_bytes()
        for _ in range(200):
            try:
                status, answer = c.request(
                    "POST", "/v1/topologies?start=0", body,
                    {"Content-Type": "application/vnd.samoza.mex+zip"}, timeout=10)
            except (OSError, urllib.error.URLError):
                time.sleep(0.02)
                continue
            with lock:
                if status == 201:
                    acknowledged[name] = answer["id"]
                else:
                    repeated[name] = (status, answer)
            return

    def kill_and_start():
        for _ in range(4):
            goal = len(acknowledged) + chance.randint(3, 8)
            until(lambda: len(acknowledged) + len(repeated) >= min(goal, 55), "some submits")
            c.zrms.kill()
            c.start_zrms()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        killer = pool.submit(kill_and_start)
        list(pool.map(submit, packages))
        killer.result()
    # One that was durable when zrms died before it could answer is there: submitting it again changes nothing.
    there = {t["name"]: t for t in c.get("/v1/topologies")["topologies"]}
    for name, identity in acknowledged.items():
        assert there[name]["id"] == identity
    for name, (status, answer) in repeated.items():
        assert (status, answer["effect"]) == (200, "unchanged"), (name, status, answer)
        assert there[name]["id"] == answer["id"]
    for name in there:
        whole = c.topology(name)
        assert [p["space"] for p in whole["placements"]] == ["a"]
    assert len(there) == len(packages)
    name = next(iter(acknowledged))
    c.zshell("topo", "start", name, "--wait=30s")
    assert c.state(name) == "running"


def test_spaces_run_and_exchange_messages_while_zrms_is_down(start_cluster, example_package):
    c = start_cluster(zhosts=["edge-node-1"], timeout="20s")
    package = c.directory / "my-app.mex"
    package.write_bytes(example_package.read_bytes())
    run(BIN / "mex", "sign", package, "--key", c.key)
    c.submit(package)
    page = Page(c.zedge("edge-node-1"))
    page.add("1", "before")
    zruns = c.zruns("edge-node-1")
    mark = c.events()[-1]["seq"]
    c.zrms.kill()
    # The question goes from page to api to store on this zhost; only what is durable needs zrms.
    before = len(page.messages)
    assert page.emit("queries", "nonsense") < 300
    until(lambda: len(page.messages) > before, "api answers while zrms is away")
    assert page.messages[-1].startswith("error")
    assert c.zruns("edge-node-1") == zruns
    c.start_zrms()
    c.wait_zhost("edge-node-1", "deployed-started")
    assert page.entries() == ["before"]
    assert page.add("2", "after") == ["before", "after"]
    assert c.zruns("edge-node-1") == zruns
    assert [e for e in c.events(None, mark) if e["kind"] != "zhost"] == []


def test_a_space_that_crashes_while_zrms_is_down_is_restarted(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.deploy("lone", [{"name": "a", "type": "CALL"}])
    c.zrms.kill()
    [old] = c.zruns("edge-node-1")
    os.kill(old, 9)
    until(lambda: [p for p in c.zruns("edge-node-1") if p != old], "a new process")
    c.start_zrms()
    c.wait_state("lone", "running")
    until(lambda: c.space("lone", "a")["restarts"] == 1, "the restart is known")


def test_a_newer_store_is_refused(start_cluster):
    import sqlite3
    c = start_cluster(zhosts=[])
    c.zrms.kill()
    [database] = list((c.directory / "zrms").glob("*.db")) + list((c.directory / "zrms").glob("*.sqlite*"))[:1]
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    done = run(*c.zrms.command, check=False, timeout=20)
    assert done.returncode == 1
    assert "newer" in done.stderr and "9999" in done.stderr
