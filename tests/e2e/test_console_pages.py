"""Pages of the web console beside the overview, in headless Chromium on real daemons."""
import json
import subprocess

import pytest

from conftest import ROOT, until
from secure import SecureCluster, needs_an_address
from test_console import CHROMIUM, NODE, SHOTS, SIZES, c, code, console, open_console  # noqa: F401 (fixtures)


def looked_at(console, name):
    """The page as it is, in three sizes, light and dark: what axe and the width find."""
    SHOTS.mkdir(exist_ok=True)
    found = []
    for theme in ("light", "dark"):
        console.theme(theme)
        for size, (width, height) in SIZES.items():
            console.size(f"{width}|{height}")
            if (wider := console.overflow()) > 0:
                found.append(f"{name} {size}: scrolls sideways by {wider} px")
            found += [f"{name} {theme} {size}: {finding}" for finding in console.axe()]
            console.shot(SHOTS / f"{name}-{theme}-{size}.png")
    console.theme("light")
    console.size("1440|900")
    return sorted(set(found + console.problems()))


def is_cut(console, selector):
    return console.script(f"[...document.querySelectorAll({selector!r})].filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)")


def test_names_of_zhosts_are_whole_where_there_is_room(start_cluster, console):
    c = start_cluster(zhosts=["edge-node-1", "a-zhost-with-a-long-name", "n3"])
    open_console(c, console)
    for width in (1440, 2560):
        console.size(f"{width}|900")
        until(lambda: len(console.texts(".tile .name")) == 3, "the tiles")
        assert is_cut(console, ".tile .name") == []


def test_the_theme_is_chosen_and_kept(c, console):
    open_console(c, console)
    page = lambda: console.script("getComputedStyle(document.body).backgroundColor")
    console.theme("light")
    light = page()
    console.theme("dark")
    dark = page()
    assert light != dark
    console.click(".top .theme")
    is_theme = lambda name: until(lambda: console.script("document.querySelector('.top .theme').title") == f"Theme: {name}", f"it is {name}")
    is_theme("light")
    assert page() == light
    console.click(".top .theme")
    is_theme("dark")
    assert page() == dark
    console.theme("light")
    assert page() == dark
    console.open(c.url + "/")
    until(lambda: console.text("main.overview h1"), "the page again")
    is_theme("dark")
    assert page() == dark
    console.click(".top .theme")
    until(lambda: page() == light, "it is as the browser's again")
    assert console.problems() == []


def test_help_names_the_keys_and_turns_letters_off(c, console):
    open_console(c, console)
    console.press("?")
    console.shows("dialog", "go to a name")
    assert console.axe() == []
    SHOTS.mkdir(exist_ok=True)
    console.shot(SHOTS / "help-light-1440.png")
    console.press("Escape")
    until(lambda: console.text("dialog") is None, "it is closed")
    console.click(".top .tools button:last-child")
    console.click("dialog input")
    console.click("dialog .button")
    until(lambda: console.text("dialog") is None, "it is closed")
    for key in ("g", "z", "/", "?"):
        console.press(key)
    assert console.text("main.overview h1") is not None and console.focused() != "go-to" and console.text("dialog") is None
    assert console.problems() == []


@needs_an_address
def test_the_name_of_the_cluster_is_in_header_and_title(start_cluster, console):
    c = start_cluster(kind=SecureCluster, zhosts=[])
    assert c.get("/v1/summary")["name"] == "lab"
    open_console(c, console)
    until(lambda: console.text(".top .cluster") == "lab" and console.script("document.title") == "Overview, lab, Samoza", "both name it")


def test_lists_are_sorted_by_their_columns(c, console):
    open_console(c, console)
    console.script("location.hash = '#/zhosts'")
    names = lambda: console.texts(".row.of-zhost a")
    until(lambda: names() == ["ams-01", "ams-02", "hel-01", "hel-02"], "by name")
    console.click(".columns button:nth-child(1)")
    until(lambda: console.script("location.hash") == "#/zhosts?sort=name" and names()[0] == "ams-01", "by name, as asked")
    console.click(".columns button:nth-child(1)")
    until(lambda: names() == ["hel-02", "hel-01", "ams-02", "ams-01"], "the other way round")
    console.click(".columns button:nth-child(5)")
    counts = {z["name"]: z["instances"] for z in c.get("/v1/zhosts")["zhosts"]}
    until(lambda: names() == sorted(counts, key=lambda n: (-counts[n], n)), "the fullest first")
    console.fill(".field|ams")
    until(lambda: sorted(names()) == ["ams-01", "ams-02"], "filtered")
    assert "sort=-instances" in console.script("location.hash")
    assert looked_at(console, "zhosts-sorted") == []


# ---- zhost ----

