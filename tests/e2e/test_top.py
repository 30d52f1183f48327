"""`spaces top` and `cluster top`: what instances and zhosts use and send, once and on a terminal."""
import json
import os
import pty
import re
import select
import subprocess
import time

import pytest
from conftest import BIN, until
from test_stop import status_of
from test_metrics import ANSWERER, ASKER, PATHS, SPACES


@pytest.fixture
def c(start_cluster):
    started = start_cluster(zhosts=("n1", "n2"))
    started.deploy("ask", SPACES, {"asker": ASKER, "answerer": ANSWERER}, PATHS)
    return started


def test_usage_says_what_each_copy_does_and_is_asked_by_topology_and_zhost(c):
    def talks():
        spaces = {s["space"]: s for s in c.get("/v1/usage?topology=ask")["spaces"]}
        asker = spaces.get("asker", {})
        path = asker.get("paths", [{}])[0]
        return spaces if path.get("sent", 0) > 3 and path.get("received", 0) > 3 else None

    spaces = until(talks, "both have talked")
    assert set(spaces) == {"asker", "answerer"}
    asker = spaces["asker"]
    assert asker["zhost"] == c.zhost_of("ask", "asker") and asker["state"] == "started"
    assert asker["pid"] in c.zruns(asker["zhost"]) and asker["memory_bytes"] > 10000
    assert asker["paths"][0]["name"] == "questions" and asker["paths"][0]["dropped"] == 0
    only = c.get("/v1/usage?zhost=" + asker["zhost"])["spaces"]
    assert {s["zhost"] for s in only} == {asker["zhost"]}
    assert c.request("GET", "/v1/usage?topology=none")[0] == 404
    assert c.request("GET", "/v1/usage?zhost=none")[0] == 404


def test_a_zhost_that_is_away_is_said_to_be_silent(c):
    away = c.zhost_of("ask", "answerer")
    c.zhosts[away].kill()
    until(lambda: [s["zhost"] for s in c.get("/v1/usage").get("silent", [])] == [away], "it is silent")
    done = c.zshell("spaces", "top", "--once", "--interval", "200ms")
    assert "ask/asker" in done.stdout and f"{away} says nothing" in done.stderr


def test_once_for_scripts(c):
    done = c.zshell("spaces", "top", "ask", "--once", "--interval", "500ms")
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"NAME +ZHOST +CPU +MEMORY +MESSAGES/S +LOST/S +RESTARTS", lines[0].rstrip())
    assert len(lines) == 3 and not done.stderr
    def look():
        return json.loads(c.zshell("spaces", "top", "--interval", "500ms", "-o", "json", "--sort", "name").stdout)["rows"]
    rows = look()
    assert [r["name"] for r in rows] == ["ask/answerer", "ask/asker"]
    assert all(r["memory_bytes"] > 10000 for r in rows)
    # About 50 questions a second, and as many answers; on a loaded machine now and then none.
    until(lambda: all(10 < r["messages_per_second"] < 150 for r in look()), "they talk")
    zhosts = json.loads(c.zshell("cluster", "top", "--interval", "500ms", "-o", "json", "--sort", "name").stdout)["rows"]
    assert [(z["name"], z["spaces"]) for z in zhosts] == [("n1", 1), ("n2", 1)]
    assert c.zshell("spaces", "top", "none", check=False).returncode != 0


def test_on_a_terminal_it_is_refreshed_until_q(c):
    master, slave = pty.openpty()
    environment = dict(os.environ, ZRMS_URL=c.url, TERM="xterm", NO_COLOR="1")
    process = subprocess.Popen([BIN / "zshell", "spaces", "top", "ask", "--interval", "200ms"], stdin=slave, stdout=slave,
                               stderr=slave, env=environment, close_fds=True)
    os.close(slave)
    seen = b""

    def frames():
        nonlocal seen
        while select.select([master], [], [], 0.05)[0]:
            seen += os.read(master, 65536)
        return seen.count(b"\033[H\033[2J") >= 3 and seen

    try:
        until(frames, "it is drawn three times")
        assert b"2 instances, by cpu; q ends" in seen and b"ask/asker" in seen and seen.startswith(b"\033[?1049h")
        os.write(master, b"q")
        end = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < end:
            frames()
        assert process.returncode == 0
        frames() if select.select([master], [], [], 0)[0] else None
    except OSError:  # the other end is closed
        assert process.wait(20) == 0
    finally:
        process.kill()
        os.close(master)
    assert seen.endswith(b"\033[?1049l")


def test_the_status_of_a_space_says_what_it_uses_and_sends(c):
    zhost = c.zhost_of("ask", "asker")

    def counts():
        text = c.zshell("spaces", "status", "ask/asker").stdout
        row = re.search(r"^  questions +(\d+) +(\d+) +(\d+) +(\d+)$", text, re.M)
        return text if row and int(row[1]) > 3 and int(row[3]) > 3 else None

    text = until(counts, "its messages are counted")
    assert re.search(r"^  PATH +SENT +REFUSED +RECEIVED +DROPPED", text, re.M)
    assert int(re.search(r"Process: +(\d+)", text)[1]) in c.zruns(zhost)
    assert re.search(r"Memory: +[\d.]+ ?[kKMG]\w*", text) and re.search(r"Cpu: +[\d.]+ s since its process began", text)
    # A zhost that is away is no reason to say nothing of the rest.
    c.zhosts[zhost].kill()
    text = c.zshell("spaces", "status", "ask/asker").stdout
    assert "Zhost:" in text and "Paths:" not in text


def test_the_status_of_pages_names_their_address(guest_book):
    cluster = guest_book
    text = cluster.zshell("spaces", "status", "my-app/dashboard").stdout
    address = re.search(r"Page: +(\S+)", text)[1]
    assert address.endswith("/my-app/dashboard/")
    until(lambda: status_of(address) == 200, "the page is there")
