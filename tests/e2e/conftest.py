"""A real cluster for each test: zrms and zhosts on free loopback ports, everything in a private
directory, ended with the test. Tests wait for events with a deadline, never for time."""
import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
import control_groups
from control_groups import groups_swept

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "rig"))
from rig import why_not  # noqa: E402

BIN = pathlib.Path(os.environ.get("SAMOZA_BIN", ROOT / "build" / "bin"))
DEADLINE = 20.0  # for anything that should happen at once, on a loaded machine
ACCEPTED = "accepted zrms="  # what a zhost says when zrms has taken its HELLO
PATIENCE = float(os.environ.get("SAMOZA_E2E_PATIENCE", "1"))  # by that much longer on an emulated one


# Tests run in several processes at once (pytest-xdist): each has ports of its own.
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
FIRST, LAST = 5000, 10000
SHARE = (LAST - FIRST) // WORKERS
PORTS = itertools.cycle(FIRST + SHARE * WORKER + (os.getpid() * 64 + k) % SHARE for k in range(SHARE))
FIXED = (7331, 8088)  # where zrms and zedge listen by default


def free_port():
    """Below the ports that startz and zhosts draw (from 10000 and 20000 on) and those that the kernel gives to outgoing
    connections: nobody takes it before it is used, nor while who has it is started again."""
    for port in itertools.islice(PORTS, SHARE):
        if port in FIXED:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port between {FIRST} and {LAST}")


def run(*command, check=True, timeout=120, **options):
    done = subprocess.run([str(c) for c in command], text=True, capture_output=True,
                          timeout=timeout, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done


def until(predicate, what, deadline=DEADLINE):
    """Asks again until the predicate holds; each question is itself a round trip to a daemon, which costs all who wait
    beside it: what has taken long is asked less often, and seen a fiftieth of its time later at most. The last time is
    after the deadline: a test that stood still itself blames nobody."""
    begun = time.monotonic()
    while True:
        now = time.monotonic()
        seen = predicate()
        if seen:
            return seen
        if now >= begun + deadline * PATIENCE:
            raise AssertionError(f"not within {deadline} s: {what} (last seen: {seen!r})")
        time.sleep(min(max(0.02, (now - begun) / 50), 0.2))


def pids_of(directory):
    """Processes whose environment or command line names the directory, with their names."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if str(directory).encode() in words:
                found.append((int(entry.name), name_of(int(entry.name))))
    return found


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def zruns_below(zhost_pid):
    try:
        children = pathlib.Path(f"/proc/{zhost_pid}/task/{zhost_pid}/children").read_text()
    except OSError:
        return []
    return [pid for pid in map(int, children.split()) if name_of(pid).startswith("zrun")]


def stat_of(pid):
    """Fields of /proc/PID/stat from the state on; None: there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def is_alive(pid):
    stat = stat_of(pid)
    return stat is not None and stat[0] not in ("Z", "X")


def start_of(pid):
    """When it began, in ticks since boot: with it, the number of a process is unique."""
    stat = stat_of(pid)
    return int(stat[19]) if stat is not None else None


def note_of(url):
    """Where programs of this user look for the token of the zrms at that URL."""
    return pathlib.Path(os.environ["XDG_STATE_HOME"]) / "samoza" / "clusters" / urllib.parse.urlsplit(url).netloc


def token_of(url):
    """None: no token is known for it."""
    try:
        return pathlib.Path(note_of(url).read_text().strip()).read_text().strip()
    except OSError:
        return None


def text_of(url, timeout=20):
    """What is there, as the administrator of this machine sees it."""
    token = token_of(url)
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout) as answer:
        return answer.read().decode()


class Daemon:
    def __init__(self, cluster, name, command, log):
        self.cluster, self.name, self.command, self.log = cluster, name, command, log
        self.process = None
        self.zruns = {}  # processes of its spaces, also those that have ended: pid -> start_of(pid)

    def start(self):
        self.process = subprocess.Popen(
            [str(c) for c in self.command], stdin=subprocess.DEVNULL, stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT, start_new_session=True)
        return self

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self, number=signal.SIGKILL):
        if self.name in self.cluster.zhosts:
            self.cluster.zruns(self.name)  # remembered: they may outlive it
        if self.is_running():
            self.process.send_signal(number)
        if self.process is not None:
            self.process.wait(timeout=DEADLINE)


