"""Native code that a zrms of another version has made is made again by a zhost."""
import re

import pytest
from conftest import BIN, Daemon, free_port, until


@pytest.fixture
def other_zrms(tmp_path):
    """A zrms that compiles another text around each module: its native code has another version."""
    program = tmp_path / "zrms"
    before = (BIN / "zrms").read_bytes()
    assert before.count(b" * What a translated module exports") == 1
    program.write_bytes(before.replace(b" * What a translated module exports",
                                       b" * What a translated MODULE exports"))
    program.chmod(0o755)
    return program


def log(c):
    return (c.directory / "edge-node-1.log").read_text()


def cluster_of(start_cluster, other_zrms, prefix=()):
    """Its zrms is of another version when the application is submitted."""
    c = start_cluster(zhosts=())
    own = c.zrms.command[0]
    c.zrms.kill()
    c.zrms.command[0] = other_zrms
    c.start_zrms()
    directory = c.directory / "edge-node-1"
    daemon = Daemon(c, "edge-node-1", [
        *prefix, BIN / "zhost", "--dir", directory, "--name", "edge-node-1", "--zrms", c.url,
        "--zedge", f"127.0.0.1:{free_port()}"], c.directory / "edge-node-1.log")
    c.zhosts["edge-node-1"] = daemon.start()
    c.wait_zhost("edge-node-1", "deployed-started")
    c.deploy("app", [{"name": "a", "type": "CALL"}])
    c.zrms.command[0] = own
    c.restart_zrms()
    return c


def start_again(c):
    c.zshell("topo", "stop", "app")
    until(lambda: c.state("app") == "stopped", "it is stopped")
    c.zshell("topo", "start", "app", "--wait=60s")
    assert c.state("app") == "running"


def module_of(c):
    """What the process of the only instance has mapped."""
    zrun, = c.zruns("edge-node-1")
    with open(f"/proc/{zrun}/maps", encoding="utf-8") as maps:
        return set(re.findall(r"/\S*/cache/\S*", maps.read()))


def test_a_zhost_renews_what_another_version_has_made(start_cluster, other_zrms):
    c = cluster_of(start_cluster, other_zrms)
    result, = (c.directory / "edge-node-1" / "cache" / "compiled").glob("*.so")
    assert log(c).count("cache   compiled") == 1 and "not_renewed" not in log(c)
    assert module_of(c) == {str(result)}
    start_again(c)
    assert log(c).count("cache   compiled") == 1, "it is known"
    # Somebody writes to it: it is looked at again, and made again.
    sound = result.read_bytes()
    c.zshell("topo", "stop", "app")
    until(lambda: c.state("app") == "stopped", "it is stopped")
    result.write_bytes(sound[:1000] + bytes([sound[1000] ^ 1]) + sound[1001:])
    c.zshell("topo", "start", "app", "--wait=60s")
    assert log(c).count("cache   compiled") == 2 and result.read_bytes() == sound
    # The next run of the zhost knows nothing, and finds it.
    c.restart_zhost("edge-node-1")
    start_again(c)
    assert c.state("app") == "running" and module_of(c) == {str(result)}


def test_what_cannot_be_renewed_runs_as_it_is(start_cluster, other_zrms):
    c = cluster_of(start_cluster, other_zrms, ["env", "PATH=/nonexistent"])
    assert "not_renewed" in log(c) and "cache   compiled" not in log(c)
    native, = module_of(c)
    assert "/compiled/" not in native
    start_again(c)
    assert module_of(c) == {native}
