"""docs/howto/three-machines.md, every block as it is written, on five machines that boot systemd, with apt and the packages, and a
network between them (tests/rig): those of this tree, since the page is, whatever the upgrade begins with. tests/e2e/test_howto_machines.py is the same page where neither is."""
import re
import shutil
import subprocess
import sys

import pytest

from conftest import BUILD, packages
from machine import ROOT, Machine, base_of, run, until

sys.path.insert(0, str(ROOT / "tests" / "rig"))
import three_machines  # noqa: E402
from howto import Shell  # noqa: E402
from rig import Rig, why_not  # noqa: E402

MACHINES = ("first", "second", "third", "fourth", "spare")
SWITCH = BUILD / "tests" / "rig" / "rig-switch"
# What `apt install` would fetch beside the packages, and ssh to the machines: they reach no archive.
MORE = ("sudo", "clang", "libclang-rt-dev-wasm32", "lld", "wasi-libc")


class Booted:
    """As rig.Machine, with a systemd of its own."""

    def __init__(self, name, number, network):
        self.name, self.number, self.address = name, number, f"{network}.{number}"
        self.system = None

    def boot(self, base, directory, hosts):
        self.system = Machine(base, directory, self.name)
        (self.system.root / "etc/hosts").write_text(hosts)
        self.home = self.system.root / "root"
        self.system.boot()
        self.holder = self  # of its namespaces
        self.pid = int(self.system.leader)
        self.shell = Shell(["nsenter", "-t", self.pid, "-m", "-p", "-u", "-i", "-n", "-C", "env", "-i", "HOME=/root", "LC_ALL=C.UTF-8",
                            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"],
                           "/root")

    def run(self, *words, input=None):
        """A program of the machine that runs the test, in its network."""
        subprocess.run(["nsenter", "-t", str(self.pid), "-n", "-u", "--", *words], input=input, text=True, check=True, timeout=60,
                       capture_output=True)

    def running(self):
        found = {}
        lines = self.system.sh("for p in /proc/[0-9]*; do echo $(cat $p/comm) $(cat $p/stat); done 2>/dev/null").splitlines()
        for name, rest in (line.split(" ", 1) for line in lines):
            if name.startswith("zrun:"):
                found[name] = (int(rest.split()[0]), rest.rsplit(")", 1)[1].split()[19])
        return found

    def power_off(self):
        """Nobody reaches it any more."""
        self.rig.isolate(self.name)

    def has_address_of_first(self):
        self.run("ip", "-batch", "-", input="address flush dev eth0\naddress add 10.0.0.1/24 dev eth0\n")

    def kill(self):
        pass

    def end(self):
        if self.system is not None:
            self.system.end()


@pytest.fixture
def machines(versions, tmp_path):
    why = why_not(SWITCH)
    if why:
        pytest.skip(why)
    base = base_of(BUILD, packages(versions[1]), more=MORE, name="machines")
    hosts = "127.0.0.1 localhost\n" + "".join(f"10.0.0.{number} {name}\n" for number, name in enumerate(MACHINES, 1))
    booted = []

    def made(name, number, network):
        machine = Booted(name, number, network)
        booted.append(machine)
        machine.boot(base, tmp_path / name, hosts)
        for package in packages(versions[1]):
            shutil.copy(package, machine.home)
        shutil.copytree(ROOT / "examples", machine.home / "examples")
        return machine
    try:
        with Rig(SWITCH, *MACHINES, machine=made, network="10.0.0") as rig:
            for machine in booted:
                machine.rig = rig
            yield rig.machines
    finally:
        for machine in booted:
            machine.end()


def let_in(client, machine):
    """The client has a key that comes in there."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", client.home / "key")
    (machine.home / ".ssh").mkdir(mode=0o700, exist_ok=True)
    shutil.copy(client.home / "key.pub", machine.home / ".ssh/authorized_keys")
    (client.home / ".ssh").mkdir(mode=0o700, exist_ok=True)
    (client.home / ".ssh/config").write_text("Host *\nIdentityFile /root/key\nStrictHostKeyChecking accept-new\n")


def test_the_first_three_machines_every_block_in_order(machines):
    first = machines["first"]
    machines["fourth"].shell.run("apt install ./samoza_*.deb")  # any other machine, with the tools

    def see_page(tunnel, url):
        let_in(first, machines["second"])
        assert re.fullmatch(r"ssh -L \S+ second", tunnel)
        ssh = first.shell.popen(f"exec {tunnel} sleep 60", stdout=subprocess.DEVNULL)
        try:
            return until(lambda: first.system.sh(f"curl -fsL {url}", check=False), "the page comes through the tunnel")
        finally:
            ssh.terminate()
            ssh.wait()
    three_machines.tell(machines, see_page)
