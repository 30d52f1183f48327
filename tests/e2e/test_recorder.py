"""The flight recorder: what real daemons did, over crashes of zrms, is replayed to the same decisions."""
import contextlib
import ctypes
import datetime
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

from conftest import BIN, is_alive, stat_of, text_of, token_of, until
from etcd import ThreeZrms
from native import native_app
from secure import needs_an_address
from test_access import SLEEPS

SECRET = "a-word-that-a-program-has-printed"
LINE = re.compile(r"(\d+) li(?:fe|ves), (\d+) inputs? \(and (\d+) as counts\), (\d+) outputs?.*: (.*)")


def replay(c, *more):
    return subprocess.run([BIN / "zsim", "replay", *more, c.directory / "zrms" / "recorder"],
                          capture_output=True, text=True, timeout=120, check=False)


def metric(c, name):
    return int(re.search(rf"^{name} (\d+)$", text_of(f"{c.url}/metrics"), re.M).group(1))


def test_what_daemons_did_over_crashes_of_zrms_is_replayed_without_a_difference(start_cluster):
    c = start_cluster(zhosts=["n1", "n2"])
    good = native_app(c, "shop", [SLEEPS], {"p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"})
    bad = native_app(c, "bad", [SLEEPS], {"p/recipes/start": f"#!/bin/sh\necho {SECRET} >&2\nexit 3\n"})
    c.submit(c.build(good, "shop"))
    until(lambda: c.state("shop") == "running", "shop runs")
    running = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    c.zshell("topo", "submit", c.build(bad, "bad"))
    until(lambda: SECRET in str(c.get("/v1/topologies/bad/spaces")), "bad has failed, and says why")
    for n in range(3):
        blocks = metric(c, "zrms_recorder_blocks_total")
        c.zshell("topo", "stop", "shop", "--wait=30s")
        c.zshell("topo", "start", "shop", "--wait=30s")
        if n > 0:  # one kill at any moment, two when something is in the file
            until(lambda: metric(c, "zrms_recorder_blocks_total") > blocks, "the recorder has written")
        c.zrms.kill()
        c.start_zrms()
        for zhost in ("n1", "n2"):
            c.wait_zhost(zhost, "deployed-started")
        until(lambda: c.state("shop") == "running", "shop runs")
    c.zshell("topo", "stop", "shop", "--wait=30s")
    c.zrms.kill(signal.SIGTERM)
    done = replay(c)
    assert done.returncode == 0, done.stdout + done.stderr
    lives, inputs, _, outputs, result = LINE.search(done.stdout).groups()
    assert result == "no difference"
    assert int(lives) == 4 and int(inputs) > 50 and int(outputs) > 200, done.stdout
    steps = replay(c, "--step").stdout
    assert SECRET not in steps and "exit status 3: (output " in steps
    assert '"principal":{"name":"n1","role":4' in steps
    then = replay(c, "--at", running).stdout
    assert "topology shop 1.0.0 running" in then and "space shop/p deployed-started" in then
    assert "topology bad" not in then and "zhost n1 deployed-started" in then


