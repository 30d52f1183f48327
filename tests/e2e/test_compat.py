"""A store that an earlier version has written (tests/compat): zrms opens it and knows everything."""
import sqlite3

import pytest

from conftest import ROOT

EXPECTED = {
    "stopped": {("my-app", "stopped"), ("my-app", "running"), ("notes", "running"), ("notes", "stopped"),
                ("old", "stopped"), ("robot", "running"), ("later", "pending"), ("lamp", "running")},
    "killed": {("my-app", "stopped"), ("my-app", "running"), ("notes", "running"), ("notes", "stopped"),
               ("old", "stopped"), ("robot", "stopped"), ("later", "pending"), ("lamp", "degraded")},
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_zrms_starts_on_a_store_of_format_1(start_cluster, name):
    c = start_cluster(zhosts=[], timeout="60s")
    c.zrms.kill()
    for old in (c.directory / "zrms").glob("zrms.db*"):
        old.unlink()
    database = sqlite3.connect(c.directory / "zrms" / "zrms.db")
    database.executescript((ROOT / "tests/compat/format1" / f"{name}.sql").read_text())
    database.close()
    for _ in range(2):  # and on what this version has written
        c.start_zrms()
        topologies = c.get("/v1/topologies")["topologies"]
        assert {(t["name"], t["state"]) for t in topologies} == EXPECTED[name]
        for t in topologies:  # also by the ids of earlier deployments of the name
            assert c.get(f"/v1/topologies/{t['id']}")["state"] == t["state"]
        running = [s for s in c.get("/v1/spaces")["spaces"] if s["state"] == "deployed-started"]
        assert len(running) == {"stopped": 12, "killed": 9}[name]
        c.zrms.kill()
