"""etcd servers with certificates of a cluster's own authority, and a cluster whose zrms keeps its state there."""
import json
import os
import shutil
import signal
import subprocess
import urllib.request

from conftest import BIN, Daemon, free_port, note_of, run, text_of, until
from secure import ADDRESS, SecureCluster


class Etcd:
    """`count` servers on free ports; `identity`: certificate and key of all of them, and whom they believe."""

    LIMITS = ("--max-txn-ops=4096", "--max-request-bytes=8388608")

    def __init__(self, directory, identity, authorities, count=1, limits=LIMITS):
        assert shutil.which("etcd"), "there is no etcd on this machine: tools/setup test installs it"
        self.directory = directory
        self.identity, self.authorities = identity, authorities
        self.limits = limits
        self.ports = [(free_port(), free_port()) for _ in range(count)]
        self.processes = [None] * count
        for i in range(count):
            self.start(i)
        until(self.is_healthy, "etcd answers")

    @property
    def url(self):
        return "etcd:" + ",".join(f"https://127.0.0.1:{client}" for client, _ in self.ports)

    def start(self, i):
        client, peer = (f"https://127.0.0.1:{port}" for port in self.ports[i])
        peers = ",".join(f"m{k}=https://127.0.0.1:{port}" for k, (_, port) in enumerate(self.ports))
        with open(self.directory / f"etcd-{i}.log", "a", encoding="utf-8") as log:
            self.processes[i] = subprocess.Popen([
                "etcd", "--name", f"m{i}", "--data-dir", self.directory / f"etcd-{i}",
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", peers,
                "--cert-file", self.identity, "--key-file", self.identity, "--trusted-ca-file", self.authorities,
                "--client-cert-auth", "--peer-cert-file", self.identity, "--peer-key-file", self.identity,
                "--peer-trusted-ca-file", self.authorities, "--peer-client-cert-auth", *self.limits,
                "--heartbeat-interval=100", "--election-timeout=1000",
                # A lease lasts 2 s, and so long may a busy disk take. What is killed here is no machine: nothing is lost.
                "--unsafe-no-fsync"], stdout=log, stderr=log)

    def ctl(self, *words, check=True):
        environment = dict(os.environ, ETCDCTL_API="3")
        return run("etcdctl", "--endpoints", self.url.removeprefix("etcd:"), "--cacert", self.authorities,
                   "--cert", self.identity, "--key", self.identity, *words, check=check, env=environment)

    def save(self, file):
        environment = dict(os.environ, ETCDCTL_API="3")
        run("etcdctl", "--endpoints", f"https://127.0.0.1:{self.ports[0][0]}", "--cacert", self.authorities,
            "--cert", self.identity, "--key", self.identity, "snapshot", "save", file, env=environment)

    def restore(self, file, token="etcd-cluster"):
        """All of them are killed, and begin again from the snapshot."""
        for i, process in enumerate(self.processes):
            if process.poll() is None:
                self.kill(i)
        peers = ",".join(f"m{k}=https://127.0.0.1:{port}" for k, (_, port) in enumerate(self.ports))
        for i, (_, port) in enumerate(self.ports):
            shutil.rmtree(self.directory / f"etcd-{i}")
            run("etcdctl", "snapshot", "restore", file, "--name", f"m{i}", "--data-dir", self.directory / f"etcd-{i}",
                "--initial-cluster", peers, "--initial-advertise-peer-urls", f"https://127.0.0.1:{port}",
                "--initial-cluster-token", token, env=dict(os.environ, ETCDCTL_API="3"))
        for i in range(len(self.processes)):
            self.start(i)
        until(self.is_healthy, "etcd answers")

    def is_healthy(self):
        return self.ctl("put", "test/there", "1", check=False).returncode == 0

    def kill(self, i):
        self.processes[i].send_signal(signal.SIGKILL)
        self.processes[i].wait()

    def stop(self):
        for i, process in enumerate(self.processes):
            if process.poll() is None:
                self.kill(i)


