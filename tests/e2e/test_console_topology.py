"""The pages of one topology in headless Chromium, on real daemons: what they show is what REST says."""
import json

import pytest

from conftest import until
from test_console import SHOTS, SIZES, ZHOSTS, console, open_console  # noqa: F401 (a fixture)

SMALL = {"resources": {"cpu": "20m", "memory": "8MiB"}}


def space(name, count=None, **more):
    return {"name": name, "type": "CALL", **SMALL, **({"count": count} if count is not None else {}), **more}


def needs(*names, **more):
    return [{"from": name, **more} for name in names]


STOREFRONT = [
    space("web", 4, imports=needs("api")),
    space("api", 9, imports=[*needs("cart", "search"), *needs("recommend", optional=True)]),
    space("cart", 4, imports=needs("store")),
    space("search", 2, imports=needs("store")), space("index", inside="search"),
    # With the grace of 10 s that others have it would be asked to stop where zrms does not answer for 0.4 s.
    space("store", 1, exclusive=True, stop={"grace": "200ms"}),
    space("recommend", 2, optional=True, imports=needs("features")),
    space("features", optional=True, capabilities=["sensors.camera"]), space("notes", inside="features", optional=True),
]
PATHS = [{"from": "web", "to": "api", "name": "orders"}, {"from": "index", "to": "store"}]


def deploy(c, version="1.0.0", spaces=None, check=True, **rollout):
    manifest = {"metadata": {"name": "storefront", "version": version, "publisher": "example.com", "created": "2026-04-29T10:30:00Z"},
                **({"rollout": rollout} if rollout else {})}
    package = c.build(c.app("storefront", spaces or STOREFRONT, paths=PATHS, manifest=manifest), f"storefront-{version}")
    return c.zshell("topo", "submit", package, "--wait=60s" if check else "--wait=1s", check=check)


@pytest.fixture
def c(start_cluster):
    cluster = start_cluster(zhosts=ZHOSTS, timeout="4s")
    deploy(cluster)
    cluster.wait_state("storefront", "running")
    return cluster


def open_page(c, console, page, selector):
    open_console(c, console)
    console.script(f"location.hash = '{page}'")
    try:
        until(lambda: console.script(f"document.querySelector('{selector}') !== null"), f"{page} shows {selector}", 20)
    except AssertionError:
        raise AssertionError((console.text("body"), console.problems())) from None


def open_topology(c, console, name="storefront"):
    open_page(c, console, f"#/topology?name={name}", "svg.graph")


def drawn(console, selector="svg.graph"):
    """Instances and their states, as the picture has them."""
    return dict(console.script(f"[...document.querySelectorAll('{selector} [data-path]')].map(e => [e.dataset.path, e.dataset.state])"))


def said(c, name="storefront"):
    return {s["path"]: s["state"] for s in c.get(f"/v1/topologies/{name}/spaces")["spaces"]}


def equal(c, console, selector="svg.graph", name="storefront"):
    until(lambda: drawn(console, selector) == said(c, name), f"{selector} shows what REST says: {drawn(console, selector)} {said(c, name)}")


def edges(console):
    return set(console.script("[...document.querySelectorAll('svg.graph [data-edge]')].map(e => `${e.classList[1]} ${e.dataset.edge}`)"))


def look_at(console, name, themes=("light", "dark"), sizes=SIZES):
    """Shots for people, and what axe-core finds."""
    SHOTS.mkdir(exist_ok=True)
    found = []
    for theme in themes:
        console.theme(theme)
        for size, (width, height) in sizes.items():
            console.size(f"{width}|{height}")
            if (wider := console.overflow()) > 0:
                found.append(f"{name} {size}: scrolls sideways by {wider} px")
            found += [f"{name} {theme} {size}: {finding}" for finding in console.axe()]
            console.shot(SHOTS / f"{name}-{theme}-{size}.png")
    console.theme("light")
    console.size("1440|900")
    return found


