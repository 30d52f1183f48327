"""Artifacts on several zrms: what is acknowledged is on a majority of them [machines.replicated.large]."""
import concurrent.futures
import http.client
import os
import shutil
import signal
import ssl
import time

import pytest
from conftest import until
from etcd import ThreeZrms
from native import native_app
from secure import ADDRESS, needs_an_address

pytestmark = needs_an_address

SERVE = {"a/recipes/start": "#!/bin/sh\nwhile :; do sleep 1; done >/dev/null 2>&1 &\n"}


@pytest.fixture
def three(start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    return start_cluster(kind=ThreeZrms, zhosts=["edge-node-1"], timeout="30s")


def names(c):
    """Directories of the zrms by their ports on loopback."""
    return dict(zip((c.first_port, *c.other_ports), ("zrms", "zrms-2", "zrms-3")))


def artifacts_of(c, port):
    directory = c.directory / names(c)[port] / "artifacts" / "sha256"
    return {path.name for path in directory.iterdir()} if directory.exists() else set()


def submit(c, name, key="k", timeout=90):
    package = c.build(native_app(c, name, [{"name": "a"}], {**SERVE, "a/data.txt": f"of {name}"}), name).read_bytes()
    return c.request("POST", "/v1/topologies", package,
                     {"Content-Type": "application/vnd.samoza.mex+zip", "Idempotency-Key": key}, timeout=timeout)


def test_the_next_leader_serves_what_was_submitted_to_the_one_that_died(three):
    c = three
    first = c.leader()
    status, answer = submit(c, "shop")
    assert status == 201, answer
    c.all_zrms()[first].kill()
    second = c.leader(first)
    needed = artifacts_of(c, first)
    assert needed
    # One other had them when it was acknowledged. The next leader may be that one, or fetches them from it.
    until(lambda: artifacts_of(c, second) == needed, "the next leader has them")
    # A zhost that never had it fetches it from there.
    c.add_zhost("edge-node-2")
    c.wait_zhost("edge-node-1", "deployed-started")
    c.wait_state("shop", "running")


def test_one_that_is_away_is_no_obstacle_and_two_are(three):
    c = three
    leader = c.leader()
    away = [port for port in c.all_zrms() if port != leader]
    c.all_zrms()[away[0]].kill()
    status, answer = submit(c, "shop", "k1")
    assert status == 201, answer
    assert artifacts_of(c, away[1]) == artifacts_of(c, leader)
    # It stands still, and its connections do not end.
    os.kill(c.all_zrms()[away[1]].pid, signal.SIGSTOP)
    try:
        before = artifacts_of(c, leader)
        status, answer = submit(c, "more", "k2")
        assert status == 503 and "the package is on 1 of 3 zrms, and 2 are needed" in answer["error"]["message"], answer
        assert artifacts_of(c, leader) == before, "what was refused leaves nothing"
        assert [t["name"] for t in c.get("/v1/topologies")["topologies"]] == ["shop"]
    finally:
        os.kill(c.all_zrms()[away[1]].pid, signal.SIGCONT)
    # What was refused is judged again, under the same key.
    assert until(lambda: (r := submit(c, "more", "k2")) and r[0] != 503 and r, "the other one is back")[0] == 201


def test_one_that_lost_its_artifacts_fetches_them_and_lets_go_of_others(three):
    c = three
    leader, lost = c.leader(), c.standby()
    assert submit(c, "shop")[0] == 201
    needed = artifacts_of(c, leader)
    until(lambda: all(artifacts_of(c, port) == needed for port in c.all_zrms()), "all have them")
    c.all_zrms()[lost].kill()
    directory = c.directory / names(c)[lost] / "artifacts" / "sha256"
    shutil.rmtree(directory)
    directory.mkdir()
    old, young = directory / ("0" * 64), directory / ("1" * 64)
    for spare in (old, young):
        spare.write_text("of a submission that was refused")
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    c.all_zrms()[lost].start()
    until(lambda: artifacts_of(c, lost) == needed | {young.name}, "it has what is needed, and what may be")


def test_a_leader_that_lacks_what_it_needs_fetches_it_from_the_others(three):
    c = three
    first = c.leader()
    assert submit(c, "shop")[0] == 201
    needed = artifacts_of(c, first)
    until(lambda: all(artifacts_of(c, port) == needed for port in c.all_zrms()), "all have them")
    c.wait_state("shop", "running")
    for digest in needed:
        (c.directory / names(c)[first] / "artifacts" / "sha256" / digest).unlink()
    c.add_zhost("edge-node-2")
    c.wait_zhost("edge-node-2", "deployed-started")
    c.zshell("spaces", "move", "shop/a", "--to", "edge-node-2")
    until(lambda: c.zhost_of("shop", "a") == "edge-node-2", "it is handed over")
    until(lambda: artifacts_of(c, first) == needed, "it has fetched all that it lacks")


def test_members_are_known_by_their_certificates(three):
    c = three
    leader, standby = c.leader(), c.standby()
    assert submit(c, "shop")[0] == 201
    digest = sorted(artifacts_of(c, leader))[0]
    until(lambda: digest in artifacts_of(c, standby), "it has them")

    def asked(port, method, path, credentials=None):
        context = ssl.create_default_context(cafile=c.ca)
        context.check_hostname = False
        if credentials is not None:
            context.load_cert_chain(credentials)
        connection = http.client.HTTPSConnection(ADDRESS, port, timeout=20, context=context)
        try:
            connection.request(method, path, "{}" if method == "POST" else None, {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()

    identity = c.directory / "zrms" / "credentials" / "identity.pem"
    path = f"/v1/artifacts/sha256/{digest}"
    assert asked(standby, "GET", path, identity) == asked(leader, "GET", path, identity) == 200
    assert asked(leader, "GET", "/v1/artifacts", identity) == 200
    assert asked(standby, "POST", "/v1/artifacts", identity) == 204
    assert asked(leader, "POST", "/v1/artifacts", identity) == 409
    for method, target in (("GET", path), ("GET", "/v1/artifacts"), ("POST", "/v1/artifacts")):
        assert asked(standby, method, target) == 307
        assert asked(leader, method, target) == 401
    c.issue("edge-node-9", c.directory / "stranger")
    stranger = c.directory / "stranger" / "credentials" / "identity.pem"
    assert asked(standby, "GET", path, stranger) == asked(standby, "POST", "/v1/artifacts", stranger) == 307
    # It is a certificate for these, and for nothing else.
    assert asked(leader, "GET", "/v1/users", identity) == 401


def test_one_that_is_gone_for_good_counts_until_it_is_forgotten(three):
    """[machines.replicated.members]"""
    c = three
    leader = c.leader()
    gone = [port for port in c.all_zrms() if port != leader]
    name = {int(m["address"].rsplit(":", 1)[1]): m["name"] for m in c.get("/v1/cluster/zrms")["zrms"]}
    alive = c.zshell("cluster", "zrms", "rm", name[gone[0]], check=False)
    assert alive.returncode != 0 and "stands by: stop it first" in alive.stderr
    assert "leads" in c.zshell("cluster", "zrms", "rm", name[leader], check=False).stderr
    assert "no zrms named 'nobody'" in c.zshell("cluster", "zrms", "rm", "nobody", check=False).stderr
    for port in gone:
        c.all_zrms()[port].kill()
    until(lambda: [m.get("away", False) for m in c.get("/v1/cluster/zrms")["zrms"]] == [False, True, True],
          "both are away")
    assert c.zshell("cluster", "zrms").stdout.count("away") == 2
    status, answer = submit(c, "shop", "k1")
    assert status == 503 and "the package is on 1 of 3 zrms" in answer["error"]["message"], answer
    for port in gone:
        assert "forgotten" in c.zshell("cluster", "zrms", "rm", name[port]).stdout
    until(lambda: len(c.get("/v1/cluster/zrms")["zrms"]) == 1, "they are known no longer")
    assert submit(c, "shop", "k1")[0] == 201
    assert f"forget the zrms {name[gone[0]]}" in c.zshell("cluster", "audit").stdout
    c.all_zrms()[gone[0]].start()
    until(lambda: len(c.get("/v1/cluster/zrms")["zrms"]) == 2, "who comes back is known again")


def test_a_standby_that_cannot_yet_is_asked_again(three):
    c = three
    leader, late = c.leader(), c.standby()
    gone = next(port for port in c.all_zrms() if port not in (leader, late))
    c.all_zrms()[gone].kill()
    directory, away = c.directory / names(c)[late] / "artifacts", c.directory / "away"
    directory.rename(away)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(submit, c, "shop")
        until(lambda: "asked.again" in c.all_zrms()[leader].log.read_text(), "it could not")
        assert not answer.done()
        away.rename(directory)
        assert answer.result()[0] == 201
    assert artifacts_of(c, late) == artifacts_of(c, leader)
