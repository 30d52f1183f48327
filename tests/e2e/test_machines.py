"""Many machines, and what goes wrong between them (tests/rig)."""
import contextlib
import re
import subprocess

import pytest

from conftest import BIN, EXAMPLE, free_port, run, until
from native import native_app, processes_of
from rig import Rig
from rig_cluster import RigCluster, Watch

MACHINES = ["control", "alpha", "beta", "gamma"]
ONLY = {"name": "only", "exclusive": True, "run": {"mode": "foreground"}}
MARK = "471147114711"  # seconds that the one process of the exclusive space sleeps


@contextlib.contextmanager
def cluster_on(rig_switch, directory, **options):
    with Rig(rig_switch, *MACHINES) as rig:
        made = RigCluster(rig, directory, **options)
        try:
            yield made
        finally:
            for machine in MACHINES:
                rig[machine].kill()
            for process in made.processes.values():
                process.wait()


@pytest.fixture
def cluster(rig_switch, tmp_path):
    with cluster_on(rig_switch, tmp_path) as made:
        yield made


@pytest.fixture
def patient(rig_switch, tmp_path):
    """With times for a network that is slow."""
    with cluster_on(rig_switch, tmp_path, heartbeat="1s", timeout="15s") as made:
        yield with_exclusive(made)


def with_exclusive(cluster):
    """The cluster, with an exclusive space."""
    cluster.join_all()
    app = native_app(cluster, "one", [ONLY], {"only/recipes/start": f"#!/bin/sh\nexec sleep {MARK}\n"})
    cluster.submit(cluster.build(app, "one"))
    cluster.wait_running("one")
    return cluster


@pytest.fixture
def exclusive(cluster):
    return with_exclusive(cluster)


def test_an_application_runs_on_machines_and_outlives_the_loss_of_one(cluster):
    cluster.join_all()
    cluster.submit(cluster.build(EXAMPLE, "my-app"))
    cluster.wait_running("my-app")
    for machine in MACHINES[1:]:  # what spaces export as `ip` is good for others
        assert cluster.view("cluster", "status", machine)["address"] == cluster.rig[machine].address
    lost = next(iter(cluster.places("my-app").values()))
    cluster.power_off(lost)
    cluster.wait_zhost(lost, "problem")
    until(lambda: lost not in cluster.places("my-app").values(), "nothing is on the machine that was lost")
    cluster.wait_running("my-app")
    cluster.join(lost)
    cluster.wait_zhost(lost, "deployed-started")


def cut_from(rig, name):
    rig.cut(name, "*")


def cut_to(rig, name):
    rig.cut("*", name)


def cut_both(rig, name):
    rig.isolate(name)


def cut_off_control(rig, name):
    """With the others it still speaks."""
    rig.cut_both(name, "control")


@pytest.mark.parametrize("cut", [cut_both, cut_from, cut_to, cut_off_control])
def test_what_is_exclusive_is_never_twice_when_the_network_parts(exclusive, cut):
    c, rig = exclusive, exclusive.rig
    before = c.places("one")["only"]
    with Watch(MARK) as watch:
        cut(rig, before)
        until(lambda: (c.places("one")["only"] or before) != before, "it is placed elsewhere", 60)
        c.wait_running("one")
        rig.heal()
        c.wait_zhost(before, "deployed-started", 60)
        c.wait_running("one")
    assert watch.most == 1 and watch.samples > 20
    assert len(processes_of(MARK)) == 1


def test_what_is_exclusive_is_never_twice_when_its_machine_sleeps(exclusive):
    """The machine's processes do not run: the one that it has ends as soon as it could do anything."""
    c, rig = exclusive, exclusive.rig
    before = c.places("one")["only"]
    (pid,) = [pid for pid, _ in processes_of(MARK)]
    with rig.asleep(before):
        until(lambda: (c.places("one")["only"] or before) != before, "it is placed elsewhere", 60)
        c.wait_running("one")
    until(lambda: pid not in [p for p, _ in processes_of(MARK)], "what slept has ended")
    c.wait_zhost(before, "deployed-started", 60)
    assert len(processes_of(MARK)) == 1
    assert c.places("one")["only"] != before


def test_a_slow_network_that_loses_packets_is_no_loss(patient):
    c, rig = patient, patient.rig
    before = c.places("one")
    (pid,) = [pid for pid, _ in processes_of(MARK)]
    rig.rule("*", "*", delay=50, loss=1)
    app = c.build(EXAMPLE, "my-app")
    c.submit(app)
    c.wait_running("my-app")
    assert c.places("one") == before
    assert [pid for pid, _ in processes_of(MARK)] == [pid]


@pytest.fixture
def machines(rig_switch, tmp_path):
    """startz up --machines: where, and at which port."""
    directory, port = tmp_path / "cluster", free_port()

    def startz(*words, check=True):
        return run(BIN / "startz", *words, "--dir", directory, check=check, timeout=120)
    startz.port, startz.directory = port, directory
    yield startz
    startz("down", check=False)


def test_startz_makes_machines_that_have_joined(machines):
    said = machines("up", "--machines", 3, "--detach", "--api", f"127.0.0.1:{machines.port}").stdout
    names = re.findall(r"ip netns exec (\S+)", said)
    assert len(names) == 3
    # zedge is in the network of its machine, and how it is reached there is said.
    reach = re.findall(r"zedge at (\S+), on its machine only: nsenter (--net=\S+) curl http://\1/$", said, re.M)
    assert len(reach) == 3
    assert "ok" in run("nsenter", reach[0][1], "curl", "-s", f"http://{reach[0][0]}/healthz").stdout

    def zshell(*words):
        return run(BIN / "zshell", "--api", f"http://127.0.0.1:{machines.port}", *words).stdout
    assert len(re.findall("deployed-started|running", zshell("cluster", "zhosts"))) == 3
    package = machines.directory / "my-app.mex"
    run(BIN / "mex", "build", EXAMPLE, "-o", package, "--key", machines.directory / "keys" / "dev")
    zshell("topo", "submit", package, "--wait")
    assert "certificate until" in zshell("cluster", "status", "edge-node-1")
    addresses = run("ip", "netns", "exec", names[0], "ip", "-brief", "address").stdout
    assert re.search(r"eth0\S* +UP +10\.", addresses)

    again = machines("up", "--detach", "--machines", 3).stdout
    assert "running" in again
    refused = machines("up", "--detach", "--zhosts", 2, check=False)
    assert refused.returncode == 1 and "--machines says how many" in refused.stderr
    machines("down")
    left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert not any(name in left for name in names)


def test_a_cluster_without_machines_gets_none(machines):
    machines("up", "--zhosts", 1, "--detach", "--api", f"127.0.0.1:{machines.port}")
    refused = machines("up", "--machines", 1, "--detach", check=False)
    assert refused.returncode == 1 and "has no machine of its own" in refused.stderr
