"""A disk of a zhost that does not get done with writing holds what is written, and not the heartbeats."""
import re

import pytest
from conftest import BIN, text_of, until
from native import native_deploy, spaces_directories

HEAD = "#include <samoza.h>\nSAMOZA_ON_PROCESS(void) { samoza_sleep(1000); return 0; }\n"

SHIM = BIN.parent / "tests" / "e2e" / "stuck-disk.so"
HEARTBEATS = 15  # half a failure timeout of them


class Disk:
    def __init__(self, mark):
        self.mark, self.asked = mark, mark.with_name(mark.name + ".asked")

    def sticks(self):
        self.mark.touch()

    def goes_on(self):
        self.asked.unlink()
        self.mark.unlink()

    def is_asked(self):
        return self.asked.exists()

    def times_asked(self):
        return self.asked.stat().st_size if self.is_asked() else 0


pytestmark = pytest.mark.skipif(not SHIM.exists(), reason="no stuck-disk.so beside these programs (a build with sanitizers, or without -Dtests=true)")


def heartbeats(c):
    return int(re.search(r"^zrms_heartbeat_delay_seconds_count (\d+)$", text_of(f"{c.url}/metrics"), re.M).group(1))


def holds_no_heartbeat(c, disk):
    until(disk.is_asked, "it writes to the disk")
    begun = heartbeats(c)
    until(lambda: heartbeats(c) >= begun + HEARTBEATS, "heartbeats go on")
    assert [e for e in c.events() if e.get("zhost") == "edge-node-1" and e.get("to") == "problem"] == []


def test_heartbeats_do_not_wait_for_the_disk(start_cluster, monkeypatch, tmp_path):
    disk = Disk(tmp_path / "stuck")
    c = start_cluster(zhosts=[], timeout="6s")
    package = c.build(c.app("app", [{"name": "a", "type": "CALL"}]), "app")
    monkeypatch.setenv("LD_PRELOAD", str(SHIM))
    monkeypatch.setenv("STUCK_DISK", str(disk.mark))
    c.add_zhost("edge-node-1")
    monkeypatch.delenv("LD_PRELOAD")
    c.wait_zhost("edge-node-1", "deployed-started")
    # The first heartbeat of a link says that the record of the link is written, so it waits for the disk; the others do not.
    until(lambda: heartbeats(c) > 1, "heartbeats have begun")
    disk.sticks()
    c.zshell("topo", "submit", package)
    holds_no_heartbeat(c, disk)  # the module is fetched
    assert c.space("app", "a")["state"] == "deploying"
    disk.goes_on()
    c.wait_state("app", "running")


def test_a_zhost_connects_while_the_disk_of_its_cache_hangs(start_cluster, monkeypatch, tmp_path):
    disk = Disk(tmp_path / "stuck")
    c = start_cluster(zhosts=[])
    names = ["a", "b", "c", "d", "e"]  # more than there are threads
    sources = {n: HEAD + f"SAMOZA_ON_CLOSE(void) {{ samoza_sleep({k + 1}); return 0; }}\n" for k, n in enumerate(names)}
    package = c.build(c.app("app", [{"name": n, "type": "CALL"} for n in names], sources), "app")
    cache = c.directory / "edge-node-1" / "cache"
    monkeypatch.setenv("LD_PRELOAD", str(SHIM))
    monkeypatch.setenv("STUCK_DISK", str(disk.mark))
    monkeypatch.setenv("STUCK_BELOW", str(cache))
    zhost = c.add_zhost("edge-node-1")
    monkeypatch.delenv("LD_PRELOAD")
    c.wait_zhost("edge-node-1", "deployed-started")
    disk.sticks()
    c.zshell("topo", "submit", package)

    def accepted():
        return zhost.log.read_text().count("accepted zrms=")

    until(lambda: len([f for f in cache.iterdir() if f.is_file()]) >= len(names), "all modules have come")
    until(disk.is_asked, "some are put into the cache")
    before = accepted()
    c.zrms.kill()
    c.start_zrms()
    until(lambda: accepted() > before, "it connects")
    assert disk.times_asked() == 2
    disk.goes_on()
    c.wait_state("app", "running")


def test_heartbeats_do_not_wait_for_data_that_is_forgotten(start_cluster, monkeypatch, tmp_path):
    disk = Disk(tmp_path / "stuck")
    c = start_cluster(zhosts=[], timeout="6s")
    data = c.directory / "edge-node-1" / "data"
    monkeypatch.setenv("LD_PRELOAD", str(SHIM))
    monkeypatch.setenv("STUCK_DISK", str(disk.mark))
    monkeypatch.setenv("STUCK_BELOW", str(data))
    zhost = c.add_zhost("edge-node-1")
    c.wait_zhost("edge-node-1", "deployed-started")
    package = native_deploy(c, "keep", [{"name": "p", "run": {"mode": "foreground"}}], {
        "p/recipes/start": "#!/bin/sh\necho x >> $SAMOZA_DATA/starts && exec sleep 100143\n"})
    old, = (data / "keep").iterdir()
    c.zshell("topo", "stop", "keep")
    until(lambda: spaces_directories(c, "edge-node-1") == [], "all is undeployed")
    disk.sticks()
    c.zshell("topo", "rm", "keep", "--data")
    holds_no_heartbeat(c, disk)
    # Killed meanwhile, and once more: it goes on with what it has begun, and who comes begins with nothing.
    for begun in (1, 2):
        asked = disk.times_asked()
        zhost.kill()
        zhost.start()
        c.wait_zhost("edge-node-1", "deployed-started")
        until(lambda: disk.times_asked() > asked, f"it goes on, {begun}")
    c.submit(package)
    new, = (data / "keep").iterdir()
    assert new != old and (new / "starts").read_text() == "x\n"
    disk.goes_on()
    until(lambda: [p.name for p in data.iterdir()] == ["keep"], "the former data is removed")
    assert (new / "starts").read_text() == "x\n"


def test_a_zhost_whose_hello_waits_for_the_disk_of_zrms_is_not_silent(start_cluster, monkeypatch, tmp_path):
    disk = Disk(tmp_path / "stuck")
    monkeypatch.setenv("LD_PRELOAD", str(SHIM))
    monkeypatch.setenv("STUCK_DISK", str(disk.mark))
    c = start_cluster(zhosts=[], timeout="6s")
    monkeypatch.delenv("LD_PRELOAD")
    back = c.add_zhost("edge-node-1")
    c.add_zhost("edge-node-2")
    for name in ("edge-node-1", "edge-node-2"):
        c.wait_zhost(name, "deployed-started")
    disk.sticks()
    back.kill()
    back.start()
    until(disk.is_asked, "its HELLO is taken")
    begun = heartbeats(c)
    # Of the other one, which sends five a second.
    until(lambda: heartbeats(c) >= begun + 40, "more than a failure timeout passes")
    accepted = back.log.read_text().count("accepted zrms=")
    disk.goes_on()
    until(lambda: back.log.read_text().count("accepted zrms=") > accepted, "it is answered")
    assert [e for e in c.events() if e.get("to") == "problem" and e["subject"] == "edge-node-1"] == []
