#!/usr/bin/python3
"""Records what the programs in SAMOZA_BIN write: frames of the link, and agent records of a zhost.

    SAMOZA_BIN=build/bin tests/compat/record.py WIRE_DIRECTORY AGENT_DIRECTORY STORE_DIRECTORY

Frames go to WIRE_DIRECTORY/TYPE.frames: of each type up to MOST that differ in size, as they
stood on the connection. Agent records go to AGENT_DIRECTORY/NAME.record, each as its store held
it, with its key in NAME.key; its record of the link goes to zrms.link. The store of zrms after kill -9 goes to STORE_DIRECTORY/killed.sql. README.md says what the cluster did meanwhile.
"""
import contextlib
import os
import pathlib
import re
import socket
import sqlite3
import struct
import sys
import tempfile
import threading
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import conftest  # noqa: E402
from conftest import Cluster, run, until  # noqa: E402
from native import native_app  # noqa: E402
from page import Page  # noqa: E402

TYPES = ["hello", "hello-ack", "desired", "report", "heartbeat", "heartbeat-ack", "mesh-table",
         "mesh-message", "data-request", "data-reply", "log-request", "log-chunk", "data-forget",
         "data-forgotten"]
MOST = 16  # frames of a type


class Tap:
    """A port before zrms; keeps the frames of every link that goes through it."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.server = socket.create_server(("127.0.0.1", conftest.free_port()))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        self.streams = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.server.accept()
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            for source, sink in ((client, server), (server, client)):
                stream = bytearray()
                self.streams.append(stream)
                threading.Thread(target=self.copy, args=(source, sink, stream),
                                 daemon=True).start()

    @staticmethod
    def copy(source, sink, stream):
        try:
            while data := source.recv(65536):
                stream += data
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def frames(self):
        """(type, whole frame), in the order of their connection."""
        for stream in list(self.streams):
            data = bytes(stream)
            head = data.find(b"\r\n\r\n")
            if head < 0 or not re.search(rb"(?i)upgrade: *samoza-link", data[:head]):
                continue
            at = head + 4
            while at + 5 <= len(data):
                size, kind = struct.unpack_from("<IB", data, at)
                if at + 4 + size > len(data):
                    break
                yield kind, data[at:at + 4 + size]
                at += 4 + size


def write_frames(tap, directory):
    by_size = {}
    for kind, whole in tap.frames():
        by_size.setdefault(kind, {}).setdefault(len(whole), whole)
    for number, name in enumerate(TYPES, 1):
        sizes = sorted(by_size.get(number, {}))
        assert sizes, f"no {name} was seen"
        last = len(sizes) - 1
        chosen = sorted({sizes[round(k * last / (MOST - 1))] for k in range(MOST)})
        data = b"".join(by_size[number][size] for size in chosen)
        (directory / f"{name}.frames").write_bytes(data)
        print(f"{name}: {len(chosen)} of {len(sizes)} sizes, {len(data)} bytes")


def write_records(database, directory):
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT key, value FROM data WHERE owner='@agent'").fetchall()
    for key, value in rows:
        key = bytes(key) if not isinstance(key, str) else key.encode()
        name = re.search(rb"/([^#]*)", key).group(1).decode().replace("/", "_")
        (directory / f"{name}.key").write_bytes(key)
        (directory / f"{name}.record").write_bytes(value)
        print(f"record {key.decode()}: {len(value)} bytes")
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        value, = db.execute("SELECT value FROM data WHERE owner='@link'").fetchone()
    (directory / "zrms.link").write_bytes(value)


def write_store(database, directory):
    with contextlib.closing(sqlite3.connect(database)) as db:
        head = [f"PRAGMA {name}={db.execute(f'PRAGMA {name}').fetchone()[0]};"
                for name in ("application_id", "user_version")]
        lines = head + list(db.iterdump())
    (directory / "killed.sql").write_text("\n".join(lines) + "\n")
    print(f"store: {len(lines)} lines")


LOOP = "#!/bin/sh\nwhile :; do sleep 1; done\n"
DONE = "#!/bin/sh\nexit 0\n"
SERVE = "#!/bin/sh\nwhile :; do sleep 1; done >/dev/null 2>&1 &\n"


def stop(c, topology):
    status, body = c.request("POST", f"/v1/topologies/{topology}/stop")
    assert status == 200, body


def phases(c):
    """One NATIVE space for each phase, all on one zhost; returns when they are in it."""
    recipes = {
        "in-deploying": {"deploy": LOOP, "start": SERVE},
        "in-deployed": {"start": SERVE},
        "in-starting": {"start": LOOP},
        "in-started": {"start": SERVE},
        "in-stopping": {"start": SERVE, "stop": LOOP},
        "in-undeploying": {"start": SERVE, "undeploy": LOOP},
    }
    for name, texts in recipes.items():
        files = {f"{name}/recipes/{recipe}": text for recipe, text in texts.items()}
        spaces = [{"name": name, "exports": {"port": "", "ip": ""}, "recipes": {"timeout": "1h"},
                   "stop": {"grace": "1h"}}]
        package = c.build(native_app(c, name, spaces, files), name)
        c.zshell("topo", "submit", package)

    def wait(name, state):
        until(lambda: c.space(name, name)["state"] == state, f"{name} is {state}", 60)
    for name in ("in-deployed", "in-started", "in-stopping", "in-undeploying"):
        wait(name, "deployed-started")
    wait("in-starting", "starting")
    wait("in-deploying", "deploying")
    c.zshell("spaces", "stop", "in-deployed/in-deployed")
    wait("in-deployed", "deployed-stopped")
    c.zshell("spaces", "stop", "in-stopping/in-stopping")
    wait("in-stopping", "stopping")
    stop(c, "in-undeploying")
    wait("in-undeploying", "undeploying")


WRITER = """
#include <samoza.h>
SAMOZA_ON_PROCESS(void)
{
	samoza_log(SAMOZA_INFO, "it writes");
	samoza_data_put_bytes("key", 3, "value", 5);
	samoza_sleep(100);
	return 0;
}
"""


def traffic(c):
    package = c.directory / "my-app.mex"
    run(conftest.BIN / "mex", "build", conftest.EXAMPLE, "-o", package, "--key", c.key)
    c.submit(package)
    page = Page(c.zedge("n1"))
    page.add("a1", "hello")
    assert page.entries() == ["hello"]
    page.close()
    c.log_of("my-app", "api")
    follow = socket.create_connection(("127.0.0.1", c.port))
    token = conftest.token_of(c.url)
    follow.sendall(b"GET /v1/topologies/my-app/logs?path=api&follow=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                   b"Authorization: Bearer " + str(token).encode() + b"\r\n\r\n")
    follow.recv(1024)
    follow.close()
    c.deploy("local", [{"name": "s", "type": "DATA", "storage": "local", "exclusive": True,
                        "capabilities": ["data.read", "data.write", "sys.log"]}], {"s": WRITER})
    c.zshell("topo", "stop", "local")
    until(lambda: c.state("local") == "stopped", "local is stopped")
    c.zshell("topo", "rm", "local", "--data")
    spaces = [{"name": "bad", "imports": [{"from": "good", "variables": ["port"]}]},
              {"name": "good", "exports": {"port": "", "ip": ""}}]
    files = {"bad/recipes/start": SERVE, "bad/recipes/update": "#!/bin/sh\nexit 3\n",
             "bad/recipes/undeploy": "#!/bin/sh\nexit 3\n", "good/recipes/start": SERVE}
    c.zshell("topo", "submit", c.build(native_app(c, "failing", spaces, files), "failing"))
    c.wait_state("failing", "running")
    stop(c, "failing")
    until(lambda: "undeploy" in c.space("failing", "bad").get("last_error", ""), "it failed")


def main():
    wire, agent, store = (pathlib.Path(name) for name in sys.argv[1:4])
    for directory in (wire, agent, store):
        directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_STATE_HOME"] = f"{name}/state"
        # Cluster starts its zhosts by itself: first none, then each through the tap.
        c = Cluster(name, zhosts=())
        try:
            tap = Tap(urllib.parse.urlsplit(c.url).port)
            direct, c.url = c.url, tap.url
            # Through the tap, too, with the token of the administrator.
            conftest.note_of(tap.url).write_text(conftest.note_of(direct).read_text())
            for zhost in ("n1", "n2", "n3"):
                c.add_zhost(zhost)
            c.url = direct
            for zhost in ("n1", "n2", "n3"):
                c.wait_zhost(zhost, "deployed-started")
            traffic(c)
            for zhost in ("n2", "n3"):
                c.kill_machine(zhost)
                c.wait_zhost(zhost, "problem")
            c.wait_state("my-app", "running", 60)
            phases(c)
            c.zhosts["n1"].kill()
            write_records(c.directory / "n1" / "zhost.db", agent)
            c.zhosts["n1"].start()
            c.wait_zhost("n1", "deployed-started")
            until(lambda: len({len(whole) for kind, whole in tap.frames() if kind == 1}) > 1,
                  "a HELLO with instances")
            c.log_of("my-app", "api")  # what zrms answers to it has come
            write_frames(tap, wire)
            c.zrms.kill()
            write_store(c.directory / "zrms" / "zrms.db", store)
        finally:
            c.stop()


if __name__ == "__main__":
    main()
