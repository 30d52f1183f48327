"""A store that an earlier version has written (tests/compat): zrms opens it and knows everything."""
import sqlite3

import pytest

from conftest import ROOT

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
