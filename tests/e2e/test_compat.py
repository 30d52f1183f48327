"""A store that an earlier version has written (tests/compat): zrms opens it and knows everything."""
import contextlib
import json
import signal
import sqlite3

import pytest

from conftest import BIN, ROOT, run

EXPECTED = {
    "stopped": {"my-app": "running", "notes": "running", "old": "stopped", "robot": "running",
                "later": "pending", "lamp": "running"},
    "killed": {"my-app": "running", "notes": "running", "old": "stopped", "robot": "stopped",
               "later": "pending", "lamp": "degraded"},
}

PRESENT = {"my-app": "running", "failing": "stopped", "in-deploying": "pending", "in-deployed": "stopped",
           "in-starting": "pending", "in-started": "running", "in-stopping": "stopped", "in-undeploying": "stopped"}


def name_in(record):
    """Field 2 of a TopologyRecord, after an id of 36 bytes in field 1."""
    assert record[0] == 0x0a and record[1] == 36 and record[38] == 0x12
    return record[40:40 + record[39]].decode()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_zrms_starts_on_a_store_of_format_1(start_cluster, name):
    c = start_cluster(zhosts=[], timeout="60s")
    c.zrms.kill()
    for old in (c.directory / "zrms").glob("zrms.db*"):
        old.unlink()
    database = sqlite3.connect(c.directory / "zrms" / "zrms.db")
    database.executescript((ROOT / "tests/compat/format1" / f"{name}.sql").read_text())
    old_ids = [(i, name_in(data)) for i, data in database.execute("select id, data from record where kind = 2")]
    assert len(old_ids) == 9
    database.close()
    for _ in range(2):  # and on what this version has written
        c.start_zrms()
        topologies = c.get("/v1/topologies")["topologies"]
        assert {t["name"]: t["state"] for t in topologies} == EXPECTED[name]
        ids = {t["name"]: t["id"] for t in topologies}
        for older, application in old_ids:  # also by the ids of earlier deployments of the name
            assert c.get(f"/v1/topologies/{older}")["id"] == ids[application]
        running = [s for s in c.get("/v1/spaces")["spaces"] if s["state"] == "deployed-started"]
        assert len(running) == {"stopped": 12, "killed": 9}[name]
        c.zrms.kill()
    # For a way back: what the earlier version wrote is kept beside the converted store.
    with sqlite3.connect(c.directory / "zrms" / "zrms.db.format1") as kept:
        kinds = dict(kept.execute("select kind, count(*) from record group by kind"))
        assert kinds[2] == 9 and not any(kind > 5 for kind in kinds)
        assert kept.execute("pragma user_version").fetchone() == (1,)
    with sqlite3.connect(c.directory / "zrms" / "zrms.db") as converted:
        kinds = dict(converted.execute("select kind, count(*) from record group by kind"))
        assert kinds[6] == 6 and 2 not in kinds and 3 not in kinds


def test_zrms_starts_on_a_store_of_the_present_format_as_it_was_recorded(start_cluster):
    c = start_cluster(zhosts=[], timeout="60s")
    c.zrms.kill()
    for old in (c.directory / "zrms").glob("zrms.db*"):
        old.unlink()
    with sqlite3.connect(c.directory / "zrms" / "zrms.db") as database:
        database.executescript((ROOT / "tests/compat/format3/killed.sql").read_text())
    # Its administrator is not this one: the token is that of the store's cluster.
    (c.directory / "zrms" / "credentials" / "local-admin").unlink()
    for _ in range(2):  # and on what this version has written
        c.start_zrms()
        assert {t["name"]: t["state"] for t in c.get("/v1/topologies")["topologies"]} == PRESENT
        spaces = c.get("/v1/topologies/my-app/spaces")["spaces"]
        assert {(s["path"], s["state"], s["zhost"]) for s in spaces} == {
            (path, "deployed-started", "n1") for path in ("api", "store", "dashboard")}
        zhosts = {z["name"]: (z["state"], z.get("version")) for z in c.get("/v1/zhosts")["zhosts"]}
        assert zhosts == {"n1": ("deployed-started", "0.1.0"), "n2": ("problem", "0.1.0"), "n3": ("problem", "0.1.0")}
        c.zrms.kill()


