"""A hostile client, made from the table of routes and from that of frames: each is tried as everybody who must get
nothing from it. A new route or frame that has no entry here fails."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import pytest

from conftest import BIN, Cluster, Daemon, free_port, text_of, token_of, until
from native import native_app
from test_access import SLEEPS, new_user
from test_sign_in import sign_in

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"

# What each operation needs, and what a person or zhost without more may still do with it: "own" is about oneself.
ROUTES = {
    "nobody": "getFront getHealth getOpenapi join signIn",
    "viewer": "getCluster getSummary listZrms listTopologies getTopology explainTopology listRevisions getRevision listTopologySpaces getSpace listSpaces "
              "listMeshSpaces listMeshPeers listMeshRoutes pingMesh listZhosts getZhost getZhostUsage listUsage getEvents getMetrics getSession signOut makeSignInCode listNotices",
    "operator": "submitTopology removeTopology startTopology stopTopology recoverTopology promoteRollout abortRollout "
                "pauseRollout resumeRollout rollbackTopology scaleTopology deployAll startAll stopAll undeployAll getLogs "
                "setGoal moveSpace execSpace listSecrets setSecret removeSecret",
    "admin": "getRebalance rebalanceCluster stopRebalance removeZhost cordonZhost uncordonZhost drainZhost makeZhostToken "
             "getBackup getRecording listUsers createUser removeUser rotateUserToken listTokens createToken removeToken getAudit "
             "listSessions endSession listTrust addTrust removeTrust createZhost destroyZhost listArtifacts holdArtifacts getHistory renewZrms forgetZrms listAuthorities rotateAuthority testNotices finishRotation abortRotation moveLeader rotateSecretKey",
    "zhost": "getArtifact",
}
NEEDS = {operation: role for role, names in ROUTES.items() for operation in names.split()}
OWN = {"signOut", "makeSignInCode"}  # changes of a viewer, about itself
COVERS = {"viewer": {"viewer"}, "operator": {"viewer", "operator"}, "zhost": {"zhost"}, "session": {"viewer"}}


@pytest.fixture
def c(start_cluster):
    cluster = start_cluster(zhosts=["n1"])
    cluster.submit(cluster.build(native_app(cluster, "bank", [SLEEPS], {
        "p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}), "bank"))
    return cluster


def ask(c, method, path, headers, data):
    request = urllib.request.Request(c.url + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def operations(c):
    """Method, path that means something, operation and role of each route."""
    api = json.loads(ask(c, "GET", "/openapi.json", {}, None)[1])
    known = {"id": "bank", "path": "p", "name": "n1", "digest": "0" * 64, "revision": "1"}
    for pattern, methods in api["paths"].items():
        for method, one in methods.items():
            path = re.sub(r"\{(\w+)\}", lambda found: known[found.group(1)], pattern)
            path += "?stream=0" if one["operationId"] == "getEvents" else ""
            body = b"{}" if "requestBody" in one else None
            yield method.upper(), path, one["operationId"], one["x-samoza-role"], body


def state_of(c):
    """All that a request could have changed, as the administrator sees it."""
    topology = c.get("/v1/topologies/bank")
    spaces = [{k: s[k] for k in ("path", "state", "goal", "zhost") if k in s}
              for s in c.get("/v1/topologies/bank/spaces")["spaces"]]
    zhost = c.get("/v1/zhosts/n1")
    return {"topologies": [t["id"] for t in c.get("/v1/topologies")["topologies"]], "state": topology["state"],
            "spaces": spaces, "zhost": (zhost["state"], zhost.get("cordoned")),
            "zhosts": [z["name"] for z in c.get("/v1/zhosts")["zhosts"]], "keys": c.get("/v1/trust"), "secrets": c.get("/v1/secrets"),
            "users": [(u["name"], u["role"]) for u in c.get("/v1/users")["users"]], "tokens": c.get("/v1/tokens")}


def test_each_route_has_the_role_that_it_is_known_for(c):
    found = {operation: role for _, _, operation, role, _ in operations(c)}
    assert found == NEEDS, set(found.items()) ^ set(NEEDS.items())


def everybody(c):
    """Whom each request is tried as: kind, and headers."""
    bearer = lambda token: {"Authorization": f"Bearer {token}"}
    gone = new_user(c, "gone", "admin")
    c.zshell("user", "rm", "gone")
    over = new_user(c, "over", "admin", "--ttl", "1s")
    vic = new_user(c, "vic", "viewer", "--topologies", "shop-*")
    reads, _ = sign_in(c, token=vic)
    own = (c.directory / "n1" / "credentials" / "zhost").read_text().strip()
    code = json.loads(ask(c, "POST", "/v1/sign-in-codes", bearer(vic), None)[1])["code"]
    people = {
        "nobody": {}, "wrong": bearer("smzu_" + "a" * 43), "garbage": bearer("\\x00'; --"), "removed": bearer(gone),
        "code": bearer(code), "expired": bearer(over), "viewer": bearer(vic), "session": reads,
        "operator": bearer(new_user(c, "ops", "operator", "--topologies", "shop-*")), "zhost": bearer(own),
        "wrong session": {"Cookie": reads["Cookie"][:-4] + "AAAA"}}
    until(lambda: ask(c, "GET", "/v1/topologies", people["expired"], None)[0] == 401, "the token of `over` is over")
    return people


def judge(who, status, text, operation, needs, method):
    """What is wrong with the answer, or None."""
    if needs == "nobody":
        return None if status < 500 or status == 503 else "a fault"
    if who not in COVERS:
        return None if status == 401 else f"{status}, expected 401"
    if needs not in COVERS[who]:
        return None if status == 403 else f"{status}, expected 403"
    if who == "session" and method != "GET":
        return None if status == 403 else f"{status}, expected 403: its word is missing"
    if status == 401 or status >= 500:
        return f"{status}"
    if "bank" in text and who != "zhost" and not re.search(r"no topology '?bank", text):
        return f"it tells of another name: {text[:300]}"
    if method != "GET" and operation not in OWN and status < 400:
        return f"{status}: it changes something"
    return None


def test_each_route_gives_each_of_them_no_more_than_its_role(c):
    people, before = everybody(c), state_of(c)
    routes = [*operations(c), ("GET", "/v1/link", "link", "zhost", None)]
    wrong = []

    def try_it(who, method, path, operation, needs, body):
        more = {"Content-Type": "application/json"} if body else {}
        # Of some requests only so many are answered at once, for all who ask together.
        status, text = until(lambda: (said := ask(c, method, path, {**people[who], **more}, body)) and (said[0] != 503 or '"busy"' not in said[1]) and said,
                             f"{method} {path} is answered", 60)
        why = judge(who, status, text, operation, needs, method)
        return f"{who}: {method} {path} ({needs}): {why}" if why else None
    # Wrong ones are answered later and later: all at once.
    with concurrent.futures.ThreadPoolExecutor(128) as pool:
        for answer in [pool.submit(try_it, who, *route) for who in people for route in routes]:
            if answer.result():
                wrong.append(answer.result())
    assert not wrong, "\n".join(wrong)
    assert state_of(c) == before
    done = [line for line in json.loads(ask(c, "GET", "/v1/audit?limit=10000",
                                            {"Authorization": f"Bearer {token_of(c.url)}"}, None)[1])["lines"]
            if line["outcome"] == "done" and line["user"] != "operator"]
    assert {line["action"] for line in done} <= {"make a sign-in code", "sign in with a token"}, done


# ---- frames of the link ----

# Of each frame that a zhost sends: one that speaks of somebody else's instance ({topology}, {epoch}), or of itself under
# another name, and whether the link ends. All others are zrms' own: who sends one is cut off.
KEY = 'key {{topology: "{topology}" path: "p" epoch: {epoch}}}'
FRAMES = {
    "HELLO": ("Hello", 'protocol: 4 identity: "x" incarnation: 1 spec {{name: "n1" cpu: "4" memory: "8GiB"}}', True),
    "REPORT": ("Report", f'instances {{{{{KEY} observed_generation: 9 phase: PHASE_ABSENT error: "forged"}}}}', False),
    "HEARTBEAT": ("Heartbeat", 'identity: "n1" incarnation: 1 counter: 99', False),
    "MESH_MESSAGE": ("MeshMessage", 'topology: "{topology}" path_name: "x" from: "p" to: "p" to_zhost: "n1" '
                     'from_zhost: "n1" payload: "forged"', False),
    "DATA_REQUEST": ("DataRequest", f'request: 7 {KEY} operation: DATA_PUT data_key: "k" value: "forged"', False),
    "LOG_CHUNK": ("LogChunk", 'request: 1 lines: "forged" end: true', False),
    "DATA_FORGOTTEN": ("DataForgotten", "epoch: 1000000", False),
    "MESH_APPLIED": ("MeshApplied", 'topology: "{topology}" version: 1000', False),
    "MESH_ASK": ("MeshAsk", 'zhosts: "n1"', False),
    "EXEC_REPLY": ("ExecReply", "session: 1 started: true", False),
    "MESH_ANSWER": ("MeshAnswer", "request: 1000000", False),
    "PAGE_ASK": ("PageAsk", f'ask: 1 topology: "bank" space: "p" hash: "{"h" * 32}" code: "{"c" * 32}"', False),
    "API_TOKEN": ("ApiToken", f'{KEY} hash: "{"h" * 32}"', False),
    "SECRET_REQUEST": ("SecretAsk", f'request: 1 {KEY} name: "db" version: 1', False),
    "RENEW": ("Renew", 'request: "forged"', True),
    "LEAVE": ("Leave", "", True),
}
OF_ZRMS = set("HELLO_ACK DESIRED HEARTBEAT_ACK MESH_TABLE DATA_REPLY LOG_REQUEST DATA_FORGET MESH_SYNC MESH_LINK MESH_ZHOSTS "
              "EXEC RENEWED MESH_QUERY REISSUE PAGE_ANSWER LEADER API_TOKEN_TAKEN SECRET_ANSWER".split())


def frame_numbers():
    return {name: int(number) for name, number in
            re.findall(r"^  FRAME_(\w+) = (\d+);", (PROTO / "wire.proto").read_text(), re.M)}


def message(kind, text):
    done = subprocess.run(["protoc", f"-I{PROTO}", "-I/usr/include", f"--encode=samoza.v1.{kind}", "wire.proto"],
                          cwd=PROTO, input=text.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Link:
    def __init__(self, c, token):
        self.numbers = {number: name for name, number in frame_numbers().items()}
        self.socket = socket.create_connection(("127.0.0.1", c.port), timeout=20)
        shown = f"Authorization: Bearer {token}\r\n" if token else ""
        self.socket.sendall((f"GET /v1/link HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n{shown}"
                             "Upgrade: samoza-link/1\r\n\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head:
            more = self.socket.recv(1)
            assert more, f"the connection ended after {head}"
            head += more
        self.status = int(head.split()[1])
        self.waiting = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, name, body):
        # The frame before this one may have ended it: what is read says so.
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self.socket.sendall(struct.pack("<IB", len(body) + 1, frame_numbers()[name]) + body)

    def next(self):
        """Name and body of the next frame; None: the link is closed."""
        while True:
            if len(self.waiting) >= 5:
                size, number = struct.unpack("<IB", self.waiting[:5])
                if len(self.waiting) >= size + 4:
                    body, self.waiting = self.waiting[5:size + 4], self.waiting[size + 4:]
                    return self.numbers[number], body
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.waiting += more

    def until(self, name):
        """The frames up to that one, or up to the end."""
        seen = []
        while not seen or (seen[-1] is not None and seen[-1][0] != name):
            seen.append(self.next())
        return seen

    def hello(self, name="n2"):
        self.send("HELLO", message("Hello", f'protocol: 4 identity: "{name}" incarnation: 1 '
                                   f'spec {{name: "{name}" cpu: "4" memory: "8GiB"}}'))
        return self.until("HELLO_ACK")[-1]


def test_each_frame_is_known_for_who_sends_it():
    assert set(frame_numbers()) == set(FRAMES) | OF_ZRMS


def test_each_frame_of_a_foreign_zhost_changes_nothing(c):
    for token, status in ((None, 401), ("smzu_" + "a" * 43, 401), (new_user(c, "ann", "admin"), 101),
                          (new_user(c, "bob", "operator"), 403)):
        with Link(c, token) as link:
            assert link.status == status
    own = c.request("POST", "/v1/zhosts/n2/token")[1]["token"]
    topology = c.get("/v1/topologies/bank")["id"]
    epoch = c.get("/v1/topologies/bank/spaces/p")["epoch"]
    before, events = None, None
    for counter, name in enumerate(sorted(frame_numbers()), 1000):
        kind, text, ends = FRAMES.get(name, (None, "", True))
        body = message(kind, text.format(topology=topology, epoch=epoch)) if kind else b""
        with Link(c, own) as link:  # before HELLO nothing else is taken
            assert link.status == 101
            if name != "HELLO":
                link.send(name, body)
                link.socket.settimeout(5)  # less than the wait for HELLO
                assert link.until("HELLO_ACK")[-1] is None, name
        with Link(c, own) as link:
            if name == "HELLO":
                link.send(name, body)
                assert link.until("none")[-1] is None, "it joins under another name"
                continue
            assert link.hello() is not None
            if before is None:
                before, events = state_of(c), c.events("bank")
            link.send(name, body)
            link.send("HEARTBEAT", message("Heartbeat", f'identity: "n2" incarnation: 1 counter: {counter}'))
            seen = link.until("HEARTBEAT_ACK")
            assert (seen[-1] is None) == ends, (name, [s and s[0] for s in seen])
            for reply in (s for s in seen if s and s[0] == "DATA_REPLY"):
                told = subprocess.run(["protoc", f"-I{PROTO}", "-I/usr/include", "--decode=samoza.v1.DataReply", "wire.proto"],
                                      cwd=PROTO, input=reply[1], capture_output=True, check=True).stdout.decode()
                assert re.search(r"status: -\d+", told), told
            assert not any(s and b"forged" in s[1] for s in seen), name
            answers = [s[1] for s in seen if s and s[0] == "SECRET_ANSWER"]
            assert len(answers) == (name == "SECRET_REQUEST") and all(b"no such copy is placed there" in a for a in answers), seen
        now = state_of(c)
        assert {k: now[k] for k in ("topologies", "state", "spaces", "users")} == \
            {k: before[k] for k in ("topologies", "state", "spaces", "users")}, name
        assert now["zhost"] == before["zhost"] and c.events("bank") == events, name
    assert "forged" not in " ".join(c.log_of("bank", "p"))
    digest = "0" * 64
    assert ask(c, "GET", f"/v1/artifacts/sha256/{digest}", {"Authorization": f"Bearer {own}"}, None)[0] == 404
    refused = {what: int(count) for what, count in re.findall(
        r'^zrms_link_refused_total\{what="(\w+)"\} (\d+)', text_of(f"{c.url}/metrics"), re.M)}
    assert set(refused) == {"report", "data", "message", "artifact", "secret", "frame"} and all(refused.values()), refused


# ---- a program of a NATIVE space that runs as zrms' own user ----

OWNER = ["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups"]

TRIES = r"""
        #!/usr/bin/python3
    import os, socket, time
    zrms = "{directory}"
    found = []
    for path in ("credentials/local-admin", "zrms.db", "lock", "address"):
        try:
            found.append("READ " + path + open(zrms + "/" + path, "rb").read(10).hex())
        except OSError as error:
            found.append(type(error).__name__)
    try:
        found.append("LISTED " + " ".join(os.listdir(zrms)))
    except OSError as error:
        found.append(type(error).__name__)
    try:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(zrms + "/api.sock")
        s.sendall(b"GET /v1/users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        found.append("ASKED" if s.recv(10) else "cut off")
    except OSError as error:
        found.append(type(error).__name__)
    for address in ("127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        s.settimeout(10)
        try:
            s.connect((address, {port}))
            found.append("CONNECTED " + address)
        except OSError as error:
            found.append(type(error).__name__)
    print("tried as", os.getuid(), found, flush=True)
    time.sleep(1000)
    """


class OwnedCluster(Cluster):
    """zrms runs as an ordinary user, in a directory that programs on the machine may find."""

    def __init__(self, directory, place=None, **options):
        super().__init__(place or directory, **options)

    def start_zrms(self):
        for path in (self.directory / "zrms", *(self.directory / "zrms").rglob("*")):
            os.chown(path, 4321, 4321)
        self.zrms.command = [*OWNER, *self.zrms.command]
        super().start_zrms()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("above", ["/tmp", "/var/lib"])
def test_a_recipe_of_zrms_own_user_gets_neither_token_nor_state_nor_socket_nor_port(sweep_groups, start_cluster, above):
    place = pathlib.Path(tempfile.mkdtemp(prefix="samoza-e2e-", dir=above))
    place.chmod(0o755)
    try:
        c = start_cluster(kind=OwnedCluster, zhosts=(), place=place)
        own = place / "n1"
        own.mkdir(mode=0o700)
        os.chown(own, 4321, 4321)
        c.give_token("n1", own)
        c.zhosts["n1"] = Daemon(c, "n1", [
            *OWNER, BIN / "zhost", "--dir", own, "--name", "n1", "--zrms", c.url, "--zedge", f"127.0.0.1:{free_port()}"],
            place / "n1.log").start()
        c.wait_zhost("n1", "deployed-started")
        c.submit(c.build(native_app(c, "curious", [SLEEPS], {
            "p/recipes/start": TRIES.replace("{directory}", str(place / "zrms")).replace("{port}", c.url.rsplit(":", 1)[1])}),
            "curious"))
        line = until(lambda: next((x for x in c.log_of("curious", "p") if "tried as" in x), None), "it has tried")
        assert "tried as 4321" in line, line
        assert not re.search("READ|LISTED|ASKED|CONNECTED", line), line
        assert line.count("PermissionError") >= 7, line
        assert "zrms_ports by system call filter" in c.zshell("spaces", "status", "curious/p").stdout
        c.stop()
    finally:
        shutil.rmtree(place)
