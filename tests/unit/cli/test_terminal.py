"""zshell's commands on a terminal: narrow ones, and questions before something ends."""

import json
import os
import re

import pytest

from fake_zrms import ID, event, placements, space, topology
from terminal import Terminal


@pytest.fixture
def listed(zrms):
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [topology()]})
    zrms.routes[f"GET /v1/topologies/{ID}"] = (200, topology(placements=placements()))
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api")]})
    zrms.routes[f"POST /v1/topologies/{ID}/stop"] = (200, topology("stopped"))
    zrms.routes[f"DELETE /v1/topologies/{ID}"] = (200, topology("stopped"))
    zrms.routes[f"POST /v1/topologies/{ID}/undeploy-all"] = (200, topology("stopped"))
    zrms.routes[f"PUT /v1/topologies/{ID}/spaces/api/goal"] = (200, space("api"))


def zhost(name, **more):
    view = {"name": name, "state": "deployed-started", "cordoned": False, "instances": 1,
            "zedge": "127.0.0.1:8088", "incarnation": 1,
            "cpu_millicores": {"total": 4000, "reserved": 500},
            "memory_bytes": {"total": 8 << 30, "reserved": 1 << 29}, "devices": [],
            "labels": [{"name": "rack", "value": "a"}, {"name": "region", "value": "eu-west"}],
            "capabilities": ["sensors.camera", "sensors.lidar"]}
    view.update(more)
    return view


@pytest.mark.parametrize("columns", [20, 24, 40, 60, 80])
def test_no_table_is_wider_than_the_terminal(on_terminal, listed, zrms, columns):
    zrms.routes["GET /v1/zhosts"] = (200, {"zhosts": [zhost("edge-node-1"), zhost("caf\u00e9-2")]})
    for words in (["topo"], ["cluster", "zhosts"], ["topo", "status", "my-app"], ["spaces"]):
        text, status = on_terminal(*words, columns=columns).rest()
        assert status == 0, text
        lines = [line for line in text.splitlines() if line]
        if words[:2] == ["topo", "status"]:  # keys and values are no table
            lines = lines[lines.index("Placements:"):]
        assert max(map(len, lines)) <= columns, text
        wide, _ = on_terminal(*words, columns=400).rest()
        if max(map(len, wide.splitlines())) > columns and words[1:2] != ["status"]:
            assert "\u2026" in text, text
        assert "\u2026" not in wide


def test_what_is_cut_first_is_what_can_be_missed(on_terminal, zrms):
    zrms.routes["GET /v1/zhosts"] = (200, {"zhosts": [zhost("edge-node-1")]})
    text, _ = on_terminal("cluster", "zhosts", columns=90).rest()
    assert re.search(r"^edge-node-1 running +0.5/4 .*127.0.0.1:8088.*\u2026", text, re.M), text


ENDING = [["topo", "stop", "a1b2c3", "--no-wait"], ["topo", "rm", "a1b2c3"],
          ["spaces", "stop", "a1b2c3/api"], ["spaces", "undeploy", "a1b2c3", "--all"]]


@pytest.mark.parametrize("words", ENDING)
@pytest.mark.parametrize("answer", ["n", "", "yess", "y"])
def test_what_ends_something_asks_when_given_by_prefix(on_terminal, listed, zrms, words, answer):
    t = on_terminal(*words)
    t.expect(rf"(Stop|Remove|Undeploy) my-app(/api)? \({ID}\)\? \[y/N\] ")
    assert zrms.asked("^(POST|PUT|DELETE)") == []
    t.type(answer + "\r")
    text, status = t.rest()
    assert status == (0 if answer == "y" else 1), text
    assert len(zrms.asked("^(POST|PUT|DELETE)")) == (1 if answer == "y" else 0)
    assert ("not confirmed; nothing was changed" in text) == (answer != "y")


@pytest.mark.parametrize("words", ENDING)
def test_names_whole_ids_and_yes_are_not_asked_about(on_terminal, listed, zrms, words):
    for other in ("my-app", ID, None):
        asked = [w.replace("a1b2c3", other) if other else w for w in words]
        text, status = on_terminal(*asked, *([] if other else ["--yes"])).rest()
        assert status == 0 and "?" not in text, text
    assert len(zrms.asked("^(POST|PUT|DELETE)")) == 3


def test_the_interactive_shell_asks_too(on_terminal, listed, zrms):
    t = on_terminal()
    t.expect(r"zshell\[0\] >> ")
    t.type("topo rm a1b2c3\r")
    t.expect(r"Remove my-app .*\[y/N\] ")
    t.type("n\r")
    t.expect(r"not confirmed.*zshell\[1\] >> ")
    t.type("topo rm a1b2c3\r")
    t.expect(r"\[y/N\] ")
    t.type("\x03")
    t.expect(r"zshell\[2\] >> ")
    t.type("topo rm a1b2c3\r")
    t.expect(r"\[y/N\] ")
    t.type("yes\r")
    t.expect(r"removed.*zshell\[3\] >> ")
    assert len(zrms.asked("^DELETE")) == 1


