"""Pages of the web console beside the overview, in headless Chromium on real daemons."""
from conftest import until
from secure import SecureCluster, needs_an_address
from test_console import SHOTS, SIZES, c, console, open_console  # noqa: F401 (fixtures)


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
    assert console.script("document.querySelector('.top .theme').title") == "Theme: light" and page() == light
    console.click(".top .theme")
    assert page() == dark
    console.theme("light")
    assert page() == dark
    console.open(c.url + "/")
    until(lambda: console.text("main.overview h1"), "the page again")
    assert console.script("document.querySelector('.top .theme').title") == "Theme: dark" and page() == dark
    console.click(".top .theme")
    assert page() == light
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
    for key in ("g", "z", "/", "?"):
        console.press(key)
    assert console.text("main.overview h1") is not None and console.focused() != "go-to" and console.text("dialog") is None
    assert console.problems() == []


@needs_an_address
def test_the_name_of_the_cluster_is_in_header_and_title(start_cluster, console):
    c = start_cluster(kind=SecureCluster, zhosts=[])
    assert c.get("/v1/summary")["name"] == "lab"
    open_console(c, console)
    assert console.text(".top .cluster") == "lab"
    assert console.script("document.title") == "Overview, lab, Samoza"


def test_lists_are_sorted_by_their_columns(c, console):
    open_console(c, console)
    console.script("location.hash = '#/zhosts'")
    names = lambda: console.texts(".row.of-zhost a")
    until(lambda: names() == ["ams-01", "ams-02", "hel-01", "hel-02"], "by name")
    console.click(".columns button:nth-child(1)")
    assert console.script("location.hash") == "#/zhosts?sort=name" and names()[0] == "ams-01"
    console.click(".columns button:nth-child(1)")
    until(lambda: names() == ["hel-02", "hel-01", "ams-02", "ams-01"], "the other way round")
    console.click(".columns button:nth-child(5)")
    counts = {z["name"]: z["instances"] for z in c.get("/v1/zhosts")["zhosts"]}
    until(lambda: names() == sorted(counts, key=lambda n: (-counts[n], n)), "the fullest first")
    console.fill(".field|ams")
    until(lambda: sorted(names()) == ["ams-01", "ams-02"], "filtered")
    assert "sort=-instances" in console.script("location.hash")
    assert looked_at(console, "zhosts-sorted") == []