def open_zhost(console, name):
    console.script(f"location.hash = '#/zhost?name={name}'")
    console.shows("main h1", name)
    until(lambda: console.text(".use b"), "its usage")


def test_a_zhost_shows_what_it_offers_uses_and_runs(c, console):
    open_console(c, console)
    console.script("document.querySelector('.tile').click()")
    console.shows("main h1", "hel-01")
    until(lambda: console.script("document.title") == "hel-01, zhosts, Samoza", "the title")
    open_zhost(console, "hel-02")
    placed = sorted(s["name"] for s in c.get("/v1/spaces?zhost=hel-02")["spaces"])
    until(lambda: sorted("".join(name.split()) for name in console.texts(".runs td.name")) == placed, "what runs there")
    console.shows(".offers", "sensors.camera")
    assert "region = eu-north" in console.text(".offers") and "4 cores" in console.text(".offers")
    assert console.texts(".use h3")[0].startswith("cpu") and "of 4 cores" in console.texts(".use h3")[0]
    # Two samples, and the charts that the browser loads with the first one.
    until(lambda: len([v for v in c.get("/v1/zhosts/hel-02/usage")["cpu_used"] if v >= 0]) >= 2, "two intervals", 60)
    until(lambda: console.script("document.querySelectorAll('.chart canvas').length") == 2, "the charts")
    assert c.get("/v1/zhosts/hel-02/usage?span=7d")["interval_ms"] == 3600000
    # Of another period: what was there before stays until that is there.
    console.hold("/v1/zhosts/hel-02/usage?span=24h")
    console.click(".usage .choice button:nth-child(2)")
    until(lambda: console.held() == 1, "it is asked for")
    assert console.script("document.querySelector('.uses').ariaBusy") == "true" and console.text(".usage .count") == "last hour"
    console.release("/v1/zhosts/hel-02/usage?span=24h")
    console.shows(".usage .count", "24 hours")
    console.click(".usage .choice button:first-child")
    console.click(".runs th.h-name button")
    until(lambda: console.script("document.querySelector('.runs th.h-name').ariaSort") == "ascending", "sorted")
    assert looked_at(console, "zhost") == []


def test_a_zhost_is_drained_after_its_plan_and_the_drain_undone(c, console):
    open_console(c, console)
    open_zhost(console, "hel-02")
    console.click(".head .do button:last-child")
    console.shows(".drain", "nothing has been changed yet")
    console.shows(".drain .plan-sum", "1 stays")
    assert "eye" in console.text(".drain tr.hot") and "sensors.camera" in console.text(".drain tr.hot")
    assert looked_at(console, "zhost-drain") == []
    assert console.text(".drain .command") == "zshell cluster drain hel-02"
    is_off = lambda: console.script("document.querySelector('.drain .primary').disabled")
    assert is_off()
    console.fill(".drain form input[autocomplete]|hel-01")
    assert is_off()
    console.fill(".drain form input[autocomplete]|hel-02")
    until(lambda: not is_off(), "the name opens the button")
    # With other values there is another plan. Until it is there, everything stays, and nothing can be begun.
    seen = lambda: console.script("(() => { const d = document.querySelector('.drain'); return {typed: d.querySelector('form input[autocomplete]')?.value, "
                                  "focus: document.activeElement.tagName, rows: d.querySelectorAll('tbody tr').length, busy: d.querySelector('.plan-shown')?.ariaBusy} })()")
    before = seen()
    console.script("document.querySelector('.drain select').focus()")
    console.hold("/v1/zhosts/hel-02/drain?plan=1")
    console.press("1")  # the first deadline that begins so
    until(lambda: console.held() == 1, "another plan is asked for")
    assert console.text(".drain .command") == "zshell cluster drain hel-02 --deadline 10m"
    assert seen() == {**before, "focus": "SELECT", "busy": "true"} and before["typed"] == "hel-02" and before["rows"] > 1
    assert is_off() and console.text(".drain [role=status]") == "is made again"
    assert looked_at(console, "zhost-drain-again") == []
    console.press("Escape")
    console.release("/v1/zhosts/hel-02/drain?plan=1")
    until(lambda: not is_off(), "the plan is that of the deadline")
    assert seen() == {**before, "focus": "SELECT", "busy": "false"}
    # zrms cannot answer for a moment: what is shown stays.
    console.refuse("/v1/zhosts/hel-02 503")
    assert c.request("POST", "/v1/zhosts/hel-02/cordon")[0] == 200
    until(lambda: console.held() > 0, "it is read again")
    assert c.request("POST", "/v1/zhosts/hel-02/uncordon")[0] == 200
    assert seen() == {**before, "focus": "SELECT", "busy": "false"}
    console.release("/v1/zhosts/hel-02")
    assert not c.get("/v1/zhosts/hel-02")["cordoned"]
    console.click(".drain .primary")
    console.shows(".drain h2", "Drain")
    console.shows(".drain .plan-sum", "1 instance is left")
    console.shows(".head .state", "draining")
    drain = c.get("/v1/zhosts/hel-02")["drain"]
    assert drain["by"] == "operator" and "deadline" in drain
    until(lambda: console.texts(".runs td.name b") == ["eye"], "everything else has left")
    assert looked_at(console, "zhost-draining") == []
    console.click(".drain .confirm .button")
    console.shows(".head .state", "running")
    assert console.text(".drain") is None and not c.get("/v1/zhosts/hel-02")["cordoned"]
    # Without a drain, and back.
    console.click(".head .do button:first-child")
    console.shows(".head .state", "cordoned")
    console.click(".head .do button:first-child")
    console.shows(".head .state", "running")
    assert console.problems() == []


