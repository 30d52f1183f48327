"""Three zrms on one etcd: one leads, and what happens when it does no more [machines.replicated.standby]."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import BIN, run, until
from etcd import EtcdCluster, ThreeZrms
from native import native_deploy
from secure import ADDRESS, needs_an_address
from test_join import joiner

pytestmark = needs_an_address

SERVE = {"a/recipes/start": "#!/bin/sh\nwhile :; do sleep 1; done >/dev/null 2>&1 &\n"}


@pytest.fixture
def three(start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    # What is exclusive is asked to stop some time before that has passed without an answer.
    return start_cluster(kind=ThreeZrms, zhosts=["edge-node-1"], timeout="30s")


def asked(port, method, path, body=None, token=None):
    """Status, headers and body, without following."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        connection.request(method, path, body=json.dumps(body) if body is not None else None, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def token_of(c):
    return (c.directory / "zrms" / "credentials" / "local-admin").read_text().strip()


def test_a_standby_says_so_and_sends_everybody_to_the_leader(three):
    c = three
    leader, standby = c.leader(), c.standby()
    for method, path in (("GET", "/v1/topologies?limit=1&x=%20y"), ("POST", "/v1/users"), ("GET", "/v1/events"),
                         ("GET", "/v1/artifacts/sha256/" + "0" * 64)):
        status, headers, body = asked(standby, method, path, {} if method == "POST" else None)
        assert (status, headers["Location"]) == (307, f"https://{ADDRESS}:{leader}{path}"), body
        assert "leads" in body
    assert asked(standby, "GET", "/metrics")[0] == 503
    assert asked(standby, "GET", "/openapi.json")[0] == 200
    assert asked(standby, "GET", "/nothing")[0] == 404


