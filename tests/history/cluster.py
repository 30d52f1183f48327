"""Three zrms with an etcd each, and two zhosts, on machines of their own (tests/rig); `people` is where those are who ask.

    m1, m2, m3    etcd (mutual TLS, certificates of the cluster's authority) and zrms
    h1, h2        zhost with zedge
    people        clients; nothing goes wrong there

What ends by itself is started again after a moment, as systemd does, unless a fault holds it down.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "rig")]
from conftest import BIN, run, until  # noqa: E402
from rig import Rig  # noqa: E402

CONTROL = ["m1", "m2", "m3"]
ZHOSTS = ["h1", "h2"]
PORT, CLIENT, PEER, ZEDGE = 7331, 2379, 2380, 8088
LEASE_S = 2
DISK = "256m"  # of each machine with an etcd, which takes twice 64 MiB for its log at once
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def enter(machine):
    """Sockets that this thread makes from now on are of that machine."""
    with open(f"/proc/{machine.holder.pid}/ns/net", encoding="ascii") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class Service:
    """A daemon of a machine, kept alive."""

    def __init__(self, cluster, machine, name, words):
        self.cluster, self.machine, self.name, self.words = cluster, machine, name, [str(w) for w in words]
        self.log = cluster.directory / f"{machine}-{name}.log"
        self.process = None
        self.holds = 0  # faults that keep it down
        self.starts = 0

    def start(self):
        self.starts += 1
        with self.log.open("ab") as log:
            self.process = self.cluster.rig[self.machine].popen(
                self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.is_running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


class HistoryCluster:
    def __init__(self, switch, directory, timeout="10s", binaries=None, zrms_binary=None):
        """`zrms_binary`: another program than that of the build, with a fault that is to be found."""
        self.directory = pathlib.Path(directory)
        self.bin = pathlib.Path(binaries or BIN)
        self.zrms_binary = zrms_binary or self.bin / "zrms"
        self.timeout = timeout
        self.avoided = None  # a machine whose zrms operators do not ask (faults.py)
        self.shown_others = 0  # answers to clients.Hasty that show a change of another one
        self.services, self.mounts, self.ends = {}, [], threading.Event()
        self.rig = Rig(switch, *CONTROL, *ZHOSTS, "people")
        try:
            self.make()
        except BaseException:
            self.stop()
            raise

    # ---- making ----

    def make(self):
        self.key = self.directory / "key"
        run(self.bin / "mex", "keygen", "-o", self.key)
        for name in CONTROL:
            self.make_disk(name)
        self.init()
        for name in CONTROL:
            self.add(name, "etcd", self.etcd_words(name)).start()
        until(lambda: self.etcdctl("put", "test/there", "1").returncode == 0, "etcd answers", 60)
        self.add("m1", "zrms", self.zrms_words("m1")).start()
        self.context = ssl.create_default_context(cafile=str(self.zrms_directory("m1") / "credentials/authorities.pem"))
        self.wait_leader()
        for name in CONTROL[1:]:
            self.copy_identity(name)
            self.add(name, "zrms", self.zrms_words(name)).start()
        until(lambda: list(self.roles().values()).count("standby") == 2, "two stand by", 60)
        for name in ZHOSTS:
            self.join(name)
        self.guard = threading.Thread(target=self.keep_alive, daemon=True)
        self.guard.start()
        for name in ZHOSTS:
            until(lambda name=name: self.ask("GET", f"/v1/zhosts/{name}")[1].get("state") == "deployed-started",
                  f"zhost {name} is there", 60)

    def make_disk(self, name):
        """Of its own, so that it can be full; in memory, so that it is fast but for what a fault makes of it."""
        path = self.directory / name
        path.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", path)
        self.mounts.append(path)

    def zrms_directory(self, name):
        return self.directory / name / "zrms"

    def init(self):
        first = self.zrms_directory("m1")
        addresses = ",".join([*(self.rig[name].address for name in CONTROL), "127.0.0.1"])
        done = run(self.bin / "zrms", "init", "--dir", first, "--listen", f"{self.rig['m1'].address}:{PORT}",
                   "--advertise", addresses, "--name", "lab")
        self.token = next(line for line in done.stdout.splitlines() if line.startswith("smzu_"))
        (first / "trust").mkdir(exist_ok=True)
        shutil.copy(f"{self.key}.pub", first / "trust" / "test.pub")
        self.identity = self.directory / "etcd.pem"  # zrms renews its own
        shutil.copy(first / "credentials" / "identity.pem", self.identity)
        self.authorities = self.directory / "authorities.pem"
        shutil.copy(first / "credentials" / "authorities.pem", self.authorities)

    def copy_identity(self, name):
        first, own = self.zrms_directory("m1"), self.zrms_directory(name)
        for part in ("credentials", "trust"):
            shutil.copytree(first / part, own / part, ignore=shutil.ignore_patterns("first-admin"))
        cluster = json.loads((first / "cluster.json").read_text())
        address = self.rig[name].address
        cluster["listen"] = f"{address}:{PORT}"
        cluster["advertise"] = sorted(cluster["advertise"], key=lambda said: said != address)
        (own / "cluster.json").write_text(json.dumps(cluster))

    def etcd_words(self, name):
        address = self.rig[name].address
        peers = ",".join(f"{each}=https://{self.rig[each].address}:{PEER}" for each in CONTROL)
        return ["etcd", "--name", name, "--data-dir", self.directory / name / "etcd",
                "--listen-client-urls", f"https://{address}:{CLIENT}",
                "--advertise-client-urls", f"https://{address}:{CLIENT}",
                "--listen-peer-urls", f"https://{address}:{PEER}",
                "--initial-advertise-peer-urls", f"https://{address}:{PEER}", "--initial-cluster", peers,
                "--cert-file", self.identity, "--key-file", self.identity, "--trusted-ca-file", self.authorities,
                "--client-cert-auth", "--peer-cert-file", self.identity, "--peer-key-file", self.identity,
                "--peer-trusted-ca-file", self.authorities, "--peer-client-cert-auth",
                "--max-txn-ops=4096", "--max-request-bytes=8388608", "--max-wals=2", "--max-snapshots=2",
                "--heartbeat-interval=100", "--election-timeout=1000"]

    def zrms_words(self, name):
        servers = ",".join(f"https://{self.rig[each].address}:{CLIENT}"
                           for each in sorted(CONTROL, key=lambda each: each != name))
        return [self.zrms_binary, "--dir", self.zrms_directory(name), "--store", f"etcd:{servers}", "--name", name,
                "--lease", f"{LEASE_S}s", "--heartbeat", "500ms", "--failure-timeout", self.timeout, "--margin", "1s"]

    def join(self, name):
        config = self.directory / f"{name}.yaml"
        config.write_text(json.dumps({"zhosts": [{"name": name, "cpu": 16, "memory": "16GiB"}]}))
        words = [self.bin / "zhost", "--dir", self.directory / name, "--name", name, "--zedge", f"127.0.0.1:{ZEDGE}",
                 "--config", config]
        body = self.ask_until_done("/v1/tokens", {"name": name})
        self.add(name, "zhost", [*words, "--join", body["token"]]).start()
        until(lambda: (self.directory / name / "credentials" / "identity.pem").exists(), f"{name} has joined", 60)
        self.services[name, "zhost"].words = [str(w) for w in words]

    def add(self, machine, name, words):
        service = self.services[machine, name] = Service(self, machine, name, words)
        return service

    # ---- life ----

    def keep_alive(self):
        while not self.ends.wait(0.3):
            for service in self.services.values():
                if not service.is_running() and service.holds == 0 and not self.ends.is_set():
                    service.start()

    def stop(self):
        self.ends.set()
        if hasattr(self, "guard"):
            self.guard.join()
        for machine in self.rig.machines.values():
            machine.signal(signal.SIGCONT)
            machine.kill()
        for service in self.services.values():
            if service.process is not None:
                service.process.wait()
        self.rig.end()
        for path in self.mounts:
            subprocess.run(["umount", "-l", path], check=False)

    def etcdctl(self, *words):
        endpoints = ",".join(f"https://{self.rig[name].address}:{CLIENT}" for name in CONTROL)
        return self.rig["people"].run("etcdctl", "--endpoints", endpoints, "--cacert", self.authorities, "--cert",
                                      self.identity, "--key", self.identity, *words, check=False,
                                      env=dict(os.environ, ETCDCTL_API="3"))

    # ---- asking, for what is made and looked at: clients.py has its own way ----

    def ask(self, method, path, body=None):
        """Of the one that leads; status 0: nobody answered."""
        from clients import Rest  # which needs this file
        answer = {}

        def go():
            enter(self.rig["people"])
            rest = Rest(self, CONTROL)
            try:
                answer["it"] = rest.request(method, path, body, patience=20)
            except Exception as error:  # pylint: disable=broad-except
                answer["it"] = (0, {"error": repr(error)})
            rest.close()
        thread = threading.Thread(target=go)
        thread.start()
        thread.join()
        return answer["it"]

    def ask_until_done(self, path, body):
        """Of a change that may be asked for twice: its leader may go before it has answered."""
        def done():
            status, said = self.ask("POST", path, body)
            assert status in (0, 200, 201, 503), said
            return [said] if status in (200, 201) else None
        return until(done, f"POST {path} is done", 60)[0]

    def roles(self):
        """What the health of each says; None: it does not answer."""
        from clients import role_of
        found = {}

        def go():
            enter(self.rig["people"])
            for name in CONTROL:
                found[name] = role_of(self, name)
        thread = threading.Thread(target=go)
        thread.start()
        thread.join()
        return found

    def leader(self):
        return next((name for name, role in self.roles().items() if role == "ok"), None)

    def wait_leader(self, other_than=None, deadline=60):
        def found():
            leader = self.leader()
            return leader if leader != other_than else None
        return until(found, f"one leads{f' that is not {other_than}' if other_than else ''}", deadline)

    def submit(self, package, query=""):
        return self.ask_until_done(f"/v1/topologies{query}", pathlib.Path(package).read_bytes())

    def build(self, source, name):
        target = self.directory / f"{name}.mex"
        run(self.bin / "mex", "build", source, "-o", target, "--key", self.key)
        return target

    def wait_running(self, name, deadline=60):
        until(lambda: self.ask("GET", f"/v1/topologies/{name}")[1].get("state") == "running", f"{name} runs", deadline)

    def is_up(self):
        """Everything has come back."""
        leader = self.leader()
        return (leader is not None and all(role in ("ok", "standby") for role in self.roles().values()) and
                all(self.ask("GET", f"/v1/zhosts/{name}")[1].get("state") == "deployed-started" for name in ZHOSTS))


def now():
    return time.monotonic()
