"""Events that the store no longer keeps are in a history of each zrms' own [machines.replicated.large]
[machines.replicated.standby]."""
import concurrent.futures
import http.client
import shutil
import sqlite3

import pytest
from conftest import text_of, token_of, until
from etcd import ThreeZrms
from secure import ADDRESS, needs_an_address

pytestmark = needs_an_address

KEPT = 1000  # in etcd; the others go in steps of 1024


@pytest.fixture
def three(start_cluster, monkeypatch):
    monkeypatch.setenv("ZRMS_STORE_EVENTS", str(KEPT))
    return start_cluster(kind=ThreeZrms, zhosts=[])


def shown(c):
    """All events, in the order in which they are shown."""
    events, more = [], True
    while more:
        more = c.get(f"/v1/events?stream=0&after={events[-1]['seq'] if events else 0}")["events"]
        events += more
    return events


def newest(c):
    return int(c.get("/v1/events?stream=0&newest=1")["events"][-1]["seq"])


def make_events(c, count):
    """Two for each: a token comes and goes."""
    def one(_):
        token = c.token()
        status, answer = c.request("DELETE", f"/v1/tokens/{token.split('.')[1]}")
        assert status in (200, 204), answer
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(count // 2 + 1)))


def in_etcd(c):
    keys = c.etcd.ctl("get", "samoza/e/", "--prefix", "--keys-only").stdout.split()
    return [int(key.rsplit("/", 1)[1]) for key in keys]


def make_history(c):
    """More than etcd keeps."""
    c.leader()
    make_events(c, KEPT + 1200)
    kept = until(lambda: (k := in_etcd(c)) and k[0] > 1000 and len(k) < KEPT + 1024 + 64 and k, "etcd keeps no more")
    return kept[0]


def metric(c, name):
    return next(int(line.split()[1]) for line in text_of(f"{c.url}/metrics").splitlines()
                if line.startswith(f"{name} "))


def directory_of(c, port):
    return c.directory / dict(zip((c.first_port, *c.other_ports), ("zrms", "zrms-2", "zrms-3")))[port]


def own(c, port):
    """Numbers in the history of that zrms' own. It has the file locked: a copy is read."""
    copy = c.directory / "copy.db"
    try:
        for end in ("", "-wal"):
            shutil.copy(f"{directory_of(c, port)}/history.db{end}", f"{copy}{end}")
        with sqlite3.connect(copy) as db:
            return [row[0] for row in db.execute("SELECT seq FROM event ORDER BY seq")]
    except (OSError, sqlite3.Error):
        return []  # it was just written
    finally:
        for file in c.directory.glob("copy.db*"):
            file.unlink()


def move_to(c, port):
    name = until(lambda: next((m["name"] for m in c.get("/v1/cluster").get("members", [])
                               if m["address"].endswith(f":{port}")), None), "the leader knows it")
    until(c.is_up_to_date, "it lacks nothing")
    c.zshell("cluster", "leader", "move", name)
    until(lambda: c.leader() == port, "it leads")


def assert_whole(c, before):
    """The same as before, and what came since: in order, none twice, none missing."""
    now = shown(c)
    assert now[:len(before)] == before
    numbers = [int(event["seq"]) for event in now]
    assert numbers == list(range(1, numbers[-1] + 1))


def test_the_next_leader_shows_what_the_one_that_died_showed(three):
    c = three
    oldest = make_history(c)
    first, before = c.leader(), shown(c)
    assert [int(event["seq"]) for event in before] == list(range(1, int(before[-1]["seq"]) + 1))
    assert int(before[0]["seq"]) == 1 < oldest, "the one that leads shows what etcd has no longer"
    c.all_zrms()[first].kill()
    c.leader(first)
    assert_whole(c, before)
    page = c.get(f"/v1/events?stream=0&after={oldest - 5}&limit=10")["events"]
    assert [int(e["seq"]) for e in page] == list(range(oldest - 4, oldest + 6)), "across where etcd begins"
    # A stream begins with the history, too.
    connection = http.client.HTTPConnection("127.0.0.1", c.port, timeout=20)
    connection.request("GET", "/v1/events?after=3", headers={"Accept": "text/event-stream", "Authorization": f"Bearer {token_of(c.url)}"})
    answer, numbers = connection.getresponse(), []
    while len(numbers) < len(before) - 3:
        line = answer.readline().decode()
        if line.startswith("id:"):
            numbers.append(int(line[3:]))
    assert numbers == list(range(4, len(before) + 1))
    connection.close()


def test_one_that_was_away_for_long_fetches_what_it_missed(three):
    c = three
    c.leader()
    away, other = (port for port, role in c.roles().items() if role == "standby")
    make_events(c, 100)
    c.all_zrms()[away].kill()
    make_history(c)
    before = shown(c)
    c.all_zrms()[other].kill()
    for file in directory_of(c, other).glob("history.db*"):
        file.unlink()
    for port in (away, other):
        c.all_zrms()[port].start()
    numbers = [int(event["seq"]) for event in before]
    for port in (away, other):
        until(lambda: own(c, port)[:len(numbers)] == numbers, "it has all of it", deadline=60)
    for port in (away, other):
        move_to(c, port)
        assert metric(c, "zrms_history_fetched_total") > 0
        assert_whole(c, before)


def writes(c):
    """The one that led finds out when it writes, and stands by then."""
    try:
        c.leader()
        c.token()
        return True
    except (AssertionError, OSError, http.client.HTTPException):
        return False


def test_a_store_that_was_set_back_takes_its_events_with_it(three):
    c = three
    make_history(c)
    c.etcd.save(c.directory / "saved")
    make_events(c, 20)
    undone = newest(c)
    for port in c.all_zrms():
        until(lambda: own(c, port)[-1:] == [undone], "it has those that will be undone")
    c.etcd.restore(c.directory / "saved")
    until(lambda: writes(c), "one leads that knows of it", deadline=60)
    make_events(c, 4)
    numbers = [int(event["seq"]) for event in shown(c)]
    assert undone not in numbers and numbers[-1] > undone, "numbers are skipped"
    for port in c.all_zrms():
        until(lambda: own(c, port) == numbers, "its own history is that of the store", deadline=60)


def test_a_history_that_is_damaged_is_copied_once_more(three):
    c = three
    make_history(c)
    first, before = c.leader(), shown(c)
    numbers = [int(event["seq"]) for event in before]
    standby = c.standby()
    c.all_zrms()[standby].kill()
    for file in directory_of(c, standby).glob("history.db*"):
        file.write_bytes(b"this is no database any more")
    c.all_zrms()[standby].start()
    until(lambda: own(c, standby)[:len(numbers)] == numbers, "it has all of it", deadline=60)
    assert "history damaged" in (c.directory / f"{directory_of(c, standby).name}.log").read_text()
    move_to(c, standby)
    assert c.leader() != first
    assert_whole(c, before)