class Stopper(threading.Thread):
    """Stops the first child of a process as soon as there is one, so that it never comes to an end."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.children, self.stopped, self.ends = pathlib.Path(f"/proc/{pid}/task/{pid}/children"), None, False

    def run(self):
        # Before all others, as it lives for some milliseconds only; and asleep in between.
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        while self.stopped is None and not self.ends:
            time.sleep(0.0005)
            for child in self.children.read_text().split():
                with contextlib.suppress(ProcessLookupError, TypeError):
                    os.kill(int(child), signal.SIGSTOP)
                    while is_alive(int(child)) and self.stopped is None:  # not one that had ended
                        self.stopped = int(child) if stat_of(int(child))[0] == "T" else None


def turn(c):
    """Nobody has room for them, so all that happens is in zrms."""
    c.zshell("topo", "stop", "many", "--wait=30s")
    c.zshell("topo", "start", "many")


def test_a_checkpoint_holds_up_nothing_and_zrms_may_be_killed_in_the_middle_of_it(start_cluster):
    c = start_cluster(zhosts=[], zrms_options=["--recorder-size", "4MiB"])
    c.zshell("topo", "submit", c.build(native_app(c, "many", [dict(SLEEPS, count=3000)], {
        "p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}), "many"))
    stopper = Stopper(c.zrms.pid)
    stopper.start()
    for _ in range(100):
        turn(c)
        if stopper.stopped is not None:
            break
    stopper.ends = True
    stopper.join()
    assert stopper.stopped is not None, "no child of zrms wrote a checkpoint"
    written = metric(c, "zrms_recorder_checkpoints_total")
    until(lambda: metric(c, "zrms_recorder_inputs_total") > 0, "zrms answers")
    turn(c)  # the child makes no step, zrms does
    assert metric(c, "zrms_recorder_checkpoints_total") == written
    assert is_alive(stopper.stopped)
    c.zrms.kill()
    with contextlib.suppress(ProcessLookupError):
        os.kill(stopper.stopped, signal.SIGCONT)  # it may have been stopped before it has asked to die with zrms
    until(lambda: not is_alive(stopper.stopped), "the child ends with zrms")
    done = replay(c)
    assert done.returncode == 0 and LINE.search(done.stdout).group(5) == "no difference", done.stdout + done.stderr
    assert "gap" not in done.stdout
    c.start_zrms()
    for _ in range(100):
        turn(c)
        if metric(c, "zrms_recorder_checkpoints_total") > 0:
            break
    turn(c)
    assert metric(c, "zrms_recorder_checkpoints_total") > 0
    c.zrms.kill(signal.SIGTERM)
    done = replay(c)
    assert done.returncode == 0, done.stdout + done.stderr
    result = re.search(r"(\d+) li(?:fe|ves),.* (\d+) checkpoints?,.*: (.*)", done.stdout).groups()
    assert result[2] == "no difference" and int(result[1]) > 0, done.stdout
    # From the last checkpoint on, as when everything before it has gone.
    last = sorted((c.directory / "zrms" / "recorder").iterdir())[-1]
    done = subprocess.run([BIN / "zsim", "replay", last], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and LINE.search(done.stdout).group(5) == "no difference", done.stdout + done.stderr
    assert int(LINE.search(done.stdout).group(1)) == 1 and int(LINE.search(done.stdout).group(2)) > 0, done.stdout


def test_a_recorder_that_cannot_write_says_so_and_stops_nothing(start_cluster):
    c = start_cluster(zhosts=["n1"])
    until(lambda: metric(c, "zrms_recorder_blocks_total") > 0, "the recorder has written")
    c.zrms.kill()
    directory = c.directory / "zrms" / "recorder"
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()
    directory.write_text("a file in its place\n")
    c.start_zrms()
    c.wait_zhost("n1", "deployed-started")
    until(lambda: metric(c, "zrms_recorder_failing") == 1, "the recorder says that it fails")
    assert f"Recorder:   cannot write: cannot make {directory}" in c.zshell("cluster").stdout
    c.submit(c.build(native_app(c, "shop", [SLEEPS], {
        "p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}), "shop"))
    until(lambda: c.state("shop") == "running", "shop runs")
    assert c.zrms.log.read_text().count("recorder failing") <= 1
    directory.unlink()
    c.zshell("topo", "stop", "shop", "--wait=30s")
    until(lambda: metric(c, "zrms_recorder_failing") == 0, "it writes again")
    assert "Recorder" not in c.zshell("cluster").stdout
    c.zshell("topo", "start", "shop", "--wait=30s")
    c.zrms.kill(signal.SIGTERM)
    done = replay(c)
    assert done.returncode == 0, done.stdout + done.stderr
    assert LINE.search(done.stdout).group(5) == "no difference"


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system is mounted by root only")
def test_on_a_full_disk_the_recorder_says_so_and_goes_on_when_there_is_room(start_cluster):
    def small(directory):
        place = directory / "zrms" / "recorder"
        place.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "recorder", place],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        mounted.append(place)
    mounted = []
    try:
        c = start_cluster(zhosts=[], prepare=small)
        until(lambda: metric(c, "zrms_recorder_blocks_total") > 0, "the birth is written")
        c.zshell("topo", "submit", c.build(native_app(c, "many", [dict(SLEEPS, count=3000)], {
            "p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}), "many"))
        for _ in range(100):
            turn(c)
            if metric(c, "zrms_recorder_failing") == 1:
                break
        assert "cannot write: " in c.zshell("cluster").stdout
        turn(c)  # it stops nothing
        assert c.get("/v1/cluster")["recorder_fails"].endswith("No space left on device")
        subprocess.run(["mount", "-o", "remount,size=64m", mounted[0]], check=True)
        until(lambda: turn(c) or metric(c, "zrms_recorder_failing") == 0, "it writes again", 60)
        turn(c)
        c.zrms.kill(signal.SIGTERM)
        assert c.zrms.log.read_text().count("recorder failing") == 1
        done = replay(c)
        assert done.returncode == 0, done.stdout + done.stderr
        assert LINE.search(done.stdout).group(5) == "no difference"
        assert done.stdout.count("gap: blocks are missing") == 1 and "no whole block" not in done.stdout
    finally:
        for place in mounted:
            subprocess.run(["umount", "-l", place], check=False)


def test_what_is_torn_is_passed_over_and_what_is_no_recording_is_refused(tmp_path):
    def zsim(*words):
        return subprocess.run([BIN / "zsim", *words], capture_output=True, text=True, timeout=120, check=False)
    file = tmp_path / "lives"
    assert zsim("fuzz", "--seeds", "1..3", "--record", file).returncode == 0
    whole = zsim("replay", file)
    assert whole.returncode == 0 and LINE.search(whole.stdout).group(5) == "no difference"
    data = file.read_bytes()
    file.write_bytes(data[:-100])
    torn = zsim("replay", file)
    assert torn.returncode == 0 and "that are no whole block" in torn.stdout
    middle = bytearray(data)
    middle[len(data) // 2] ^= 1
    file.write_bytes(bytes(middle))
    damaged = zsim("replay", file)
    assert damaged.returncode == 0 and "blocks are missing before number" in damaged.stdout
    assert LINE.search(damaged.stdout).group(5) == "no difference"
    file.write_bytes(data.replace(b"samoza-recording\x01", b"samoza-recording\x00", 1))
    old = zsim("replay", file)
    assert old.returncode == 1 and "replay it with the version that wrote it" in old.stderr
    file.write_text("a text\n")
    assert "is no recording" in zsim("replay", file).stderr
    assert zsim("fuzz", "--seeds", "1..1", "--record", file).returncode == 1  # nothing is written over
    assert "expected one as" in zsim("replay", "--at", "noon", file).stderr


def blocks_of(file):
    """All entries of a recording, as bytes."""
    data, at, whole = file.read_bytes(), 0, b""
    zstd = ctypes.CDLL("libzstd.so.1")  # as zrms itself
    zstd.ZSTD_decompress.restype = ctypes.c_size_t
    while (at := data.find(b"blk1", at)) >= 0:
        packed, size = (int.from_bytes(data[at + n:at + n + 4], "little") for n in (4, 8))
        entries = ctypes.create_string_buffer(size)
        done = zstd.ZSTD_decompress(entries, ctypes.c_size_t(size), data[at + 48:at + 48 + packed], ctypes.c_size_t(packed))
        assert done == size
        whole, at = whole + entries.raw, at + 48 + packed
    return whole


def stamp(when):
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def text_of_run(c, *words):
    done = subprocess.run([BIN / "zshell", *words], capture_output=True, text=True, timeout=120, check=False,
                          env=dict(os.environ, ZRMS_URL=c.url, NO_COLOR="1"))
    return done.stdout + done.stderr


def is_recorded(c):
    """All until now: one block may be on its way to the disk, so the next one is waited for; where nothing happens there is none."""
    for _ in range(2):
        blocks = metric(c, "zrms_recorder_blocks_total")
        assert c.request("POST", "/v1/zhosts/n9/token")[0] == 200
        until(lambda: metric(c, "zrms_recorder_blocks_total") > blocks, "the recorder has written")


WHAT_IF = """scenario: what if n1 had died
steps:
  - zhost: {name: n1, do: kill}
  - advance: 60s
  - settle: true
  - expect: {spaces: {shop/p: {state: deployed-started, zhost: n2}}, zhosts: {n1: problem}}
