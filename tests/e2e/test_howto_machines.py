"""docs/howto/three-machines.md, every block as it is written, on machines of the rig: each with the programs as `make install` puts them,
directories of its own, and the users, settings and units of packaging/. What Debian and systemd do is played (tests/rig/house); `make test-deb`
runs the same page on machines with both."""
import contextlib
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

import three_machines
from conftest import BIN, ROOT, name_of, run, start_of, until
from howto import Page, Shell
from rig import Machine, Rig

MACHINES = ("first", "second", "third", "fourth", "spare")
PLAYED = ("apt", "journalctl", "sudo", "systemctl")
SSHD = pathlib.Path("/usr/sbin/sshd")


class House(Machine):
    """A machine with directories of its own: /etc, /var/lib and /usr/local begin as those of this one, /run, /tmp and /dev/shm empty."""

    spaces = (*Machine.spaces, "--mount")

    def furnish(self, installed, home):
        self.home, self.shell = home, Shell(self.command([]), "/srv")
        self.run("sh", "-ec", f"""
            mount --make-rprivate /
            mount -t overlay overlay -o lowerdir={installed}:/usr/local /usr/local
            mount -t tmpfs -o mode=755 tmpfs /mnt
            for place in etc var/lib; do
                mkdir -p /mnt/$place /mnt/work/$place
                mount -t overlay overlay -o lowerdir=/$place,upperdir=/mnt/$place,workdir=/mnt/work/$place /$place
            done
            mount --bind {home} /srv
            for place in run tmp dev/shm; do mount -t tmpfs -o mode=1777 tmpfs /$place; done
            """)
        names = "".join(f"10.0.0.{number} {name}\\n" for number, name in enumerate(MACHINES, 1))
        self.run("sh", "-ec", f"printf '{names}' >>/etc/hosts")

    def running(self):
        found = {}
        for pid in self.pids():
            if name_of(pid).startswith("zrun:") and start_of(pid) is not None:
                found[name_of(pid)] = (pid, start_of(pid))
        return found

    def power_off(self):
        self.rig.isolate(self.name)
        self.kill()

    def has_address_of_first(self):
        self.run("ip", "-batch", "-", input="address flush dev eth0\naddress add 10.0.0.1/24 dev eth0\n")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What `make install` puts below /usr/local, and what is played."""
    tree = tmp_path_factory.mktemp("installed")
    run("meson", "install", "-C", BIN.parent, "--no-rebuild", "--destdir", tree / "made")
    place, = (tree / "made").glob("usr/local")
    (place / "lib" / "packaging").mkdir(parents=True)
    for part in ("debian", "settings"):
        shutil.copytree(ROOT / "packaging" / part, place / "lib" / "packaging" / part)
    shutil.copy(ROOT / "tests" / "rig" / "house" / "debian.py", place / "lib")
    for name in PLAYED:
        (place / "bin" / name).symlink_to("../lib/debian.py")
    return place


@pytest.fixture
def machines(rig_switch, installed, tmp_path):
    with Rig(rig_switch, *MACHINES, machine=House, network="10.0.0") as rig:
        for name, machine in rig.machines.items():
            machine.rig, home = rig, tmp_path / name
            home.mkdir()
            if name in ("first", "spare"):
                shutil.copytree(ROOT / "examples", home / "examples")
            machine.furnish(installed, home)
        yield rig.machines
        for name in MACHINES:
            rig[name].kill()


@contextlib.contextmanager
def sshd_on(machine, client):
    """The client has the one key that comes in."""
    for owner, key in ((machine, "host"), (client, "key")):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", owner.home / key)
    shutil.copy(client.home / "key.pub", machine.home)
    (machine.home / "sshd").write_text("HostKey /srv/host\nAuthorizedKeysFile /srv/key.pub\nStrictModes no\nUsePAM no\n")
    machine.run("mkdir", "-p", "/run/sshd")
    sshd = machine.popen([SSHD, "-D", "-f", "/srv/sshd"], stdin=subprocess.DEVNULL)
    try:
        until(lambda: machine.run("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/22", check=False).returncode == 0, "sshd answers")
        yield
    finally:
        sshd.terminate()
        sshd.wait()


@pytest.mark.skipif(not SSHD.exists(), reason="there is no sshd (tools/setup test)")
def test_the_first_three_machines_every_block_in_order(machines, tmp_path):
    def see_page(tunnel, url):
        first, ways = machines["first"], re.fullmatch(r"ssh (-L \S+) second", tunnel).group(1).split()
        with sshd_on(machines["second"], first):
            ssh = first.popen(["ssh", "-N", "-i", "/srv/key", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                               *ways, "second"], stdin=subprocess.DEVNULL)
            try:
                return until(lambda: first.run("curl", "-fsL", url, check=False).stdout, "the page comes through the tunnel")
            finally:
                ssh.terminate()
                ssh.wait()
    three_machines.tell(machines, see_page)


def test_on_one_machine_for_trying(rig_switch, installed, tmp_path):
    """On a machine of the rig, whose port 7331 is free."""
    page = Page(three_machines.FILE, after=three_machines.TRYING)
    up, show, down = page.block("startz up", "--machines 3").splitlines()
    with Rig(rig_switch, "first", machine=House) as rig:
        rig["first"].furnish(installed, tmp_path)
        shell = rig["first"].shell
        try:
            shell.run(up)
            assert len(re.findall(r"^edge-node-\d +running\b", shell.run(show), re.M)) == 3
        finally:
            shell.run(down)
    page.end()
