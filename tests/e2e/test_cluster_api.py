"""The capability cluster.api: a NATIVE space asks zrms with a token of its own, and no other one does [formats.topology.api]."""
import contextlib
import json
import os
import re
import stat
import urllib.parse
import urllib.request

from conftest import until
from native import native_deploy, spaces_directories
from secure import SecureCluster, needs_an_address

# Serves "ask METHOD PATH" on its standard port by asking zrms as a program of the instance does.
SERVES = r"""
    #!/usr/bin/python3
    import http.server, json, os, ssl, urllib.error, urllib.request
    base = os.environ.get("SAMOZA_API_URL", "")
    context = ssl.create_default_context(cafile=os.environ["SAMOZA_API_CA_FILE"]) if "SAMOZA_API_CA_FILE" in os.environ else None
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            method, path = json.loads(urllib.request.unquote(self.path[1:]))
            try:
                token = open(os.environ["SAMOZA_API_TOKEN_FILE"]).read().strip()
                request = urllib.request.Request(base + path, method=method, headers={"Authorization": "Bearer " + token})
                with urllib.request.urlopen(request, timeout=20, context=context) as answer:
                    said = [answer.status, answer.read().decode()]
            except urllib.error.HTTPError as error:
                said = [error.code, error.read().decode()]
            except Exception as error:
                said = [0, repr(error)]
            body = json.dumps(said).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)
        def log_message(self, *words):
            pass
    # What the first program of the instance asks is answered: the token is good by then.
    if base:
        with urllib.request.urlopen(urllib.request.Request(base + "/v1/topologies", headers={
                "Authorization": "Bearer " + open(os.environ["SAMOZA_API_TOKEN_FILE"]).read().strip()}), timeout=20, context=context) as answer:
            print("first answer: %d" % answer.status, flush=True)
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAMOZA_EXPORT_port"])), Handler).serve_forever()
"""
# Without the capability.
TRIES = r"""
    #!/usr/bin/python3
    import errno, os, socket, time
    for port in ({port},):
        with socket.socket() as s:
            print("try: %s" % errno.errorcode.get(s.connect_ex(("127.0.0.1", port)), "connected"), flush=True)
    print("environment: %s" % sorted(name for name in os.environ if name.startswith("SAMOZA_API")), flush=True)
    time.sleep(100021)
"""
SERVICE = {"run": {"mode": "foreground"}, "exports": {"port": ""}, "ready": {"tcp": "port"}}


def ask(c, topology, path, method, what):
    """What zrms answers a program of that instance: status and body."""
    port = c.space(topology, path)["exports"]
    port = next(x["value"] for x in port if x["name"] == "port")
    query = urllib.parse.quote(json.dumps([method, what]), safe="")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{query}", timeout=30) as answer:
        return json.loads(answer.read())


def token_file(c, zhost="edge-node-1"):
    """That of the one instance there that has one."""
    found = [p / "package" / ".samoza" / "token" for p in spaces_directories(c, zhost)]
    found = [p for p in found if p.exists()]
    assert len(found) == 1, found
    return found[0]


def status_of(c, token, path="/v1/topologies", method="GET"):
    return c.request(method, path, headers={"Authorization": f"Bearer {token}"})[0]


def everything_under(directory, but):
    for root, _, files in os.walk(directory):
        for name in files:
            path = os.path.join(root, name)
            with contextlib.suppress(FileNotFoundError):  # daemons work meanwhile
                if path != str(but) and stat.S_ISREG(os.lstat(path).st_mode):
                    with open(path, "rb") as file:
                        content = file.read()
                    yield path, content


