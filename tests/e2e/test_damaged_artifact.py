"""Files by digest that are damaged or lost, in the cache of a zhost and in zrms, come back."""
import os

import pytest
from conftest import until


def damage(path, keep_time=False):
    """Other bytes in a file of the same size."""
    before = path.stat()
    path.chmod(0o644)
    with open(path, "r+b") as file:
        file.seek(before.st_size // 2)
        file.write(b"X" * 64)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cached(c):
    return [p for p in (c.directory / "edge-node-1" / "cache").iterdir() if p.is_file()]


def stored(c):
    return [p for p in (c.directory / "zrms" / "artifacts" / "sha256").iterdir()]


def restart(c, topology="app"):
    c.zshell("topo", "stop", topology)
    until(lambda: c.state(topology) == "stopped", "it is stopped")
    c.zshell("topo", "start", topology, "--wait=30s")
    assert c.state(topology) == "running"


def log(c):
    return (c.directory / "edge-node-1.log").read_text()


def test_a_damaged_file_in_the_cache_is_fetched_again_and_not_run(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.deploy("app", [{"name": "a", "type": "CALL"}])
    restart(c)
    assert "cache   damaged" not in log(c) and log(c).count("cache   fetched") == 1
    file, = cached(c)
    sound = file.read_bytes()
    damage(file)
    restart(c)
    assert log(c).count("cache   damaged") == 1 and file.read_bytes() == sound
    # Where even its time is as it was, the next run of the zhost notices, or the first crash.
    damage(file, keep_time=True)
    c.zshell("topo", "stop", "app")
    until(lambda: c.state("app") == "stopped", "it is stopped")
    c.zhosts["edge-node-1"].kill()
    c.zhosts["edge-node-1"].start()
    c.wait_zhost("edge-node-1", "deployed-started")
    c.zshell("topo", "start", "app", "--wait=30s")
    assert log(c).count("cache   damaged") == 2 and file.read_bytes() == sound


def test_a_file_that_crashed_is_looked_at_again(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.deploy("app", [{"name": "a", "type": "CALL"}])
    file, = cached(c)
    sound = file.read_bytes()
    damage(file, keep_time=True)
    c.kill_zruns("edge-node-1")
    until(lambda: "cache   damaged" in log(c), "it is noticed")
    until(lambda: file.exists() and file.read_bytes() == sound, "it is fetched again")
    c.wait_state("app", "running")


def test_a_submission_restores_what_zrms_has_lost(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    package = c.deploy("app", [{"name": "a", "type": "CALL"}])
    for lose in (lambda path: path.unlink(), damage):
        c.zshell("topo", "stop", "app")
        until(lambda: c.state("app") == "stopped", "it is stopped")
        for path in cached(c):
            path.unlink()
        c.zrms.kill()
        sound = {path: path.read_bytes() for path in stored(c)}
        for path in sound:
            lose(path)
        c.start_zrms()
        c.wait_zhost("edge-node-1", "deployed-started")
        c.submit(package)
        assert c.state("app") == "running"
        assert {path: path.read_bytes() for path in stored(c)} == sound


def test_zrms_does_not_send_what_is_damaged_and_says_what_to_do(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    package = c.deploy("app", [{"name": "a", "type": "CALL"}])
    c.zshell("topo", "stop", "app", timeout=30)
    until(lambda: c.state("app") == "stopped", "it is stopped")
    for path in cached(c):
        path.unlink()
    c.zrms.kill()
    for path in stored(c):
        damage(path)
    c.start_zrms()
    c.wait_zhost("edge-node-1", "deployed-started")
    c.zshell("topo", "start", "app")
    until(lambda: "submit its package again" in (c.space("app", "a").get("last_error") or ""),
          "the space says what to do")
    assert "artifact damaged" in (c.directory / "zrms.log").read_text()
    c.zshell("topo", "stop", "app", timeout=30)
    until(lambda: c.state("app") == "stopped", "it is stopped")
    c.submit(package)
    assert c.state("app") == "running"


@pytest.mark.parametrize("keep_time", [False, True])
def test_a_submission_restores_what_is_damaged_while_zrms_runs(start_cluster, keep_time):
    c = start_cluster(zhosts=["edge-node-1"])
    package = c.deploy("app", [{"name": "a", "type": "CALL"}])
    sound = {path: path.read_bytes() for path in stored(c)}
    for lose in (lambda path: path.unlink(), lambda path: damage(path, keep_time)):
        c.zshell("topo", "stop", "app", timeout=30)
        until(lambda: c.state("app") == "stopped", "it is stopped")
        for path in cached(c):
            path.unlink()
        for path in sound:
            lose(path)
        c.submit(package)
        assert c.state("app") == "running"
        assert {path: path.read_bytes() for path in stored(c)} == sound


def test_what_is_damaged_while_zrms_runs_is_not_sent_and_the_space_says_what_to_do(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    package = c.deploy("app", [{"name": "a", "type": "CALL"}])
    c.zshell("topo", "stop", "app", timeout=30)
    until(lambda: c.state("app") == "stopped", "it is stopped")
    for path in cached(c):
        path.unlink()
    for path in stored(c):
        damage(path, keep_time=True)
    c.zshell("topo", "start", "app")
    until(lambda: "submit its package again" in (c.space("app", "a").get("last_error") or ""),
          "the space says what to do")
    c.zshell("topo", "stop", "app", timeout=30)
    until(lambda: c.state("app") == "stopped", "it is stopped")
    c.submit(package)
    assert c.state("app") == "running"


def test_what_zrms_has_made_of_a_module_is_made_again_where_it_is_damaged(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    package = c.deploy("app", [{"name": "a", "type": "CALL"}])
    native, = (c.directory / "zrms" / "cache" / "native").glob("*.so")
    sound = native.read_bytes()
    for spoil in (lambda: damage(native, keep_time=True), native.unlink):
        c.zshell("topo", "stop", "app")
        until(lambda: c.state("app") == "stopped", "it is stopped")
        c.zshell("topo", "rm", "app")
        until(lambda: not stored(c), "its artifacts are gone")
        for path in cached(c):
            path.unlink()
        spoil()
        c.submit(package)
        assert c.state("app") == "running"
        assert native.read_bytes() == sound
    assert (c.directory / "zrms.log").read_text().count("module  damaged") == 1