"""


def test_a_piece_of_the_recording_is_fetched_named_and_goes_on_otherwise(start_cluster, tmp_path):
    def zsim(*words):
        return subprocess.run([BIN / "zsim", *words], capture_output=True, text=True, timeout=120, check=False)
    before = now()
    c = start_cluster(zhosts=["n1"])
    bad = native_app(c, "bad", [SLEEPS], {"p/recipes/start": f"#!/bin/sh\necho {SECRET} >&2\nexit 3\n"})
    c.submit(c.build(native_app(c, "shop", [SLEEPS], {"p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}), "shop"))
    until(lambda: c.state("shop") == "running", "shop runs")
    c.add_zhost("n2")
    c.wait_zhost("n2", "deployed-started")
    runs = stamp(now())
    c.zshell("topo", "submit", c.build(bad, "bad"))
    until(lambda: SECRET in str(c.get("/v1/topologies/bad/spaces")), "bad has failed, and says why")
    failed = stamp(now())
    is_recorded(c)
    c.zrms.kill()
    c.start_zrms()
    until(lambda: c.state("shop") == "running", "shop runs")
    blocks = metric(c, "zrms_recorder_blocks_total")
    c.zshell("topo", "stop", "shop", "--wait=30s")
    until(lambda: metric(c, "zrms_recorder_blocks_total") > blocks, "the recorder has written")

    file = tmp_path / "piece"
    said = text_of_run(c, "cluster", "record", "--from", stamp(before - datetime.timedelta(hours=1)), "-o", file)
    assert "nothing is recorded of it, or no longer" in said and "no zrms recorded: none led" in said, said
    played = zsim("replay", file)
    assert played.returncode == 0, played.stdout + played.stderr
    assert LINE.search(played.stdout).groups()[0] == "2" and "no difference" in played.stdout
    assert played.stdout.count("gap: ") >= 2

    short = tmp_path / "short"  # of a moment of the first life: it begins with the birth before
    c.zshell("cluster", "record", "--from", runs, "--to", runs, "-o", short)
    assert short.stat().st_size < file.stat().st_size
    then = zsim("replay", "--at", runs, short).stdout
    assert "space shop/p deployed-started" in then and "topology bad" not in then, then

    steps = tmp_path / "steps.yaml"
    steps.write_text(WHAT_IF)
    other = zsim("replay", "--until", runs, "--what-if", steps, short)
    assert other.returncode == 0 and "PASS what if n1 had died" in other.stdout, other.stdout + other.stderr

    scenario = tmp_path / "bad.yaml"
    made = zsim("replay", "--until", failed, "--to-scenario", scenario, file)
    assert made.returncode == 0 and "it passes" in made.stdout, made.stdout + made.stderr
    ran = zsim("run", scenario)
    assert ran.returncode == 0, ran.stdout
    assert "bad" in scenario.read_text() and "stop" not in ran.stdout  # what has nothing to do with it is left out

    assert "is there already" in text_of_run(c, "cluster", "record", "--from", runs, "-o", file)
    assert c.request("GET", "/v1/cluster/recording")[0] == 422
    assert c.request("GET", "/v1/cluster/recording?from=2&to=1")[0] == 422


@needs_an_address
def test_each_leader_has_recorded_its_own_terms_and_who_is_away_is_named(start_cluster, tmp_path):
    before = stamp(now())
    c = start_cluster(kind=ThreeZrms, zhosts=[])

    def write():
        blocks = metric(c, "zrms_recorder_blocks_total")
        c.token()
        until(lambda: metric(c, "zrms_recorder_blocks_total") > blocks, "the recorder has written")

    old = c.leader()
    write()
    until(c.is_up_to_date, "both others can lead")
    c.zshell("cluster", "leader", "move")
    new = c.leader(old)
    write()
    until(lambda: list(c.roles().values()).count("standby") == 2, "two stand by")
    until(c.knows_all, "the one that leads has heard of them")
    file = tmp_path / "all"
    said = c.zshell("cluster", "record", "--from", before, "-o", file)
    assert "could not be asked" not in said.stdout + said.stderr, said
    played = subprocess.run([BIN / "zsim", "replay", "--step", file], capture_output=True, text=True, timeout=120,
                            check=False)
    assert played.returncode == 0, played.stdout + played.stderr
    parts = re.findall(r"recorded by zrms (\S+), version", played.stdout)
    assert len(parts) >= 2 and parts[0] != parts[-1], parts  # in the order in which they led
    assert "no difference" in played.stdout
    away = next(port for port in c.all_zrms() if port not in (old, new))
    c.all_zrms()[away].kill()
    less = tmp_path / "less"
    said = c.zshell("cluster", "record", "--from", before, "-o", less)
    assert "it could not be asked" in said.stdout + said.stderr, said
    played = subprocess.run([BIN / "zsim", "replay", less], capture_output=True, text=True, timeout=120, check=False)
    assert played.returncode == 0 and "it could not be asked" in played.stdout, played.stdout + played.stderr


def test_what_is_secret_is_in_no_recording(start_cluster):
    """Planted where the cluster has secrets, and looked for in all that is in its recording."""
    c = start_cluster(zhosts=["n1"])
    app = native_app(c, "bad", [SLEEPS], {"p/recipes/start": f"#!/bin/sh\necho {SECRET} >&2\nexit 3\n"})
    c.zshell("topo", "submit", c.build(app, "bad"))
    until(lambda: SECRET in str(c.get("/v1/topologies/bad/spaces")), "bad has failed, and says why")
    def user(name):
        status, body = c.request("POST", "/v1/users", {"name": name, "role": "viewer"}, {"Content-Type": "application/json"})
        assert status == 201, body
        return body["token"]

    tokens = [token_of(c.url), user("eve"), c.request("POST", "/v1/zhosts/n9/token")[1]["token"]]
    c.zrms.kill(signal.SIGTERM)
    c.start_zrms()  # what is loaded is recorded as well
    blocks = metric(c, "zrms_recorder_blocks_total")
    tokens.append(user("mallory"))
    until(lambda: metric(c, "zrms_recorder_blocks_total") > blocks, "the recorder has written")
    c.zrms.kill(signal.SIGTERM)
    seen = b"".join(blocks_of(file) for file in sorted((c.directory / "zrms" / "recorder").iterdir()))
    assert b"eve" in seen and b"exit status 3: (output " in seen  # it is looked at in the right place
    for secret in [SECRET, *tokens, *(token[-24:] for token in tokens)]:
        assert len(secret) >= 16 and secret.encode() not in seen, secret
