"""Clusters of startz with daemons that only pretend."""

import itertools
import json
import os
import select
import socket
import subprocess
import time

DEADLINE = 60
STARTZ = os.environ["STARTZ"]
PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")


class Cluster:
    def __init__(self, directory):
        self.dir = str(directory)
        self.env = dict(os.environ, STARTZ_PROGRAMS=PROGRAMS, LC_ALL="C.UTF-8",
                        XDG_STATE_HOME=os.path.join(os.path.dirname(self.dir), "state"))
        self.env.pop("STARTZ_DIR", None)

    def run(self, *words, **more):
        return subprocess.run([STARTZ, words[0], "--dir", self.dir, *words[1:]], env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=DEADLINE, **more)

    def up(self, *words, **more):
        return self.run("up", "--api", "127.0.0.1:0", "--detach", *words, **more)

    def again(self, *words):
        return self.run("up", "--detach", *words)

    def rows(self):
        done = self.run("status")
        assert done.returncode == 0, done
        lines = [line.split() for line in done.stdout.splitlines()]
        assert lines[0] == ["NAME", "PROGRAM", "PID", "STATE", "ADDRESS"]
        return lines[1:]

    def pids(self):
        return {row[0]: int(row[2]) for row in self.rows() if row[2] != "-"}

    def state(self):
        with open(os.path.join(self.dir, "startz.json")) as file:
            return json.load(file)

    def log(self, name):
        with open(os.path.join(self.dir, "log", name + ".log")) as file:
            return file.read()

    def zruns(self):
        found = []
        base = os.path.join(self.dir, "zhosts")
        for name in os.listdir(base):
            try:
                with open(os.path.join(base, name, "zrun.pid")) as file:
                    found.append(int(file.read()))
            except FileNotFoundError:
                pass
        return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it never came"
        select.select([], [], [], 0.01)


PORTS = itertools.cycle(28000 + (os.getpid() * 16 + k) % 4000 for k in range(4000))


def free_port():
    """Below the ports that the kernel gives to outgoing connections: nobody takes it meanwhile."""
    for port in itertools.islice(PORTS, 4000):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port between 28000 and 32000")
