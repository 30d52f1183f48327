"""The list of the console that grows, alone, in headless Chromium: who scrolls away from its newest rows is never moved."""
import subprocess

import pytest

from conftest import ROOT, until
from test_console import NODE, console  # noqa: F401 (a fixture)

ESBUILD = ROOT / "console" / "node_modules" / ".bin" / "esbuild"
STYLE = "body { margin: 0 } #app { display: flex; height: 250px } ol { margin: 0; padding: 0; list-style: none } .virtual .event { box-sizing: border-box }"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    if NODE is None or not ESBUILD.exists():
        pytest.skip("no node, or no esbuild (tools/setup console)")
    directory = tmp_path_factory.mktemp("tail")
    subprocess.run([ESBUILD, ROOT / "tests/e2e/console_tail.tsx", "--bundle", "--jsx=automatic", "--jsx-import-source=preact",
                    f"--outfile={directory}/tail.js", "--log-level=error"], check=True, timeout=60,
                   env={"NODE_PATH": str(ROOT / "console" / "node_modules")})
    (directory / "tail.html").write_text(f"<!doctype html><title>List</title><link rel=stylesheet href=tail.css><style>{STYLE}</style><div id=app></div><script src=tail.js></script>")
    return f"file://{directory}/tail.html"


@pytest.fixture(params=["first", "last"])
def tail(request, page, console):
    console.open(f"{page}#{request.param}")
    until(lambda: console.texts(".event"), "the list")
    yield console
    assert console.problems() == []


FRAMES = "const frames = async () => { for (let k = 0; k < 4; k++) await new Promise(requestAnimationFrame); };"


def asked(console, text):
    """What it returns, with `frames` to wait for what the browser tells only with a frame."""
    return console.script(f"(async () => {{ {FRAMES} {' '.join(text.split())} }})()")


def test_who_scrolls_away_stays_while_rows_come_and_old_ones_are_dropped(tail):
    before, after = asked(tail, "away(); await frames(); const before = seen(); "
                                "for (let k = 0; k < 50; k++) { add(1); if (k % 7 === 0) await frames(); } await frames(); return [before, seen()];")
    assert before["follow"].startswith("Paused: follow")
    assert after["row"] == before["row"] and after["follow"].startswith("50 new: follow")
    tail.click(".follow")
    assert asked(tail, "await frames(); add(1); await frames(); return seen();")["follow"] is None


def test_who_scrolls_away_in_the_moment_when_rows_come_stays(tail):
    """Before the browser has told of it."""
    row, after = asked(tail, "away(); const at = seen().row; add(2); await frames(); return [at, seen()];")
    assert after["follow"].startswith("2 new: follow")
    drawn_later = asked(tail, "const one = seen(); add(3); await frames(); return [one.row, seen().row, seen().follow];")
    assert drawn_later[0] == drawn_later[1] and drawn_later[2].startswith("5 new: follow")


def test_who_scrolls_away_in_a_list_that_was_just_made_stays(tail):
    after = asked(tail, """
        await frames();
        const made = new Promise((done) => new MutationObserver((_, own) => { own.disconnect(); away(); done(); })
          .observe(document.getElementById('app'), { childList: true, subtree: true }));
        remake(); await made; await frames(); add(1); await frames(); return seen();""")
    assert after["follow"] is not None and "follow" in after["follow"]
