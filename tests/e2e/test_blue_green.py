"""A blue-green change with real processes: nobody notices the switch, nor the step back; both sets run meanwhile."""
import http.client
import json
import re
import threading
from urllib.parse import urlsplit

from conftest import until
from test_move import path, space
from test_rollout import line_of

# Asks `store` without end, one question after the other, and counts the answers of each version and what failed.
ASKER = """
#include <samoza.h>
#include <stdio.h>
static int older, newer, failed;
SAMOZA_ON_PROCESS(void)
{
        char text[80], from[SAMOZA_FROM_MAX];
        int r = samoza_emit("questions", "?", 1);
        if (r == -SAMOZA_EAGAIN) {
                samoza_sleep(1);
                return 0;
        }
        int size = r < 0 ? 0 : samoza_recv_next(2000, text, sizeof(text), from, sizeof(from));
        if (size <= 0 && older + newer > 0)
                failed++;
        else if (size > 0 && text[0] == '2')
                newer++;
        else if (size > 0)
                older++;
        if (size <= 0)
                samoza_sleep(20);
        if ((older + newer + failed) % 20 == 0) {
                snprintf(text, sizeof(text), "older %d newer %d failed %d", older, newer, failed);
                samoza_log(SAMOZA_INFO, text);
        }
        return 0;
}
"""

STORE = """
#include <samoza.h>
SAMOZA_ON_PROCESS(void)
{
        char text[64], from[SAMOZA_FROM_MAX];
        int size = samoza_recv_next(1000, text, sizeof(text), from, sizeof(from));
        while (size > 0 && samoza_reply(from, "@MAJOR@", 1) == -SAMOZA_EAGAIN)
                samoza_sleep(1);
        return 0;
}
"""

MANIFEST = {"policy": "blue-green", "healthy": {"for": "100ms"}, "keep": "10m"}


def on(zhost):
    return {"constraints": [f"zhost == {zhost}"]}


def package(c, major, rollout=None):
    """Pages and answers that say their version, on one zhost; who asks is on another one, and does not change."""
    directory = c.app("shop", [
        space("asker", placement=on("edge-node-1")), space("store", placement=on("edge-node-2")),
        {"name": "web", "type": "UI", "placement": on("edge-node-2")}],
        {"asker": ASKER, "store": STORE.replace("@MAJOR@", str(major))}, [path("questions", "asker", "store")])
    (directory / "spaces" / "web" / "index.html").write_text(str(major))
    manifest = json.loads((directory / "manifest.yaml").read_text())
    manifest["metadata"]["version"] = f"{major}.0.0"
    manifest["rollout"] = {**MANIFEST, **(rollout or {})}
    (directory / "manifest.yaml").write_text(json.dumps(manifest))
    return c.build(directory, f"shop-{major}")


def counted(c):
    found = [re.search(r"older (\d+) newer (\d+) failed (\d+)", line) for line in c.log_of("shop", "asker")]
    found = [tuple(map(int, m.groups())) for m in found if m]
    return found[-1] if found else (0, 0, 0)


class Visitor(threading.Thread):
    """Asks for the page without end, each time as a new visitor."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.link = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        self.pages, self.failed, self.ends = [], [], threading.Event()
        self.start()

    def run(self):
        while not self.ends.is_set():
            self.link.request("GET", "/shop/web/")
            answer = self.link.getresponse()
            page = answer.read().decode()
            if answer.status != 200 or page not in ("1", "2"):
                self.failed.append((answer.status, page))
            self.pages.append(page)

    def end(self):
        self.ends.set()
        self.join(20)
        return self.pages


def test_nobody_notices_a_switch_nor_a_step_back(start_cluster):
    c = start_cluster()
    c.submit(package(c, 1))
    until(lambda: counted(c)[0] > 0, "questions are answered")
    visitors = [Visitor(c.zedge(zhost)) for zhost in ("edge-node-1", "edge-node-2")]
    before = set(c.zruns("edge-node-2"))

    done = c.zshell("topo", "submit", package(c, 2), "--wait=60s")
    assert done.returncode == 0, done
    assert line_of(c, "Version") == "2.0.0" and line_of(c, "Rollout") is None
    assert re.match(r"1\.0\.0 until \S+, without traffic: `topo rollback` returns to it in one step",
                    line_of(c, "Kept")), line_of(c, "Kept")
    # Both sets live, and the former processes are those from before.
    during = set(c.zruns("edge-node-2"))
    assert before < during
    assert "1.0.0 on edge-node-2, running; without traffic" in c.zshell("spaces", "status", "shop/store").stdout
    until(lambda: counted(c)[1] > 0, "the new version answers")
    older = counted(c)[0]
    assert counted(c)[2] == 0
    c.zrms.kill()  # what is kept is not forgotten; nothing goes from one zhost to another meanwhile
    c.start_zrms()
    until(lambda: c.request("GET", "/v1/topologies/shop/logs?path=asker&lines=1")[0] == 200, "zhosts are back")
    newer = counted(c)[1]
    until(lambda: counted(c)[1] > newer + 40, "further answers")
    assert counted(c)[0] == older, "the former set gets traffic"
    failed = counted(c)[2]
    assert set(c.zruns("edge-node-2")) == during

    assert c.zshell("topo", "rollback", "shop", "--wait=60s").returncode == 0
    assert line_of(c, "Version") == "1.0.0" and line_of(c, "Kept") is None
    until(lambda: counted(c)[0] > older, "the former version answers again")
    until(lambda: set(c.zruns("edge-node-2")) == before, "the new set has gone, and nothing was started")
    for visitor in visitors:  # a zedge hears of it a moment later
        until(lambda: visitor.pages[-1] == "1", "visitors get the former version")
        pages = visitor.end()
        assert not visitor.failed and pages[-1] == "1" and "2" in pages, visitor.failed
    assert counted(c)[2] == failed
    states = [e["to"] for e in c.events("shop") if e["kind"] == "space"]
    assert "stopping" not in states


def test_a_former_set_is_kept_for_its_time(start_cluster):
    c = start_cluster()
    c.submit(package(c, 1))
    c.zshell("topo", "submit", package(c, 2, {"keep": "3s"}), "--wait=60s")
    assert line_of(c, "Version") == "2.0.0"
    until(lambda: line_of(c, "Kept") is None, "its time is over")
    until(lambda: len(c.zruns("edge-node-2")) == 1, "its processes have gone")
