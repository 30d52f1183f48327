"""Many machines, and what goes wrong between them (tests/rig)."""
import os
import re
import subprocess
import sys

import pytest

from conftest import BIN, EXAMPLE, ROOT, free_port, is_alive, name_of, run, until
from rig_cluster import cluster_on

MACHINES = ["control", "alpha", "beta", "gamma"]


@pytest.fixture
def cluster(rig_switch, tmp_path):
    with cluster_on(rig_switch, tmp_path, MACHINES) as made:
        made.join_all()
        yield made


@pytest.fixture
def patient(rig_switch, tmp_path):
    """With times for a network that is slow."""
    with cluster_on(rig_switch, tmp_path, MACHINES, heartbeat="1s", timeout="15s") as made:
        made.join_all()
        yield made


def visit(cluster, machine, identity, text):
    """Somebody writes into the guest book at the page of that machine, once it has heard of the page; what it shows then."""
    code = f"""if True:
        import os, urllib.request
        from conftest import until
        from page import Page
        def is_served():
            try:
                return urllib.request.urlopen("http://127.0.0.1:8088/my-app/dashboard/", timeout=20).status == 200
            except OSError:
                return False
        until(is_served, "the page")
        page = Page("http://127.0.0.1:8088")
        print(page.add("{identity}", "{text}"))
        os._exit(0 if page.entries() else 1)"""
    done = cluster.rig[machine].run(sys.executable, "-uc", code, env=dict(os.environ, PYTHONPATH=f"{ROOT}/tests/e2e"))
    assert text in done.stdout, done.stdout
    return done.stdout


def test_the_whole_story_on_three_machines(cluster):
    """What README shows with `make run`: a page on each machine, one book; who is where, and why; stop, start, a machine that is
    lost and comes back, and the end."""
    c = cluster
    c.submit(c.build(EXAMPLE, "my-app"))
    c.wait_running("my-app")
    for number, machine in enumerate(MACHINES[1:], 1):
        # What spaces export as `ip` is good for others.
        assert c.view("cluster", "status", machine)["address"] == c.rig[machine].address
        visit(c, machine, str(number), f"hello from {machine}")
    assert "hello from alpha" in visit(c, "gamma", "4", "and once more")
    assert "chosen" in c.zshell("topo", "explain", "my-app").stdout
    assert "ready" in c.zshell("spaces", "logs", "my-app/api").stdout
    c.zshell("topo", "stop", "my-app", "--wait=60s")
    assert not any(name_of(pid) == "zrun:api" for m in MACHINES[1:] for pid in c.rig[m].pids())
    c.zshell("topo", "start", "my-app", "--wait=60s")
    lost = c.places("my-app")["store"]
    near = next(m for m in MACHINES[1:] if m != lost)
    c.power_off(lost)
    c.wait_zhost(lost, "problem")
    until(lambda: lost not in c.places("my-app").values(), "nothing is on the machine that was lost")
    c.wait_running("my-app")
    assert "hello from alpha" in visit(c, near, "5", "after the loss")
    c.join(lost)
    c.wait_zhost(lost, "deployed-started")
    visit(c, lost, "6", "back again")
    c.zshell("cluster", "drain", near, "--wait=60s")
    assert near not in c.places("my-app").values()
    c.zshell("topo", "stop", "my-app", "--wait=60s")
    c.zshell("topo", "rm", "my-app")
    assert c.topology("my-app") == {}


def cut_from(rig, name):
    rig.cut(name, "*")


def cut_to(rig, name):
    rig.cut("*", name)


def cut_both(rig, name):
    rig.isolate(name)


def cut_off_control(rig, name):
    """With the others it still speaks."""
    rig.cut_both(name, "control")


def with_control(rig, name):
    """zrms and that machine on one side, the two others on the other."""
    rig.part(["control", name], [other for other in MACHINES[1:] if other != name])


