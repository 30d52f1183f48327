"""Machines on one machine: network namespaces with names of their own, joined by a switch whose every
direction can be cut, delayed or made to lose packets (switch.c).

    with Rig(SWITCH, "alpha", "beta") as rig:
        server = rig["alpha"].popen(["zrms", "--listen", f"{rig['alpha'].address}:7331", ...])
        rig.cut("alpha", "beta")            what alpha sends does not reach beta
        rig.isolate("beta")                 nobody reaches beta, and beta nobody
        rig.heal()
        with rig.asleep("beta"): ...      the machine is suspended: nothing of it runs, no packet reaches it

A namespace lives as long as a process that waits for the end of its standard input, which this process
holds: nothing is left when a test is killed, also with its process group. Processes of spaces have sessions of their own and outlive
their zhost, so that process ends all others of its machine before it goes. Needs root, and /dev/net/tun; `why_not()` says what is missing.
"""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys

NETWORK = "10.77.0"


def why_not(switch):
    """What is missing on this machine; None: a rig can be made."""
    if os.geteuid() != 0:
        return "machines as network namespaces need root"
    if not os.path.exists("/dev/net/tun"):
        return "machines as network namespaces need /dev/net/tun"
    if not pathlib.Path(switch).exists():
        return f"{switch} is not built"
    tried = subprocess.run(["unshare", "--net", "--uts", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no network namespaces: {tried.stderr.strip()}"


def pids_beside(holder):
    """Processes of that one's machine, without it. A space can have a network of its own; a host name of its own has none."""
    own = os.readlink(f"/proc/{holder}/ns/uts")
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != holder:
            with contextlib.suppress(OSError):
                if os.readlink(entry / "ns" / "uts") == own:
                    found.append(int(entry.name))
    return found


def signal_beside(holder, number):
    done = set()
    while new := set(pids_beside(holder)) - done:
        for pid in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        done |= new


def hold():
    """Of the process that holds the namespaces of a machine."""
    print("made", flush=True)
    sys.stdin.read()
    signal_beside(os.getpid(), signal.SIGKILL)


class Machine:
    spaces = ("--net", "--uts")  # namespaces that it has of its own

    def __init__(self, name, number, network=NETWORK):
        self.name = name
        self.number = number
        self.address = f"{network}.{number}"
        self.holder = subprocess.Popen(["unshare", *self.spaces, sys.executable, "-IS", __file__], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.holder.stdout.readline() == "made\n"  # it is in its namespaces now

    def command(self, words):
        return ["nsenter", "-t", str(self.holder.pid), *self.spaces, "--", *map(str, words)]

    def popen(self, words, **options):
        """A process of this machine, which does not outlive the rig."""
        return subprocess.Popen(self.command(words), **options)

    def run(self, *words, timeout=60, check=True, **options):
        done = subprocess.run(self.command(words), text=True, capture_output=True, timeout=timeout,
                              check=False, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"{self.name}: {' '.join(map(str, words))}: exit {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}")
        return done

    def pids(self):
        """Its processes, without the one that holds its namespaces."""
        return pids_beside(self.holder.pid)

    def signal(self, number):
        """To all its processes, also those that they start meanwhile."""
        signal_beside(self.holder.pid, number)

    def kill(self):
        """The machine loses power: everything on it ends at once."""
        self.signal(signal.SIGKILL)

    def end(self):
        self.kill()
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()


class Rig:
    def __init__(self, switch, *names, machine=Machine, network=NETWORK):
        self.machines = {}
        self.switch = None
        try:
            for number, name in enumerate(names, 1):
                self.machines[name] = machine(name, number, network)
            self.switch = subprocess.Popen([switch, *(str(m.holder.pid) for m in self.machines.values())],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.expect_ok()
            for machine in self.machines.values():
                self.connect(machine)
        except BaseException:
            self.end()
            raise

    def connect(self, machine):
        machine.run("hostname", machine.name)
        machine.run("ip", "-batch", "-", input=f"""
            link set lo up
            link set eth0 address 02:00:00:00:00:{machine.number:02x}
            address add {machine.address}/24 dev eth0
            link set eth0 up
            """.replace("            ", ""))

    def __getitem__(self, name):
        return self.machines[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        for machine in self.machines.values():
            machine.end()
        if self.switch is not None:
            self.switch.stdin.close()
            self.switch.wait()
            self.switch.stdout.close()

    # ---- the network ----

    def say(self, line):
        self.switch.stdin.write(line + "\n")
        self.switch.stdin.flush()
        return self.switch.stdout.readline().strip()

    def expect_ok(self, line=None):
        said = self.say(line) if line else self.switch.stdout.readline().strip()
        assert said == "ok", f"rig-switch: {line}: {said or 'it has ended'}"

    def number(self, name):
        return "*" if name == "*" else self.machines[name].number

    def rule(self, sender, receiver, **rule):
        """What `sender` sends to `receiver` ("*": all): drop=0|1, delay=MS, jitter=MS, loss=PERCENT."""
        words = " ".join(f"{key}={value}" for key, value in rule.items())
        self.expect_ok(f"{self.number(sender)} {self.number(receiver)} {words}")

    def cut(self, sender, receiver):
        """One way: acknowledgements of the other direction are lost, too, as on a real network."""
        self.rule(sender, receiver, drop=1)

    def cut_both(self, one, other):
        self.cut(one, other)
        self.cut(other, one)

    def isolate(self, name):
        self.cut(name, "*")
        self.cut("*", name)

    def part(self, here, there):
        """Two sides that do not reach each other."""
        for one in here:
            for other in there:
                self.cut_both(one, other)

    def heal(self):
        self.rule("*", "*", drop=0, delay=0, jitter=0, loss=0)

    def count(self, sender, receiver):
        """Packets of that direction: those that came through, those that were lost."""
        passed, lost = map(int, self.say(f"count {self.number(sender)} {self.number(receiver)}").split())
        return passed, lost

    @contextlib.contextmanager
    def asleep(self, name):
        """The machine is suspended."""
        machine = self.machines[name]
        machine.signal(signal.SIGSTOP)
        self.isolate(name)
        try:
            yield
        finally:
            for other in self.machines:
                if other != name:
                    self.rule(name, other, drop=0)
                    self.rule(other, name, drop=0)
            machine.signal(signal.SIGCONT)


if __name__ == "__main__":
    hold()