class Cluster:
    """`zhosts`: names, or dicts with the fields of a zhost's configuration."""

    listens_on = "127.0.0.1"

    def __init__(self, directory, zhosts=("edge-node-1", "edge-node-2", "edge-node-3"),
                 heartbeat="200ms", timeout="2s", zrms_options=(), prepare=None):
        self.directory = pathlib.Path(directory)
        if prepare is not None:  # before anything is written
            prepare(self.directory)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = self.directory / "key"
        run(BIN / "mex", "keygen", "-o", self.key)
        trust = self.directory / "zrms" / "trust"
        trust.mkdir(parents=True, exist_ok=True)
        shutil.copy(f"{self.key}.pub", trust / "test.pub")
        self.zrms = Daemon(self, "zrms", [
            BIN / "zrms", "--dir", self.directory / "zrms", "--listen", f"{self.listens_on}:{self.port}",
            "--heartbeat", heartbeat, "--failure-timeout", timeout, *zrms_options],
            self.directory / "zrms.log")
        self.zhosts = {}
        note_of(self.url).parent.mkdir(parents=True, exist_ok=True)
        note_of(self.url).write_text(f"{self.directory}/zrms/credentials/local-admin\n")
        self.start_zrms()
        for spec in zhosts:
            self.add_zhost(spec)
        for name in self.zhosts:
            self.wait_zhost(name, "deployed-started")

    # ---- daemons ----

    def start_zrms(self):
        self.zrms.start()
        until(self.is_healthy, "zrms answers")

    def is_healthy(self):
        if not self.zrms.is_running():
            raise AssertionError("zrms ended: " + self.zrms.log.read_text()[-2000:])
        try:
            status, body = self.request("GET", "/healthz")
        except OSError:
            return False
        return status == 200 and body["status"] == "ok"

    def add_zhost(self, spec, zedge=None):
        """`zedge`: the words that say where its zedge listens, and how."""
        spec = dict({"cpu": 4, "memory": "4GiB"}, **({"name": spec} if isinstance(spec, str) else spec))
        name = spec["name"]
        config = self.directory / f"{name}.yaml"
        config.write_text(json.dumps({"zhosts": [spec]}))
        daemon = Daemon(self, name, [
            BIN / "zhost", "--dir", self.directory / name, "--name", name, "--zrms", self.url_for_zhosts(),
            *(zedge or ["--zedge", f"127.0.0.1:{free_port()}"]), "--config", config], self.directory / f"{name}.log")
        self.give_token(name)
        self.zhosts[name] = daemon.start()
        return daemon

    def url_for_zhosts(self):
        return self.url

    def give_token(self, name, directory=None):
        """A token of its own, as startz gives it; to the owner of its directory."""
        status, body = self.request("POST", f"/v1/zhosts/{name}/token")
        assert status == 200, body
        directory = pathlib.Path(directory or self.directory / name)
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / "credentials" / "zhost"
        file.parent.mkdir(exist_ok=True, mode=0o700)
        file.touch(0o600)
        file.write_text(body["token"] + "\n")
        for made in (file.parent, file):
            os.chown(made, directory.stat().st_uid, directory.stat().st_gid)

    def kill_machine(self, name):
        """The machine dies: its zhost, and every zrun of it."""
        self.zhosts[name].kill()
        self.kill_zruns(name)

    def zruns(self, name):
        """Processes of spaces on that zhost: its children, and those that outlived it."""
        daemon = self.zhosts[name]
        if daemon.is_running():
            daemon.zruns.update({pid: start_of(pid) for pid in zruns_below(daemon.pid)})
        # By name, too: the program that forks them is called "zrun" until it has named itself.
        return sorted(pid for pid, start in daemon.zruns.items() if is_alive(pid)
                      and start_of(pid) == start and name_of(pid).startswith("zrun"))

    def kill_zruns(self, name):
        for pid in self.zruns(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self):
        for daemon in [*self.zhosts.values(), self.zrms]:
            daemon.kill()
        for name in self.zhosts:
            self.kill_zruns(name)
        for pid, _ in pids_of(self.directory):
            if pid != os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    # ---- REST ----

    def request(self, method, path, body=None, headers=None, timeout=DEADLINE):
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        headers = dict({"Authorization": f"Bearer {token_of(self.url)}"}, **(headers or {}))
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def get(self, path):
        status, body = self.request("GET", path)
        assert status == 200, f"GET {path}: {status} {body}"
        return body

    def topology(self, name):
        status, body = self.request("GET", f"/v1/topologies/{name}")
        return body if status == 200 else None

    def state(self, name):
        topology = self.topology(name)
        return topology and topology["state"]

    def wait_state(self, name, state, deadline=DEADLINE):
        return until(lambda: self.state(name) == state and self.topology(name),
                     f"{name} is {state}", deadline)

    def wait_zhost(self, name, state, deadline=DEADLINE):
        def holds():
            status, body = self.request("GET", f"/v1/zhosts/{name}")
            return status == 200 and body["state"] == state and body
        return until(holds, f"zhost {name} is {state}", deadline)

    def space(self, topology, path):
        return self.get(f"/v1/topologies/{topology}/spaces/{path}")

    def zhost_of(self, topology, path):
        return self.space(topology, path).get("zhost")

    def events(self, topology=None, after=0):
        query = f"?after={after}&stream=0" + (f"&topology={topology}" if topology else "")
        return self.get("/v1/events" + query)["events"]

    def log_of(self, topology, path, lines=200):
        """As soon as its zhost answers: it may just be making its link again."""
        asked = f"/v1/topologies/{topology}/logs?path={urllib.parse.quote(path, safe='')}&lines={lines}"

        def can_be_read():
            status, body = self.request("GET", asked)
            return [body["lines"]] if status == 200 else None
        return until(can_be_read, f"the log of {path} can be read")[0]

    def restart_zhost(self, name, number=signal.SIGKILL):
        """Until zrms has accepted it again: that it was away, zrms may not have noticed."""
        daemon = self.zhosts[name]
        daemon.kill(number)
        before = daemon.log.read_text().count(ACCEPTED)
        daemon.start()
        until(lambda: daemon.log.read_text().count(ACCEPTED) > before, f"{name} is accepted again")
        self.wait_zhost(name, "deployed-started")

    def restart_zrms(self):
        """Killed and started, until it has accepted all zhosts that run: what it shows before is what it has kept."""
        self.zrms.kill()
        running = [daemon for daemon in self.zhosts.values() if daemon.is_running()]
        before = [daemon.log.read_text().count(ACCEPTED) for daemon in running]
        self.start_zrms()
        for daemon, count in zip(running, before):
            until(lambda d=daemon, n=count: d.log.read_text().count(ACCEPTED) > n, f"{daemon.name} is accepted again")
            self.wait_zhost(daemon.name, "deployed-started")

    def zedge(self, name):
        return "http://" + self.get(f"/v1/zhosts/{name}")["zedge"]

    # ---- tools ----

    def zshell(self, *words, check=True, timeout=120):
        environment = dict(os.environ, ZRMS_URL=self.url, NO_COLOR="1")
        return run(BIN / "zshell", *words, check=check, timeout=timeout, env=environment)

    def build(self, source, name=None):
        target = self.directory / f"{name or pathlib.Path(source).name}.mex"
        run(BIN / "mex", "build", source, "-o", target, "--key", self.key)
        return target

    def package_of_version(self, version, package):
        """examples/my-app as another version, signed, beside that package."""
        source = package.parent / f"my-app-{version}"
        shutil.copytree(EXAMPLE, source)
        manifest = source / "manifest.yaml"
        manifest.write_text(re.sub(r"version: .*", f"version: {version}", manifest.read_text(), 1))
        target = package.parent / f"my-app-{version}.mex"
        run(BIN / "mex", "build", source, "-o", target)
        run(BIN / "mex", "sign", target, "--key", self.key)
        return target

    def submit(self, package, wait="60s"):
        return self.zshell("topo", "submit", package, f"--wait={wait}")

    def app(self, name, spaces, sources=None, paths=(), manifest=None):
        """A package of one's own: `spaces` as in topology.yaml, `sources` C text by space."""
        directory = self.directory / "src" / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        (directory / "topology.yaml").write_text(json.dumps({
            "apiVersion": "samoza/v1", "kind": "Topology", "metadata": {"name": name},
            "spaces": spaces, "paths": list(paths)}))
        (directory / "manifest.yaml").write_text(json.dumps(dict({
            "apiVersion": "samoza/v1", "kind": "MEX",
            "metadata": {"name": name, "version": "1.0.0", "publisher": "example.com",
                         "created": "2026-04-29T10:30:00Z"},
            "spec": {"topology": "topology.yaml", "spaces": [s["name"] for s in spaces]}},
            **(manifest or {}))))
        for space in spaces:
            if space["type"] == "UI":
                (directory / "spaces" / space["name"]).mkdir(parents=True)
                (directory / "spaces" / space["name"] / "index.html").write_text("<h1>hello</h1>")
                continue
            source = directory / "spaces" / space["name"] / "src"
            source.mkdir(parents=True)
            (source / "main.c").write_text((sources or {}).get(space["name"], IDLE))
        return directory

    def deploy(self, name, spaces, sources=None, paths=(), wait="60s"):
        package = self.build(self.app(name, spaces, sources, paths), name)
        self.submit(package, wait)
        return package


