"""A disk that is full: what zrms still does, what it refuses, and that room comes back."""
import os
import subprocess

import pytest

from conftest import until

MIB = 1024 * 1024

# Writes values of 60 KiB until it is refused, says with which error, and goes on trying.
WRITER = """
#include <samoza.h>
static char value[60 * 1024];
static int n, said;
SAMOZA_ON_PROCESS(void)
{
	char key[16];
	int i = 0;
	for (int rest = n; i == 0 || rest > 0; rest /= 10)
		key[i++] = (char)('0' + rest % 10);
	int r = samoza_data_put_bytes(key, i, value, sizeof(value));
	if (r == 0)
		n++;
	else if (r != said)
		samoza_log(SAMOZA_WARN, r == -28 ? "refused: no room" : "refused otherwise");
	said = r;
	samoza_sleep(r == 0 ? 1 : 50);
	return 0;
}
"""


def space(**more):
    return dict({"name": "w", "type": "DATA", "capabilities": ["sys.log", "data.read", "data.write"]},
                **more)


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a file system of that size, and returns its directory."""
    mounted = []

    def make(directory, size):
        directory.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory],
                              capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip("NOT TESTED: a full disk needs a small file system of its own, and this "
                        f"user cannot mount one: {done.stderr.strip()}")
        mounted.append(directory)
        return directory

    yield make
    for directory in mounted:
        subprocess.run(["umount", "-l", directory], check=True)


def said(c):
    return str(c.log_of("greedy", "w"))


def used(directory):
    info = os.statvfs(directory)
    return (info.f_blocks - info.f_bavail) * info.f_frsize


def test_a_quota_is_an_error_and_an_event_and_nothing_else(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.deploy("greedy", [space(resources={"data": "2MiB"})], {"w": WRITER})
    until(lambda: "refused: no room" in said(c), "the quota is used up")
    until(lambda: [e for e in c.events("greedy") if e["kind"] == "data"], "an event")
    event, = [e for e in c.events("greedy") if e["kind"] == "data"]
    assert event["subject"] == "greedy/w" and "2MiB" in event["cause"]
    assert c.state("greedy") == "running"


def test_local_data_has_the_same_quota(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.deploy("greedy", [space(storage="local", resources={"data": "2MiB"})], {"w": WRITER})
    until(lambda: "refused: no room" in said(c), "the quota is used up")
    until(lambda: "data    full" in (c.directory / "edge-node-1.log").read_text(), "its zhost says so")
    until(lambda: [e for e in c.events("greedy") if e["kind"] == "data"], "an event")
    event, = [e for e in c.events("greedy") if e["kind"] == "data"]
    assert event["subject"] == "greedy/w" and "2MiB" in event["cause"]


def on_small_disk(start_cluster, small_disk, size):
    c = start_cluster(zhosts=["edge-node-1"], prepare=lambda d: small_disk(d / "zrms", size))
    return c, c.directory / "zrms"


def test_one_space_that_fills_the_disk_ends_nothing(small_disk, start_cluster):
    c, disk = on_small_disk(start_cluster, small_disk, "40m")
    c.deploy("greedy", [space(resources={"data": "1GiB"})], {"w": WRITER})
    until(lambda: "refused: no room" in said(c), "the disk is full", 60)
    assert c.zrms.is_running() and c.state("greedy") == "running"
    # Nothing new is accepted.
    package = c.build(c.app("other", [space()], {"w": WRITER}), "other")
    done = c.zshell("topo", "submit", package, check=False)
    assert done.returncode == 1 and "free at least 8 MiB" in done.stderr, done
    # It starts there, and knows everything.
    c.zrms.kill()
    c.start_zrms()
    c.wait_zhost("edge-node-1", "deployed-started")
    assert c.state("greedy") == "running"
    c.zshell("topo", "stop", "greedy")
    until(lambda: c.state("greedy") == "stopped", "greedy is stopped")
    before = used(disk)
    c.zshell("topo", "rm", "greedy", "--data")
    until(lambda: used(disk) < before - 10 * MIB, "the room is given back", 60)
    c.submit(package)
    assert c.state("other") == "running"


def test_zrms_starts_stops_and_removes_on_a_disk_that_others_filled(small_disk, start_cluster):
    c, disk = on_small_disk(start_cluster, small_disk, "40m")
    c.deploy("modest", [space(resources={"data": "1MiB"})], {"w": WRITER})
    c.zrms.kill()
    with open(disk / "filler", "wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096) == 4096:
                pass
        except OSError:
            pass
    c.start_zrms()
    c.wait_zhost("edge-node-1", "deployed-started")
    assert c.state("modest") == "running"
    c.zshell("topo", "stop", "modest")
    until(lambda: c.state("modest") == "stopped", "modest is stopped")
    c.zshell("topo", "rm", "modest", "--data")
    assert c.get("/v1/topologies")["topologies"] == []
    until(lambda: "disk.full" in c.zrms.log.read_text(), "it says so")
    (disk / "filler").unlink()
    c.deploy("other", [space(resources={"data": "1MiB"})], {"w": WRITER})


def test_a_zhost_whose_disk_is_full_goes_on_and_says_so(small_disk, start_cluster):
    c = start_cluster(zhosts=["edge-node-1"],
                      prepare=lambda d: small_disk(d / "edge-node-1", "40m"))
    disk = c.directory / "edge-node-1"

    def caused(text):
        return [e for e in c.events() if e["kind"] == "zhost" and text in (e.get("cause") or "")]

    c.deploy("greedy", [space(storage="local", resources={"data": "1GiB"})], {"w": WRITER})
    until(lambda: "refused: no room" in said(c), "the disk is full", 60)
    until(lambda: caused("its disk is full"), "an event says so")
    until(lambda: "disk.full" in (c.directory / "edge-node-1.log").read_text(), "so does its log")
    assert c.zhosts["edge-node-1"].is_running() and c.state("greedy") == "running"
    assert not [e for e in c.events("greedy") if e["kind"] == "data"]  # it is not its quota
    # Its next life begins there, and finds what runs.
    running = c.zruns("edge-node-1")
    c.zhosts["edge-node-1"].kill()
    c.zhosts["edge-node-1"].start()
    c.wait_zhost("edge-node-1", "deployed-started")
    until(lambda: c.state("greedy") == "running", "greedy runs")
    assert c.zruns("edge-node-1") == running
    c.zshell("topo", "stop", "greedy")
    until(lambda: c.state("greedy") == "stopped", "greedy is stopped")
    before = used(disk)
    c.zshell("topo", "rm", "greedy", "--data")
    until(lambda: used(disk) < before - 10 * MIB, "the room is given back", 60)
    until(lambda: caused("its disk has room again"), "an event says so")
    c.deploy("other", [space(storage="local", resources={"data": "1MiB"})], {"w": WRITER})