def resident_bytes(pid):
    return int(next(line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS"))) * 1024


def test_who_shows_nothing_to_a_standby_makes_it_hold_nothing(three):
    """It asks nobody for a token, so what comes on a link is of anybody on the machine."""
    standby = three.standby()
    pid = three.all_zrms()[standby].process.pid
    before, links = resident_bytes(pid), []
    for _ in range(20):
        link = socket.create_connection(("127.0.0.1", standby), timeout=10)
        link.sendall(f"GET /v1/link HTTP/1.1\r\nHost: 127.0.0.1:{standby}\r\nConnection: Upgrade\r\n"
                     "Upgrade: samoza-link/1\r\n\r\n".encode())
        answer = b""
        while b"samoza-link/1" not in answer.split(b"\r\n\r\n")[0] or f":{three.leader()}".encode() not in answer:
            answer += (came := link.recv(4096))
            assert came, f"the link has ended after {answer}"
        links.append(link)
        link.sendall((6 << 20).to_bytes(4, "little") + b"\0" * (5 << 20))
    assert resident_bytes(pid) - before < 20 << 20, "100 MiB were sent"
    for link in links:
        link.close()
    assert three.role(standby) == "standby"


def test_a_zhost_that_knows_a_standby_only_finds_the_leader(three):
    c = three
    leader, standby = c.leader(), c.standby()
    c.url_for_zhosts = lambda: f"https://{ADDRESS}:{standby}"
    c.add_zhost("edge-node-2")
    c.wait_zhost("edge-node-2", "deployed-started")
    assert f"leader={ADDRESS}:{leader}" in c.zhosts["edge-node-2"].log.read_text()


def test_after_the_death_of_the_leader_another_leads_and_no_space_is_restarted(three):
    """[machines.replicated.failover]"""
    c = three
    first = c.leader()
    native_deploy(c, "shop", [{"name": "a"}, {"name": "b", "exclusive": True}],
                  SERVE | {"b/recipes/start": SERVE["a/recipes/start"]})
    c.wait_state("shop", "running")
    until(c.is_up_to_date, "the standbys have read everything")
    before, spaces = c.events(), c.zruns("edge-node-1")
    c.all_zrms()[first].kill()
    died = time.monotonic()
    c.leader(first)
    took = time.monotonic() - died
    assert c.read_ahead() > 0, "its records had been read ahead"
    assert took < 10, "5 s on a machine that has nothing else to do"
    c.wait_zhost("edge-node-1", "deployed-started")
    c.wait_state("shop", "running")
    assert c.zruns("edge-node-1") == spaces
    after = c.events()
    assert after[:len(before)] == before
    numbers = [event["seq"] for event in after]
    assert numbers == sorted(set(numbers))
    native_deploy(c, "more", [{"name": "a"}], SERVE)
    c.wait_state("more", "running")
    c.all_zrms()[first].start()
    until(lambda: c.role(first) == "standby", "it stands by when it comes back")


def test_nothing_acknowledged_is_lost_when_leaders_die_under_changes(three):
    c = three
    token, port, acknowledged, stop = token_of(c), [c.leader()], [], threading.Event()

    def change():
        number = 0
        while not stop.is_set():
            number += 1
            try:
                status, _, _ = asked(port[0], "POST", "/v1/users", {"name": f"user-{number}", "role": "viewer"}, token)
            except (OSError, http.client.HTTPException):
                continue
            if status == 201:
                acknowledged.append(f"user-{number}")

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(2):
            count = len(acknowledged)
            until(lambda: len(acknowledged) >= count + 20, "changes are acknowledged")
            old = port[0]
            c.all_zrms()[old].kill()
            port[0] = c.leader(old)
            c.all_zrms()[old].start()
        until(lambda: len(acknowledged) >= count + 40, "changes are acknowledged by the third, too")
    finally:
        stop.set()
        thread.join()
    names = [user["name"] for user in c.get("/v1/users")["users"]]
    assert set(acknowledged) <= set(names)
    assert len(names) == len(set(names))


def submit_until_answered(c, ports, package, key, number):
    """Asks under the key, of one zrms after the other, until one answers; what it says, and how often it was asked."""
    headers = {"Authorization": f"Bearer {token_of(c)}", "Content-Type": "application/vnd.samoza.mex+zip",
               "Idempotency-Key": key}
    for asked_before in range(400):
        port = ports[(number + asked_before) % len(ports)]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("POST", "/v1/topologies?start=0", body=package, headers=headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        if status in (200, 201):
            return status, json.loads(text), asked_before
        assert status in (0, 307, 409, 503), text
        time.sleep(0.05)
    raise AssertionError("nobody answers")


def test_what_is_submitted_under_keys_is_there_once_when_leaders_die(three):
    """[machines.replicated.failover]: also the one that dies between the commit and its answer."""
    c, answers, ports = three, {}, [three.first_port, *three.other_ports]
    packages = {f"load-{n}": c.build(c.app(f"load-{n}", [{"name": "a", "type": "CALL"}]), f"load-{n}").read_bytes()
                for n in range(24)}

    def submit(name):
        number = int(name.removeprefix("load-"))
        answers[name] = submit_until_answered(c, ports, packages[name], f"submit-{name}", number)

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        submits = pool.map(submit, packages)
        old = c.port
        for _ in range(2):
            count = len(answers)
            until(lambda: len(answers) >= min(count + 5, 20), "some are acknowledged")
            c.all_zrms()[old].kill()
            previous, old = old, c.leader(old)
            c.all_zrms()[previous].start()
        list(submits)
    there = [topology["name"] for topology in c.get("/v1/topologies?limit=1000")["topologies"]]
    assert sorted(there) == sorted(packages)
    for name, (status, answer, _) in answers.items():
        assert (status, answer["effect"]) == (201, "created"), "it was carried out once, and is answered as then"
        assert [r["revision"] for r in c.get(f"/v1/topologies/{name}/revisions")["revisions"]] == [1]
        again = submit_until_answered(c, [c.port], packages[name], f"submit-{name}", 0)
        assert (again[0], again[1]["id"]) == (201, answer["id"])
    lines = [line for line in c.get("/v1/audit?limit=1000")["lines"] if line["action"].startswith("submit ")]
    assert len(lines) == len(packages) and {line["outcome"] for line in lines} == {"done"}


def test_a_leader_that_stood_still_writes_nothing_more(three):
    """Its lease ended meanwhile: its transaction is refused by etcd itself, and it stands by again."""
    c = three
    old = c.leader()
    daemon = c.all_zrms()[old]
    os.kill(daemon.pid, signal.SIGSTOP)
    asker = threading.Thread(target=lambda: pytest.raises(
        (OSError, http.client.HTTPException), asked, old, "POST", "/v1/users", {"name": "late", "role": "viewer"},
        token_of(c)))
    try:
        asker.start()
        until(lambda: any(c.role(port) == "ok" for port in c.all_zrms() if port != old), "another one leads")
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    c.leader(old)
    until(lambda: c.role(old) == "standby", "it stands by again")
    asker.join()
    assert "no acknowledged change is lost" in daemon.log.read_text()
    assert "late" not in [user["name"] for user in c.get("/v1/users")["users"]]
    assert daemon.is_running(), "it is the same process, which nobody has started again"


def test_the_cluster_says_what_each_standby_lacks(three):
    """[machines.replicated.members]"""
    c = three
    c.leader()
    until(c.is_up_to_date, "the standbys have read everything")
    until(lambda: c.zshell("cluster").stdout.count("(up to date)") == 2, "it says so")
    standby = c.standby()
    name = next(m["name"] for m in c.get("/v1/cluster")["members"] if m["address"] == f"{ADDRESS}:{standby}")

    def of_it():
        return next((m for m in c.get("/v1/cluster")["members"] if m["name"] == name), {})
    had = int(of_it()["read_ahead"])
    c.zshell("user", "create", "one", "--role", "viewer")
    until(lambda: int(of_it().get("read_ahead", 0)) > had, "it reads what is changed, and says so")
    until(c.is_up_to_date, "it lacks nothing")


def shell(c, url, *words, ca=True, check=True):
    options = ["--ca", c.ca] if ca else []
    environment = dict(os.environ, ZRMS_URL=url, NO_COLOR="1", SAMOZA_TOKEN=token_of(c))
    return run(BIN / "zshell", *options, *words, check=check, env=environment)


def test_the_shell_follows_to_a_leader_of_the_same_cluster_only(three):
    c = three
    leader, standby = c.leader(), c.standby()
    for number, url in enumerate((f"https://{ADDRESS}:{standby}", f"http://127.0.0.1:{standby}",
                                  f"https://{ADDRESS}:9,{ADDRESS}:{standby}")):
        shell(c, url, "user", "create", f"user-{number}", "--role", "viewer")
        assert f"user-{number}" in shell(c, url, "user", "list").stdout
    # Whose certificate it cannot judge is shown no token.
    refused = shell(c, f"http://127.0.0.1:{standby}", "user", "list", ca=False, check=False)
    assert refused.returncode != 0 and f"https://{ADDRESS}:{leader}" in refused.stderr and "--ca" in refused.stderr


def test_a_machine_joins_at_a_standby(three):
    """Its token names the zrms that led when it was made."""
    c = three
    token = c.zshell("cluster", "token", "create").stdout.strip()
    old = c.leader()
    c.zshell("cluster", "leader", "move")
    c.leader(old)
    until(lambda: not c.all_zrms()[old].is_running() or c.role(old) == "standby", "it leads no more")
    if not c.all_zrms()[old].is_running():
        c.all_zrms()[old].start()
        until(lambda: c.role(old) == "standby", "it stands by")
    zhost = joiner(c, "edge-node-2", token)
    zhost.start()
    c.wait_zhost("edge-node-2", "deployed-started")


def test_followers_of_events_miss_and_double_nothing(three):
    c = three
    old = c.leader()
    url = f"https://{ADDRESS}:{c.first_port}," + ",".join(f"{ADDRESS}:{port}" for port in c.other_ports)
    environment = dict(os.environ, ZRMS_URL=url, SAMOZA_TOKEN=token_of(c))
    seen = c.directory / "events.jsonl"
    with seen.open("w") as out:
        follower = subprocess.Popen([BIN / "zshell", "--ca", c.ca, "events", "--follow", "-o", "json"], stdout=out,
                                    stderr=subprocess.DEVNULL, env=environment)
    try:
        shell(c, url, "user", "create", "before", "--role", "viewer")
        until(lambda: "user/before" in seen.read_text(), "it has the first")
        c.all_zrms()[old].kill()
        shell(c, url, "user", "create", "after", "--role", "viewer")  # waits until another one leads
        until(lambda: "user/after" in seen.read_text(), "it has the second")
    finally:
        follower.kill()
        follower.wait()
    c.leader(old)
    numbers = [int(json.loads(line)["seq"]) for line in seen.read_text().splitlines() if line.endswith("}")]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_the_place_of_the_leader_can_be_given_to_another(three):
    """[machines.replicated.members]"""
    c = three
    old, new = c.leader(), c.standby()
    view = until(lambda: (v := c.get("/v1/cluster")) and len(v["members"]) == 3 and v, "the leader has seen the others")
    assert [member["leads"] for member in view["members"]] == [True, False, False] and view["term"] == 1
    name = next(m["name"] for m in view["members"] if m["address"] == f"{ADDRESS}:{new}")
    assert f"{name} at {ADDRESS}:{new}" in c.zshell("cluster").stdout
    wrong = c.zshell("cluster", "leader", "move", "nobody", check=False)
    assert wrong.returncode != 0 and "no zrms named 'nobody' stands by" in wrong.stderr
    assert f"{name} is to lead" in c.zshell("cluster", "leader", "move", name).stdout
    assert c.leader(old) == new
    until(lambda: c.role(old) == "standby", "the old one stands by")
    assert c.all_zrms()[old].is_running(), "it is the same process, which nobody has started again"
    back = next(m["name"] for m in view["members"] if m["leads"])
    until(lambda: f"{back} is to lead" in c.zshell("cluster", "leader", "move", back, check=False).stdout,
          "it can be given back")
    assert c.leader(new) == old
    assert f"let {name} lead" in c.zshell("cluster", "audit").stdout


def test_a_standby_that_is_told_to_end_while_etcd_is_silent_answers_until_it_has(three):
    """Its lease is to be revoked, which takes as long as etcd is waited for; what it asked of the election is no more."""
    c = three
    c.leader()
    until(c.is_up_to_date, "the standbys have read everything")
    standby = c.standby()
    daemon, leader = c.all_zrms()[standby], c.port
    os.kill(c.etcd.processes[0].pid, signal.SIGSTOP)
    answers = []
    try:
        daemon.process.send_signal(signal.SIGTERM)
        until(lambda: "ending" in daemon.log.read_text(), "it ends")
        while daemon.is_running():
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, headers, _ = asked(standby, "GET", "/v1/topologies")
                answers.append((status, headers["Location"]))
            time.sleep(0.05)  # a load for some time, not a wait
        assert daemon.process.wait(20) == 0
        assert set(answers) == {(307, f"https://{ADDRESS}:{leader}/v1/topologies")}
    finally:
        os.kill(c.etcd.processes[0].pid, signal.SIGCONT)


class Shared(EtcdCluster):
    advertise = f"192.0.2.99,elsewhere.example,{ADDRESS},127.0.0.1"


def test_one_of_several_that_share_a_file_names_its_own_address(start_cluster):
    c = start_cluster(kind=Shared, zhosts=())
    member, = until(lambda: c.get("/v1/cluster/zrms").get("zrms"), "it has announced itself")
    assert member["address"] == f"{ADDRESS}:{c.port}"


def test_the_administrator_of_each_machine_is_one_of_the_cluster(three):
    """Its file is good at whichever leads, also on a machine that has never led, until its zrms is forgotten."""
    c = three
    first, second = c.leader(), c.standby()
    directory = c.directory / dict(zip((c.first_port, *c.other_ports), ("zrms", "zrms-2", "zrms-3")))[second]
    file = directory / "credentials" / "local-admin"
    c.all_zrms()[second].kill()
    file.unlink()
    c.all_zrms()[second].start()
    own = until(lambda: file.exists() and file.read_text().strip(), "it makes one of its own while it stands by")
    assert own != token_of(c)
    until(lambda: asked(first, "GET", "/v1/users", token=own)[0] == 200, "it is known where another one leads")
    c.all_zrms()[first].kill()
    leader = c.leader(first)
    for token in (own, token_of(c)):
        assert asked(leader, "GET", "/v1/users", token=token)[0] == 200
    assert asked(leader, "GET", "/v1/users", token="smzu_" + "A" * 43)[0] == 401
    if leader == second:
        c.zshell("cluster", "leader", "move")
        leader = c.leader(second)
    c.all_zrms()[second].kill()
    name = next(m["name"] for m in c.get("/v1/cluster/zrms")["zrms"] if m["address"] == f"{ADDRESS}:{second}")
    until(lambda: c.zshell("cluster", "zrms", "rm", name, check=False).returncode == 0, "its lease ends")
    until(lambda: asked(leader, "GET", "/v1/users", token=own)[0] == 401, "it is good no longer")


def test_codes_and_tokens_of_administrators_sign_in_after_a_takeover(three):
    """Also where the one that leads then has a token of its own."""
    c = three
    first, second = c.leader(), c.standby()
    directory = c.directory / dict(zip((c.first_port, *c.other_ports), ("zrms", "zrms-2", "zrms-3")))[second]
    file = directory / "credentials" / "local-admin"
    c.all_zrms()[second].kill()
    file.unlink()
    c.all_zrms()[second].start()
    own = until(lambda: file.exists() and file.read_text().strip(), "it makes one of its own while it stands by")
    until(lambda: asked(first, "GET", "/v1/users", token=own)[0] == 200, "it is known where another one leads")
    former = token_of(c)
    codes = [json.loads(asked(first, "POST", "/v1/sign-in-codes", token=token)[2])["code"] for token in (former, own)]
    for port, daemon in c.all_zrms().items():
        if port != second:
            daemon.kill()
    assert c.leader(first) == second
    for proof in ({"code": codes[0]}, {"code": codes[1]}, {"token": former}, {"token": own}):
        status, headers, body = asked(second, "POST", "/v1/sign-in", proof)
        assert status == 200, body
        cookie = headers["Set-Cookie"].split(";")[0]
        connection = http.client.HTTPConnection("127.0.0.1", second, timeout=20)
        connection.request("GET", "/v1/users", headers={"Cookie": cookie})
        assert connection.getresponse().status == 200
        connection.close()
    assert asked(second, "POST", "/v1/sign-in", {"code": codes[0]})[0] == 401  # it was used


def events_of(port, token, after, numbers):
    """Follows from `after` on as browsers do, until the stream ends; the numbers are added as they come."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/v1/events", headers={
            "Accept": "text/event-stream", "Authorization": f"Bearer {token}", "Last-Event-ID": str(after)})
        answer = connection.getresponse()
        while answer.status == 200 and (line := answer.readline()):
            if line.startswith(b"id:"):
                numbers.append(int(line[3:]))
    except (OSError, http.client.HTTPException):
        pass  # it has died
    finally:
        connection.close()


def test_who_comes_back_with_the_last_event_gets_each_of_the_others_once(three):
    """[machines.replicated.failover]: while changes go on, over two takeovers, asking each zrms in turn."""
    c, numbers, over, seen = three, [], threading.Event(), threading.Event()
    token, ports = token_of(c), [*c.all_zrms()]

    def follow():
        turn = 0
        while not seen.is_set():
            turn += 1
            events_of(ports[turn % 3], token, numbers[-1] if numbers else 0, numbers)
            time.sleep(0.02)

    def change():
        number = 0
        while not over.is_set():
            number += 1
            for port in ports:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    asked(port, "POST", "/v1/users", {"name": f"user-{number}", "role": "viewer"}, token)

    threads = [threading.Thread(target=follow, daemon=True), threading.Thread(target=change)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            count = len(numbers)
            until(lambda: len(numbers) >= count + 20, "events come")
            old = c.leader()
            c.all_zrms()[old].kill()
            c.leader(old)
            c.all_zrms()[old].start()
            until(lambda: c.role(old) == "standby", "it stands by")
        count = len(numbers)
        until(lambda: len(numbers) >= count + 20, "events come from the third, too")
        over.set()
        threads[1].join()
        until(lambda: numbers[-1] == int(c.events()[-1]["seq"]), "it has the last")
    finally:
        over.set()
        seen.set()
        threads[1].join()
    assert numbers == list(range(1, numbers[-1] + 1))
    assert numbers == [int(event["seq"]) for event in c.events()]
