"""Why an instance has no place, as a picture, of a cluster that is really broken: what it shows is what REST explains."""
import pytest

from conftest import until
from test_console import console  # noqa: F401 (a fixture)
from test_console_topology import look_at, needs, open_page, space

ZHOSTS = [*({"name": f"{place}-{k:02}", "cpu": 4, "memory": "4GiB", "region": region} for place, region in (("ams", "eu-west"), ("nyc", "us-east")) for k in (1, 2)),
          {"name": "hel-01", "cpu": 4, "memory": "4GiB", "region": "eu-west", "capabilities": ["sensors.camera"]},
          {"name": "hel-02", "cpu": 4, "memory": "4GiB", "region": "eu-west", "capabilities": ["sensors.camera"]},
          {"name": "tiny-01", "cpu": "10m", "memory": "4GiB", "region": "us-east"}]
SPACES = [space("reader", capabilities=["sensors.camera"], placement={"region": "eu-west"}, exports={"ip": ""}), space("lamp", inside="reader"),
          space("detector", 2, imports=needs("reader", variables=["ip"]), env={"LEVEL": "info", "READER": "${imports.reader.ip}"}), space("store")]


@pytest.fixture
def c(start_cluster):
    cluster = start_cluster(zhosts=ZHOSTS)
    cluster.deploy("hall", SPACES)
    cluster.wait_state("hall", "running")
    return cluster


def explained(c, path="reader"):
    return c.get(f"/v1/topologies/hall/explain?each=1&path={path}")["spaces"][0]


def matrix(console):
    """Failed cells: (zhost, rule) as the picture has them; and every zhost that it shows."""
    cells = console.script("[...document.querySelectorAll('td.verdict')].map(e => [e.dataset.zhost, e.dataset.rule, e.dataset.kind])")
    return {(z, r) for z, r, kind in cells if kind != "holds"}, {z for z, _, _ in cells}


def failures(e):
    return {(z["zhost"], e["rules"][f["rule"]]["rule"]) for z in e["zhosts"] for f in z["failures"]}


def links(console, within):
    return console.script(f"[...document.querySelectorAll(`{within} a.to-do`)].map(a => a.getAttribute('href'))")


def open_why(c, console, path):
    open_page(c, console, f"#/why?topology=hall&space={path}", "td.verdict")


def kinds(console):
    """Of cells that fail: a rule may be asked more than once."""
    return {(z, r): kind for z, r, kind in console.script("[...document.querySelectorAll('td.verdict')].map(e => [e.dataset.zhost, e.dataset.rule, e.dataset.kind])") if kind != "holds"}