IDLE = """
#include <samoza.h>
SAMOZA_ON_PROCESS(void) { samoza_sleep(1000); return 0; }
"""

EXAMPLE = ROOT / "examples" / "my-app"


@pytest.fixture(scope="session")
def example_package(tmp_path_factory):
    """examples/my-app, unsigned: each cluster signs it with its own key."""
    target = tmp_path_factory.mktemp("example") / "my-app.mex"
    run(BIN / "mex", "build", EXAMPLE, "-o", target)
    return target


@pytest.fixture(scope="session")
def rig_switch():
    """The switch of the rig of machines (tests/rig); the test is skipped where no rig can be made."""
    switch = BIN.parent / "tests" / "rig" / "rig-switch"
    if (missing := why_not(switch)) is not None:
        pytest.skip(missing)
    return switch


GROUPS_BEFORE = control_groups.groups()


def pytest_sessionfinish():
    if not control_groups.is_worker():
        control_groups.sweep(GROUPS_BEFORE)


# They wait for a minute, mostly: begun first, they are not what all else waits for in the end.
LONG = ("test_history", "test_prometheus", "test_rollout_crash")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    """Tests that look at processes and control groups of the whole machine run one after another, from the beginning on."""
    order = {}
    for item in items:
        order[item] = 1 if item.module.__name__ in LONG else 2
        if "sweep_groups" in item.fixturenames or hasattr(item.module, "processes_of"):
            item.add_marker(pytest.mark.xdist_group("the machine"))
            order[item] = 0
    items.sort(key=order.get)


