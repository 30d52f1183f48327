"""The driver ssh (packaging/drivers) and machines that boot systemd: it installs the package there and starts its
service, or writes a unit for programs that it copies. zrms runs beside them, with the programs of the build."""
import contextlib
import os
import re
import shutil
import socket
import subprocess

import pytest

from conftest import BUILD, packages
from machine import ROOT, Machine, base_of, run, until

HERE, THERE = "10.215.7.1", "10.215.7.2"
MADE = "/var/lib/samoza-made"


class Host(Machine):
    """Reached by ssh from here, and nobody else."""

    def __init__(self, base, directory, name):
        super().__init__(base, directory, name)
        self.key, self.device = directory / "key", f"smzd{os.getpid() % 100000}"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        (self.root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
        shutil.copy(directory / "key.pub", self.root / "root/.ssh/authorized_keys")

    def boot(self):
        super().boot()
        for line in (f"link add {self.device} type veth peer name host0 netns {self.leader}",
                     f"address add {HERE}/30 dev {self.device}", f"link set {self.device} up"):
            run("ip", *line.split())
        for line in (f"address add {THERE}/30 dev host0", "link set host0 up", f"route add default via {HERE}"):
            run("nsenter", "-t", self.leader, "-n", "ip", *line.split())
        until(lambda: "SSH-2.0" in greeting(), "its sshd answers")

    def has_package(self):
        return self.sh("dpkg-query -W -f '${db:Status-Status}' samoza-zhost", check=False) == "installed"

    def left(self):
        """What of Samoza is there, but for an empty directory of the driver and what the packages depend on."""
        return self.sh(f"rmdir {MADE}; "
                       "find / -xdev \\( -path /proc -o -path /sys -o -path /var/log/journal -o -path /root \\) -prune -o "
                       "-iname '*samoza*' -print; systemctl list-units --all --no-legend 'samoza*'; "
                       "grep -o samoza-zhost /etc/passwd; pgrep -l 'zhost|zrun'", check=False)


def greeting():
    with contextlib.suppress(OSError), socket.create_connection((THERE, 22), timeout=5) as s:
        return s.recv(7).decode()
    return ""


class Cluster:
    def __init__(self, directory):
        self.directory, self.port = directory, 20000 + os.getpid() % 10000
        done = run(BUILD / "bin/zrms", "init", "--dir", directory / "zrms", "--listen", f"{HERE}:{self.port}")
        fingerprint = re.search(r"fingerprint of its certificate authority: (\S+)", done.stdout).group(1)
        self.environment = {"PATH": os.environ["PATH"], "ZRMS_URL": f"https://{HERE}:{self.port}", "HOME": str(directory),
                            "SAMOZA_TOKEN": re.search(r"^smzu_\S+$", done.stdout, re.M).group(),
                            "SAMOZA_FINGERPRINT": fingerprint}
        self.log = (directory / "zrms.log").open("wb")
        self.zrms = subprocess.Popen(
            [BUILD / "bin/zrms", "--dir", directory / "zrms", "--drivers", f"ssh={ROOT}/packaging/drivers/ssh"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        until(lambda: self.zshell("cluster", check=False).returncode == 0, "zrms answers")

    def zshell(self, *words, check=True):
        return run(BUILD / "bin/zshell", *words, check=check, env=self.environment)

    def create(self, name, host, *settings, check=True):
        return self.zshell("zhost", "create", name, "--driver", "ssh", "--wait=180s", "--set",
                           ",".join([f"host={THERE}", f"key={host.key}", *settings]), check=check)

    def destroy(self, name, *words):
        return self.zshell("zhost", "destroy", name, "--wait=120s", *words)

    def end(self):
        self.zrms.terminate()
        self.zrms.wait(timeout=30)
        self.log.close()


@pytest.fixture(scope="module")
def host(versions, tmp_path_factory):
    made = Host(base_of(BUILD, packages(versions[0])), tmp_path_factory.mktemp("host"), "edge-7")
    try:
        made.boot()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def shelf(versions, tmp_path_factory):
    """Packages of both versions."""
    place = tmp_path_factory.mktemp("shelf")
    for version in versions:
        for package in packages(version):
            shutil.copy(package, place)
    return place


@pytest.fixture
def cluster(host, tmp_path):
    made = Cluster(tmp_path)
    yield made
    made.end()
    if made.zrms.returncode != 0 or os.environ.get("SHOW"):
        print((tmp_path / "zrms.log").read_text()[-3000:])


def test_it_installs_the_package_and_starts_its_service(host, cluster, versions, shelf, examples):
    done = cluster.create("tomcat-1", host, f"packages={shelf}")
    assert "Zhost tomcat-1 is running." in done.stdout
    assert host.sh("systemctl is-active samoza-zhost; systemctl is-enabled samoza-zhost").split() == ["active", "enabled"]
    # The newest that there is.
    assert host.sh("dpkg-query -W -f '${Version}' samoza-zhost") == versions[1]
    assert "name: tomcat-1" in host.sh("cat /etc/samoza/zhost.yaml").splitlines()
    until(lambda: host.sh("cat /etc/default/samoza-zhost", check=False) == "", "the word is used up")
    assert host.sh(f"ps -o user= -p {host.main_pid('samoza-zhost')}").startswith("samoza")
    assert "copied" not in (cluster.directory / "zrms.log").read_text()
    # It runs spaces; a second machine there is refused.
    shutil.copy(examples[1], cluster.directory / "zrms/trust/test.pub")
    cluster.zshell("topo", "submit", examples[0][1], "--wait=60s")
    assert "zrun:clock" in host.sh("cat /proc/[0-9]*/comm")
    failed = cluster.create("tomcat-2", host, f"packages={shelf}", check=False)
    assert failed.returncode == 1 and "is free and can be reached" in failed.stderr
    cluster.destroy("tomcat-2")
    cluster.zshell("topo", "stop", "native", "--wait=60s")
    cluster.destroy("tomcat-1", "--drain")
    assert host.left() == ""


def test_without_a_package_it_writes_a_unit_for_the_programs_that_it_copies(host, cluster):
    cluster.create("tomcat-1", host)
    unit = host.sh(f"cd {MADE} && echo samoza-made-*").replace("*", host.sh(f"ls {MADE}")) + ".service"
    assert host.sh(f"systemctl is-active {unit}; systemctl is-enabled {unit}").split() == ["active", "enabled"]
    pid = host.main_pid(unit)
    assert host.sh(f"readlink /proc/{pid}/exe").startswith(MADE)
    until(lambda: host.sh(f"ls {MADE}/*/join", check=False) == "", "the word is used up")
    # It comes back by itself.
    host.sh(f"kill -9 {pid}")
    until(lambda: host.main_pid(unit) not in (0, pid), "it is started again")
    cluster.destroy("tomcat-1")
    assert host.left() == ""


def test_a_service_that_cannot_join_is_stopped_and_says_why(host, cluster, shelf):
    rule = ["to", HERE, "ipproto", "tcp", "dport", str(cluster.port), "unreachable"]
    for settings in ([], [f"packages={shelf}"]):
        run("nsenter", "-t", host.leader, "-n", "ip", "rule", "add", *rule)
        failed = cluster.create("tomcat-1", host, *settings, check=False)
        run("nsenter", "-t", host.leader, "-n", "ip", "rule", "del", *rule)
        assert failed.returncode == 1 and "this machine has not joined" in failed.stderr, failed.stderr
        assert host.sh("pgrep -x zhost", check=False) == ""
        # Asked again it goes on from there.
        assert "Zhost tomcat-1 is running." in cluster.create("tomcat-1", host, *settings).stdout
        cluster.destroy("tomcat-1")
        assert host.left() == ""


def test_a_package_of_somebody_else_is_left_alone(host, cluster, shelf, versions):
    host.run("dpkg", "-i", host.take(next(p for p in packages(versions[0]) if "zhost_" in p.name)))
    failed = cluster.create("tomcat-1", host, f"packages={shelf}", check=False)
    assert failed.returncode == 1 and "the package samoza-zhost is there already" in failed.stderr
    cluster.destroy("tomcat-1")
    assert host.has_package() and host.sh("systemctl is-active samoza-zhost") == "active"
    host.run("dpkg", "-P", "samoza-zhost")
    assert host.left() == ""