def test_what_has_no_place_is_shown_by_the_rules_that_fail(c, console):
    open_why(c, console, "reader")
    e = explained(c)
    until(lambda: matrix(console) == (failures(e), {z["zhost"] for z in e["zhosts"]}), "the matrix")
    eligible = [z["zhost"] for z in e["zhosts"] if z["eligible"]]
    assert console.script("[...document.querySelectorAll('.scores tr[data-zhost]')].map(e => e.dataset.zhost)") == eligible and len(eligible) == 2
    found = look_at(console, "why-placed", themes=("light",))

    # One zhost with a camera is closed, the other one is lost.
    where = c.zhost_of("hall", "reader")
    other = ({"hel-01", "hel-02"} - {where}).pop()
    c.request("POST", f"/v1/zhosts/{other}/cordon")
    c.kill_machine(where)
    c.wait_state("hall", "failed", 60)
    until(lambda: matrix(console)[0] == failures(explained(c)), "the matrix follows")
    e = explained(c)
    until(lambda: console.text(".why-head h1") == "reader has no place: " + e["reason"].split(": ")[0].replace("'", ""), "so does the heading")
    until(lambda: console.text(".change .sentence") == e["smallest_change"].replace("'", ""), "and the change")
    # What alone stands in the way is filled; the rule at which the search ended is marked.
    ended = next(r["rule"] for r in e["rules"] if r["left"] == 0)
    assert ended == "capability"
    seen = kinds(console)
    assert seen[where, "state"] == seen[other, "state"] == "alone"
    assert {rule for (_, rule), kind in seen.items() if kind == "ended"} == {ended}
    assert console.text("tr.decides").split()[1] == ended
    # Those that are nearest to fit stand first.
    order = console.script("[...document.querySelectorAll('.matrix th.zhost')].map(e => e.innerText)")
    lacks = {z["zhost"]: len(z["failures"]) for z in e["zhosts"]}
    assert [lacks[name] for name in order] == sorted(lacks.values())
    # Figures by focus, and in the table.
    console.script("document.querySelector('td.verdict[tabindex=\"0\"]').focus()")
    console.press("ArrowDown")
    until(lambda: console.text(".matrix .said").startswith(order[0]), "the figures of the cell")
    for z in e["zhosts"]:
        for f in z["failures"]:
            assert f["text"] in console.text(f".nearest tr[data-zhost='{z['zhost']}']")
    found += look_at(console, "why")
    # What to do is in the manual, wherever the reason stands.
    section = "/docs/reasons.html#capability-missing"
    until(lambda: links(console, ".why-head") == [section], "the link")
    console.script("location.hash = '#/topology?name=hall'")
    console.shows(".topology-head .reason", "no zhost satisfies capability requirement")
    until(lambda: links(console, ".topology-head .reason") == [section], "the link")
    code = next(p["failure_code"] for p in c.get("/v1/topologies/hall")["placements"] if p["space"] == "reader")
    until(lambda: links(console, "tr[data-path='reader']") == [f"/docs/reasons.html#{code}"], "the placements have it")
    until(lambda: f"/docs/reasons.html#{code}" in links(console, ".card.chains"), "the chains have it")
    found += look_at(console, "topology-failed")
    console.script("location.hash = '#/'")
    until(lambda: section in links(console, ".card.attention") and "/docs/reasons.html#zhost-silent" in links(console, ".card.attention"), "what needs attention has it")
    until(lambda: section in links(console, ".card.topologies"), "the list of topologies has it")
    found += look_at(console, "overview-failed", themes=("light",))
    assert console.script(f"fetch('{section}').then(a => a.text()).then(text => text.includes(' id=\"capability-missing\"'))")
    assert sorted(set(found + console.problems())) == []


def settings(console):
    return console.script("[...document.querySelectorAll('.card.settings tr[data-setting]')].map(e => [...e.children].map(d => d.textContent))")


def settings_of(c, path):
    """As REST says it."""
    s = c.space("hall", path)["settings"]
    return [*(["env", e["name"], e["value"]] for e in s["env"]),
            *(["import", f"imports.{r['name']}", r.get("value", "no provider gives it")] for r in s["references"])], s["reload"]


def test_what_waits_shows_the_chain_of_reasons(c, console):
    open_why(c, console, "detector-1")
    reader = {e["name"]: e["value"] for e in c.space("hall", "reader")["exports"]}
    rows, reload = settings_of(c, "detector-1")
    assert rows == [["env", "LEVEL", "info"], ["env", "READER", "${imports.reader.ip}"], ["import", "imports.reader.ip", reader["ip"]]]
    until(lambda: settings(console) == rows, "its env, with what it stands for")
    assert console.text(".reload") == f"A value that changes is taken by {reload}."
    found = look_at(console, "why-settings", themes=("light",))
    for name in ("hel-01", "hel-02"):
        c.kill_machine(name)
    until(lambda: c.space("hall", "detector-1")["state"] == "unresolved", "it waits", 60)
    until(lambda: c.space("hall", "reader").get("zhost") is None, "no place")
    until(lambda: settings(console) == settings_of(c, "detector-1")[0] and settings(console)[2][2] == "no provider gives it", "it waits for that value")
    chain = lambda: console.script("[...document.querySelectorAll('.chain li')].map(e => [e.dataset.link, e.dataset.state])")
    until(lambda: chain() == [[path, c.space("hall", path)["state"]] for path in ("detector-1", "reader")], "the chain")
    # What is inside of another space is judged with it.
    console.script("location.hash = '#/why?topology=hall&space=reader/lamp'")
    console.shows(".why-head h1", "reader/lamp is placed with reader")
    until(lambda: matrix(console)[0] == failures(explained(c)), "the matrix is that of reader")
    until(lambda: [name for name, _ in chain()] == ["reader/lamp", "reader"], "the chain")
    until(lambda: settings(console) == [], "it has no env")
    assert sorted(set(found + console.problems())) == []
