"""docs/howto/three-zrms.md and backup-with-etcd.md as they are written, and the unit of packaging/etcd, with the addresses of a test."""
import os
import re
import shutil
import signal
import subprocess

import pytest
from conftest import BIN, ROOT, run, until
from etcd import Etcd, EtcdCluster
from native import native_deploy
from secure import ADDRESS, needs_an_address

pytestmark = needs_an_address

SERVE = {"a/recipes/start": "#!/bin/sh\nwhile :; do sleep 1; done >/dev/null 2>&1 &\n"}
UNIT = ROOT / "packaging" / "etcd" / "samoza-etcd.service"
NAMES = ("first", "second", "third")


def lines_of(howto, *words):
    """Its indented lines with one of the words, in order, each without what follows #."""
    text = (ROOT / "docs" / "howto" / howto).read_text()
    lines = [re.sub(r"  +#.*", "", line[4:]) for line in text.splitlines() if line.startswith("    ")]
    found = [line for line in lines if any(word in line for word in words)]
    assert len(found) >= len(words), (words, found)
    return found


class ByUnit(Etcd):
    """Three, each by the unit with etcd.conf of its machine."""

    def here(self, text):
        for i, (client, peer) in enumerate(self.ports):
            text = text.replace(f"10.0.0.{i + 1}:2379", f"127.0.0.1:{client}").replace(f"10.0.0.{i + 1}:2380", f"127.0.0.1:{peer}")
        return text

    def conf(self, i):
        text = (ROOT / "packaging" / "etcd" / "etcd.conf").read_text().replace("ETCD_NAME=first", f"ETCD_NAME={NAMES[i]}")
        lines = [line if line.startswith("ETCD_INITIAL_CLUSTER=") else line.replace("10.0.0.1", f"10.0.0.{i + 1}")
                 for line in text.splitlines() if line.startswith("ETCD_")]
        return dict(self.here(line).split("=", 1) for line in lines)

    def start(self, i):
        words = re.search(r"^ExecStart=(.*)$", UNIT.read_text().replace("\\\n", " "), re.M).group(1)
        words = words.replace("/var/lib/samoza-etcd/data", str(self.directory / f"etcd-{i}"))
        words = words.replace("/var/lib/samoza-zrms", str(self.directory / "zrms")).split()
        words[0] = shutil.which("etcd")
        with open(self.directory / f"etcd-{i}.log", "a", encoding="utf-8") as log:
            self.processes[i] = subprocess.Popen(words, env=dict(os.environ, **self.conf(i)), stdout=log, stderr=log)


class ByHowto(EtcdCluster):
    def init(self, directory):
        line, = lines_of("three-zrms.md", "zrms init")
        line = line.removeprefix("sudo -u samoza-zrms zrms ").replace("/var/lib/samoza-zrms", str(directory / "zrms"))
        line = line.replace("10.0.0.1:7331", f"{ADDRESS}:7331").replace("10.0.0.1,10.0.0.2,10.0.0.3", f"{ADDRESS},127.0.0.1")
        run(BIN / "zrms", *line.split())
        self.ca = directory / "zrms" / "credentials" / "authorities.pem"
        self.etcd = ByUnit(directory, self.ca.parent / "identity.pem", self.ca, 3)

    def settings(self):
        """/etc/samoza/zrms.yaml of `first`."""
        lines = lines_of("three-zrms.md", "dir: ", "name: first", "listen: ", "advertise: ", "store: etcd:")
        text = self.etcd.here("\n".join(lines)).replace("/var/lib/samoza-zrms", str(self.directory / "zrms"))
        file = self.directory / "zrms.yaml"
        file.write_text(text.replace("10.0.0.1:7331", f"{ADDRESS}:{self.port}").replace("10.0.0.1", f"{ADDRESS},127.0.0.1") + "\n")
        return file

    def start_zrms(self):
        words = [str(w) for w in self.zrms.command]
        if "--config" not in words:
            at = words.index("--store")
            self.zrms.command = [words[0], "--config", str(self.settings()), *words[5:at], *words[at + 2:]]
        super().start_zrms()


@pytest.fixture
def c(start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    return start_cluster(kind=ByHowto, zhosts=["edge-node-1"])


def test_the_howtos_do_what_they_say(c):
    """[machines.replicated.store]"""
    assert re.search(r"stands.by.*name=first", c.zrms.log.read_text())
    native_deploy(c, "shop", [{"name": "a"}], SERVE)
    c.wait_state("shop", "running")
    spaces = c.zruns("edge-node-1")
    where = dict(os.environ, DIR=str(c.directory / "zrms"), ETCD=f"https://127.0.0.1:{c.etcd.ports[0][0]}")
    backup = lines_of("backup-with-etcd.md", "export ", "snapshot save", "snapshot status", "tar -C $DIR -cf")
    run("bash", "-ec", "\n".join(backup), env=where, cwd=c.directory)
    native_deploy(c, "late", [{"name": "a"}], SERVE)
    c.wait_state("late", "running")
    # What is restored is all of it, on machines that have nothing.
    c.zrms.kill(signal.SIGTERM)
    shutil.move(c.directory / "zrms", c.directory / "zrms.lost")
    (c.directory / "zrms").mkdir(mode=0o700)
    run("bash", "-ec", "\n".join(lines_of("backup-with-etcd.md", "tar -C $DIR -xf")), env=where, cwd=c.directory)
    peers = c.etcd.conf(0)["ETCD_INITIAL_CLUSTER"]
    restore = lines_of("backup-with-etcd.md", "snapshot restore")
    for i, name in enumerate(NAMES):
        c.etcd.kill(i)
        shutil.rmtree(c.directory / f"etcd-{i}")
        run("bash", "-ec", "\n".join(restore), cwd=c.directory, env=dict(
            where, ETCDCTL_API="3", NAME=name, DATA=str(c.directory / f"etcd-{i}"), PEERS=peers,
            PEER=c.etcd.conf(i)["ETCD_INITIAL_ADVERTISE_PEER_URLS"]))
    for i in range(3):
        c.etcd.start(i)
    until(c.etcd.is_healthy, "etcd answers")
    c.start_zrms()
    c.wait_zhost("edge-node-1", "deployed-started")
    assert "store   restored why=" in c.zrms.log.read_text()
    until(lambda: c.zruns("edge-node-1") == spaces, "what the backup knows runs on")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_understands_the_unit(tmp_path):
    unit = tmp_path / "samoza-etcd.service"
    unit.write_text(UNIT.read_text().replace("User=samoza-zrms\n", ""))
    done = run("systemd-analyze", "verify", unit, check=False)
    assert "samoza-etcd" not in done.stderr + done.stdout and done.returncode == 0, done.stderr
