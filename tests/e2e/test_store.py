"""A store of zrms that is damaged or has lost something: it is said, and looked at, never ignored."""
import re
import sqlite3

from conftest import BIN, ROOT, run, until
from native import native_app, native_deploy

SERVE = "#!/bin/sh\nwhile :; do sleep 1; done >/dev/null 2>&1 &\n"


def check(cluster):
    return run(BIN / "zrms", "check", "--dir", cluster.directory / "zrms", check=False)


def start_refused(cluster, *options):
    done = run(*cluster.zrms.command, *options, check=False, timeout=30)
    assert done.returncode == 1, done
    return done.stderr


def sql(cluster, text):
    with sqlite3.connect(cluster.directory / "zrms" / "zrms.db") as database:
        database.executescript(text)
    database.close()


def test_a_damaged_topology_is_refused_and_can_be_given_up(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    files = {"a/recipes/start": SERVE}
    native_deploy(c, "shop", [{"name": "a"}], files)
    native_deploy(c, "blog", [{"name": "a"}], files)
    c.zrms.kill(15)
    until(lambda: not c.zrms.is_running(), "zrms ended")
    sound = check(c)
    assert sound.returncode == 0 and "no damage found" in sound.stdout, sound
    sql(c, "update record set data = zeroblob(length(data)) where kind = 8 and id = "
           "(select min(id) from record where kind = 8)")
    seen = check(c)
    assert seen.returncode == 1
    damaged = re.search(r"^the record of slot (\S+)/a is damaged$", seen.stdout, re.M).group(1)
    assert "1 finding" in seen.stdout
    said = start_refused(c)
    assert f"the record of slot {damaged}/a is damaged" in said
    assert "zrms check --dir DIR" in said and "--accept-loss" in said
    command = list(c.zrms.command)
    c.zrms.command = command + ["--accept-loss"]
    c.start_zrms()
    c.wait_zhost("edge-node-1", "deployed-started")
    left = c.get("/v1/topologies")["topologies"]
    assert len(left) == 1 and left[0]["id"] != damaged
    until(lambda: len(c.zruns("edge-node-1")) <= 1, "the zhost has unloaded what was given up")
    c.wait_state(left[0]["name"], "running")
    lost = ({"shop", "blog"} - {left[0]["name"]}).pop()
    native_deploy(c, lost, [{"name": "a"}], files)  # its name is free again
    c.zrms.kill(15)
    until(lambda: not c.zrms.is_running(), "zrms ended")
    assert check(c).returncode == 0
    c.zrms.command = command
    c.start_zrms()


def test_a_log_that_lost_its_end_is_noticed(start_cluster):
    c = start_cluster(zhosts=[])
    package = c.build(native_app(c, "shop", [{"name": "a"}], {"a/recipes/start": SERVE}), "shop")
    c.zshell("topo", "submit", package)
    c.zrms.kill()
    log = c.directory / "zrms" / "zrms.db-wal"
    log.write_bytes(log.read_bytes()[:-5000])
    seen = check(c)
    assert seen.returncode == 1 and "acknowledged" in seen.stdout, seen
    assert "acknowledged" in start_refused(c)
    c.zrms.command += ["--accept-loss"]
    c.start_zrms()


def test_a_store_of_today_without_checksums_is_taken(start_cluster):
    c = start_cluster(zhosts=[], timeout="60s")
    c.zrms.kill()
    for old in (c.directory / "zrms").glob("zrms.db*"):
        old.unlink()
    sql(c, (ROOT / "tests/compat/format2/killed.sql").read_text())
    seen = check(c)
    assert seen.returncode == 1 and "without checksums" in seen.stdout, seen
    assert "is missing: submit its package again" in seen.stdout  # the dump holds no artifacts
    c.start_zrms()
    states = {t["name"]: t["state"] for t in c.get("/v1/topologies")["topologies"]}
    assert states["old"] == "stopped" and states["later"] == "pending"
    c.zrms.kill()
    assert "without checksums" not in check(c).stdout


def test_what_a_newer_version_has_written_is_named(start_cluster):
    c = start_cluster(zhosts=[], timeout="60s")
    c.zrms.kill()
    for old in (c.directory / "zrms").glob("zrms.db*"):
        old.unlink()
    sql(c, (ROOT / "tests/compat/format2/killed.sql").read_text())
    before = check(c).stdout.splitlines()
    assert not [line for line in before if "newer version" in line], before
    sql(c, """
        insert into record values (99, 'x', x'0a0161'), (99, 'y', x'0a0161'), (98, '', x'');
        update record set data = data || x'ba3e0161' || x'ba3e0162' where kind = 8;  -- field 999, twice
        update record set data = data || x'2063' where kind = 8 and id = (select max(id) from record where kind = 8);
        insert into record values (5, 'z', x'ff');
        """)
    seen = check(c)
    assert seen.returncode == 1
    named = [re.sub("[0-9a-f]{8}-[0-9a-f-]{27}", "ID", line) for line in seen.stdout.splitlines() if line not in before]
    with sqlite3.connect(c.directory / "zrms" / "zrms.db") as database:
        slots = database.execute("select count(*) from record where kind = 8").fetchone()[0]
    database.close()
    assert slots > 2
    field = [line for line in named if "field 999" in line]
    assert len(field) == 1 and re.fullmatch(
        rf"the record of slot ID/\S+ and {slots - 1} others: a newer version has written field 999, which would be lost "
        "when this version changes the record", field[0]), named
    value = [line for line in named if "value 99" in line]
    assert len(value) == 1 and re.fullmatch(
        r"the record of slot ID/\S+: a newer version has written value 99 of state, with which this version does not "
        "start", value[0]), named
    assert "the record of kind 99 x and 1 other: a newer version has written it, and this version does not start" in named
    assert "the record of kind 98: a newer version has written it, and this version does not start" in named
    assert "the record of deleted data of z cannot be read" in named
    assert f"{len(before) - 2 + 5} findings" in named[-1], (named, before)
    # It is as it says.
    sql(c, "delete from record where id = 'z'")
    assert "state of a samoza.v1.SlotRecord cannot be 99" in start_refused(c)
