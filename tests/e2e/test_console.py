"""The web console in headless Chromium, on real daemons."""
import gzip
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import BIN, DEADLINE, ROOT, token_of, until
from test_access import shell

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NODE = shutil.which("node")
SHOTS = BIN.parent / "screenshots"  # for people to look at
SIZES = {"360": (360, 780), "1440": (1440, 900), "2560": (2560, 1440)}
PAGES = ("overview", "topologies", "zhosts", "events")


class Console:
    def __init__(self):
        self.process = subprocess.Popen([NODE, ROOT / "tests" / "e2e" / "console_page.mjs", CHROMIUM], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, command, argument=""):
        self.process.stdin.write(f"{command} {argument}".strip() + "\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        assert "error" not in said, said
        return said["answer"]

    def __getattr__(self, command):
        return lambda argument="": self.ask(command, argument)

    def shows(self, selector, text, deadline=DEADLINE):
        said = None

        def holds():
            nonlocal said
            said = self.text(selector)
            return said is not None and text in said and said
        try:
            return until(holds, "", deadline)
        except AssertionError:
            raise AssertionError(f"not within {deadline} s: {selector} shows {text!r}; last it showed {said!r}") from None

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()


browsers = []  # at most one


@pytest.fixture
def console(request):
    """A page of a browser that knows nothing. Browsers take seconds to start, so the next test goes on with the same one, if
    it needs one: while it has nothing to do, it takes a sixth of a core."""
    if CHROMIUM is None or NODE is None:
        pytest.skip("no Chromium or node")
    if not browsers:
        browsers.append(Console())
    yield browsers[0]
    if "console" in request.node.next_fixtures and not getattr(request.node, "has_failed", False):
        browsers[0].fresh()
    else:
        browsers.pop().close()


def answer_of(c, path, **headers):
    """Status, headers and body, as they come, of somebody who shows nothing."""
    request = urllib.request.Request(c.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        answer = urllib.request.urlopen(request, timeout=DEADLINE)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, answer.read()


def code(c, user=None):
    return json.loads(shell(c, user or token_of(c.url), "user", "code", "-o", "json").stdout)["code"]


def open_console(c, console):
    console.open(f"{c.url}/#code={code(c)}")
    shows = lambda: console.text("main.overview h1")
    try:
        until(shows, "the overview is there", 60)
    except AssertionError:
        raise AssertionError((console.text("body"), console.problems(), console.script("location.href"))) from None


ZHOSTS = [{"name": f"{place}-{k:02}", "cpu": 4, "memory": "4GiB", "region": region,
           **({"capabilities": ["sensors.camera"]} if (place, k) == ("hel", 2) else {})}
          for place, region in (("ams", "eu-west"), ("hel", "eu-north")) for k in (1, 2)]


@pytest.fixture
def c(start_cluster):
    cluster = start_cluster(zhosts=ZHOSTS)
    cluster.deploy("inspection", [{"name": "eye", "type": "IO", "capabilities": ["sensors.camera"]},
                                  {"name": "web", "type": "CALL", "count": 5}])
    cluster.deploy("storefront", [{"name": "cart", "type": "CALL", "count": 6}])
    for name in ("inspection", "storefront"):
        cluster.wait_state(name, "running")
    return cluster


def test_its_files_are_safe_to_keep_and_load_nothing_from_elsewhere(start_cluster):
    c = start_cluster(zhosts=[])
    status, headers, page = answer_of(c, "/", Accept="text/html")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache" and headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy and "http" not in policy
    assert "frame-ancestors 'none'" in policy and "form-action 'none'" in policy
    assert not re.search(rb"<script(?![^>]* src=)|<style|style=|https?:", page)
    assert answer_of(c, "/", Accept="text/html", If_None_Match=headers["ETag"])[0] == 304
    names = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.decode())
    assert {name.rsplit(".", 1)[1] for name in names} >= {"js", "css", "woff2", "svg", "txt"}
    for name in names:
        status, headers, body = answer_of(c, name)
        assert status == 200 and headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert headers["X-Content-Type-Options"] == "nosniff" and "Content-Encoding" not in headers
        status, packed, small = answer_of(c, name, Accept_Encoding="gzip, br")
        assert packed["Vary"] == "Accept-Encoding" and packed["ETag"] == headers["ETag"]
        assert (gzip.decompress(small) if packed["Content-Encoding"] == "gzip" else small) == body
        assert answer_of(c, name, If_None_Match=headers["ETag"])[0] == 304
    # What a first look loads, as it goes over the network.
    sent = sum(len(answer_of(c, name, Accept_Encoding="gzip")[2]) for name in names if name.endswith((".js", ".css")))
    assert sent < 60_000
    assert answer_of(c, "/assets/console.js")[0] == 404
    # Who is no browser gets words.
    assert b"zshell login URL" in answer_of(c, "/", Accept="*/*")[2]


def test_a_code_signs_in_once_and_the_page_says_who_it_is(c, console):
    console.open(c.url + "/")
    until(lambda: console.text("form label"), "the page to sign in")
    console.fill("#proof|smzc_" + "x" * 43)
    console.click("form button")
    console.shows("#refused", "the code or token is not known here")
    assert console.axe() == []
    console.fill(f"#proof|{code(c)}")
    console.click("form button")
    console.shows("main.overview h1", "Everything runs.")
    assert console.text(".who") == "operator (admin)"
    open_console(c, console)
    assert "smzc_" not in console.script("location.href")
    console.click(".top .out")
    until(lambda: console.text("form label"), "signed out")
    console.open(c.url + "/")
    until(lambda: console.text("form label"), "signed out still")
    assert console.problems() == []


def test_the_overview_shows_the_cluster_in_three_sizes_light_and_dark(c, console):
    open_console(c, console)
    console.shows("main.overview h1", "Everything runs.")
    until(lambda: console.texts(".sum dd")[:2] == ["4 of 4 take placements", "12 of 12 running"], "the figures")
    assert console.texts(".group h3 b") == ["eu-north", "eu-west"]
    assert console.texts(".tile .name") == ["hel-01", "hel-02", "ams-01", "ams-02"]
    assert console.texts(".topologies td.name") == ["inspection", "storefront"]
    assert console.texts(".topologies .figure") == ["6/6", "6/6"]
    until(lambda: any("storefront" in line for line in console.texts(".event")), "the events")
    c.kill_machine("hel-02")
    console.shows("main.overview h1", "1 topology has failed, 1 zhost is silent.")
    SHOTS.mkdir(exist_ok=True)
    found = []
    for theme in ("light", "dark"):
        console.theme(theme)
        for page in PAGES:
            console.script(f"location.hash = '#/{page}'")
            until(lambda: console.script("document.querySelector('.top nav a[aria-current]')?.hash") == f"#/{page}" and console.text("main .card h2"),
                  f"{page} is there")
            for name, (width, height) in SIZES.items():
                console.size(f"{width}|{height}")
                if (wider := console.overflow()) > 0:
                    found.append(f"{page} {name}: scrolls sideways by {wider} px")
                found += [f"{page} {theme} {name}: {finding}" for finding in console.axe()]
                console.shot(SHOTS / f"{page}-{theme}-{name}.png")
    assert sorted(set(found + console.problems())) == []


def test_a_lost_zhost_is_seen_with_what_it_means(c, console):
    open_console(c, console)
    console.shows("main.overview h1", "Everything runs.")
    c.kill_machine("hel-02")
    console.shows("main.overview h1", "1 topology has failed, 1 zhost is silent.")
    console.shows(".attention", "no zhost satisfies capability requirement sensors.camera")
    # What else ran there is placed elsewhere, and needs attention until it runs.
    until(lambda: len(console.texts(".attention .item")) == 2 and console.text(".top .badge").startswith("2"), "only these need attention")
    first, second = console.texts(".attention .item")
    assert first.startswith("inspection") and "failed" in first
    assert second.startswith("hel-02") and "1 instance that ran there has no other place" in second
    assert console.text(".tile.s-problem").split()[0] == "hel-02"
    assert console.texts(".topologies td.name")[0] == "inspection"
    assert "inspection" in console.text(".topologies tr.hot")
    c.add_zhost({"name": "hel-03", "cpu": 4, "memory": "4GiB", "region": "eu-north", "capabilities": ["sensors.camera"]})
    until(lambda: console.text("main.overview h1") == "1 zhost is silent.", "what needs the camera runs again")
    assert console.problems() == []


def test_the_page_says_that_zrms_is_away_and_comes_back_with_it(c, console):
    open_console(c, console)
    console.shows(".live", "Live")
    c.zrms.kill()
    console.shows(".live", "No contact since ")
    until(lambda: console.text(".frame.lost") is not None, "the page looks so, too")
    c.start_zrms()
    console.shows(".live", "Live", 40)
    until(lambda: console.text(".frame.lost") is None, "the page looks so, too")
    c.request("POST", "/v1/zhosts/ams-01/cordon")
    until(lambda: console.text(".tile.s-cordoned"), "what happens then is seen")
    assert console.problems() == []


def test_everything_is_reached_by_keys(c, console):
    open_console(c, console)
    console.press("/")
    assert console.focused() == "go-to"
    for letter in "store":
        console.press(letter)
    until(lambda: [text.split("\n")[0] for text in console.texts("#matches li")] == ["storefront"], "the one name that has it")
    console.press("Enter")
    console.shows("main h1", "storefront")
    assert console.script("location.hash") == "#/topology?name=storefront"
    for key, name in (("z", "zhosts"), ("e", "Events"), ("o", "Overview")):
        console.press("g")
        console.press(key)
        until(lambda: (console.text(".top nav a[aria-current]") or "").startswith(name), f"{name} by its key")
    # One stop for all tiles of a group; arrows go on from there.
    until(lambda: console.texts(".tile"), "the tiles")
    console.script("document.querySelector('.tile').focus()")
    console.press("ArrowRight")
    until(lambda: console.focused().startswith("hel-02"), "the next one")
    console.press("Enter")
    console.shows("main h1", "hel-02")
    assert console.problems() == []


def large_summary(real):
    """As of 5,000 zhosts and 100,000 instances: what zrms would answer, made from what it does answer."""
    kinds = ("problem", "deployed-started")
    parts = []
    for first in range(0, 5000, 125):
        numbers = range(first, first + 125)
        flat = {key: [0] * 125 for key in real["zhosts"][0] if key not in ("seq", "labels")}
        flat.update(names=[f"z-{k:04}" for k in numbers], states=[kinds[k % 700 != 13] for k in numbers], cordoned=[k % 900 == 5 for k in numbers],
                    drains=[""] * 125, since=[real["time"]] * 125, heard=[real["time"]] * 125, instances=[20] * 125,
                    cpu_total=[8000] * 125, cpu_reserved=[k * 37 % 8000 for k in numbers], memory_total=[1 << 34] * 125,
                    memory_reserved=[k * 7919 % 8000 << 21 for k in numbers])
        parts.append({"seq": real["seq"], "labels": [{"name": "region", "values": [("eu", "us", "ap")[k % 3] for k in numbers]}], **flat})
    rows = [{"seq": real["seq"], "topology": {**real["topologies"][0]["topology"], "id": f"{k:08}", "name": f"app-{k:03}", "spaces": 200, "state": "running"},
             "states": [{"state": "deployed-started", "count": 200}], "spaces": [{"space": "web", "states": [{"state": "deployed-started", "count": 200}]}]}
            for k in range(500)]
    silent = [name for part in parts for name, state in zip(part["names"], part["states"]) if state == "problem"]
    attention = [{"kind": "zhost", "name": name, "state": "problem", "count": 0, "since": real["time"],
                  "reason": "no heartbeat since 2026-04-29T10:30:00Z: no instance waits for it"} for name in silent]
    return {**real, "open_zhosts": 5000 - len(silent), "zhosts": parts, "topologies": rows, "attention": attention, "attention_count": len(silent),
            "zhost_states": [{"state": "deployed-started", "count": 5000 - len(silent)}, {"state": "problem", "count": len(silent)}],
            "topology_states": [{"state": "running", "count": 500}], "space_states": [{"state": "deployed-started", "count": 100000}]}


def test_thousands_of_zhosts_are_a_picture_and_a_list(c, console, tmp_path):
    answer = tmp_path / "summary.json"
    answer.write_text(json.dumps(large_summary(c.get("/v1/summary"))))
    open_console(c, console)
    console.answer(f"/v1/summary {answer}")
    console.open(c.url + "/")
    console.shows("main.overview h1", "8 zhosts are silent.", 60)
    assert console.text(".sum dd").startswith("4,992 of 5,000")
    assert len(console.texts(".group canvas")) == 3 and console.texts(".tile") == []
    # Of eight alike the first ones stand for all.
    assert len(console.texts(".attention .item")) == 8
    assert "All 500 topologies" in console.text(".topologies p.rest")
    SHOTS.mkdir(exist_ok=True)
    for name, (width, height) in SIZES.items():
        console.size(f"{width}|{height}")
        assert console.overflow() <= 0 and console.axe() == []
        console.shot(SHOTS / f"large-light-{name}.png")
    console.size("1440|900")
    console.script("location.hash = '#/zhosts'")
    console.shows("main .card h2", "zhosts")
    # Only what is in view is there.
    until(lambda: 20 < len(console.texts(".row")) < 80, "some rows")
    console.script("location.hash = '#/zhosts?state=problem'")
    until(lambda: len(console.texts(".row")) == 8, "those in a state")
    assert console.problems() == []


def test_its_types_are_right():
    compiler = ROOT / "console" / "node_modules" / "typescript" / "bin" / "tsc"
    if NODE is None or not compiler.exists():
        pytest.skip("no TypeScript: tools/setup test")
    done = subprocess.run([NODE, compiler, "--noEmit", "-p", ROOT / "console"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
