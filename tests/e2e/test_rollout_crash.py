"""A rolling change of examples/my-app goes on through kill -9 of zrms and of zhosts at ten named places, under a load of
page requests and messages: it ends, each request and each message is answered, and no slot lives twice."""
import json
import re
import shutil
import threading
import time
import urllib.request
import zipfile

import pytest

from conftest import EXAMPLE, is_alive, name_of, until
from page import Page

SPACES = ["store", "api", "dashboard"]  # in the order in which a rolling change takes them


def event(kind, subject, to=None):
    """An event since the rollout was asked for."""
    return lambda c, mark: any(e["kind"] == kind and e["subject"] == subject and to in (None, e["to"])
                               for e in c.events("my-app", mark))


def both_run(space):
    """By process ids, and by what zrms knows."""
    started = event("copy", f"my-app/{space}", "deployed-started")
    return lambda c, mark: started(c, mark) and len(c.processes(space)) == 2


def has_switched(c, _):
    return c.space("my-app", "api")["version"] == c.wanted


BOTH_RUN = both_run("api")

# name of the place, how it is seen, whose zhost is the victim where it is a zhost
PLACES = {
    "it is accepted": (event("rollout", "my-app"), "store"),
    "the successor of store is installed": (event("copy", "my-app/store", "deployed-stopped"), "store"),
    "store stops": (event("space", "my-app/store", "stopping"), "store"),
    "the successor of store starts": (event("space", "my-app/store", "starting"), "store"),
    "the successor of store is to stay healthy": (event("space", "my-app/store", "deployed-started"), "store"),
    "a place is found for the successor of api": (event("placement", "my-app/api"), "api"),
    "both copies of api run": (BOTH_RUN, "api"),
    "api has been switched, and its former copy is there": (has_switched, "api"),
    "the successor of the page is deployed": (event("copy", "my-app/dashboard"), "dashboard"),
    "both copies of the page are there": (event("copy", "my-app/dashboard", "deployed-started"), "dashboard"),
}


HELD = list(PLACES).index("both copies of api run")


# Its end takes a while: a copy that has handed over is there for at least that long after the switch.
LINGERS = """SAMOZA_ON_CLOSE(void)
{
	for (int64_t until = samoza_now() + 4000; samoza_now() < until;)
		samoza_yield();
"""
CLOSES = "SAMOZA_ON_CLOSE(void)\n{\n"


class Packages:
    """Versions of my-app whose spaces differ from those of the version before; compiled once."""

    def __init__(self, c, package):
        self.c, self.source, self.count = c, c.directory / "versions", 0
        shutil.copytree(EXAMPLE, self.source)
        with zipfile.ZipFile(package) as archive:
            for name in archive.namelist():
                if name.endswith("core.wasm"):
                    archive.extract(name, self.source)
        for sources in self.source.glob("spaces/*/src"):
            shutil.rmtree(sources)
        self.topology = (self.source / "topology.yaml").read_text()
        api = (EXAMPLE / "spaces/api/src/api.c").read_text()
        assert CLOSES in api
        self.lingering = api.replace(CLOSES, LINGERS)

    def build(self, number, api=None, healthy="100ms"):
        """`api`: C text in place of its module."""
        version = f"1.{number}.0"
        more = f"    resources: {{memory: {32 + number % 2 * 8}MiB}}\n    stop: {{grace: 2s}}\n"
        text = re.sub(r"(    type: (?:CALL|DATA)\n)", lambda m: m.group(1) + more, self.topology)
        text = re.sub("(  - name: api\n(?:    .*\n)*?    stop: {grace: )2s", r"\g<1>10s", text)
        text = text.replace("[sys.log, net.emit, net.recv]", "[sys.log, sys.now, net.emit, net.recv]")
        text = text.replace("    type: UI\n", "    type: UI\n    stop: {grace: 1s}\n")
        (self.source / "topology.yaml").write_text(text)
        (self.source / "spaces/dashboard/version.txt").write_text(version)
        manifest = (self.source / "manifest.yaml").read_text()
        manifest = re.sub(r"  version: .*", f"  version: {version}", manifest, count=1)
        manifest = re.sub(r"rollout: .*", f"rollout: {{policy: rolling, healthy: {{for: {healthy}, within: 2m}}}}",
                          manifest)
        (self.source / "manifest.yaml").write_text(manifest)
        source = self.source / "spaces/api/src/main.c"
        if api is not None:
            source.parent.mkdir()
            source.write_text(api)
        package = self.c.build(self.source, f"my-app-{version}")
        if api is not None:
            shutil.rmtree(source.parent)
        return version, package


