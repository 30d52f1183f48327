"""The interactive shell on a terminal: prompt, history, completion, Ctrl-C, Ctrl-D."""

import os
import re

import pytest

from fake_zrms import ID, event, placements, space, topology
from terminal import DEADLINE, Terminal


@pytest.fixture
def start(zrms, environment):
    opened = []
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [topology()]})
    zrms.routes[f"GET /v1/topologies/{ID}"] = (200, topology(placements=placements()))
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api"), space("store")]})

    def run():
        # libedit never frees the names given with EL_ADDFN: no leaks, where a sanitizer looks.
        opened.append(Terminal(dict(environment, ZRMS_URL=zrms.url, TERM="xterm",
                                    ASAN_OPTIONS="detect_leaks=0")))
        return opened[-1]
    yield run
    for terminal in opened:
        terminal.close()


def test_the_prompt_counts_from_zero_and_ctrl_d_ends(start):
    t = start()
    t.expect(r"zshell\[0\] >> ")
    t.type("topo status my-app\r")
    t.expect(r"Topology: my-app\r\n.*dashboard +edge-node-1 +running.*zshell\[1\] >> ")
    t.type("\r")
    t.expect(r"zshell\[1\] >> ")
    t.type("topo lsit\r")
    t.expect(r"did you mean 'topo list'.*zshell\[2\] >> ")
    t.type("\x04")
    assert t.process.wait(DEADLINE) == 0


def test_the_prompt_names_a_zrms_at_another_address(start, zrms, environment):
    t = start()
    t.expect(r"^" + re.escape(zrms.url.removeprefix("http://")) + r" zshell\[0\] >> ")
    t.close()
    usual = Terminal(dict(environment, TERM="xterm", ASAN_OPTIONS="detect_leaks=0"))
    usual.expect(r"^zshell\[0\] >> ")
    usual.type("\x04")
    assert usual.process.wait(DEADLINE) == 0
    usual.close()


def test_a_table_fits_a_terminal_that_has_become_narrower(start):
    t = start()
    t.expect(r"zshell\[0\] >> ")
    t.resize(30)
    t.type("topo\r")
    shown = t.expect(r"zshell\[1\] >> ")
    lines = [line for line in shown.replace("\r", "").split("\n") if "\u2026" in line]
    assert lines and all(len(line) <= 30 for line in lines), shown


def test_exit_ends_too(start):
    t = start()
    t.expect(r"zshell\[0\] >> ")
    t.type("exit\r")
    assert t.process.wait(DEADLINE) == 0


def test_tab_completes_commands_names_and_options(start):
    t = start()
    t.expect(r"zshell\[0\] >> ")
    t.type("to\t")
    t.expect(r"to(?:\x08)*.*po ")
    t.type("stat\t")
    t.expect(r"us ")
    t.type("m\t")
    t.expect(r"y-app ")
    t.type("--ou\t")
    t.expect(r"tput ")
    t.type("j\t\r")
    t.expect(r'"id": "' + ID)
    t.expect(r"zshell\[1\] >> ")
    t.type("topo st\t")
    t.expect(r"start +status +stop")


def test_ctrl_c_abandons_the_line(start):
    t = start()
    t.expect(r"zshell\[0\] >> ")
    t.type("topo status nob")
    t.expect(r"nob")
    t.type("\x03")
    t.expect(r"zshell\[0\] >> ")
    t.type("topo status my-app\r")
    t.expect(r"Topology: my-app.*zshell\[1\] >> ")
    assert t.process.poll() is None


def test_ctrl_c_abandons_the_command(start, zrms):
    zrms.push(event(1, "topology", "my-app", None, "pending"))
    t = start()
    t.expect(r"zshell\[0\] >> ")
    t.type("topo events my-app -f\r")
    t.expect(r"my-app - -> pending asked")
    t.type("\x03")
    t.expect(r"interrupted.*zshell\[1\] >> ")
    t.type("topo list\r")
    t.expect(ID[:20] + r".*zshell\[2\] >> ")


def test_history_is_kept_for_this_user_alone(start, environment):
    t = start()
    t.expect(r"zshell\[0\] >> ")
    t.type("topo status my-app\r")
    t.expect(r"zshell\[1\] >> ")
    t.type("\x04")
    assert t.process.wait(DEADLINE) == 0
    path = os.path.join(environment["XDG_STATE_HOME"], "samoza", "zshell_history")
    assert oct(os.stat(path).st_mode & 0o777) == "0o600"
    again = start()
    again.expect(r"zshell\[0\] >> ")
    again.type("\x1b[A")
    again.expect(r"topo status my-app")
    again.type("\r")
    again.expect(r"Topology: my-app")
