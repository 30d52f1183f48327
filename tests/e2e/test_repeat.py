"""Requests under an Idempotency-Key: asked again, they are carried out once [machines.replicated.failover]."""
import http.client
import json
import os
import socket
import threading

import pytest
from conftest import BIN, run, token_of, until

MEX = {"Content-Type": "application/vnd.samoza.mex+zip"}


@pytest.fixture
def c(start_cluster):
    return start_cluster(zhosts=["edge-node-1"])


def port_of(c):
    return int(c.url.rsplit(":", 1)[1])


def asked(c, method, path, body=None, key=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port_of(c), timeout=30)
    body = json.dumps(body) if isinstance(body, dict) else body
    own = {"Authorization": f"Bearer {token_of(c.url)}", "Content-Type": "application/json"} | (headers or {})
    try:
        connection.request(method, path, body, own | ({"Idempotency-Key": key} if key else {}))
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()


def test_what_is_asked_again_is_done_once_also_after_a_kill(c):
    package = c.build(c.app("shop", [{"name": "a", "type": "CALL", "count": 1}])).read_bytes()
    first = asked(c, "POST", "/v1/topologies", package, "submit-1", MEX)
    assert first[0] == 201 and first[1]["effect"] == "created"
    c.wait_state("shop", "running")
    assert asked(c, "POST", "/v1/topologies/shop/scale?spaces=a=3", key="scale-1")[0] == 200
    assert asked(c, "POST", "/v1/topologies/shop/scale?spaces=a=1")[0] == 200
    c.zrms.kill()
    c.start_zrms()
    # Between quotes, as the draft of the IETF has it, it is the same key.
    again = asked(c, "POST", "/v1/topologies", package, '"submit-1"', MEX)
    assert (again[0], again[1]["id"], again[1]["effect"]) == (201, first[1]["id"], "created")
    assert asked(c, "POST", "/v1/topologies/shop/scale?spaces=a=3", key="scale-1")[0] == 200
    assert len(c.get("/v1/topologies/shop/revisions")["revisions"]) == 3
    # What was removed cannot be resolved any more, and its removal was done all the same.
    assert asked(c, "POST", "/v1/topologies/shop/stop", key="stop-1")[0] == 200
    c.wait_state("shop", "stopped")
    until(lambda: asked(c, "DELETE", "/v1/topologies/shop", key="rm-1")[0] == 204, "it is removed")
    assert asked(c, "DELETE", "/v1/topologies/shop", key="rm-1") == (204, None)
    assert asked(c, "DELETE", "/v1/topologies/shop", key="rm-2")[0] == 404
    lines = [line["action"] for line in c.get("/v1/audit")["lines"] if line["outcome"] == "done"]
    assert len([line for line in lines if line.startswith("remove shop")]) == 1


def test_a_key_is_for_one_request(c):
    assert asked(c, "POST", "/v1/users", {"name": "ann", "role": "viewer"}, "k")[0] == 201
    status, answer = asked(c, "POST", "/v1/users", {"name": "bob", "role": "viewer"}, "k")
    assert status == 422 and "another request" in answer["error"]["message"]
    assert asked(c, "DELETE", "/v1/users/ann", key="k")[0] == 422
    # Who has lost the answer with the token is told so.
    status, answer = asked(c, "POST", "/v1/users", {"name": "ann", "role": "viewer"}, "k")
    assert status == 409 and "its secret was told in that answer" in answer["error"]["message"]
    assert [user["name"] for user in c.get("/v1/users")["users"]] == ["ann"]
    for key in ("a b", "x" * 129):
        assert asked(c, "DELETE", "/v1/users/ann", key=key)[0] == 400
    assert asked(c, "DELETE", "/v1/users/ann", key="x" * 128)[0] == 204


def test_a_key_that_is_at_work_is_answered_409(c):
    def at_work(name):
        """Half of a request, and the whole of it by another connection; None: zrms has read that one first."""
        user = {"name": name, "role": "viewer"}
        body = json.dumps(user).encode()
        head = (f"POST /v1/users HTTP/1.1\r\nHost: 127.0.0.1:{port_of(c)}\r\nAuthorization: Bearer {token_of(c.url)}\r\n"
                f"Idempotency-Key: {name}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
        with socket.create_connection(("127.0.0.1", port_of(c))) as slow:
            slow.sendall(head + body[:5])
            status, answer = asked(c, "POST", "/v1/users", user, name)
            if status == 201:
                return None
            assert status == 409 and "at work" in answer["error"]["message"]
        return user
    user = until(lambda: next(filter(None, (at_work(f"ann-{k}") for k in range(20))), None), "the first one is at work")
    # It is cut, and has done nothing.
    until(lambda: asked(c, "POST", "/v1/users", user, user["name"])[0] == 201, "it is done")


def message_of(connection):
    """A whole one, also where it comes in pieces; nothing at the end."""
    text = b""
    while b"\r\n\r\n" not in text:
        if not (piece := connection.recv(65536)):
            return text
        text += piece
    head, _, body = text.partition(b"\r\n\r\n")
    size = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < size and (piece := connection.recv(65536)):
        text, body = text + piece, body + piece
    return text


class Thief(threading.Thread):
    """Takes the answer to the first change that passes, and closes both connections."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.stolen, self.keys = port, 0, []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"

    def run(self):
        while True:
            client, _ = self.server.accept()
            with client, socket.create_connection(("127.0.0.1", self.port)) as zrms:
                request = message_of(client)
                self.keys += [line for line in request.decode(errors="replace").split("\r\n")
                              if line.startswith("Idempotency-Key")]
                zrms.sendall(request.replace(f"Host: {self.url[7:]}".encode(), f"Host: 127.0.0.1:{self.port}".encode()))
                answer = message_of(zrms)
                if self.keys and self.stolen == 0:
                    self.stolen = 1
                    continue
                client.sendall(answer)


def test_the_shell_asks_again_under_its_key_when_an_answer_is_lost(c):
    c.deploy("shop", [{"name": "a", "type": "CALL", "count": 1}])
    thief = Thief(port_of(c))
    thief.start()
    run(BIN / "zshell", "--api", thief.url, "topo", "scale", "shop", "a=2", env=dict(os.environ, SAMOZA_TOKEN=token_of(c.url)))
    assert thief.stolen == 1 and len(thief.keys) == 2 and len(set(thief.keys)) == 1
    assert len(c.get("/v1/topologies/shop/revisions")["revisions"]) == 2
