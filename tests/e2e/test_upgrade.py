"""An upgrade in place: who runs which version."""
import json
import os
import signal
import threading

import pytest

from conftest import BIN, run, start_of, until
from native import native_app
from secure import SecureCluster, needs_an_address

VERSION = run(BIN / "zrms", "--version").stdout.split()[-1]
OTHER = VERSION[:-1] + ("8" if VERSION[-1] == "9" else "9")


def older(directory):
    """The programs of another version: the same ones, called so."""
    directory.mkdir()
    for program in ("zrms", "zhost", "zrun"):
        text = (BIN / program).read_bytes()
        (directory / program).write_bytes(text.replace(f"{VERSION}\0".encode(), f"{OTHER}\0".encode()))
        os.chmod(directory / program, 0o755)
    return directory


def status(c):
    view = json.loads(c.zshell("cluster", "upgrade", "status", "-o", "json").stdout)
    return view["version"], view["other"], {m["name"]: m.get("version") for m in view["members"]}


def test_the_status_of_an_upgrade_says_who_runs_which_version(start_cluster, tmp_path):
    c = start_cluster(zhosts=("edge-node-1", "edge-node-2"))
    assert status(c) == (VERSION, 0, {"zrms": VERSION, "edge-node-1": VERSION, "edge-node-2": VERSION})
    assert f"All run {VERSION}." in c.zshell("cluster", "upgrade", "status").stderr
    second = c.zhosts["edge-node-2"]
    second.kill()
    second.command[0] = older(tmp_path / "older") / "zhost"
    second.start()
    mixed = (VERSION, 1, {"zrms": VERSION, "edge-node-1": VERSION, "edge-node-2": OTHER})
    until(lambda: status(c) == mixed, "zrms knows the other version")
    shown = c.zshell("cluster", "upgrade", "status").stderr
    assert f"1 of 2 zhosts does not run {VERSION}, as zrms does." in shown
    wide = [line.split()[-1] for line in c.zshell("cluster", "zhosts", "-o", "wide").stdout.splitlines()]
    assert wide == ["VERSION", VERSION, OTHER]
    assert "VERSION" not in c.zshell("cluster", "zhosts").stdout
    # Of a zhost that is away, and after a restart of zrms, too.
    second.kill()
    c.zrms.kill()
    c.start_zrms()
    assert status(c) == mixed


TALKER = """
#include <samoza.h>
SAMOZA_ON_PROCESS(void)
{
	samoza_data_put_bytes("key", 3, "value", 5);
	samoza_log(SAMOZA_INFO, "it works");
	samoza_sleep(20);
	return 0;
}
"""


def test_an_upgrade_and_the_way_back_under_load_touch_no_space(start_cluster, tmp_path):
    """zrms first, then each zhost, while spaces write and people change things elsewhere."""
    old = older(tmp_path / "older")
    c = start_cluster(zhosts=("edge-node-1", "edge-node-2"), timeout="30s", heartbeat="1s")
    programs = [c.zrms, *c.zhosts.values()]

    def change(directory, number):
        for daemon in programs:
            daemon.kill(number)
            daemon.command[0] = directory / daemon.command[0].name
            if daemon is c.zrms:
                c.start_zrms()
            else:
                daemon.start()
        until(lambda: {*status(c)[2].values()} == {OTHER if directory == old else VERSION}, "all are changed")
    change(old, signal.SIGTERM)
    c.deploy("kept", [{"name": "db", "type": "DATA", "storage": "cluster",
                       "capabilities": ["data.read", "data.write", "sys.log"]},
                      {"name": "near", "type": "DATA", "storage": "local",
                       "capabilities": ["data.read", "data.write", "sys.log"]}], {"db": TALKER, "near": TALKER})
    c.deploy("busy", [{"name": "api", "type": "CALL"}])
    held = {pid: start_of(pid) for name in c.zhosts for pid in c.zruns(name)}
    kept = {name: c.space("kept", name)["since"] for name in ("db", "near")}
    assert len(held) == 3
    over = threading.Event()

    def load():
        while not over.is_set():
            c.zshell("topo", "submit", c.directory / "busy.mex", check=False)
            c.zshell("topo", "status", "kept", check=False)
    loader = threading.Thread(target=load)
    loader.start()
    try:
        change(BIN, signal.SIGTERM)
        change(old, signal.SIGKILL)
        change(BIN, signal.SIGKILL)
    finally:
        over.set()
        loader.join()
    c.wait_state("kept", "running")
    assert {pid: start_of(pid) for name in c.zhosts for pid in c.zruns(name)} == held
    assert {name: c.space("kept", name)["since"] for name in ("db", "near")} == kept
    assert c.space("kept", "db")["restarts"] == 0


@needs_an_address
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_zhost_that_has_joined_adopts_what_another_version_left_running(start_cluster, tmp_path, number):
    """Its directory, its identity and its spaces of each kind, with zrms away meanwhile; also where the machine that comes with the new programs has
    no other word than that directory."""
    old = older(tmp_path / "older")
    c = start_cluster(kind=SecureCluster, zhosts=(), timeout="30s", heartbeat="1s")
    zhost = c.stranger("n1")
    zhost.command[0] = old / "zhost"
    zhost.command += ["--join", c.token()]
    zhost.start()
    c.wait_zhost("n1", "deployed-started")
    c.deploy("kept", [{"name": "near", "type": "DATA", "storage": "local", "capabilities": ["data.read", "data.write", "sys.log"]},
                      {"name": "api", "type": "CALL"}], {"near": TALKER})
    c.submit(c.build(native_app(c, "native", [{"name": "p", "run": {"mode": "foreground"}}],
                                {"p/recipes/start": "#!/bin/sh\nexec sleep 100000\n"}), "native"))
    held = {pid: start_of(pid) for pid in c.zruns("n1")}
    since = {s["path"]: (s["since"], s["epoch"]) for s in c.get("/v1/spaces")["spaces"]}
    assert len(held) == 3 and status(c)[2]["n1"] == OTHER
    c.zrms.kill()
    zhost.kill(number)
    zhost.command = [BIN / "zhost", *zhost.command[1:-2]]
    zhost.start()
    until(lambda: zhost.log.read_text().count("started name=n1") == 2, "it has started before zrms is there")
    c.start_zrms()
    until(lambda: status(c)[2]["n1"] == VERSION, "zrms knows the version")
    for name in ("kept", "native"):
        c.wait_state(name, "running")
    assert {pid: start_of(pid) for pid in c.zruns("n1")} == held
    assert {s["path"]: (s["since"], s["epoch"]) for s in c.get("/v1/spaces")["spaces"]} == since
    c.zshell("topo", "stop", "native", "--wait=60s")  # what it adopted, it leads
    assert len(c.zruns("n1")) == 2
