"""Messages between spaces on two zhosts that have joined: directly, with the hub for the rest."""
import concurrent.futures
import json
import os
import re
import signal
import ssl
import urllib.request

import numbers_app
import pytest
from conftest import run, until
from secure import SecureCluster, needs_an_address

pytestmark = needs_an_address


class JoinedCluster(SecureCluster):
    """Its zhosts have joined by tokens: zrms knows their keys."""

    def give_token(self, name, directory=None):
        directory = directory or self.directory / name
        credentials = directory / "credentials"
        credentials.mkdir(parents=True, exist_ok=True, mode=0o700)
        status, token = self.request("POST", "/v1/tokens", {"name": name})
        assert status == 201, token
        _, word_id, secret, *_ = token["token"].split(".")
        key, asked = credentials / "key.pem", credentials / "request.pem"
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        run("openssl", "req", "-new", "-key", key, "-subj", "/CN=x", "-out", asked)
        body = {"token": word_id, "secret": secret, "name": name, "request": asked.read_text()}
        joined = self.post_secure("/v1/join", body)
        for file, text in (("identity.pem", joined["certificate"] + key.read_text()),
                           ("authorities.pem", joined["authorities"])):
            (credentials / file).touch(0o600)
            (credentials / file).write_text(text)
        key.unlink()
        asked.unlink()

    def post_secure(self, path, body):
        context = ssl.create_default_context(cafile=str(self.ca))
        request = urllib.request.Request(self.secure_url + path, data=json.dumps(body).encode(), method="POST",
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            return json.loads(answer.read())


@pytest.fixture
def c(start_cluster):
    return start_cluster(kind=JoinedCluster, zhosts=("n1", "n2"))


def metric(cluster, zedge, name):
    """-1: its zhost is not there."""
    try:
        with urllib.request.urlopen(f"{zedge}/metrics", timeout=20) as answer:
            return int(float(re.search(rf"^{name} (\S+)$", answer.read().decode(), re.M).group(1)))
    except OSError:
        return -1


def figures(cluster):
    """What the checker has said last: taken, missing."""
    def log():
        status, body = cluster.request("GET", "/v1/topologies/count/logs?path=checker&lines=200")
        return body["lines"] if status == 200 else None
    lines = until(log, "the log can be read")
    numbers_app.check_order(lines)
    return numbers_app.last_figures(lines, ["taken", "missing"])


def grows(cluster, zedge, name, by=20):
    before = metric(cluster, zedge, name)
    return until(lambda: metric(cluster, zedge, name) >= before + by, f"{name} grows")


def deploy_counter(c):
    """On which zhosts its sender and its receiver are."""
    c.deploy("count", numbers_app.spaces(), numbers_app.SOURCES, numbers_app.PATHS)
    return c.zhost_of("count", "counter"), c.zhost_of("count", "checker")


def test_messages_go_directly_without_zrms_and_after_restarts(c):
    sender, receiver = deploy_counter(c)
    assert {sender, receiver} == {"n1", "n2"}
    zedges = {name: c.zedge(name) for name in ("n1", "n2")}
    grows(c, zedges[sender], "zhost_mesh_direct_sent_total")
    until(lambda: figures(c)[0] >= 40, "messages arrive")
    assert figures(c)[1] == 0  # moving to the link lost nothing
    assert c.get(f"/v1/zhosts/{receiver}")["mesh"]
    # Without zrms.
    c.zrms.kill()
    grows(c, zedges[receiver], "zhost_remote_received_total", by=50)
    c.start_zrms()
    until(lambda: figures(c)[0] >= 100, "zrms is back, and shows the log")
    assert figures(c)[1] == 0
    # Each zhost restarts: back to the link by itself, in order.
    for name in (receiver, sender):
        c.restart_zhost(name)
        until(lambda: metric(c, zedges[sender], "zhost_mesh_links") >= 1, "a link stands")
        grows(c, zedges[sender], "zhost_mesh_direct_sent_total", by=100)
        figures(c)


def test_a_removed_zhost_loses_its_direct_links(c):
    sender, receiver = deploy_counter(c)
    zedges = {name: c.zedge(name) for name in ("n1", "n2")}
    grows(c, zedges[sender], "zhost_mesh_direct_sent_total")
    # It hears nothing of it, and would go on.
    os.kill(c.zhosts[sender].pid, signal.SIGSTOP)
    try:
        c.wait_zhost(sender, "problem")
        c.zshell("cluster", "rm", sender)
        until(lambda: metric(c, zedges[receiver], "zhost_mesh_links") == 0, "the link is closed")
    finally:
        os.kill(c.zhosts[sender].pid, signal.SIGCONT)


def shown(c, *words, status=0):
    done = c.zshell("-o", "json", *words, check=False)
    assert done.returncode == status, done
    return json.loads(done.stdout)


def one_peer(c, zhost, peer):
    found = [p for p in shown(c, "mesh", "peers", "--zhost", zhost)["peers"] if p["peer"] == peer]
    return found[0] if found else None


def route_of(c, *more):
    routes = shown(c, "mesh", "routes", *more)["routes"]
    return next((r for r in routes if (r["from"], r["to"]) == ("counter", "checker")), None)


def test_people_see_by_which_way_messages_go_and_how_long_they_take(start_cluster):
    c = start_cluster(kind=JoinedCluster, zhosts=("n1", "n2"), timeout="60s")  # who hangs is not lost meanwhile
    assert c.zshell("mesh", "peers").stdout == "No messages between zhosts yet.\n"
    assert c.zshell("mesh", "routes").stdout == "No messages between spaces yet.\n"
    sender, receiver = deploy_counter(c)
    until(lambda: (p := one_peer(c, sender, receiver)) and p["sent_direct"] > 200 and "round_trip_ms" in p,
          "messages go directly")
    peer = one_peer(c, sender, receiver)
    assert peer["way"] == "direct" and peer["since"] and 0 < peer["round_trip_ms"] < 60_000
    assert (peer["refused"], peer["lost"], peer["dropped"]) == (0, 0, 0)
    until(lambda: one_peer(c, receiver, sender)["received"] > 200, "what was sent has come")
    until(lambda: (r := route_of(c, "--topology", "count")) and r["sent_direct"] > 200 and r["received"] > 200, "also by path")
    route = route_of(c, "--topology", "count")
    assert (route["from_zhost"], route["to_zhost"], route["way"]) == (sender, receiver, "direct")
    assert route["dropped"] == 0

    pings = shown(c, "mesh", "ping", "count/checker", "--count", "3")["pings"]
    assert [(p["from"], p["zhost"], p["way"]) for p in pings] == [(sender, receiver, "direct")] * 3
    assert all(0 < p["round_trip_ms"] < 60_000 for p in pings)
    (here,) = shown(c, "mesh", "ping", "count/checker", "--count", "1", "--from", receiver)["pings"]
    assert here["way"] == "same-zhost"
    table = c.zshell("mesh", "ping", "count/checker").stdout
    assert re.search(rf"^{sender} +count/checker +{receiver} +direct +[0-9.]+ ms +ok$", table, re.M), table
    unknown = c.zshell("mesh", "ping", "count/nobody", check=False)
    assert unknown.returncode == 1 and "no started instance nobody" in unknown.stderr

    # Who may not see the topology sees no route of it.
    made = json.loads(c.zshell("user", "create", "ann", "--role", "viewer", "--topologies", "other-*", "-o", "json").stdout)
    headers = {"Authorization": f"Bearer {made['token']}"}
    status, seen = c.request("GET", "/v1/mesh/routes", None, headers)
    assert (status, seen.get("routes", [])) == (200, [])
    assert c.request("GET", "/v1/mesh/ping?space=count/checker", None, headers)[0] == 404
    assert "count" not in json.dumps(c.request("GET", "/v1/mesh/peers", None, headers)[1]).replace("counters", "")

    # A zhost that hangs is named, and does not hold up the rest.
    os.kill(c.zhosts[receiver].pid, signal.SIGSTOP)
    try:
        def all_at_once():
            with concurrent.futures.ThreadPoolExecutor(12) as many:
                answers = list(many.map(lambda _: c.request("GET", "/v1/mesh/peers"), range(12)))
            statuses = sorted(status for status, _ in answers)
            assert set(statuses) <= {200, 503} and statuses.count(200) >= 8, answers
            # Who comes when the first ones have their answers already has one, too.
            return answers if statuses == [200] * 8 + [503] * 4 else None
        answers = until(all_at_once, "eight are asked at a time")
        assert {a["error"]["code"] for status, a in answers if status == 503} == {"busy"}
        view = shown(c, "mesh", "routes")
        assert [s["zhost"] for s in view["silent"]] == [receiver]
        assert view["routes"][0]["from"] == "counter"
    finally:
        os.kill(c.zhosts[receiver].pid, signal.SIGCONT)