def test_the_graph_is_what_rest_says_and_follows_it(c, console):
    open_topology(c, console)
    equal(c, console)
    equal(c, console, "#main .placements")
    content = c.get("/v1/topologies/storefront/revisions/1")["topology"]
    assert {s["name"] for s in content["spaces"]} == set(console.script("[...document.querySelectorAll('svg.graph [data-space]')].map(e => e.dataset.space)"))
    # Containment is nesting: the box of what is inside lies within the other one.
    inside = console.script("(() => { const box = (n) => document.querySelector(`[data-space=${n}] .box`).getBoundingClientRect(); "
                            "const a = box('search'), b = box('index'); "
                            "return b.left > a.left && b.right < a.right && b.top > a.top && b.bottom < a.bottom })()")
    assert inside is True
    assert edges(console) == {
        "import import web api api", "import import api cart cart", "import import api search search", "import import api recommend recommend",
        "import import cart store store", "import import search store store", "import import recommend features features",
        "path path web api orders", "path path index store "}
    assert console.text(".card.chains").endswith("Everything that is to run runs.")
    found = look_at(console, "topology-running", themes=("light",))

    # The only zhost with a camera goes: what needs it has no place, and what waits for that is drawn as a chain.
    c.kill_machine("hel-02")
    until(lambda: said(c)["recommend-1"] == "unresolved", "it waits", 40)
    equal(c, console)
    until(lambda: "waits import recommend features features" in edges(console), "the edge that holds it up")
    chain = lambda: console.script("[...document.querySelector('.chain')?.querySelectorAll('li') ?? []].map(e => [e.dataset.link, e.dataset.state])")
    until(lambda: chain() == [[name, said(c)[name]] for name in ("recommend-1", "features")], "the chain")
    console.shows(".chain", "no zhost satisfies capability requirement sensors.camera")
    until(lambda: "no-place" in console.script("document.querySelector('[data-space=features]').getAttribute('class')"), "it is drawn so")
    equal(c, console, "#main .placements")
    found += look_at(console, "topology")
    assert sorted(set(found + console.problems())) == []

    # And back, as it happens.
    c.add_zhost({"name": "hel-03", "cpu": 4, "memory": "4GiB", "region": "eu-north", "capabilities": ["sensors.camera"]})
    c.wait_state("storefront", "running")
    until(lambda: set(said(c).values()) == {"deployed-started"}, "all runs", 40)
    equal(c, console)
    console.shows(".card.chains", "Everything that is to run runs.")
    assert console.problems() == []


def test_keys_go_through_the_graph_to_the_placements(c, console):
    open_topology(c, console)
    console.script("document.querySelector('.node[tabindex=\"0\"]').focus()")
    where = "document.activeElement.dataset.space"
    assert console.script(where) == "web"
    console.press("ArrowRight")
    assert console.script(where) == "api"
    console.press("Enter")
    until(lambda: len(drawn(console, "#main .placements")) == 9, "only those of api")
    assert console.script("document.querySelectorAll('.node[tabindex=\"0\"]').length") == 1
    console.fill(".placements .field|ams-01")
    on = {s["path"] for s in c.get("/v1/topologies/storefront/spaces")["spaces"] if s["zhost"] == "ams-01"}
    until(lambda: set(drawn(console, "#main .placements")) == on, "those on one zhost")
    assert console.problems() == []


def test_history_says_what_differs_between_two_revisions(c, console):
    more = [dict(s, count=6) if s["name"] == "cart" else s for s in STOREFRONT] + [space("audit")]
    deploy(c, "1.1.0", more, healthy={"for": "100ms"})
    until(lambda: c.topology("storefront").get("rollout") is None and c.topology("storefront")["version"] == "1.1.0", "it runs", 60)
    open_topology(c, console)
    shown = console.script("[...document.querySelectorAll('.revisions tr[data-revision]')].map(e => [+e.dataset.revision, e.dataset.result])")
    said_there = c.get("/v1/topologies/storefront/revisions")["revisions"]
    assert shown == [[r["revision"], r["result"]] for r in reversed(said_there)]
    console.click(".compare a")
    until(lambda: console.text(".diff-text"), "what differs")
    come, gone = console.texts(".diff-text .come"), console.texts(".diff-text .gone")
    assert [line.split() for line in gone] == [["-", "version:", "1.0.0"], ["-", "count:", "4"]]
    assert ["+", "count:", "6"] in [line.split() for line in come] and ["+", "-", "name:", "audit"] in [line.split() for line in come]
    equal(c, console)
    assert sorted(set(look_at(console, "topology-diff", themes=("light",)) + console.problems())) == []


