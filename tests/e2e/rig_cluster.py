"""A cluster on machines of their own (tests/rig): zrms on `control`, a zhost on each other one. Everything goes over
TLS, and every zhost has joined with a token. An exclusive space runs on it all the time, and is watched from outside."""
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import threading
import time

from conftest import BIN, DEADLINE, run, start_of, stat_of, until
from native import native_app, processes_of
from rig import Rig

PORT = 7331
# It is asked to stop its grace before the failure timeout has passed: a long one would leave nothing for a loaded machine.
ONLY = {"name": "only", "exclusive": True, "run": {"mode": "foreground"}, "stop": {"grace": "200ms"}}
MARKS = itertools.count(4711_0000_0000 + os.getpid() % 100000 * 100)
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class RigCluster:
    def __init__(self, rig, directory, heartbeat="200ms", timeout="2s", margin="500ms"):
        self.rig, self.directory = rig, directory
        self.control = rig["control"]
        self.processes = {}
        self.mark = str(next(MARKS))  # seconds that the process of the exclusive space sleeps: nothing else has them
        self.watch = Watch(self.mark)
        self.key = directory / "key"
        run(BIN / "mex", "keygen", "-o", self.key)
        self.control.run(BIN / "zrms", "init", "--dir", directory / "zrms", "--listen",
                         f"{self.control.address}:{PORT}")
        trust = directory / "zrms" / "trust"
        trust.mkdir(exist_ok=True)
        shutil.copy(f"{self.key}.pub", trust / "test.pub")
        self.zrms_words = [BIN / "zrms", "--dir", directory / "zrms", "--heartbeat", heartbeat,
                           "--failure-timeout", timeout, "--margin", margin]
        self.start_zrms()

    def start(self, machine, name, words):
        log = (self.directory / f"{name}.log").open("ab")
        self.processes[name] = self.rig[machine].popen(words, stdin=subprocess.DEVNULL, stdout=log,
                                                       stderr=subprocess.STDOUT)

    def start_zrms(self):
        self.start("control", "zrms", self.zrms_words)
        until(lambda: self.zshell("cluster", check=False).returncode == 0, "zrms answers")

    def join(self, machine):
        """The zhost of that machine joins, the first time; later it starts again."""
        words = [BIN / "zhost", "--dir", self.directory / machine, "--name", machine, "--zedge", "127.0.0.1:8088",
                 "--config", self.config(machine)]
        if not (self.directory / machine / "credentials" / "identity.pem").exists():
            words += ["--join", self.zshell("cluster", "token", "create", "--name", machine).stdout.strip()]
        self.start(machine, machine, words)

    def config(self, machine):
        file = self.directory / f"{machine}.yaml"
        file.write_text(json.dumps({"zhosts": [{"name": machine, "cpu": 2, "memory": "2GiB"}]}))
        return file

    def join_all(self, *machines):
        """All but zrms' machine, or those; and the exclusive space."""
        machines = machines or [name for name in self.rig.machines if name != "control"]
        for machine in machines:
            self.join(machine)
        for machine in machines:
            self.wait_zhost(machine, "deployed-started")
        app = native_app(self, "one", [ONLY], {"only/recipes/start": f"#!/bin/sh\nexec sleep {self.mark}\n"})
        self.submit(self.build(app, "one"))
        self.wait_only()

    def only(self):
        """Process of the exclusive space; None: there is none."""
        found = [pid for pid, _ in processes_of(self.mark)]
        return found[0] if found else None

    def wait_only(self, deadline=60):
        """The exclusive space runs, and its process has become what the watch looks for."""
        self.wait_running("one", deadline)
        return until(self.only, "its process is there")

    def zshell(self, *words, check=True, timeout=120):
        environment = dict(os.environ, ZRMS_URL=f"http://127.0.0.1:{PORT}", NO_COLOR="1",
                           SAMOZA_TOKEN_FILE=str(self.directory / "zrms" / "credentials" / "local-admin"))
        return self.control.run(BIN / "zshell", *words, check=check, timeout=timeout, env=environment)

    def view(self, *words):
        done = self.zshell("-o", "json", *words, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def wait_zhost(self, name, state, deadline=DEADLINE):
        until(lambda: self.view("cluster", "status", name).get("state") == state, f"zhost {name} is {state}", deadline)

    def topology(self, name):
        return self.view("topo", "status", name)

    def wait_running(self, name, deadline=60):
        return until(lambda: (t := self.topology(name)).get("state") == "running" and t, f"{name} is running", deadline)

    def places(self, name):
        """The zhost of each instance, by its path."""
        return {s["path"]: s.get("zhost") for s in self.view("spaces", "list", "--topology", name)["spaces"]}

    def events(self, after=0):
        """Those with higher numbers, of the whole cluster."""
        return [e for e in self.view("events")["events"] if e["seq"] > after]

    # What cluster helpers of other files need of a cluster.
    def build(self, source, name):
        target = self.directory / f"{name}.mex"
        run(BIN / "mex", "build", source, "-o", target, "--key", self.key)
        return target

    def submit(self, package, wait="60s"):
        return self.zshell("topo", "submit", package, f"--wait={wait}")

    def power_off(self, machine):
        """Everything on that machine ends at once."""
        self.rig[machine].kill()
        self.processes[machine].wait()


class Watch:
    """Looks at the processes with those words in their command line, on all machines, all the time. Two that live at
    once are a fault: seen together, or one seen after another had begun. Who is suspended lives, but does nothing; it
    is given WAKE_S from the moment when it is awake again."""

    WAKE_S = 2.0

    def __init__(self, words):
        self.words, self.samples = words, 0
        self.seen = {}  # (pid, when it began) -> when it was last seen alive and awake
        self.woken = {}  # one that was seen suspended -> when it was first seen awake again
        self.faults = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while not self.ended.wait(0.02):
            self.sample(time.clock_gettime(time.CLOCK_BOOTTIME), [pid for pid, _ in processes_of(self.words)])
            self.samples += 1

    def sample(self, now, pids):
        """`now`: before the processes were looked for."""
        for pid in pids:
            stat, began = stat_of(pid), start_of(pid)
            if stat is None or began is None or stat[0] in "ZX":
                continue
            one = (pid, began * TICK_S)
            if stat[0] in "Tt":
                self.woken[one] = None
                continue
            if one in self.woken:
                self.woken[one] = self.woken[one] or now
                if now - self.woken[one] < self.WAKE_S:
                    continue
            self.seen[one] = now
            for other, last in self.seen.items():
                if other != one and last > one[1] + TICK_S and other[1] <= one[1]:
                    self.faults.append(f"{other} was alive at {last:.2f} s, when {one} had begun")

    def end(self):
        self.ended.set()
        self.thread.join()


@contextlib.contextmanager
def cluster_on(rig_switch, directory, machines, kind=RigCluster, **options):
    """Its first machine is `control`. In the end what is exclusive must never have been twice."""
    with Rig(rig_switch, *machines) as rig:
        made = kind(rig, directory, **options)
        try:
            yield made
        finally:
            made.watch.end()
            for machine in machines:
                rig[machine].kill()
            for process in made.processes.values():
                process.wait()
        assert not made.watch.faults, made.watch.faults[:3]
        assert made.watch.samples > 0 and (made.watch.seen or not (directory / "one.mex").exists())
