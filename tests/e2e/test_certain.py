"""A zrms that may lead no more answers nothing [machines.replicated.standby]."""
import http.client
import json
import os
import signal
import time

from conftest import until
from etcd import EtcdCluster, ThreeZrms
from secure import needs_an_address
from test_leaders import asked, token_of

pytestmark = needs_an_address


def test_a_leader_that_stood_still_shows_nothing_that_another_has_replaced(start_cluster):
    """It is asked while it stands still, after the other has acknowledged a change."""
    c = start_cluster(kind=ThreeZrms, zhosts=[])
    old, token = c.leader(), token_of(c)
    headers = {"Authorization": f"Bearer {token}"}
    before = [http.client.HTTPConnection("127.0.0.1", old, timeout=20) for _ in range(4)]
    for connection in before:
        connection.request("GET", "/v1/users", headers=headers)
        assert connection.getresponse().read()
    daemon = c.all_zrms()[old]
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        new = c.leader(old)
        assert asked(new, "POST", "/v1/users", {"name": "ann", "role": "viewer"}, token)[0] == 201
        for connection in before:
            connection.request("GET", "/v1/users", headers=headers)
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    for connection in before:
        try:
            answer = connection.getresponse()
            assert answer.status != 200 or "ann" in answer.read().decode()
        except (OSError, http.client.HTTPException):
            pass  # it does not answer
        connection.close()


def test_a_leader_that_stood_still_calls_nobody_unknown_whom_another_has_let_in(start_cluster):
    c = start_cluster(kind=ThreeZrms, zhosts=[])
    old, token = c.leader(), token_of(c)
    before = [http.client.HTTPConnection("127.0.0.1", old, timeout=20) for _ in range(4)]
    for connection in before:
        connection.request("GET", "/v1/users", headers={"Authorization": f"Bearer {token}"})
        assert connection.getresponse().read()
    daemon = c.all_zrms()[old]
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        status, _, ann = asked(c.leader(old), "POST", "/v1/users", {"name": "ann", "role": "viewer"}, token)
        assert status == 201
        for connection in before:
            connection.request("GET", "/v1/topologies", headers={"Authorization": f"Bearer {json.loads(ann)['token']}"})
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    for connection in before:
        try:
            assert connection.getresponse().status in (200, 307, 503)
        except (OSError, http.client.HTTPException):
            pass  # it does not answer
        connection.close()


def test_without_its_store_a_leader_says_why_it_answers_nothing(start_cluster, monkeypatch):
    monkeypatch.setenv("ZRMS_LEASE", "4s")
    c = start_cluster(kind=EtcdCluster, zhosts=[])
    token = token_of(c)
    c.etcd.kill(0)
    refused = until(lambda: (answer := asked(c.port, "GET", "/v1/users", token=token))[0] == 503 and answer,
                    "it is refused")
    assert "its store does not answer" in refused[2] and refused[1]["Retry-After"]
    begun = time.monotonic()
    assert asked(c.port, "POST", "/v1/users", {"name": "ann", "role": "viewer"}, token)[0] == 503
    assert time.monotonic() - begun < 3.5, "what comes later does not wait for a lease again"
    assert asked(c.port, "GET", "/healthz")[0] == 200
    c.etcd.start(0)
    until(c.etcd.is_healthy, "etcd answers")
    until(lambda: c.zrms.is_running() or c.zrms.start(), "its lease may have ended meanwhile")
    answer = until(lambda: (answer := asked(c.port, "GET", "/v1/users", token=token))[0] == 200 and answer,
                   "it answers again", 60)
    assert "ann" not in answer[2]
