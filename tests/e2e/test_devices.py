"""Devices and capabilities that give something to NATIVE spaces: nodes in /dev, environment, groups (docs/howto/devices.md).

Nodes are made beside the machine's own: character devices with the numbers of /dev/zero and /dev/full. Both need root, who may
make them."""
import grp
import json
import os
import pathlib
import signal
import stat

import pytest
from conftest import until
from native import SLEEPER, native_app, native_deploy, spaces_directories

ZERO, FULL = os.makedev(1, 5), os.makedev(1, 7)


class Nodes:
    """In a directory of its own in /dev."""

    def __init__(self, directory):
        self.directory = directory

    def make(self, name, number, mode=0o666, group=-1):
        path = self.directory / name
        os.mknod(path, stat.S_IFCHR | mode, number)
        os.chmod(path, mode)
        os.chown(path, 0, group)
        return str(path)

    def remove(self, name):
        (self.directory / name).unlink()


@pytest.fixture
def nodes():
    directory = pathlib.Path(f"/dev/samoza-test-{os.getpid()}")
    try:
        directory.mkdir()
        made = Nodes(directory)
        made.make("probe", ZERO)
        with open(directory / "probe", "rb") as file:
            file.read(1)
        made.remove("probe")
    except OSError as e:
        for path in directory.glob("*"):
            path.unlink()
        if directory.exists():
            directory.rmdir()
        pytest.skip(f"no device nodes can be made in /dev and opened: {e}")
    yield made
    for path in directory.glob("*"):
        path.unlink()
    directory.rmdir()


LISTS = """
    #!/bin/sh
    ls -R /dev > dev.txt
    id -G > groups.txt
    env > env.txt
    {look}
    exec sleep {number}
"""


def files_of(c, name, zhost="edge-node-1"):
    """The text of that file in the one directory that has it."""
    def found():
        texts = [p / "data" / name for p in spaces_directories(c, zhost)]
        texts = [p.read_text() for p in texts if p.exists()]
        return texts if texts else None
    return until(found, name)


