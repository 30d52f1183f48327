import os
import subprocess

import pytest

from fake_zrms import ID, Fake, placements, topology
from startz_cluster import Cluster, alive
from terminal import Terminal

DEADLINE = 60  # of any command; far more than it needs


class Result:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"status {self.status}\n--- out\n{self.out}--- err\n{self.err}"


@pytest.fixture
def zrms():
    fake = Fake()
    yield fake
    fake.close()


@pytest.fixture
def environment(tmp_path):
    env = {k: v for k, v in os.environ.items() if k not in ("ZRMS_URL", "NO_COLOR")}
    env["XDG_STATE_HOME"] = str(tmp_path / "state")
    env["LC_ALL"] = "C.UTF-8"
    env["PAGER"] = ""
    return env


@pytest.fixture
def zshell(zrms, environment):
    """zshell(*words): runs one command against the fake."""
    def run(*words, url=zrms.url, stdin=""):
        env = dict(environment, ZRMS_URL=url)
        return Result(subprocess.run([os.environ["ZSHELL"], *words], env=env, input=stdin,
                                     capture_output=True, text=True, timeout=DEADLINE))
    return run


@pytest.fixture
def on_terminal(zrms, environment):
    opened = []

    def run(*words, columns=80, pager="", program=None):
        opened.append(Terminal(dict(environment, ZRMS_URL=zrms.url, TERM="xterm", PAGER=pager), *words,
                               columns=columns, program=program))
        return opened[-1]
    yield run
    for terminal in opened:
        terminal.close()


@pytest.fixture
def listed(zrms):
    """One topology, as lists and as itself."""
    view = topology(placements=placements())
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [topology()]})
    zrms.routes[f"GET /v1/topologies/{ID}"] = (200, view)
    return view


@pytest.fixture
def cluster(tmp_path):
    c = Cluster(tmp_path / "a directory")
    yield c
    c.run("down")
    for pid in c.zruns() if os.path.isdir(os.path.join(c.dir, "zhosts")) else []:
        assert not alive(pid)
