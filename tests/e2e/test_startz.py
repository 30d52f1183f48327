"""A cluster on one machine, as people start it; and the shell in a terminal."""
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import BIN, ROOT, free_port, is_alive, run, until, zruns_below
from native import SLEEPER, native_app


@pytest.fixture
def home(tmp_path):
    directory = tmp_path / "cluster"
    yield directory
    run(BIN / "startz", "down", "--dir", directory, check=False)


def status(directory):
    lines = run(BIN / "startz", "status", "--dir", directory, check=False).stdout.splitlines()
    assert lines[0].split() == ["NAME", "PROGRAM", "PID", "STATE", "ADDRESS"]
    return {row[0]: row for row in (line.split() for line in lines[1:]) if row}


def text_at(url):
    """Nothing: its zhost has not heard of the page yet."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": "text/html"}), timeout=20) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        assert error.code == 404, error
        return b""


def up(directory, *options):
    return run(BIN / "startz", "up", "--zhosts", "2", "--dir", directory, "--detach", "--heartbeat",
               "300ms", "--failure-timeout", "2s", *options)


def test_up_status_and_down(home):
    up(home, "--api", f"127.0.0.1:{free_port()}")
    rows = status(home)
    assert list(rows) == ["zrms", "edge-node-1", "edge-node-2"]
    pids = [int(row[2]) for row in rows.values()]
    assert all(is_alive(pid) for pid in pids)
    url = "http://" + rows["zrms"][4]
    shown = run(BIN / "zshell", "--api", url, "cluster", "zhosts").stdout
    assert "edge-node-1" in shown and "edge-node-2" in shown
    run(BIN / "startz", "down", "--dir", home)
    until(lambda: not any(is_alive(pid) for pid in pids), "all ended")
    assert all(row[2] == "-" for row in status(home).values())


def test_a_second_up_starts_only_what_is_missing(home):
    up(home, "--api", f"127.0.0.1:{free_port()}")
    before = status(home)
    os.kill(int(before["edge-node-2"][2]), 9)
    until(lambda: not is_alive(int(before["edge-node-2"][2])), "it died")
    up(home)
    after = status(home)
    assert after["zrms"] == before["zrms"] and after["edge-node-1"] == before["edge-node-1"]
    assert after["edge-node-2"][2] != before["edge-node-2"][2]
    assert after["edge-node-2"][4] == before["edge-node-2"][4]


def test_commands_run_where_up_allows_them(home, start_cluster):
    up(home, "--api", f"127.0.0.1:{free_port()}", "--allow-exec")
    url = "http://" + status(home)["zrms"][4]
    c = start_cluster(zhosts=[])  # builds the package
    package = c.build(native_app(c, "run", [{"name": "p", "run": {"mode": "foreground"}}],
                                 {"p/recipes/start": SLEEPER.format(300101)}), "run")
    run(BIN / "mex", "sign", package, "--key", home / "keys/dev")
    zshell = BIN / "zshell", "--api", url
    run(*zshell, "topo", "submit", package, "--wait=30s")
    assert run(*zshell, "spaces", "exec", "run/p", "--", "echo", "hello").stdout == "hello\n"


def test_a_node_whose_name_is_taken_is_refused(home, tmp_path):
    up(home, "--api", f"127.0.0.1:{free_port()}")
    before = status(home)
    other = tmp_path / "other"
    try:
        done = run(BIN / "startz", "node", "--name", "edge-node-1", "--zrms",
                   "http://" + before["zrms"][4], "--dir", other, "--detach", check=False)
        assert done.returncode == 1, done
        assert "edge-node-1 is ready" not in done.stdout
        assert "another zhost named edge-node-1 is connected" in done.stderr
    finally:
        run(BIN / "startz", "down", "--dir", other, check=False)
    assert status(home) == before


def test_a_taken_address_is_refused(home):
    import socket
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(BIN / "startz", "up", "--dir", home, "--api", address, "--detach", check=False)
    assert done.returncode != 0 and address in done.stderr, done


def test_down_ends_zruns_whose_zhost_is_dead(home, example_package):
    up(home, "--api", f"127.0.0.1:{free_port()}")
    rows = status(home)
    url = "http://" + rows["zrms"][4]
    package = home / "my-app.mex"
    package.write_bytes(example_package.read_bytes())
    run(BIN / "mex", "sign", package, "--key", home / "keys" / "dev")
    run(BIN / "zshell", "--api", url, "topo", "submit", package, "--wait=60s")
    zruns = [p for name in ("edge-node-1", "edge-node-2") for p in zruns_below(int(rows[name][2]))]
    assert len(zruns) == 2
    os.kill(int(rows["edge-node-1"][2]), 9)
    run(BIN / "startz", "down", "--dir", home)
    until(lambda: not any(is_alive(p) for p in zruns), "zruns ended")


def test_what_make_run_prints_works_when_it_is_pasted(home):
    """As `make run`, which has a fixed port."""
    done = subprocess.run([ROOT / "tools" / "run-example", BIN.parent, home, "--api", f"127.0.0.1:{free_port()}"], cwd=ROOT,
                          capture_output=True, text=True, timeout=170, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = dict(re.findall(r"^(Dashboard|Console|API|Anywhere): +(.*)$", done.stdout, re.M))
    assert list(said) == ["Dashboard", "Console", "API", "Anywhere"], done.stdout
    for command in (said["API"], said["Anywhere"]):
        pasted = subprocess.run(["/bin/sh", "-c", command], cwd="/", capture_output=True, text=True, timeout=60, check=False)
        assert '"my-app"' in pasted.stdout, (command, pasted)
    for page in ("Dashboard", "Console"):
        until(lambda: b"<html" in text_at(said[page]), f"{page} is there")


def test_exit_statuses_of_zshell(home):
    nobody = f"http://127.0.0.1:{free_port()}"
    assert run(BIN / "zshell", "--api", nobody, "topo", check=False).returncode == 3
    assert run(BIN / "zshell", "topo", "dance", check=False).returncode == 2
    up(home, "--api", f"127.0.0.1:{free_port()}")
    url = "http://" + status(home)["zrms"][4]
    done = run(BIN / "zshell", "--api", url, "topo", "status", "nobody", check=False)
    assert done.returncode == 1 and "nobody" in done.stderr
    assert re.search(r"^\{", run(BIN / "zshell", "--api", url, "topo", "list", "-o", "json").stdout)


def test_the_interactive_shell_counts_its_prompts(home):
    import pty
    import select
    up(home, "--api", f"127.0.0.1:{free_port()}")
    url = "http://" + status(home)["zrms"][4]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(ZRMS_URL=url, TERM="xterm", HOME=str(home))
        os.execv(BIN / "zshell", ["zshell"])
    seen = b""

    def has(text):
        nonlocal seen
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 4096)
        return text in seen

    def has_left():
        # Again and again: a key that comes before the shell reads keys one by one is lost.
        os.write(terminal, b"\x04")
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                os.read(terminal, 4096)
            except OSError:
                pass  # the other end is closed
        done, code = os.waitpid(pid, os.WNOHANG)
        return done == pid and [os.waitstatus_to_exitcode(code)]

    until(lambda: has(b"zshell[0] >> "), "the first prompt")
    os.write(terminal, b"cluster zhosts\n")
    until(lambda: has(b"edge-node-2"), "the table")
    until(lambda: has(b"zshell[1] >> "), "the second prompt")
    assert until(has_left, "Ctrl-D ends it") == [0]


def test_a_premature_removal_says_what_to_do(start_cluster, example_package):
    """Nothing of a topology that is stopped can be stopped; it takes a moment to be gone."""
    c = start_cluster(timeout="60s")
    package = c.directory / "my-app.mex"
    package.write_bytes(example_package.read_bytes())
    run(BIN / "mex", "sign", package, "--key", c.key)
    c.submit(package)
    used = c.zhost_of("my-app", "store")
    done = c.zshell("cluster", "rm", used, check=False)
    assert done.returncode == 1
    assert re.search(rf"(1 instance is|[^1] instances are) placed on {used}; ", done.stderr), done
    held = c.zhosts[used].pid
    os.kill(held, signal.SIGSTOP)
    try:
        c.zshell("topo", "stop", "my-app", "--no-wait")
        done = c.zshell("topo", "rm", "my-app", check=False)
        assert done.returncode == 1
        assert re.search(r"my-app is still unloading \((1 instance|\d instances) left\); try again "
                         "in a moment", done.stderr), done
    finally:
        os.kill(held, signal.SIGCONT)
    until(lambda: c.zshell("topo", "rm", "my-app", check=False).returncode == 0, "it is gone")


@pytest.mark.parametrize("program", ["zrms", "zhost", "zrun", "zshell", "mex", "startz", "zsim"])
def test_help_exits_successfully(program):
    done = run(BIN / program, "--help")
    assert program in done.stdout and done.stderr == ""


def test_a_log_is_followed_line_by_line(guest_book):
    import subprocess
    c = guest_book
    follower = subprocess.Popen([str(BIN / "zshell"), "--api", c.url, "spaces", "logs", "my-app/store", "-f"],
                                stdout=subprocess.PIPE, text=True)
    try:
        assert follower.stdout.readline().rstrip().endswith("info  store opens")
    finally:
        follower.kill()
        follower.wait()
        follower.stdout.close()
