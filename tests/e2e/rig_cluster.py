"""A cluster on machines of their own (tests/rig): zrms on `control`, a zhost on each other one. Everything goes over
TLS, and every zhost has joined with a token."""
import json
import os
import shutil
import subprocess
import threading

from conftest import BIN, DEADLINE, run, until
from native import processes_of

PORT = 7331


class RigCluster:
    def __init__(self, rig, directory, heartbeat="200ms", timeout="1200ms", margin="300ms"):
        self.rig, self.directory = rig, directory
        self.control = rig["control"]
        self.processes = {}
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

    def join_all(self):
        machines = [name for name in self.rig.machines if name != "control"]
        for machine in machines:
            self.join(machine)
        for machine in machines:
            self.wait_zhost(machine, "deployed-started")

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
    """How many processes with those words in their command line lived at one time, at most."""

    def __init__(self, words):
        self.words, self.most, self.samples = words, 0, 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.ended.is_set():
            self.most = max(self.most, len(processes_of(self.words)))
            self.samples += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