def test_who_may_not_change_zhosts_sees_no_buttons(c, console):
    viewer = c.request("POST", "/v1/users", {"name": "ann", "role": "viewer"})[1]["token"]
    console.open(f"{c.url}/#code={code(c, viewer)}")
    until(lambda: console.text("main.overview h1"), "the overview", 60)
    open_zhost(console, "ams-01")
    assert console.text(".head .do") is None
    c.kill_machine("ams-01")
    console.shows(".head .state", "problem")
    console.shows(".use h3", "not known")
    assert console.problems() == []


# ---- logs ----

TALK = """
#include <samoza.h>
static int said;
SAMOZA_ON_PROCESS(void)
{
    char text[512];
    uint32_t size = 0;
    const char *word = ++said % 10 == 0 ? "tenth " : "line ";
    while (*word != 0)
        text[size++] = *word++;
    for (int place = 1000; place > 0; place /= 10)
        text[size++] = (char)('0' + said / place % 10);
    text[size++] = ' ';
    while (said % 10 == 0 && size < 400)
        text[size++] = 'x';
    text[size] = 0;
    samoza_log(SAMOZA_INFO, text);
    samoza_sleep(20);
    return 0;
}
"""
AT_END = "(b => b.scrollHeight - b.clientHeight - b.scrollTop < 20)(document.querySelector('.tail .virtual'))"


def test_a_log_is_followed_filtered_and_held_where_one_reads(start_cluster, console):
    c = start_cluster(zhosts=("n1", "n2"))
    c.deploy("talk", [{"name": "s", "type": "CALL", "capabilities": ["sys.log"]}, {"name": "mute", "type": "CALL"}], {"s": TALK})
    open_console(c, console)
    open_zhost(console, c.zhost_of("talk", "s"))
    console.click(".runs td.log a[aria-label='Log of talk/s']")
    console.shows(".line", "line ")  # of hundreds, where the browser took its time
    assert console.script("location.hash") == "#/logs?topology=talk&path=s"
    console.shows(".logs header", "following")
    until(lambda: console.script("Number(document.querySelector('.logs .count').textContent.split(' ')[0].replace(',', ''))") > 200, "many lines", 60)
    last = lambda: console.texts(".line")[-1]
    before = last()
    until(lambda: last() != before and console.script(AT_END), "the newest is in view")
    assert len(console.texts(".line")) < 100  # only what is in view
    # Who scrolls up stays there; how much has come is said.
    console.script("document.querySelector('.tail .virtual').scrollTop = 1000")
    console.shows(".follow", "new")
    first = console.script("document.querySelector('.tail .virtual').scrollTop")
    console.shows(".follow", "new: follow")
    assert console.script("document.querySelector('.tail .virtual').scrollTop") == first and not console.script(AT_END)
    console.click(".follow")
    until(lambda: console.text(".follow") is None and console.script(AT_END), "followed again")
    console.fill(".logs header .field|TENTH")
    until(lambda: (lines := console.texts(".line")) and all("tenth" in line for line in lines), "only those with the text")
    until(lambda: " of " in console.text(".logs .count") and console.text(".line mark") == "tenth", "how many these are, and where in each")
    assert "filter=TENTH" in console.script("location.hash")
    console.script("document.querySelector('.line').click()")
    console.shows(".whole pre", "xxxx")
    assert looked_at(console, "logs") == []
    console.fill(".logs header .field|nothing has this")
    console.shows(".logs .empty", "No line has")
    # It goes on where its zhost was lost.
    console.fill(".logs header .field|")
    until(lambda: console.texts(".line"), "all lines")
    lost = c.zhost_of("talk", "s")
    c.kill_machine(lost)
    c.wait_zhost(lost, "problem")
    c.wait_state("talk", "running")
    console.shows(".logs header", "following", 60)
    before = last()
    until(lambda: last() != before, "lines of the other copy", 60)
    console.script("location.hash = '#/logs?topology=talk&path=mute'")
    console.shows(".logs .empty", "There was nothing yet")
    assert console.problems() == []