def test_an_instance_with_cluster_api_sees_what_it_was_given_and_nobody_else_does(start_cluster, sweep_groups):
    c = start_cluster(zhosts=("edge-node-1",))
    native_deploy(c, "other", [{"name": "p", "run": {"mode": "foreground"}}],
                  {"p/recipes/start": TRIES.replace("{port}", c.url.rsplit(":", 1)[1])})
    native_deploy(c, "shop", [dict(SERVICE, name="ops", capabilities=["cluster.api"], api={"role": "operator"})],
                  {"ops/recipes/start": SERVES})
    until(lambda: any("first answer: 200" in x for x in c.log_of("shop", "ops")), "the first answer is in its log")

    # It lists its own topology, changes it, and there is no other one for it.
    status, body = ask(c, "shop", "ops", "GET", "/v1/topologies")
    assert status == 200 and [t["name"] for t in json.loads(body)["topologies"]] == ["shop"]
    assert ask(c, "shop", "ops", "GET", "/v1/topologies/shop")[0] == 200
    assert ask(c, "shop", "ops", "GET", "/v1/topologies/other")[0] == 404
    assert "other" not in ask(c, "shop", "ops", "GET", "/v1/spaces")[1]
    assert ask(c, "shop", "ops", "GET", "/v1/users")[0] == 403
    assert ask(c, "shop", "ops", "GET", "/v1/audit")[0] == 403

    # Without the capability: no way, and nothing to show.
    lines = until(lambda: (lambda all: all if any("environment" in x for x in all) else None)(c.log_of("other", "p")), "it has tried")
    assert any("try: EACCES" in x for x in lines) and any("environment: []" in x for x in lines), lines

    # The token is for the user of the instance alone, and in nothing that is written, said or shown.
    file = token_file(c)
    token = file.read_text().strip()
    assert re.fullmatch(r"smzu_[\w-]{43}", token)
    assert stat.S_IMODE(file.stat().st_mode) == 0o400 and file.stat().st_uid >= 1900000000
    assert status_of(c, token) == 200
    for path, content in everything_under(c.directory, file):
        assert token.encode() not in content, path
    assert token not in json.dumps(c.events())
    for what in ("/v1/spaces", "/v1/topologies/shop", "/v1/topologies/shop/spaces", "/v1/users", "/v1/audit"):
        assert token not in json.dumps(c.request("GET", what)[1]), what
    audit = [x["action"] for x in c.get("/v1/audit")["lines"]]
    assert any(x.startswith("give space/shop/ops@") and x.endswith("a token with the role operator for shop") for x in audit), audit
    shown = c.zshell("spaces", "status", "shop/ops").stdout
    assert "operator of shop" in shown and "zrms_ports" not in shown

    # It is no person: no session, no code.
    assert status_of(c, token, "/v1/session", "POST") in (401, 403, 404, 405)

    # kill -9 of zhost, and of zrms: it runs on, and what it shows is good.
    c.zhosts["edge-node-1"].kill()
    assert ask(c, "shop", "ops", "GET", "/v1/topologies")[0] == 200
    c.zhosts["edge-node-1"].start()
    c.wait_zhost("edge-node-1", "deployed-started")
    until(lambda: ask(c, "shop", "ops", "GET", "/v1/topologies")[0] == 200, "the token is good after kill -9 of the zhost")
    c.zrms.kill()
    c.start_zrms()
    until(lambda: ask(c, "shop", "ops", "GET", "/v1/topologies")[0] == 200, "the token is good after kill -9 of zrms")
    assert token_file(c).read_text().strip() == token

    # A stop ends it, and the next start has another one.
    c.zshell("spaces", "stop", "shop/ops")
    until(lambda: c.space("shop", "ops")["state"] == "deployed-stopped", "it is stopped")
    assert status_of(c, token) == 401
    c.zshell("spaces", "start", "shop/ops")
    until(lambda: c.space("shop", "ops")["state"] == "deployed-started", "it is started")
    second = token_file(c).read_text().strip()
    assert second != token and status_of(c, second) == 200 and status_of(c, token) == 401

    # Both die in the middle of a start: it comes to a good token all the same.
    c.zshell("spaces", "stop", "shop/ops")
    until(lambda: c.space("shop", "ops")["state"] == "deployed-stopped", "it is stopped")
    c.request("PUT", "/v1/topologies/shop/spaces/ops/goal", {"goal": "deployed-started"})
    c.zhosts["edge-node-1"].kill()
    c.zrms.kill()
    c.start_zrms()
    c.zhosts["edge-node-1"].start()
    c.zshell("spaces", "start", "shop/ops", check=False)
    until(lambda: c.space("shop", "ops")["state"] == "deployed-started", "it is started", 60)
    until(lambda: ask(c, "shop", "ops", "GET", "/v1/topologies")[0] == 200, "its token is good")
    assert status_of(c, second) == 401

    # So does an undeploy.
    third = token_file(c).read_text().strip()
    c.zshell("topo", "stop", "shop", "--wait")
    assert status_of(c, third) == 401
    assert any(x["action"].startswith("end the token of space/shop/ops@") for x in c.get("/v1/audit")["lines"])


@needs_an_address
def test_over_tls_an_instance_knows_whom_to_believe(start_cluster, sweep_groups):
    s = start_cluster(kind=SecureCluster, zhosts=("edge-node-1",))
    native_deploy(s, "shop", [dict(SERVICE, name="eye", capabilities=["cluster.api"], api={"topologies": ["*"]})],
                  {"eye/recipes/start": SERVES})
    status, body = ask(s, "shop", "eye", "GET", "/v1/topologies")
    assert status == 200 and [t["name"] for t in json.loads(body)["topologies"]] == ["shop"]
    assert ask(s, "shop", "eye", "POST", "/v1/topologies/shop/stop")[0] in (403, 404, 405)
