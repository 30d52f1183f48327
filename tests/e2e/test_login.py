"""Contexts: zshell keeps a token and an address, and knows the cluster again."""
import json
import os
import pty
import re
import select
import signal
import stat
import time

import pytest

from conftest import BIN, run, token_of
from secure import SecureCluster, needs_an_address
from test_access import new_user


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def shell(home, *words, check=True, **options):
    env = {k: v for k, v in os.environ.items() if not re.match("XDG_|SAMOZA_|ZRMS_", k)}
    env.update(NO_COLOR="1", HOME=str(home), **options.pop("env", {}))
    return run(BIN / "zshell", *words, check=check, env=env, **options)


def on_a_terminal(home, answers, *words):
    """What the terminal shows, when each prompt is answered; and the exit status."""
    pid, fd = pty.fork()
    if pid == 0:
        env = {k: v for k, v in os.environ.items() if not re.match("XDG_|SAMOZA_|ZRMS_", k)}
        os.execve(BIN / "zshell", ["zshell", *words], {**env, "NO_COLOR": "1", "HOME": str(home), "TERM": "dumb"})
    shown, left, end = "", list(answers), time.monotonic() + 20
    while time.monotonic() < end:
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            shown += os.read(fd, 4096).decode(errors="replace")
        except OSError:
            break
        if left and left[0][0] in shown:
            os.write(fd, left.pop(0)[1].encode() + b"\n")
    if left:
        os.kill(pid, signal.SIGKILL)
    assert not left, (shown, left)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_login_is_kept_and_used(start_cluster, home):
    c = start_cluster(zhosts=["n1"])
    other = start_cluster(zhosts=["m1"])
    ann = new_user(c, "ann", "operator")
    done = shell(home, "login", c.url, "--name", "lab", input=ann + "\n")
    assert f"Logged in to {c.url} as ann (operator)." in done.stdout and ann not in done.stdout + done.stderr
    file = home / ".config" / "samoza" / "config.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and ann in file.read_text()
    assert "n1" in shell(home, "cluster", "zhosts").stdout
    shell(home, "login", other.url, "--name", "other", env={"SAMOZA_TOKEN": token_of(other.url)})
    assert "m1" in shell(home, "cluster", "zhosts").stdout
    assert "n1" in shell(home, "--context", "lab", "cluster", "zhosts").stdout
    assert "n1" in shell(home, "cluster", "zhosts", env={"SAMOZA_CONTEXT": "lab"}).stdout
    # An address goes before the context in use, and a token before that of a context.
    assert shell(home, "--api", c.url, "cluster", "zhosts", check=False).returncode == 1
    assert "not known here" in shell(home, "--context", "lab", "status", check=False,
                                     env={"SAMOZA_TOKEN": "smzu_" + "a" * 43}).stderr
    assert "lab is in use" in shell(home, "context", "use", "lab").stdout
    assert "n1" in shell(home, "cluster", "zhosts").stdout
    for words in (("context",), ("context", "show"), ("context", "list", "-o", "json"), ("context", "show", "-o", "yaml")):
        said = shell(home, *words).stdout
        assert "lab" in said and c.url in said and "smzu_" not in said
    assert shell(home, "complete", "--", "context", "use", "o").stdout.split() == ["other"]
    # A name means one cluster.
    refused = shell(home, "login", other.url, "--name", "lab", input=token_of(other.url), check=False)
    assert refused.returncode == 1 and f"the context lab is that of {c.url}" in refused.stderr
    shell(home, "logout")
    assert ann not in file.read_text()
    listed = json.loads(shell(home, "context", "-o", "json").stdout)
    assert [context["name"] for context in listed["contexts"]] == ["other"] and "current" not in listed
    assert "no context lab: expected one of: other" in shell(home, "--context", "lab", "status", check=False).stderr


def test_what_is_wrong_is_refused_and_nothing_kept(start_cluster, home):
    c = start_cluster(zhosts=())
    for words, more, said in (
            (("login", c.url), {"input": "secret\n"}, "that is no token"),
            (("login", c.url), {"input": ""}, "no token was given"),
            (("login", c.url), {"input": "smzu_" + "a" * 43}, "the token is not known here"),
            (("login", "http://192.0.2.1:7331"), {"input": "x"}, "does not go over http:// to another machine"),
            (("login", "unix:/x"), {}, "needs no login"),
            (("context", "use", "x"), {}, "no context x: zshell login URL makes one"),
            (("logout",), {}, "zshell login URL makes one")):
        refused = shell(home, *words, check=False, **more)
        assert refused.returncode == 1 and said in refused.stderr, (words, refused.stderr)
    assert not (home / ".config").exists()
    assert "There are no contexts" in shell(home, "context").stdout
    shell(home, "login", c.url, input=token_of(c.url))
    file = home / ".config" / "samoza" / "config.yaml"
    file.chmod(0o644)
    assert shell(home, "status", check=False).returncode != 0, "others can read it"
    file.chmod(0o600)
    file.write_text("current: x\ncontexts: 7\n")
    refused = shell(home, "status", check=False)
    assert refused.returncode != 0 and "config.yaml:2" in refused.stderr


@needs_an_address
def test_over_tls_the_cluster_is_known_again(start_cluster, home):
    s = start_cluster(kind=SecureCluster, zhosts=())
    unknown = shell(home, "login", s.secure_url, input=s.admin, check=False)
    assert unknown.returncode == 1 and s.fingerprint in unknown.stderr and "--fingerprint" in unknown.stderr
    shell(home, "login", s.secure_url, "--fingerprint", s.fingerprint, "--name", "a", input=s.admin)
    shell(home, "login", s.secure_url, "--ca", s.ca, "--name", "b", input=s.admin)
    for name in "ab":
        assert shell(home, "--context", name, "cluster", "zhosts").returncode == 0
    wrong = shell(home, "login", s.secure_url, "--fingerprint", "0" * 64, input=s.admin, check=False)
    assert wrong.returncode == 1 and "this is another cluster" in wrong.stderr
    for _ in range(20):  # whether it answers such a handshake, or closes, depends on the random bytes in it
        plain = shell(home, "login", f"https://127.0.0.1:{s.port}", input=s.admin, check=False)
        assert plain.returncode == 1 and "speaks plain HTTP" in plain.stderr, plain.stderr
    shown, status = on_a_terminal(home, [("[y/N]", "yes"), ("Token for", s.admin)], "login", s.secure_url, "--name", "c")
    assert status == 0 and "as admin (admin)" in shown and s.fingerprint in shown and s.admin not in shown
    assert shell(home, "cluster", "zhosts").returncode == 0
    assert s.fingerprint in shell(home, "context", "show", "c").stdout
    shown, status = on_a_terminal(home, [("[y/N]", "no")], "login", s.secure_url, "--name", "d")
    assert status == 1 and "is not known" in shown