def test_a_canary_is_seen_with_its_versions(c, console):
    deploy(c, "1.1.0", [{"stop": {"grace": "2s"}, **s, "exports": {"v": "2"}} for s in STOREFRONT], check=False, policy="canary", healthy={"for": "100ms"}, canary={"steps": ["30%"]})
    until(lambda: (c.topology("storefront").get("rollout") or {}).get("state") == "waiting", "it waits for promote", 60)
    open_topology(c, console)
    console.shows(".rollout-bar", "Canary to 1.1.0 waits for promote")
    progress = lambda: console.script("document.querySelector('.rollout-bar [role=progressbar]').ariaValueNow")
    until(lambda: progress() == str(c.topology("storefront")["rollout"]["done"]), "how far it is")
    fresh = lambda: {s["path"] for s in c.get("/v1/topologies/storefront/spaces")["spaces"] if s["version"] == "1.1.0"}
    tagged = lambda: set(console.script("[...document.querySelectorAll('.placements tr[data-path]')].filter(e => e.querySelector('.tag.new')).map(e => e.dataset.path)"))
    until(lambda: tagged() == fresh(), "those in the new version")
    assert sorted(set(look_at(console, "topology-canary") + console.problems())) == []


@pytest.mark.parametrize("count", [3, 30, 300])
def test_it_is_readable_with_three_thirty_and_three_hundred(start_cluster, console, tmp_path, count):
    c = start_cluster(zhosts=ZHOSTS[:1])
    names = {3: ["web", "api", "store"], 30: [f"{kind}{k}" for kind in ("web", "api", "cart", "queue", "store") for k in "ab"]}.get(
        count, [f"{kind}-{k}" for kind in ("web", "api", "cart", "queue", "report", "store") for k in ("eu", "us", "ap", "af")])
    c.deploy("plant", [space("web", imports=needs("api")), space("api", imports=needs("store")), space("store")])
    c.wait_state("plant", "running")
    # Of more than a machine of tests carries: what zrms would answer, made from what it does answer.
    real, content = c.get("/v1/topologies/plant/spaces")["spaces"][0], c.get("/v1/topologies/plant/revisions/1")
    per = {3: [1], 30: [3], 300: [60, 12, 4, 1, 2, 1]}[count]
    kinds = ["deployed-started"] * 17 + ["starting", "unresolved", "problem"]
    spaces, instances = [], []
    for k, name in enumerate(names):
        width = len(names) // 5 or 1
        ends = [names[j] for j in range(k + width, min(len(names), k + 2 * width))][:2]
        own = per[k // 4 % len(per)] if count == 300 else per[0]
        spaces.append({**content["topology"]["spaces"][0], "name": name, "count": own, "imports": [{"from": end} for end in ends]})
        for i in range(own):
            path = name if own == 1 else f"{name}-{i + 1}"
            instances.append({**real, "path": path, "name": f"plant/{path}", "space": name, "imports": [], "state": kinds[(k * 7 + i) % 20] if count > 3 else kinds[0]})
    content["topology"]["spaces"] = spaces
    answers = {"spaces": {"spaces": instances}, "revisions/1": content}
    open_console(c, console)
    for path, answer in answers.items():
        (tmp_path / path.replace("/", "-")).write_text(json.dumps(answer))
        console.answer(f"/v1/topologies/*/{path} {tmp_path / path.replace('/', '-')}")
    console.script("location.hash = '#/topology?name=plant'")
    until(lambda: drawn(console), "the graph", 30)
    until(lambda: drawn(console) == {i["path"]: i["state"] for i in instances}, "all instances")
    # No node covers another one.
    assert console.script("(() => { const all = [...document.querySelectorAll('.node > .box')].map(b => b.getBoundingClientRect()); "
                          "return all.some((a, k) => all.some((b, n) => n > k && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)) })()") is False
    assert sorted(set(look_at(console, f"topology-{count}", themes=("light",)) + console.problems())) == []


def test_what_is_not_there_is_said(c, console):
    open_console(c, console)
    console.script("location.hash = '#/topology?name=nothing'")
    console.shows("main", "no topology")
    console.shows("main", "nothing")
    assert console.problems() == []
