"""What may be done with a topology on its page, on real daemons: by whom, after which plan, and by keys alone."""
import pytest

from conftest import until
from test_access import new_user
from test_console import code, console  # noqa: F401 (a fixture)
from test_console_topology import STOREFRONT, c, deploy, drawn, look_at, open_page, open_topology  # noqa: F401 (a fixture)


def press(console, text):
    """The button of this text."""
    return console.click(f"main .button >> text={text}")


def buttons(console):
    return console.texts("main .do .button")


def plan(console):
    until(lambda: console.script("document.querySelector('dialog.plan')?.open") is True, "the plan is there")
    return console.text("dialog.plan")


def test_a_topology_is_stopped_by_keys_after_its_plan_and_started_again(c, console):
    open_topology(c, console)
    assert [text for text in buttons(console) if text.startswith("Stop")] == ["Stop instances…", "Stop…"]
    console.script("[...document.querySelectorAll('main .do .button')].find(b => b.textContent === 'Stop…').focus()")
    console.press("Enter")
    text = plan(console)
    assert "26 running instances on 4 zhosts stop" in text and "zshell topo stop storefront" in text
    found = look_at(console, "topology-stop", themes=("light", "dark"))
    # The name is asked for: another one does nothing, and Escape leaves.
    disabled = "document.querySelector('dialog.plan .primary').disabled"
    for letter in "store":
        console.press(letter)
    assert console.script(disabled) is True
    console.press("Escape")
    until(lambda: console.script("document.querySelector('dialog.plan')") is None, "it is left")
    assert c.topology("storefront")["state"] == "running"
    console.press("Enter")
    plan(console)
    for letter in "storefront":
        console.press(letter)
    until(lambda: console.script(disabled) is False, "the name is right")
    console.press("Enter")
    c.wait_state("storefront", "stopped")
    until(lambda: console.script("document.querySelector('dialog.plan')") is None, "the plan is closed")
    until(lambda: "Start" in buttons(console), "it may be started")
    assert "Remove…" in buttons(console) and "Stop…" not in buttons(console)
    press(console, "Start")
    c.wait_state("storefront", "running")
    until(lambda: "Stop…" in buttons(console), "and stopped")
    assert sorted(set(found + console.problems())) == []


def test_a_rollout_is_paused_continued_promoted_and_rolled_back(c, console):
    state = lambda: (c.topology("storefront").get("rollout") or {}).get("state")
    deploy(c, "1.1.0", [dict(s, exports={"v": "2"}) for s in STOREFRONT], check=False, policy="canary", healthy={"for": "100ms"}, canary={"steps": ["30%"]})
    until(lambda: state() == "waiting", "it waits for promote", 60)
    open_topology(c, console)
    console.shows(".rollout-bar", "Promote 1.1.0")
    press(console, "Pause")
    until(lambda: state() == "paused", "zrms has paused it")
    console.shows(".rollout-bar", "is paused")
    press(console, "Continue")
    until(lambda: state() in ("waiting", "advancing"), "it goes on")
    console.shows(".rollout-bar", "Promote 1.1.0")
    press(console, "Promote 1.1.0")
    until(lambda: state() is None and c.topology("storefront")["version"] == "1.1.0", "all of it", 60)
    until(lambda: console.script("document.querySelector('.rollout-bar')") is None, "the rollout is over")
    console.shows(".revisions tr[data-revision='1']", "Roll back…")
    console.click(".revisions tr[data-revision='1'] .danger")
    plan(console)
    until(lambda: "content of revision 1 (1.0.0)" in plan(console), "what it would do")
    assert "zshell topo rollback storefront --to 1" in plan(console)
    assert "web: without v: 2" in plan(console), plan(console)
    found = look_at(console, "topology-rollback", themes=("light",))
    console.fill("dialog.plan .field|storefront")
    console.click("dialog.plan .primary")
    until(lambda: c.topology("storefront")["version"] == "1.0.0" and c.topology("storefront")["revision"] == 3, "it is back", 60)
    # Of two others the difference is another one: until it is there, the one before stays.
    open_page(c, console, "#/topology?name=storefront&from=2&to=3", ".diff-text")
    differs = console.text(".diff-text")
    console.hold("/v1/topologies/*/revisions/1")
    console.script("location.hash = '#/topology?name=storefront&from=1&to=3'")
    until(lambda: console.held() == 1, "the other one is read")
    assert (console.text(".diff h2"), console.text(".diff-text")) == ("From revision 2 to 3", differs)
    console.release("/v1/topologies/*/revisions/1")
    console.shows(".diff h2", "From revision 1 to 3")
    assert sorted(set(found + console.problems())) == []


def test_an_abort_asks_for_the_name(c, console):
    deploy(c, "1.1.0", [dict(s, exports={"v": "2"}) for s in STOREFRONT], check=False, policy="canary", healthy={"for": "100ms"}, canary={"steps": ["30%"]})
    until(lambda: (c.topology("storefront").get("rollout") or {}).get("state") == "waiting", "it waits for promote", 60)
    done = c.topology("storefront")["rollout"]["done"]
    open_topology(c, console)
    press(console, "Abort…")
    assert f"{done} copies in 1.1.0 are taken back" in plan(console)
    console.fill("dialog.plan .field|storefront")
    console.click("dialog.plan .primary")
    until(lambda: (c.topology("storefront").get("last_rollout") or {}).get("result") == "aborted", "it is aborted", 60)
    console.shows(".rollout-bar", "was aborted")
    assert console.problems() == []


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_only_read_is_offered_nothing(c, console, role):
    token = new_user(c, "ann", role, "--topologies", "store*")
    console.open(f"{c.url}/#code={code(c, token)}")
    until(lambda: console.text("main.overview h1"), "the overview", 30)
    console.script("location.hash = '#/topology?name=storefront'")
    until(lambda: buttons(console), "the page", 30)
    assert buttons(console) == (["Why here?"] if role == "viewer" else ["Why here?", "Stop instances…", "Stop…"])
    assert console.problems() == []


def test_nothing_is_done_while_zrms_is_away(c, console):
    open_topology(c, console)
    press(console, "Stop…")
    plan(console)
    console.fill("dialog.plan .field|storefront")
    # Not now, it says: what is typed, and the page below it, stay.
    console.refuse("/v1/topologies/storefront 503")
    assert c.request("PUT", "/v1/topologies/storefront/spaces/cart-1/goal", {"goal": "deployed-stopped"})[0] == 200
    until(lambda: console.held() > 0, "it is read again")
    assert console.script("document.querySelector('dialog.plan .field').value") == "storefront" and console.script("document.querySelector('svg.graph') !== null")
    console.release("/v1/topologies/storefront")
    until(lambda: drawn(console)["cart-1"] == "deployed-stopped", "and is read when it answers")
    c.zrms.kill()
    console.shows(".live", "No contact since ")
    until(lambda: console.script("document.querySelector('dialog.plan .primary').disabled"), "it cannot be done")
    console.press("Escape")
    until(lambda: console.script("[...document.querySelectorAll('main .do button')].every(b => b.disabled)"),
          "no button works")
    c.start_zrms()
    console.shows(".live", "Live", 40)
    until(lambda: console.script("[...document.querySelectorAll('main .do button')].some(b => !b.disabled)"), "buttons work again")
    assert console.problems() == []