DEPENDENTS = [{"space": "site/web", "from": "my-app/store", "optional_import": False},
              {"space": "site/job", "from": "my-app/rows", "optional_import": True}]


@pytest.mark.parametrize("answer", ["n", "y"])
def test_a_stop_says_who_depends_on_it_and_asks(on_terminal, listed, zrms, answer):
    zrms.routes[f"GET /v1/topologies/{ID}"] = (200, topology(dependents=DEPENDENTS))
    t = on_terminal("topo", "stop", "my-app", "--no-wait")
    t.expect(r"site/web needs my-app/store, and stops until it is back\s+"
             rf"site/job imports from my-app/rows, and runs on without it\s+Stop my-app \({ID}\)\? \[y/N\] ")
    assert zrms.asked("^POST") == []
    t.type(answer + "\r")
    text, status = t.rest()
    assert status == (0 if answer == "y" else 1), text
    assert len(zrms.asked("^POST")) == (answer == "y")


def test_a_stop_that_others_depend_on_is_not_asked_about_with_yes_or_in_scripts(on_terminal, zshell, listed, zrms):
    zrms.routes[f"GET /v1/topologies/{ID}"] = (200, topology(dependents=DEPENDENTS))
    text, status = on_terminal("topo", "stop", "my-app", "--no-wait", "--yes").rest()
    assert status == 0 and "?" not in text and "site/web needs my-app/store" in text, text
    done = zshell("topo", "stop", "my-app", "--no-wait")
    assert done.status == 0 and "site/web needs my-app/store" in done.err, done
    assert len(zrms.asked("^POST")) == 2


def test_scripts_are_not_asked(zshell, on_terminal, listed, zrms):
    assert zshell("topo", "rm", "a1b2c3").status == 0
    # Neither where only standard input comes from elsewhere.
    text, status = on_terminal(program=["sh", "-c", 'echo n | "$ZSHELL" topo rm a1b2c3']).rest()
    assert status == 0 and "?" not in text, text
    assert len(zrms.asked("^DELETE")) == 2


def test_a_restart_asks_too(on_terminal, listed, zrms):
    t = on_terminal("spaces", "restart", "a1b2c3/api")
    t.expect(rf"Restart my-app/api \({ID}\)\? \[y/N\] ")
    t.type("n\r")
    text, status = t.rest()
    assert status == 1 and "not confirmed" in text, text
    assert zrms.asked("^PUT") == []


def test_a_prefix_needs_four_characters(zshell, listed, zrms):
    done = zshell("topo", "rm", "a1b")
    assert done.status == 1
    assert "no topology 'a1b'; a prefix of an id needs at least 4 characters" in done.err
    assert zrms.asked("^DELETE") == []
    assert zshell("topo", "status", "a1b2").status == 0


def many(count):
    return {"zhosts": [zhost(f"edge-node-{i}") for i in range(count)]}


PAGED = "sed 's/^/paged: /'"


def test_what_is_longer_than_the_terminal_is_paged(on_terminal, zrms):
    zrms.routes["GET /v1/zhosts"] = (200, many(23))
    text, status = on_terminal("cluster", "zhosts", pager=PAGED).rest()
    assert status == 0 and text.count("paged: ") == 24, text
    text, _ = on_terminal("cluster", "zhosts", "-o", "json", pager=PAGED).rest()
    assert text.startswith("paged: {\n"), text
    zrms.routes["GET /v1/zhosts"] = (200, many(22))
    text, _ = on_terminal("cluster", "zhosts", pager=PAGED).rest()
    assert "paged" not in text and "edge-node-21" in text, text
    # Lines that the terminal would break count as several.
    text, _ = on_terminal("cluster", "zhosts", "-o", "wide", columns=60, pager=PAGED).rest()
    assert text.count("paged: ") == 23, text


@pytest.mark.parametrize("words, pager", [
    (["--no-pager"], PAGED), ([], ""), ([], "cat"), ([], "/nowhere/pager"), ([], "exit 127")])
def test_everything_is_printed_where_there_is_no_pager(on_terminal, zrms, words, pager):
    zrms.routes["GET /v1/zhosts"] = (200, many(40))
    text, status = on_terminal("cluster", "zhosts", *words, pager=pager).rest()
    assert status == 0 and "edge-node-39" in text and "paged" not in text, text


def test_a_pager_that_is_left_early_ends_nothing(on_terminal, zrms):
    zrms.routes["GET /v1/zhosts"] = (200, many(3000))
    t = on_terminal(pager="head -n 2; echo left")
    t.expect(r"zshell\[0\] >> ")
    t.type("cluster zhosts\r")
    t.expect(r"edge-node-0 .*left\r\n.*zshell\[1\] >> ")
    t.type("cluster zhosts --no-pager -o name\r")
    t.expect(r"edge-node-2999\r\n.*zshell\[2\] >> ")


