"""A store of zrms that cannot be written for a while: who follows is told, and misses nothing."""
import json
import re
import resource
import signal
import subprocess
import threading

import pytest
from conftest import BIN, run, text_of, until
from native import native_app, native_deploy
from test_clocks import LIBRARY

SERVE = "#!/bin/sh\nwhile :; do sleep 1; done >/dev/null 2>&1 &\n"


class Follower:
    """A zshell that goes on printing: its lines as they come."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(c) for c in command], text=True, bufsize=1,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines, self.notes = [], []
        for stream, to in ((self.process.stdout, self.lines), (self.process.stderr, self.notes)):
            threading.Thread(target=lambda s=stream, t=to: t.extend(s), daemon=True).start()

    def end(self):
        self.process.kill()
        self.process.wait()


def store_fails(cluster, fails):
    """No file of zrms can grow; or all can again."""
    _, hard = resource.prlimit(cluster.zrms.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(cluster.zrms.pid, resource.RLIMIT_FSIZE, (0 if fails else hard, hard))


def metrics(cluster):
    return text_of(f"{cluster.url}/metrics")


def stored(cluster):
    return [e["seq"] for e in json.loads(cluster.zshell("events", "-o", "json").stdout)["events"]]


def test_streams_say_that_the_store_fails_and_continue(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    native_deploy(c, "shop", [{"name": "a"}], {"a/recipes/start": SERVE})
    command = (BIN / "zshell", "--api", c.url, "events", "-f", "-o", "json")
    first, later = Follower(*command), None
    try:
        until(lambda: len(first.lines) == len(stored(c)) > 0, "the history is shown")
        store_fails(c, True)
        known = len(first.lines)
        c.zhosts["edge-node-1"].kill()  # zrms notices, and cannot make it durable
        until(lambda: any("cannot write its store" in n for n in first.notes), "it is said")
        later = Follower(*command)
        until(lambda: any("cannot write its store" in n for n in later.notes), "also to new ones")
        until(lambda: len(later.lines) == known, "what is durable is shown")
        assert len(first.lines) == known
        store_fails(c, False)
        for follower in (first, later):
            until(lambda f=follower: any("writes its store again" in n for n in f.notes), "it ends")
            until(lambda f=follower: any('"problem"' in line for line in f.lines), "the event")
        c.zhosts["edge-node-1"].start()
        c.wait_state("shop", "running")
        for follower in (first, later):
            until(lambda f=follower: len(f.lines) >= len(stored(c)), "all are shown")
            seen = [json.loads(line)["seq"] for line in follower.lines]
            assert seen == stored(c)[:len(seen)]  # nothing is missing, and nothing is there twice
        assert c.zrms.is_running()
    finally:
        for follower in filter(None, (first, later)):
            follower.end()


def test_who_waits_for_a_topology_waits_on(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"], timeout="60s")
    package = c.build(native_app(c, "shop", [{"name": "a"}], {"a/recipes/start": SERVE}), "shop")
    c.zshell("topo", "submit", package)
    c.wait_state("shop", "running")
    c.zshell("topo", "stop", "shop")
    until(lambda: c.state("shop") == "stopped", "shop is stopped")
    c.zhosts["edge-node-1"].process.send_signal(signal.SIGSTOP)  # what starts hangs until it continues
    waiting = Follower(BIN / "zshell", "--api", c.url, "topo", "start", "shop", "--wait=60s")
    change = waiting
    try:
        until(lambda: c.state("shop") == "pending", "the request is durable")
        store_fails(c, True)
        change = Follower(BIN / "zshell", "--api", c.url, "cluster", "uncordon", "edge-node-1")
        until(lambda: any("cannot write its store" in n for n in waiting.notes), "it is said")
        assert waiting.process.poll() is None
        store_fails(c, False)
        c.zhosts["edge-node-1"].process.send_signal(signal.SIGCONT)
        assert waiting.process.wait(30) == 0, waiting.notes
        assert change.process.wait(30) == 0, change.notes
    finally:
        change.end()
        waiting.end()


def test_a_file_that_may_not_grow_does_not_end_zrms_at_once(start_cluster):
    c = start_cluster(zhosts=[])
    store_fails(c, True)
    package = c.build(native_app(c, "shop", [{"name": "a"}], {"a/recipes/start": SERVE}), "shop")
    refused = run(BIN / "zshell", "--api", c.url, "topo", "submit", package, check=False)
    assert refused.returncode != 0
    assert c.zrms.is_running()


def test_what_is_committed_can_be_read_meanwhile(start_cluster):
    c = start_cluster(zhosts=["edge-node-1", "edge-node-2"])
    native_deploy(c, "shop", [{"name": "a"}],
                  {"a/recipes/start": "#!/bin/sh\nwhile :; do echo tick; sleep 1; done &\n"})
    package = c.build(native_app(c, "late", [{"name": "a"}], {"a/recipes/start": SERVE}), "late")
    here = c.get("/v1/spaces")["spaces"][0]["zhost"]
    other, = (z for z in c.zhosts if z != here)
    known = stored(c)
    store_fails(c, True)
    c.zhosts[other].kill()  # zrms notices, and cannot make it durable
    until(lambda: re.search(r"^zrms_store_failing 1$", metrics(c), re.M), "the store fails")
    logs = Follower(BIN / "zshell", "--api", c.url, "spaces", "logs", "-f", "shop/a")
    try:
        until(lambda: any("tick" in line for line in logs.lines), "the log is followed")
    finally:
        logs.end()
    refused = run(BIN / "zshell", "--api", c.url, "topo", "submit", package, check=False)
    assert refused.returncode == 1 and "nothing was changed" in refused.stderr, refused
    assert stored(c) == known
    zhosts = {z["name"]: z["state"] for z in c.get("/v1/zhosts")["zhosts"]}
    assert zhosts == {"edge-node-1": "deployed-started", "edge-node-2": "deployed-started"}
    for words in (["topo"], ["topo", "status", "shop"], ["spaces"], ["spaces", "status", "shop/a"],
                  ["cluster", "zhosts"], ["cluster", "status", other], ["topo", "explain", "shop"], ["topo", "history", "shop"],
                  ["topo", "events", "shop"], ["mesh", "spaces"], ["complete", "--", "topo", "status", ""]):
        shown = c.zshell(*words)
        assert "late" not in shown.stdout, (words, shown)
        # Once, and never where a shell completes a word.
        assert shown.stderr.count("what was durable when it last could") == (words[0] != "complete"), \
            (words, shown)
    store_fails(c, False)
    until(lambda: c.get(f"/v1/zhosts/{other}")["state"] == "problem", "it is told when it is durable")
    assert c.zshell("topo").stderr == ""
    assert c.zrms.is_running()


@pytest.mark.skipif(LIBRARY is None, reason="there is no libfaketime: tools/setup test")
def test_a_store_that_fails_for_long_ends_zrms_with_words(start_cluster):
    """Its half a minute passes at once, by its clock. What was acknowledged is there when it is started after the repair."""
    c = start_cluster(zhosts=[])
    kept, lost = (c.build(native_app(c, name, [{"name": "a"}], {"a/recipes/start": SERVE}), name)
                  for name in ("kept", "lost"))
    clock = c.directory / "zrms.clock"
    clock.write_text("+0\n")
    c.zrms.kill()
    as_it_was = list(c.zrms.command)
    # Its log does not go to a file: no file of its own can grow.
    c.zrms.command[:0] = ["env", f"LD_PRELOAD={LIBRARY}", f"FAKETIME_TIMESTAMP_FILE={clock}", "FAKETIME_NO_CACHE=1",
                          "bash", "-c", 'exec "$@" > >(LD_PRELOAD= exec cat) 2>&1', "zrms"]
    c.start_zrms()
    c.zshell("topo", "submit", kept)
    store_fails(c, True)
    change = Follower(BIN / "zshell", "--api", c.url, "topo", "stop", "kept", "--no-wait")
    try:
        until(lambda: re.search(r"^zrms_store_failing 1$", metrics(c), re.M), "the store fails")
        refused = run(BIN / "zshell", "--api", c.url, "topo", "submit", lost, check=False)
        assert refused.returncode == 1 and "nothing was changed" in refused.stderr, refused
        assert c.zrms.is_running()
        clock.with_suffix(".new").write_text("+31s\n")
        clock.with_suffix(".new").rename(clock)
        assert c.zrms.process.wait(30) == 1
    finally:
        change.end()
    words = r'store +failed error="cannot write.*" then="exiting: no acknowledged change is lost; start zrms again after the repair"'
    until(lambda: re.search(words, c.zrms.log.read_text()), "it says why, and what to do")
    c.zrms.command[:] = as_it_was
    c.start_zrms()
    assert [t["name"] for t in c.get("/v1/topologies")["topologies"]] == ["kept"]
    assert c.state("kept") == "pending"  # the stop was not acknowledged
    c.zshell("topo", "submit", lost)