def variables(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def write(c, zhost, **fields):
    (c.directory / f"{zhost}.yaml").write_text(json.dumps({"zhosts": [dict({"name": zhost, "cpu": 4, "memory": "4GiB"}, **fields)]}))
    c.zhosts[zhost].process.send_signal(signal.SIGHUP)


def causes(c, name):
    return [e["cause"] for e in c.events() if e["kind"] == "zhost" and e["subject"] == name and "topology" not in e]


def test_an_instance_finds_its_device_and_no_other_and_keeps_it_over_restarts_of_zhost_and_zrms(start_cluster, nodes):
    for number in (0, 1):
        nodes.make(f"gpu{number}", ZERO)
    nodes.make("control", FULL)
    at = str(nodes.directory)
    devices = [{"kind": "gpu", "model": "T4", "count": 2, "nodes": [at + "/gpu{index}", at + "/control"],
                "env": {"VISIBLE": "{indices}", "FIRST": "gpu-{indices}"}}]
    c = start_cluster(zhosts=[{"name": "edge-node-1", "cpu": 4, "memory": "4GiB", "devices": devices}], timeout="20s")
    needs = {"run": {"mode": "foreground"}, "resources": {"cpu": "100m", "memory": "32MiB", "devices": [{"kind": "gpu"}]}}
    native_deploy(c, "first", [dict(needs, name="p")], {"p/recipes/start": LISTS.format(look="", number=100301)})
    native_deploy(c, "second", [dict(needs, name="p")], {
        "p/recipes/start": LISTS.format(look=f"head -c 3 {at}/gpu1 | od -An -tx1 > read.txt; head -c 1 {at}/gpu0 2> other.txt",
                                        number=100302)})
    assert c.space("first", "p")["devices"] == [{"kind": "gpu", "model": "T4", "index": 0}]
    assert c.space("second", "p")["devices"] == [{"kind": "gpu", "model": "T4", "index": 1}]
    seen = sorted(files_of(c, "dev.txt"))
    assert ["gpu0" in text for text in seen].count(True) == 1 and ["gpu1" in text for text in seen].count(True) == 1
    assert all(("gpu0" in text) != ("gpu1" in text) and "control" in text for text in seen)
    assert {variables(t)["VISIBLE"] for t in files_of(c, "env.txt")} == {"0", "1"}
    assert {variables(t)["FIRST"] for t in files_of(c, "env.txt")} == {"gpu-0", "gpu-1"}
    assert files_of(c, "read.txt") == [" 00 00 00\n"] and "No such file" in files_of(c, "other.txt")[0]
    shown = c.zshell("spaces", "status", "second/p").stdout
    assert "gpu T4 1" in shown, shown
    # Best fit would be the first one now.
    c.zshell("topo", "stop", "first")
    until(lambda: c.topology("first")["state"] == "stopped", "the first one has stopped")
    c.zrms.kill()
    c.start_zrms()
    c.zhosts["edge-node-1"].kill()
    c.zhosts["edge-node-1"].start()
    until(lambda: c.get("/v1/zhosts/edge-node-1")["state"] == "deployed-started" and
          c.space("second", "p").get("devices") == [{"kind": "gpu", "model": "T4", "index": 1}], "it has the same device")
    free, = c.get("/v1/zhosts/edge-node-1")["devices"]
    assert (free["count"], free["free"]) == (2, 1)


def test_an_exclusive_capability_gives_nodes_and_groups_to_one_and_is_withdrawn_while_its_node_is_missing(start_cluster, nodes):
    group = next(g for g in grp.getgrall() if g.gr_gid > 0 and g.gr_name.isalpha())
    camera = nodes.make("video0", ZERO, 0o660, group.gr_gid)
    offer = {"name": "sensors.camera", "devices": [camera], "groups": [group.gr_name], "exclusive": True}
    c = start_cluster(zhosts=[{"name": "edge-node-1", "cpu": 4, "memory": "4GiB", "capabilities": ["sensors.gps", offer]}])
    zhost = lambda: c.get("/v1/zhosts/edge-node-1")
    offered = lambda: [n for n in zhost().get("capabilities", []) if n.startswith("sensors.")]
    assert offered() == ["sensors.camera", "sensors.gps"]
    eye = {"name": "eye", "run": {"mode": "foreground"}, "capabilities": ["sensors.camera"]}
    native_deploy(c, "first", [eye], {
        "eye/recipes/start": LISTS.format(look=f"head -c 2 {camera} | od -An -tx1 > read.txt", number=100303)})
    assert files_of(c, "read.txt") == [" 00 00\n"]
    assert str(group.gr_gid) in files_of(c, "groups.txt")[0].split()
    c.zshell("topo", "submit", c.build(native_app(c, "second", [eye], {"eye/recipes/start": SLEEPER.format(100304)}), "second"))
    until(lambda: "1 sensors.camera" in c.topology("second").get("failure_reason", ""), "the second one waits for it")
    held = c.zruns("edge-node-1")
    nodes.remove("video0")
    until(lambda: offered() == ["sensors.gps"], "it is withdrawn")
    assert zhost()["withdrawn"] == [{"capability": "sensors.camera", "missing": camera}]
    assert [t for t in causes(c, "edge-node-1") if t.startswith("capability sensors.camera is withdrawn: " + camera)]
    assert "sensors.camera" in c.zshell("cluster", "status", "edge-node-1").stdout
    # What has it runs on, and is not moved; a start of it would fail, and says why.
    assert c.zruns("edge-node-1") == held and c.space("first", "eye")["state"] == "deployed-started"
    nodes.make("video0", ZERO, 0o660, group.gr_gid)
    until(lambda: offered() == ["sensors.camera", "sensors.gps"], "it is back")
    until(lambda: causes(c, "edge-node-1")[-1] == f"capability sensors.camera is offered again: {camera} is back", "an event")
    assert c.zruns("edge-node-1") == held and zhost()["withdrawn"] == []
    assert c.topology("second")["state"] == "pending"
    c.zshell("topo", "stop", "first")
    until(lambda: c.topology("second")["state"] == "running", "the second one has it")


def test_a_mistake_in_devices_is_refused_with_its_place(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    zhost = c.zhosts["edge-node-1"]
    for fields, said in (
            ({"capabilities": [{"name": "sensors.camera", "devices": ["video0"]}]}, "expected a path of a device node such as /dev/video0"),
            ({"capabilities": ["sensors.camera", {"name": "sensors.camera", "exclusive": True}]}, "sensors.camera is there twice, and not alike"),
            ({"capabilities": [{"name": "gpu", "exclusive": True}], "devices": [{"kind": "gpu"}]}, "gpu is exclusive, and the kind of a device"),
            ({"capabilities": [{"name": "sys.log", "exclusive": True}]}, "every zhost offers sys.log"),
            ({"devices": [{"kind": "gpu", "nodes": ["/dev/gpu{number}"]}]}, "only {index} is filled in"),
            ({"devices": [{"kind": "gpu", "nodes": ["/dev/a/../mem"]}]}, "leads out of its directory"),
            ({"capabilities": [{"name": "sensors.camera", "missing": "/dev/video0"}]}, "unknown")):
        write(c, "edge-node-1", **fields)
        until(lambda: any("settings.refused" in line and said in line for line in zhost.log.read_text().splitlines()), said)