def test_ctrl_c_is_the_pagers(on_terminal, zrms):
    zrms.routes["GET /v1/zhosts"] = (200, many(40))
    t = on_terminal("cluster", "zhosts", pager="trap 'echo asked to end; exit' INT; echo ready; cat >/dev/null; "
                    "while :; do sleep 0.02; done")
    t.expect("ready")
    t.type("\x03")
    text, status = t.rest()
    assert status == 0 and "asked to end" in text, text


def test_what_is_no_terminal_or_followed_is_not_paged(zshell, on_terminal, zrms, listed, environment):
    environment["PAGER"] = PAGED
    zrms.routes["GET /v1/zhosts"] = (200, many(40))
    assert "paged" not in zshell("cluster", "zhosts").out
    zrms.push(*(event(i, "topology", "my-app", "pending", "running", f"cause {i}")
                for i in range(1, 41)))
    t = on_terminal("topo", "events", "my-app", "-f", pager=PAGED)
    assert "paged" not in t.expect("cause 40")
    text, _ = on_terminal("topo", "events", "my-app", "--each", pager=PAGED).rest()
    assert text.count("paged: ") == 40, text


@pytest.mark.parametrize("columns", [40, 60])
def test_sentences_are_broken_between_words(on_terminal, zrms, listed, columns):
    zrms.push(event(1, "space", "my-app/api", "deployed-stopped", "starting",
                    "every one of its providers is running again"))
    for words in (["events"], ["topo", "status", "my-app"]):
        text, status = on_terminal(*words, columns=columns).rest()
        # An id is one word.
        assert status == 0 and all(len(line) <= columns or ID in line for line in text.splitlines()), text
        shown = re.search(r"^( *2026-04-30T14:22:11Z.*\n(?: {4,}.*\n?)+)", text, re.M)
        assert shown, text
        assert " ".join(shown.group(1).split()) == (
            "2026-04-30T14:22:11Z space my-app/api deployed-stopped -> starting every one of its "
            "providers is running again")


@pytest.mark.parametrize("columns", [30, 44, 60])
def test_errors_and_notes_are_broken_between_words(on_terminal, zrms, zshell, columns):
    other = "a1b2ffff-0000-4000-8000-000000000000"
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [topology(), topology(id=other)]})
    for words in (["topo", "status", "nobody-is-called-so"], ["topo", "status", "a1b2"],
                  ["topo", "submit", "a-file-that-is-not-there.mex"], ["topo", "--state", "what"]):
        text, status = on_terminal(*words, columns=columns).rest()
        done = zshell(*words)
        assert status == done.status != 0
        lines = [line for line in text.splitlines() if len(line.split()) > 1]
        assert all(len(line) <= columns or ID in line or other in line for line in lines), text
        assert text.split() == done.err.split()
        broken = len(text.splitlines()) > len(done.err.splitlines())
        assert broken == (max(map(len, done.err.splitlines())) > columns), text


@pytest.mark.parametrize("columns", [20, 30, 40, 60])
def test_the_header_of_an_empty_table_fits_the_terminal(on_terminal, zrms, columns):
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": []})
    zrms.routes["GET /v1/zhosts"] = (200, {"zhosts": []})
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": []})
    for words in (["topo"], ["cluster", "zhosts"], ["spaces"]):
        text, status = on_terminal(*words, columns=columns).rest()
        lines = text.splitlines()
        assert status == 0 and max(map(len, lines)) <= columns, text
        wide, _ = on_terminal(*words, columns=400).rest()
        assert "\u2026" in lines[0] or lines[0].split() == wide.split(), (text, wide)


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_help_fits_the_terminal(on_terminal, columns):
    for words in (["help"], ["topo", "submit", "--help"], ["help", "spaces"]):
        text, status = on_terminal(*words, columns=columns).rest()
        lines = text.splitlines()
        # A name, or a command with its arguments, is not broken.
        wide = [line for line in lines if len(line) > columns and not re.match("  [^ ]", line)]
        assert status == 0 and wide == [], wide
        assert columns < 96 or max(map(len, lines)) > 80


@pytest.mark.parametrize("columns", [30, 40, 60])
def test_usage_is_broken_between_its_parts(on_terminal, zshell, columns):
    for words in (["spaces", "list", "--help"], ["topo", "start"], ["spaces", "logs", "--lines"], ["dance"]):
        text, _ = on_terminal(*words, columns=columns).rest()
        usage = re.search(r"^usage: .*\n(?: {6}[^ ].*\n)*", text, re.M).group(0).splitlines()
        assert all(len(line) <= columns for line in usage), usage
        assert all(line.count("[") == line.count("]") for line in usage), usage
        # Its words are those that are printed elsewhere, on one line.
        done = zshell(*words)
        whole = re.search("^usage: .*$", done.out + done.err, re.M).group(0)
        assert " ".join(" ".join(usage).split()) == whole