@pytest.hookimpl(tryfirst=True)  # before fixtures end
def pytest_runtest_teardown(item, nextitem):
    item.next_fixtures = nextitem.fixturenames if nextitem is not None else ()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when in ("setup", "call") and outcome.get_result().failed:
        item.has_failed = True
    # A directory is looked at where any of the three failed, also an end of a fixture.
    if call.when == "teardown" and not (outcome.get_result().failed or getattr(item, "has_failed", False)):
        for directory in getattr(item, "directories", ()):
            shutil.rmtree(directory, ignore_errors=True)


def pytest_runtest_logreport(report):
    """At once, since a report at the end may never come (a full disk, a deadline)."""
    if report.failed and not control_groups.is_worker():
        print(f"\nFAILED {report.nodeid} ({report.when})", flush=True)


def mounts_below(directory):
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        return [point for line in mounts if (point := line.split()[4]).startswith(f"{directory}/")]


@pytest.fixture
def tmp_path(tmp_path, request):
    """Removed after a test that passed: those of one run are 15 GB, most of it etcd's logs and what zrms reserves.
    SAMOZA_E2E_KEEP=1 keeps them."""
    yield tmp_path
    assert mounts_below(tmp_path) == [], "the test leaves mounts"  # what is mounted would be removed, too
    if "SAMOZA_E2E_KEEP" not in os.environ:
        request.node.directories = [*getattr(request.node, "directories", ()), tmp_path]


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory):
    """Not the one of who runs the tests."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session", autouse=True)
def compilers(tmp_path_factory):
    """Hundreds of tests compile the same: in one run it is compiled once (compile_once.c)."""
    once = BIN.parent / "tests" / "e2e" / "compile-once"
    if not once.exists():
        return
    base = tmp_path_factory.getbasetemp()
    store = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compiled"
    store.mkdir(exist_ok=True)
    directory = tmp_path_factory.mktemp("compilers")
    for name in ("cc", "clang"):
        if (compiler := shutil.which(name)) is not None:
            script = directory / name
            script.write_text(f'#!/bin/sh\nexec "{once}" "{store}" "{compiler}" "$@"\n')
            script.chmod(0o755)
    os.environ["PATH"] = f"{directory}:{os.environ['PATH']}"


@pytest.fixture
def start_cluster(tmp_path, request):
    clusters = []

    def start(kind=Cluster, **options):
        directory = tmp_path / f"c{len(clusters)}"
        directory.mkdir()
        clusters.append(None)
        cluster = kind.__new__(kind)
        cluster.zhosts, cluster.directory = {}, directory
        clusters[-1] = cluster
        cluster.__init__(directory, **options)
        return cluster

    yield start
    for cluster in clusters:
        if hasattr(cluster, "zrms"):
            cluster.stop()
        if getattr(request.node, "has_failed", False):
            for log in sorted(cluster.directory.glob("*.log")):
                print(f"--- {log.name}\n" + log.read_text()[-3000:])


@pytest.fixture
def cluster(start_cluster):
    return start_cluster()


@pytest.fixture
def sweep_groups():
    with groups_swept():
        yield


@pytest.fixture
def c(sweep_groups, start_cluster):
    """One zhost, for NATIVE spaces."""
    return start_cluster(zhosts=("edge-node-1",))


@pytest.fixture
def guest_book(cluster, example_package):
    """A cluster on which my-app runs, spread over three zhosts."""
    package = cluster.directory / "my-app.mex"
    shutil.copy(example_package, package)
    run(BIN / "mex", "sign", package, "--key", cluster.key)
    cluster.submit(package)
    cluster.package = package
    return cluster