class Load:
    """Two writers through pages, and one that loads files of the page: all by zedges that are not killed."""

    def __init__(self, c, zedge, writers=2):
        self.c, self.zedge, self.is_over = c, zedge, False
        self.added, self.loaded, self.refused, self.twice, self.seen = [], 0, [], [], set()
        self.threads = [threading.Thread(target=self.run, args=(self.write, n)) for n in range(writers)]
        self.threads += [threading.Thread(target=self.run, args=(work, 0)) for work in (self.load, self.watch)]
        self.failures = []
        for thread in self.threads:
            thread.start()

    def run(self, work, number):
        try:
            work(number)
        except (AssertionError, OSError) as error:
            self.failures.append(repr(error))

    def write(self, number):
        page = Page(self.zedge)
        count = 0
        while not self.is_over:
            text = f"{number}-{count}"
            # That there is an answer counts: two kills and a handover take their time.
            shown = page.ask(f"add\n{number}{count:05d}\n{int(time.time() * 1000)}\nAda\n{text}", 60, holds=text)
            assert shown.count(text) == 1, (text, shown)
            self.added.append(text)
            count += 1
            time.sleep(0.02)  # the load of a few people
        page.close()

    def load(self, _):
        while not self.is_over:
            for name in ("", "guestbook.js", "version.txt"):
                try:
                    with urllib.request.urlopen(f"{self.zedge}/my-app/dashboard/{name}", timeout=20) as answer:
                        answer.read()
                    self.loaded += 1
                except OSError as error:
                    self.refused.append((time.time(), name, repr(error)))
            time.sleep(0.02)

    def watch(self, _):
        """Data is written by one process only; of api there are two at most, while it is handed over."""
        while not self.is_over:
            for space, most in (("store", 1), ("api", 2)):
                there = self.c.processes(space)
                self.seen.add((space, len(there)))
                if len(there) > most and len([pid for pid in there if is_alive(pid)]) > most:
                    self.twice.append((space, there))
            time.sleep(0.005)

    def end(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures
        assert not self.twice, self.twice
        assert not self.refused, self.refused
        assert {("store", 1), ("api", 1)} <= self.seen


LOCK = threading.Lock()  # a cluster remembers what it has seen


def processes(c, space):
    with LOCK:
        return [pid for zhost in c.zhosts for pid in c.zruns(zhost) if name_of(pid) == f"zrun:{space}"]


@pytest.fixture
def loaded(start_cluster, example_package):
    """my-app in its first version; edge-node-3 holds none of it: there are the clients' zedge and no kills."""
    c = start_cluster(timeout="6s")
    c.zshell("cluster", "cordon", "edge-node-3")
    c.processes = lambda space: processes(c, space)
    c.packages = Packages(c, example_package)
    c.submit(c.packages.build(0, c.packages.lingering)[1])
    c.load = Load(c, c.zedge("edge-node-3"))
    until(lambda: len(c.load.added) > 4, "entries are added")
    yield c
    c.load.is_over = True


def change(c, number):
    # Where both copies are to be met, the new one has to stay healthy for so long before it takes over.
    c.wanted, package = c.packages.build(number, c.packages.lingering, "5s" if number == HELD - 4 else "100ms")
    mark = c.events()[-1]["seq"]
    c.zshell("topo", "submit", package)
    return mark


def both_copies(c):
    there = c.processes("api")
    assert len(there) == 2, there
    return there


def expect_all_live(pids):
    """Both copies of the slot were there when the victim died."""
    assert all(is_alive(pid) for pid in pids), {pid: is_alive(pid) for pid in pids}


def expect_end(c):
    def is_complete():
        view = c.topology("my-app")
        return view["version"] == c.wanted and "rollout" not in view and view["state"] == "running"

    until(is_complete, f"{c.wanted} has completed", 60)
    until(lambda: all(len(c.processes(space)) == 1 for space in ("store", "api")), "one process for each slot", 30)
    before = len(c.load.added)
    until(lambda: len(c.load.added) > before + 2 or c.load.failures, "questions are answered")
    assert not c.load.failures, c.load.failures


def kill_zrms(c, _, pids):
    c.zrms.kill()
    expect_all_live(pids)
    c.start_zrms()


def kill_zhost(c, space, pids):
    name = c.zhost_of("my-app", space)
    with LOCK:
        c.zhosts[name].kill()
    expect_all_live(pids)
    c.zhosts[name].start()
    c.wait_zhost(name, "deployed-started")


@pytest.mark.parametrize("victims", [(kill_zrms, kill_zhost), (kill_zhost, kill_zrms)], ids=["zrms-first", "zhost-first"])
def test_a_rolling_change_goes_on_through_kills_at_ten_places(loaded, victims):
    """Two kills in each change: at one of the first five places, and at one of the others."""
    c = loaded
    places = list(PLACES.items())
    for number in range(5):
        begun = time.monotonic()
        mark = change(c, number + 1)
        for (name, (is_there, space)), victim in zip((places[number], places[number + 5]), victims):
            until(lambda there=is_there: there(c, mark), name, 60)
            pids = both_copies(c) if is_there in (BOTH_RUN, has_switched) else []
            victim(c, space, pids)
        expect_end(c)
        print(f"change {number + 1}: {time.monotonic() - begun:.1f} s, {len(c.load.added)} entries, {c.load.loaded} files")
    c.load.end()
    reader = Page(c.zedge("edge-node-3"))
    assert len(set(reader.entries())) == len(reader.entries()) > 0


BAD = """
#include <samoza.h>
SAMOZA_ON_INIT(void) { return 3; }
SAMOZA_ON_PROCESS(void) { return 0; }
"""


def test_a_bad_version_comes_back_and_a_drain_moves_the_rest_without_a_failed_request(loaded):
    c = loaded
    _, bad = c.packages.build(1, BAD)
    failed = c.zshell("topo", "submit", bad, "--wait=60s", check=False)
    assert failed.returncode == 1 and "The rollout to 1.1.0 failed: api: " in failed.stderr, failed
    c.wanted = "1.0.0"
    expect_end(c)
    drained = c.zhost_of("my-app", "api")
    c.zshell("cluster", "drain", drained, "--wait=60s")
    assert drained not in {c.zhost_of("my-app", space) for space in SPACES}
    expect_end(c)
    c.load.end()
