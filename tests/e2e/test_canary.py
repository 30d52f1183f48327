"""A canary with real processes: the share of messages and of pages that it gets, its steps, and the way back."""
import http.client
import json
import re
from urllib.parse import urlsplit

from conftest import DEADLINE, until
from test_move import path, space
from test_rollout import line_of

REQUESTS = 10000

# Asks `store` without end, with up to 4 questions under way, and counts the answers of the new version.
ASKER = """
#include <samoza.h>
#include <stdio.h>
static int under_way, answers, newer;
SAMOZA_ON_PROCESS(void)
{
        char text[64], from[SAMOZA_FROM_MAX];
        while (under_way < 4) {
                int r = samoza_emit("questions", "?", 1);
                if (r < 0) {
                        samoza_sleep(1);
                        break;
                }
                under_way++;
        }
        int size = samoza_recv_next(1000, text, sizeof(text), from, sizeof(from));
        if (size <= 0) {
                under_way = 0; /* they were for one that has gone */
                return 0;
        }
        under_way--;
        answers++;
        newer += text[0] == '2';
        if (answers % 500 == 0) {
                snprintf(text, sizeof(text), "answers %d newer %d", answers, newer);
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

MANIFEST = {"policy": "canary", "healthy": {"for": "100ms"}, "canary": {"steps": ["10%", "50%"]}}


def on(zhost):
    return {"constraints": [f"zhost == {zhost}"]}


def package(c, major, zhost):
    """Pages and answers that say their version; both are on that zhost, who asks is on the first one."""
    directory = c.app("shop", [
        space("asker", placement=on("edge-node-1")), space("store", placement=on(zhost)),
        {"name": "web", "type": "UI", "placement": on(zhost)}],
        {"asker": ASKER, "store": STORE.replace("@MAJOR@", str(major))}, [path("questions", "asker", "store")])
    (directory / "spaces" / "web" / "index.html").write_text(str(major))
    manifest = json.loads((directory / "manifest.yaml").read_text())
    manifest["metadata"]["version"] = f"{major}.0.0"
    manifest["rollout"] = MANIFEST
    (directory / "manifest.yaml").write_text(json.dumps(manifest))
    return c.build(directory, f"shop-{major}")


def counted(c):
    found = [re.search(r"answers (\d+) newer (\d+)", line) for line in c.log_of("shop", "asker")]
    found = [tuple(map(int, m.groups())) for m in found if m]
    return found[-1] if found else (0, 0)


def share_of_messages(c):
    before = counted(c)
    until(lambda: counted(c)[0] >= before[0] + REQUESTS, f"{REQUESTS} answers", 120)
    after = counted(c)
    return (after[1] - before[1]) / (after[0] - before[0])


def gets_share_of_messages(c, least, most):
    """Who asks is on another zhost than zrms, and hears of the share a moment later: until then it is that of before."""
    until(lambda: least <= share_of_messages(c) <= most, f"the new version gets from {least} to {most}", 120)


def share_of_pages(c, zhost, requests=REQUESTS):
    """Of visitors who come for the first time."""
    link = http.client.HTTPConnection(urlsplit(c.zedge(zhost)).netloc, timeout=DEADLINE)
    seen = []
    for _ in range(requests):
        link.request("GET", "/shop/web/")
        seen.append(link.getresponse().read().decode())
    link.close()
    assert set(seen) <= {"1", "2"}
    return seen.count("2") / len(seen)


def test_a_canary_gets_its_share_of_messages_and_pages(start_cluster):
    c = start_cluster()
    c.submit(package(c, 1, "edge-node-1"))
    until(lambda: counted(c)[0] > 0, "questions are answered")
    none = c.zshell("topo", "promote", "shop", check=False)
    assert none.returncode == 1 and "no rollout of shop is under way" in none.stderr

    done = c.zshell("topo", "submit", package(c, 2, "edge-node-2"), "--wait=60s")
    assert "The rollout to 2.0.0 waits (step 1 of 2, waiting for topo promote)" in done.stderr, done
    assert line_of(c, "Rollout") == "canary to 2.0.0, step 1 of 2, waiting for topo promote"
    assert c.state("shop") == "running" and line_of(c, "Version") is not None
    c.zrms.kill()  # what it waits for is not forgotten
    c.start_zrms()
    until(lambda: c.request("GET", "/v1/topologies/shop/logs?path=asker&lines=1")[0] == 200, "zhosts are back")
    until(lambda: line_of(c, "Rollout") == "canary to 2.0.0, step 1 of 2, waiting for topo promote", "it waits still")
    # The former version is on the zhost of who asks, the canary is not; pages are asked of both, and of a third.
    gets_share_of_messages(c, 0.08, 0.12)
    for zhost in ("edge-node-1", "edge-node-2", "edge-node-3"):
        assert 0.08 <= share_of_pages(c, zhost) <= 0.12, zhost

    c.zshell("topo", "promote", "shop")
    until(lambda: (line_of(c, "Rollout") or "").startswith("canary to 2.0.0, step 2 of 2, waiting"), "the second step")
    gets_share_of_messages(c, 0.45, 0.55)
    c.zshell("topo", "promote", "shop")
    until(lambda: line_of(c, "Version") == "2.0.0", "it has completed")
    until(lambda: share_of_pages(c, "edge-node-3", 100) == 1, "its zedge has heard of it")
    assert share_of_pages(c, "edge-node-3") == 1
    states = [e["to"] for e in c.events("shop") if e["kind"] == "space"]
    assert "stopping" not in states


def test_a_canary_that_is_aborted_was_never_there(start_cluster):
    c = start_cluster()
    c.submit(package(c, 1, "edge-node-1"))
    epoch = c.space("shop", "store")["epoch"]
    c.zshell("topo", "submit", package(c, 2, "edge-node-2"), "--wait=60s")
    c.zshell("topo", "abort", "shop")
    until(lambda: line_of(c, "Last rollout") is not None, "it went back")
    assert line_of(c, "Last rollout").startswith("2.0.0 was aborted ")
    assert c.space("shop", "store")["epoch"] == epoch
    until(lambda: not c.zruns("edge-node-2"), "the second copy has gone")
    until(lambda: share_of_pages(c, "edge-node-2", 100) == 0, "its zedge has heard of it")
    assert share_of_pages(c, "edge-node-2") == 0