def holds(now, before):
    """All that was answered before; a later version may say more."""
    if isinstance(before, dict):
        return all(key in now and holds(now[key], value) for key, value in before.items())
    if isinstance(before, list):
        return len(now) == len(before) and all(map(holds, now, before))
    return now == before


def test_zrms_starts_on_a_store_of_who_may_do_what_and_answers_as_before(start_cluster):
    c = start_cluster(zhosts=[], timeout="60s")
    c.zrms.kill()
    for old in (c.directory / "zrms").glob("zrms.db*"):
        old.unlink()
    with sqlite3.connect(c.directory / "zrms" / "zrms.db") as database:
        database.executescript((ROOT / "tests/compat/access/killed.sql").read_text())
    (c.directory / "zrms" / "credentials" / "local-admin").unlink()
    answers = json.loads((ROOT / "tests/compat/access/answers.json").read_text())
    del answers["/v1/tokens"]  # these are good for an hour (tests/unit/control/test_compat.c)
    answers["/v1/authorities"]["missing"] = answers["/v1/authorities"].pop("behind")  # another word since
    answers["/v1/trust"]["keys"] = [key for key in answers["/v1/trust"]["keys"] if not key["file"]]
    for _ in range(2):  # and on what this version has written
        c.start_zrms()
        now = {path: c.get(path) for path in answers}
        now["/v1/trust"]["keys"] = [key for key in now["/v1/trust"]["keys"] if not key["file"]]
        assert holds(now, answers), now
        assert {z["name"] for z in c.get("/v1/zhosts")["zhosts"]} == {"n1", "n2"}
        c.zrms.kill()


def records_of(store):
    with contextlib.closing(sqlite3.connect(store)) as database:
        return database.execute("select kind, id, data from record order by kind, id").fetchall()


def newer_kind(database):
    """A record of a kind that is not known yet."""
    database.execute("insert into record(kind, id, data) values(99, 'x', x'0801')")


def newer_format(database):
    """The format of the whole store, field 5 of the record of the cluster."""
    database.execute("update record set data = cast(data || x'2863' as blob) where kind = 1")


def newer_schema(database):
    database.execute("pragma user_version = 99")


@pytest.mark.parametrize("change, words", [
    (newer_kind, "record 99 'x': a newer version has written it: this one knows no records of kind 99"),
    (newer_format, "the store is of format 99, which a newer version has written; this one reads formats 1 to 2"),
    (newer_schema, "has schema version 99, this program knows up to 3: a newer version has written it"),
], ids=lambda value: getattr(value, "__name__", ""))
def test_after_a_downgrade_a_store_that_it_cannot_read_is_left_alone_and_it_says_what_to_do(start_cluster, tmp_path,
                                                                                             change, words):
    c = start_cluster(zhosts=["n1"], timeout="60s")
    c.deploy("kept", [{"name": "api", "type": "CALL"}])
    held = c.zruns("n1")
    backup, store = tmp_path / "before-the-upgrade", c.directory / "zrms" / "zrms.db"
    c.zshell("cluster", "backup", "-o", backup)
    c.zrms.kill(signal.SIGTERM)
    for old in store.parent.glob("zrms.db*"):
        old.unlink()
    # Of a version without checksums, so that records can be added here.
    with contextlib.closing(sqlite3.connect(store)) as database, database:
        database.executescript((ROOT / "tests/compat/format1/stopped.sql").read_text())
        change(database)
    dump = records_of(store)
    for extra in ([], ["--accept-loss"]):
        refused = run(BIN / "zrms", "--dir", c.directory / "zrms", "--listen", "127.0.0.1:0", *extra, check=False, timeout=20)
        assert refused.returncode == 1 and words in refused.stderr, refused.stderr
        assert "nothing was changed, and spaces go on. Install the version that wrote it, or restore a backup that was " \
            f"made before the upgrade: zrms restore FILE --dir {c.directory / 'zrms'} --replace" in refused.stderr
        assert records_of(store) == dump
    run(BIN / "zrms", "restore", backup, "--dir", c.directory / "zrms", "--replace")
    c.start_zrms()
    c.wait_state("kept", "running")
    assert c.zruns("n1") == held