class EtcdCluster(SecureCluster):
    servers = 1
    advertise = f"{ADDRESS},127.0.0.1"
    limits = Etcd.LIMITS

    def __init__(self, directory, **options):
        super().__init__(directory, zrms_options=("--store", "etcd:made-later"), **options)

    def init(self, directory):
        run(BIN / "zrms", "init", "--dir", directory / "zrms", "--listen", f"{ADDRESS}:7331", "--name", "lab",
            "--advertise", self.advertise)
        credentials = directory / "zrms" / "credentials"
        self.ca = credentials / "authorities.pem"
        identity = directory / "etcd.pem"  # zrms renews its own
        shutil.copy(credentials / "identity.pem", identity)
        self.etcd = Etcd(directory, identity, self.ca, self.servers, self.limits)

    def start_zrms(self):
        self.zrms.command = [self.etcd.url if word == "etcd:made-later" else word for word in self.zrms.command]
        super().start_zrms()

    def get(self, path):
        """While its store is slow, it may say "not now"."""
        status, body = until(lambda: (answer := self.request("GET", path))[0] != 503 and answer, f"GET {path} is answered")
        assert status == 200, f"GET {path}: {status} {body}"
        return body

    def second_zrms(self, name="zrms-2", port=None):
        """Of the same cluster, on the same store, with a directory of its own; not started."""
        directory = self.directory / name
        for part in ("credentials", "trust"):
            # The first administrator is taken, and its file removed, while the first zrms starts.
            shutil.copytree(self.directory / "zrms" / part, directory / part,
                            ignore=shutil.ignore_patterns("first-admin"))
        shutil.copy(self.directory / "zrms" / "cluster.json", directory)
        command = [BIN / "zrms", "--dir", directory, "--listen", f"{ADDRESS}:{port or free_port()}",
                   *self.zrms.command[5:]]
        return Daemon(self, name, [self.etcd.url if word == "etcd:made-later" else word for word in command],
                      self.directory / f"{name}.log")

    def stop(self):
        super().stop()
        self.etcd.stop()


class ThreeZrms(EtcdCluster):
    """Three zrms on one etcd. What is asked of the cluster is asked of the one that leads, on loopback."""

    def __init__(self, directory, **options):
        self.others, self.other_ports = [], [free_port(), free_port()]
        super().__init__(directory, **options)

    def start_zrms(self):
        super().start_zrms()
        if not self.others:
            for i, port in enumerate(self.other_ports):
                self.others.append(self.second_zrms(f"zrms-{i + 2}", port).start())
            until(lambda: list(self.roles().values()).count("standby") == 2, "two stand by")
            until(self.knows_all, "the one that leads has heard of them")

    def knows_all(self):
        status, body = self.request("GET", "/v1/cluster")
        return status == 200 and len(body.get("members", [])) == 3

    def url_for_zhosts(self):
        return "https://" + ",".join(f"{ADDRESS}:{port}" for port in (self.port, *self.other_ports))

    def all_zrms(self):
        """Port on loopback and on ADDRESS, and the process."""
        return {port: daemon for port, daemon in zip((self.first_port, *self.other_ports), (self.zrms, *self.others))}

    @property
    def first_port(self):
        return int(str(self.zrms.command[4]).rsplit(":", 1)[1])

    def role(self, port):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
                return json.loads(answer.read())["status"]
        except OSError:
            return None

    def roles(self):
        return {port: self.role(port) for port in self.all_zrms()}

    def leader(self, other_than=None):
        """The port of the one that leads; from now on it is the one that is asked."""
        def found():
            return next((port for port, role in self.roles().items() if role == "ok" and port != other_than), None)
        self.port = until(found, "one leads")
        self.url = f"http://127.0.0.1:{self.port}"
        note_of(self.url).write_text(f"{self.directory}/zrms/credentials/local-admin\n")
        return self.port

    def is_up_to_date(self):
        """All have announced themselves, and no standby lacks anything."""
        status, body = self.request("GET", "/v1/cluster")
        members = body.get("members", []) if status == 200 else []
        standbys = [m for m in members if not m["leads"]]
        return len(standbys) == len(self.other_ports) and all(
            "read_ahead" in m and int(m["lag_ms"]) == 0 for m in standbys)

    def read_ahead(self):
        """Records that had been read ahead when the one that leads won."""
        return next(int(line.split()[1]) for line in text_of(f"{self.url}/metrics").splitlines()
                    if line.startswith("zrms_store_read_ahead "))

    def standby(self):
        return next(port for port, role in self.roles().items() if role == "standby")

    def stop(self):
        for daemon in self.others:
            daemon.kill(signal.SIGKILL)
        super().stop()