def test_who_may_not_read_logs_is_told(c, console):
    viewer = c.request("POST", "/v1/users", {"name": "ann", "role": "viewer"})[1]["token"]
    console.open(f"{c.url}/#code={code(c, viewer)}")
    until(lambda: console.text("main.overview h1"), "the overview", 60)
    console.press("g")
    console.press("l")
    console.shows(".logs header", "refused")
    assert console.script("location.hash") == "#/logs?topology=inspection&path=eye"
    until(lambda: console.text(".logs .empty"), "it says why")
    assert console.problems() == []


# ---- events ----

def own_events(c):
    """How many the page lists: not what a topology has to say of a zhost."""
    return len([e for e in c.events() if e["kind"] != "zhost" or "topology" not in e])


def listed(console):
    """How many the page has, and how many it says are new, at one moment."""
    return console.script("[document.querySelector('.events-page .count').innerText, document.querySelector('.follow')?.innerText ?? ''].map((text) => Number((/^[0-9]+/.exec(text.replace(',', '')) ?? [0])[0]))")


def test_events_are_filtered_by_kind_and_subject_and_held_where_one_reads(c, console):
    open_console(c, console)
    console.script("location.hash = '#/events'")
    console.shows(".event", "storefront")
    assert looked_at(console, "events-all") == []
    console.click(".choice button:nth-child(5)")
    until(lambda: sorted({line.split("\n")[1].split()[0] for line in console.texts(".event")}) == ["ams-01", "ams-02", "hel-01", "hel-02"], "those of zhosts")
    console.fill(".events-page .field|hel-02")
    until(lambda: all("hel-02" in line for line in console.texts(".event")), "those of one zhost")
    assert console.script("location.hash") == "#/events?kind=zhost&subject=hel-02"
    assert c.request("POST", "/v1/zhosts/hel-02/cordon")[0] == 200
    console.shows(".event", "cordoned by operator")
    assert c.request("POST", "/v1/zhosts/hel-02/uncordon")[0] == 200
    # One change of the address is there for the next.
    assert console.script("(document.querySelector('.choice button').click(), location.hash)") == "#/events?subject=hel-02"
    console.fill(".events-page .field|")
    until(lambda: own_events(c) == listed(console)[0], "all that happened is listed")
    console.size("1440|300")
    # Who reads older ones is not moved.
    console.script("document.querySelector('.tail .virtual').scrollTop = 340")
    until(lambda: console.text(".follow"), "not followed")
    at = "document.querySelector('.tail .virtual').getBoundingClientRect().top"
    first = f"[...document.querySelectorAll('.event')].find((one) => one.getBoundingClientRect().top >= {at}).innerText"
    before = console.script(first)
    known, fresh = listed(console)
    known -= fresh  # when it was followed last
    for _ in range(3):
        for change in ("cordon", "uncordon"):
            assert c.request("POST", f"/v1/zhosts/hel-02/{change}")[0] == 200
    # On a machine with too much to do a zhost may be lost, and more happens than these six.
    happened = lambda: (own := own_events(c)) >= known + 6 and listed(console) == [own, own - known]
    try:
        until(happened, "what is new is counted")
    except AssertionError as error:
        raise AssertionError(f"{error}: listed, new: {listed(console)}, of {known} and {own_events(c) - known} more") from None
    assert console.script(first) == before
    console.click(".follow")
    until(lambda: console.text(".follow") is None and console.script("document.querySelector('.tail .virtual').scrollTop") == 0, "followed again")
    assert console.problems() == []


# ---- many ----

def test_with_thousands_of_zhosts_no_task_of_the_page_is_long(tmp_path):
    """By the time of the processor, of the best of three tries: what else runs takes the caches away. All figures: docs/BENCHMARKS.md."""
    if CHROMIUM is None or NODE is None or not (ROOT / "console" / "node_modules" / "esbuild").exists():
        pytest.skip("no Chromium, node or esbuild")
    subprocess.run([NODE, ROOT / "console" / "build.mjs", tmp_path], check=True)
    best = {}
    for _ in range(3):
        said = subprocess.run([NODE, ROOT / "tests" / "e2e" / "console_figures.mjs", CHROMIUM, tmp_path, "--seconds", "4", "--json"],
                              capture_output=True, text=True, check=True, timeout=300).stdout
        figures = json.loads(said)
        assert figures["problems"] == []
        tasks = {f["name"]: f["ms"] for f in figures["figures"] if "processor time" in f["name"]}
        assert len(tasks) == 4 and min(tasks.values()) > 0, tasks
        best = {name: min(ms, best.get(name, ms)) for name, ms in tasks.items()}
        if max(best.values()) < 50:
            break
    assert max(best.values()) < 50, best
