"""Three zrms are upgraded one after the other under load, the one that leads as the last [machines.operation.upgrade]."""
import http.client
import json
import os
import signal
import threading

import pytest
from conftest import BIN, start_of, until
from etcd import ThreeZrms
from native import native_deploy
from secure import needs_an_address
from test_leaders import SERVE, asked, token_of
from test_upgrade import OTHER, VERSION, older

pytestmark = needs_an_address


@pytest.fixture
def three(start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    return start_cluster(kind=ThreeZrms, zhosts=["edge-node-1"], timeout="30s")


def versions(c):
    view = json.loads(c.zshell("cluster", "upgrade", "status", "-o", "json").stdout)
    return sorted(m["version"] for m in view["members"] if m["program"] == "zrms")


def change(c, directory):
    """Standbys first; then the place of the leader is given away, and it is the last."""
    leader = c.leader()
    for port, daemon in [*((p, d) for p, d in c.all_zrms().items() if p != leader), (leader, c.all_zrms()[leader])]:
        if port == leader:
            c.zshell("cluster", "leader", "move")
            c.leader(port)
            until(lambda p=port: c.role(p) == "standby", "it stands by")
        daemon.kill(signal.SIGTERM)
        daemon.command[0] = directory / "zrms"
        daemon.start()
        until(lambda p=port: c.role(p) == "standby", "it stands by with the other program")
        until(c.is_up_to_date, "it lacks nothing")


def test_three_zrms_are_upgraded_and_downgraded_under_load(three, tmp_path):
    c = three
    native_deploy(c, "shop", [{"name": "a"}, {"name": "b", "exclusive": True}],
                  SERVE | {"b/recipes/start": SERVE["a/recipes/start"]})
    c.wait_state("shop", "running")
    spaces = {pid: start_of(pid) for pid in c.zruns("edge-node-1")}
    kept = {name: c.space("shop", name)["since"] for name in ("a", "b")}
    token, acknowledged, over = token_of(c), [], threading.Event()

    def load():
        number = 0
        while not over.is_set():
            number += 1
            for port in c.all_zrms():
                try:
                    if asked(port, "POST", "/v1/users", {"name": f"user-{number}", "role": "viewer"}, token)[0] == 201:
                        acknowledged.append(f"user-{number}")
                except (OSError, http.client.HTTPException):
                    continue
    loader = threading.Thread(target=load)
    loader.start()
    try:
        until(lambda: len(acknowledged) > 5, "changes are acknowledged")
        for directory, version in ((older(tmp_path / "other"), OTHER), (BIN, VERSION)):
            change(c, directory)
            until(lambda v=version: versions(c) == [v] * 3, "all run it")
            count = len(acknowledged)
            until(lambda n=count: len(acknowledged) > n + 5, "changes are acknowledged")
    finally:
        over.set()
        loader.join()
    names = [user["name"] for user in c.get("/v1/users")["users"]]
    assert set(acknowledged) <= set(names) and len(names) == len(set(names))
    c.wait_state("shop", "running")
    assert {pid: start_of(pid) for pid in c.zruns("edge-node-1")} == spaces
    assert {name: c.space("shop", name)["since"] for name in ("a", "b")} == kept
    assert [c.space("shop", name)["restarts"] for name in ("a", "b")] == [0, 0]
    assert f"All run {VERSION}." in c.zshell("cluster", "upgrade", "status").stderr
    assert os.path.samefile(c.all_zrms()[c.port].command[0], BIN / "zrms")
