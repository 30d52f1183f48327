"""What takes other values of env and config in place gets them although zrms or its zhost was killed on the way: seen by each
process, in its file and by its signal or update. [workloads.configuration.reload]"""
import socket
import threading

import pytest

from conftest import BIN, Cluster, until
from native import native_app, spaces_directories
from test_settings import GUEST, MAIN, UPDATE, environ, processes, said

SHIM = BIN.parent / "tests" / "e2e" / "killed-after-rename.so"
CONFIG = [{"file": "app.conf", "template": "t"}]
FOREGROUND = {"run": {"mode": "foreground"}}
INSTANCES = (("hup", "hup"), ("recipe", "update"), ("calc", "update"))

pytestmark = pytest.mark.skipif(not SHIM.exists(), reason="no killed-after-rename.so beside these programs (a build with sanitizers, or without -Dtests=true)")


class Gate:
    """Between zhosts and zrms: what asks for an artifact waits at it while it is closed."""

    def __init__(self, to_port):
        self.to_port, self.is_closed, self.held = to_port, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            threading.Thread(target=self.pass_on, args=(self.listener.accept()[0],), daemon=True).start()

    def pass_on(self, client):
        try:
            first = client.recv(1 << 16)
            if self.is_closed and b"GET /v1/artifacts/" in first:
                self.held.append(client)
                return
            zrms = socket.create_connection(("127.0.0.1", self.to_port))
            zrms.sendall(first)
            threading.Thread(target=self.pump, args=(zrms, client), daemon=True).start()
            self.pump(client, zrms)
        except OSError:
            client.close()

    @staticmethod
    def pump(source, to):
        try:
            while data := source.recv(1 << 16):
                to.sendall(data)
        except OSError:
            pass
        for side in (source, to):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def open(self):
        self.is_closed = False
        while self.held:
            self.held.pop().close()


class GatedCluster(Cluster):
    gate = None

    def url_for_zhosts(self):
        self.gate = self.gate or Gate(self.port)
        return f"http://127.0.0.1:{self.gate.port}"


def app(c, version, value):
    spaces = [
        dict(name="hup", config=CONFIG, env={"DB": value}, reload="signal", **FOREGROUND),
        dict(name="recipe", config=CONFIG, env={"DB": value}, reload="update", **FOREGROUND),
        dict(name="calc", config=CONFIG, env={"DB": value}, type="CALL", reload="update", capabilities=["sys.log", "net.recv"]),
    ]
    files = {"hup/recipes/start": MAIN, "recipe/recipes/start": MAIN, "recipe/recipes/update": UPDATE, "calc/src/main.c": GUEST}
    files.update({f"{s['name']}/t": f"address = {value}\n" for s in spaces})
    return c.build(native_app(c, "cfg", spaces, files, version), f"cfg-{version}")


def files_of(c):
    return sorted(f.read_text() for d in spaces_directories(c, "edge-node-1")
                  for f in (d / "package/.samoza/config").glob("app.conf"))


def each_has(c, value, times):
    """All processes took it, by their ways; SIGHUP is not made twice for one value."""
    for instance, what in INSTANCES:
        until(lambda i=instance, w=what: said(c, i, w)[-1:] and said(c, i, w)[-1][1] == value, f"{instance} was made to take {value}")
    assert files_of(c) == [f"address = {value}\n"] * 2
    assert said(c, "recipe", "update")[-1] == said(c, "calc", "update")[-1] == (value, value)
    until(lambda: c.state("cfg") == "running", "it runs")
    assert [said(c, i, w).count((value if i != "hup" else "one", value)) for i, w in INSTANCES] == [times] * 3


def test_new_values_reach_each_process_although_zrms_or_its_zhost_was_killed(sweep_groups, start_cluster, monkeypatch, tmp_path):
    mark = tmp_path / "app.conf"
    monkeypatch.setenv("LD_PRELOAD", str(SHIM))
    monkeypatch.setenv("KILLED_AFTER_RENAME", str(mark))
    c = start_cluster(kind=GatedCluster, zhosts=["edge-node-1"])
    zhost = c.zhosts["edge-node-1"]
    packages = {version: app(c, version, value) for version, value in (
        ("1.0.0", "one"), ("1.1.0", "two"), ("1.2.0", "three"), ("1.3.0", "four"), ("1.4.0", "three"))}
    c.submit(packages["1.0.0"])
    for instance, _ in INSTANCES:
        until(lambda i=instance: said(c, i, "start") == [("one", "one")], f"{instance} has its values")
    held = processes(c, "hup") + processes(c, "recipe"), c.space("cfg", "calc")["epoch"]

    # zrms is killed when its zhost knows the new version and asks for its templates.
    c.gate.is_closed = True
    c.zshell("topo", "submit", packages["1.1.0"])
    until(lambda: c.gate.held, "its zhost asks for a template")
    c.zrms.kill()
    c.gate.open()
    until(lambda: "cannot fetch artifact" in zhost.log.read_text(), "it does not get it")
    assert files_of(c) == ["address = one\n"] * 2
    c.start_zrms()
    each_has(c, "two", 1)
    until(lambda: "error" not in c.space("cfg", "hup"), "the error is over")

    # The zhost is killed when it has written a file, before any process is told.
    mark.touch()
    c.zshell("topo", "submit", packages["1.2.0"])
    until(lambda: not zhost.is_running(), "its zhost is dead")
    assert sorted(files_of(c)) == ["address = three\n", "address = two\n"]
    assert [said(c, i, w)[-1][1] for i, w in INSTANCES] == ["two"] * 3
    zhost.start()
    each_has(c, "three", 1)

    # The same, and the values before are wanted again: what it wrote is not left in the file.
    mark.touch()
    c.zshell("topo", "submit", packages["1.3.0"])
    until(lambda: not zhost.is_running(), "its zhost is dead")
    assert files_of(c) == ["address = four\n", "address = three\n"]
    c.zshell("topo", "submit", packages["1.4.0"])
    zhost.start()
    until(lambda: files_of(c) == ["address = three\n"] * 2 and c.state("cfg") == "running", "it is as before")
    each_has(c, "three", 1)

    # All of that in the processes that it began with.
    assert (processes(c, "hup") + processes(c, "recipe"), c.space("cfg", "calc")["epoch"]) == held
    assert environ(held[0][0])["DB"] == "one"
