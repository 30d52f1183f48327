"""A site without zrms after a power cut [change.loss.alone]."""
import contextlib
import os
import pathlib
import re
import time

import pytest

from conftest import until
from control_groups import groups_swept
from native import native_app

SERVER = """
    #!/usr/bin/python3
    import os, socket
    s = socket.create_server((os.environ["SAMOZA_EXPORT_ip"], int(os.environ["SAMOZA_EXPORT_port"])))
    while True:
        s.accept()[0].close()
"""


def space(name, zhost, imports=(), **more):
    return {"name": name, "exports": {"ip": "", "port": ""}, "run": {"mode": "foreground"},
            "ready": {"tcp": "port"}, "placement": {"constraints": [f"place == {zhost}"]},
            "imports": [{"from": i, "variables": ["ip", "port"]} for i in imports],
            "loss": {"replace_after": "never"}, **more}


@pytest.fixture(autouse=True)
def sweep_groups():
    with groups_swept():
        yield


def cut_power(c, count):
    """zrms is gone, and all machines with that many spaces."""
    assert sum(len(c.zruns(name)) for name in c.zhosts) == count
    c.zrms.kill()
    for name in c.zhosts:
        c.kill_machine(name)
        until(lambda n=name: not c.zruns(n), "all is off")


def lines(c, zhost, words):
    """What the log of its last start says."""
    return [line for line in c.zhosts[zhost].log.read_text().split(" started name=")[-1].splitlines()
            if words in line]


def says(c, zhost, path, why):
    """It comes to each space in a turn of its own, and to a better reason later."""
    until(lambda: any(f"path={path} " in line and why in line for line in lines(c, zhost, "waits")),
          f"{zhost} says what {path} waits for")


def started_at(c, zhost, path):
    (line,) = [x for x in lines(c, zhost, "action=start") if f"path={path} " in x]
    return line.split()[0]


def family(pid):
    """A process and all below it."""
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(p for child in children for p in family(int(child)))]


class Watch:
    """How long the zhosts took, and how long without what the processors did for other programs meanwhile.
    Where nothing else runs, both are the same; a busy machine only makes the second one shorter."""

    def __init__(self, c):
        self.c = c
        self.begun = self.now()

    def now(self):
        """Seconds: of the clock, of all processors, of the processors for the zhosts and their spaces."""
        ours = 0
        for daemon in self.c.zhosts.values():
            for pid in family(daemon.pid):
                for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
                    with contextlib.suppress(OSError):  # it has ended
                        ours += int(task.read_text().split()[0]) / 1e9
        user, nice, system, _, _, irq, softirq, steal = map(
            int, pathlib.Path("/proc/stat").read_text().split()[1:9])
        busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        return time.monotonic(), busy, ours

    def seconds(self):
        took, busy, ours = (end - begin for end, begin in zip(self.now(), self.begun))
        return took, took - max(0, busy - ours) / os.cpu_count()


def test_a_site_alone_starts_in_the_order_of_its_needs_and_nothing_restarts(start_cluster):
    c = start_cluster(zhosts=[{"name": n, "labels": {"place": n}} for n in ("edge-1", "edge-2")])
    spaces = [space("web", "edge-1", ["api"]), space("api", "edge-1", ["disk"]), space("disk", "edge-2"),
              space("arm", "edge-2", exclusive=True, stop={"grace": "200ms"}),
              space("pen", "edge-2", loss={"replace_after": "never", "offline_start": False})]
    c.submit(c.build(native_app(c, "site", spaces,
                                {f"{s['name']}/recipes/start": SERVER for s in spaces}), "site"))
    cut_power(c, len(spaces))
    c.zhosts["edge-1"].start()
    says(c, "edge-1", "api", "needs 'disk': disk on another zhost does not answer at 127.0.0.1:")
    says(c, "edge-1", "web", "needs 'api': api is not started yet")
    assert not c.zruns("edge-1")
    c.zhosts["edge-2"].start()
    until(lambda: len(c.zruns("edge-1")) == 2, "the site runs")
    until(lambda: [x for x in lines(c, "edge-1", "action=start") if "path=web " in x], "web has started")
    assert started_at(c, "edge-2", "disk") < started_at(c, "edge-1", "api") < started_at(c, "edge-1", "web")
    says(c, "edge-2", "pen", "loss.offline_start is false")
    says(c, "edge-2", "arm", "only zrms knows that it runs nowhere else")
    (disk,) = c.zruns("edge-2")
    ran = [disk, *c.zruns("edge-1")]
    mark = max(int(seq) for seq in re.findall(r" seq=(\d+)", c.zrms.log.read_text()))
    c.start_zrms()
    until(lambda: len(c.zruns("edge-2")) == 3, "zrms starts what waited")
    c.wait_state("site", "running")
    assert set(ran) <= {*c.zruns("edge-1"), *c.zruns("edge-2")}, "nothing restarts"
    causes = {e["subject"]: e["cause"] for e in c.events("site", mark) if e["to"] == "deployed-stopped"}
    assert causes["site/pen"] == "waited without zrms: loss.offline_start is false"
    assert not {"site/web", "site/api", "site/disk"} & set(causes)


def expect_order_of_needs(c, names):
    """On each zhost none of a space begins before one of the space that it needs: they have no ports, so only those of
    the same zhost count."""
    for zhost in c.zhosts:
        begun = [re.search(r"path=([a-z]+)-\d+ ", line).group(1) for line in lines(c, zhost, "action=start")]
        assert set(begun) == set(names), (zhost, set(begun))
        firsts = [begun.index(name) for name in names]
        assert firsts == sorted(firsts), (zhost, dict(zip(names, firsts)))


def test_many_spaces_start_soon_after_the_zhosts_have_decided_in_the_order_of_their_needs(start_cluster):
    c = start_cluster(zhosts=["edge-1", "edge-2", "edge-3"])
    count, needs = 300, {"store": [], "logic": [{"from": "store"}], "front": [{"from": "logic"}]}
    c.deploy("many", [{"name": name, "type": "CALL", "count": count // 3, "loss": {"replace_after": "never"},
                       "imports": imports, "resources": {"cpu": "10m", "memory": "4MiB"}}
                      for name, imports in reversed(needs.items())])
    cut_power(c, count)
    for daemon in c.zhosts.values():
        daemon.start()
    until(lambda: any(lines(c, name, "action=start") for name in c.zhosts), "one has decided")
    watch = Watch(c)
    until(lambda: sum(len(c.zruns(name)) for name in c.zhosts) == count, "all run")
    took, took_of_ours = watch.seconds()
    print(f"{count} spaces in {took:.2f} s, of which other programs took {took - took_of_ours:.2f} s")
    assert took_of_ours < 3
    until(lambda: sum(len(lines(c, name, "action=start")) for name in c.zhosts) == count, "each has started once")
    expect_order_of_needs(c, list(needs))

    ran = {name: set(c.zruns(name)) for name in c.zhosts}
    mark = max(int(seq) for seq in re.findall(r" seq=(\d+)", c.zrms.log.read_text()))
    c.start_zrms()
    c.wait_state("many", "running")
    until(lambda: all(z["state"] == "deployed-started" for z in c.get("/v1/zhosts")["zhosts"]), "all zhosts are back")
    left = [(e["subject"], e["to"]) for e in c.events("many", mark) if e["kind"] == "space" and e["to"] != "deployed-started"]
    assert left == [], left[:10]
    assert {name: set(c.zruns(name)) for name in c.zhosts} == ran, "nothing restarts"
    assert sum(len(lines(c, name, "action=start")) for name in c.zhosts) == count