@pytest.mark.parametrize("cut", [cut_both, cut_from, cut_to, cut_off_control])
def test_what_is_exclusive_moves_away_from_a_machine_that_is_cut_off(cluster, cut):
    c, rig = cluster, cluster.rig
    before = c.places("one")["only"]
    cut(rig, before)
    until(lambda: (c.places("one")["only"] or before) != before, "it is placed elsewhere", 60)
    c.wait_running("one")
    rig.heal()
    c.wait_zhost(before, "deployed-started", 60)
    c.wait_only()


@pytest.mark.parametrize("cut", [cut_both, cut_from, cut_to])
def test_when_the_machine_of_zrms_is_cut_off_what_is_exclusive_ends_and_comes_back(cluster, cut):
    """It ends by itself, since zrms could not know that it lives; the others go on. Nothing is placed meanwhile."""
    c, rig = cluster, cluster.rig
    c.submit(c.build(EXAMPLE, "my-app"))
    c.wait_running("my-app")
    others = {pid for m in MACHINES[1:] for pid in rig[m].pids() if name_of(pid).startswith("zrun:") and name_of(pid) != "zrun:only"}
    cut(rig, "control")
    until(lambda: c.only() is None, "what is exclusive ends", 60)
    for machine in MACHINES[1:]:
        c.wait_zhost(machine, "problem", 60)
    assert c.only() is None and all(map(is_alive, others))
    rig.heal()
    for machine in MACHINES[1:]:
        c.wait_zhost(machine, "deployed-started", 60)
    c.wait_only()
    c.wait_running("my-app")


@pytest.mark.parametrize("side", ["with zrms", "without"])
def test_zrms_in_the_minority_decides_for_its_side(cluster, side):
    """There is one zrms, and its side is the one that counts, however few are there."""
    c, rig = cluster, cluster.rig
    place = c.places("one")["only"]
    kept = place if side == "with zrms" else next(m for m in MACHINES[1:] if m != place)
    lost = [m for m in MACHINES[1:] if m != kept]
    pid = c.only()
    with_control(rig, kept)
    for machine in lost:
        c.wait_zhost(machine, "problem", 60)
    until(lambda: c.places("one")["only"] == kept, "it is on the side of zrms", 60)
    c.wait_only()
    assert c.view("cluster", "status", kept)["state"] == "deployed-started"
    assert (c.only() == pid) == (side == "with zrms")
    rig.heal()
    for machine in lost:
        c.wait_zhost(machine, "deployed-started", 60)
    c.wait_running("one")
    assert c.places("one")["only"] == kept


def test_what_is_exclusive_is_never_twice_when_its_machine_sleeps(cluster):
    """The machine's processes do not run: the one that it has ends as soon as it could do anything."""
    c, rig = cluster, cluster.rig
    before, pid = c.places("one")["only"], c.only()
    with rig.asleep(before):
        until(lambda: (c.places("one")["only"] or before) != before, "it is placed elsewhere", 60)
        c.wait_running("one")
    until(lambda: not is_alive(pid), "what slept has ended")
    c.wait_zhost(before, "deployed-started", 60)
    c.wait_only()
    assert c.places("one")["only"] != before


def test_when_the_machine_of_zrms_sleeps_nobody_is_judged_by_its_sleep(cluster):
    """What is exclusive ends, the rest goes on, and no zhost is taken for lost when zrms wakes up."""
    c, rig = cluster, cluster.rig
    c.submit(c.build(EXAMPLE, "my-app"))
    c.wait_running("my-app")
    last = c.events()[-1]["seq"]
    with rig.asleep("control"):
        until(lambda: c.only() is None, "what is exclusive ends", 60)
    c.wait_running("one", 60)
    c.wait_running("my-app")
    moved = [e for e in c.events(last) if e["subject"].startswith("my-app") or e.get("to") == "problem"]
    assert moved == [], moved


def test_a_slow_network_that_loses_packets_is_no_loss(patient):
    c, rig = patient, patient.rig
    before, pid = c.places("one"), c.only()
    rig.rule("*", "*", delay=50, loss=1)
    app = c.build(EXAMPLE, "my-app")
    c.submit(app)
    c.wait_running("my-app")
    visit(c, "alpha", "1", "over a slow network")
    assert c.places("one") == before
    assert c.only() == pid


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
