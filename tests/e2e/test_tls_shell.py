"""zshell over TLS: whom it believes, and what it says when somebody else answers."""
import os
import socket
import subprocess

import pytest
from conftest import BIN, run, until
from native import native_app
from secure import ADDRESS, SecureCluster, needs_an_address

pytestmark = needs_an_address


@pytest.fixture
def s(sweep_groups, start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    cluster = start_cluster(kind=SecureCluster, zhosts=("n1",))
    cluster.submit(cluster.build(native_app(cluster, "run", [{"name": "p", "run": {"mode": "foreground"}}], {
        "p/recipes/start": "#!/bin/sh\necho begun\nexec sleep 1000\n"}), "run"))
    return cluster


def shell(c, *words, url=None, ca=True, check=True, token=True, **options):
    env = {k: v for k, v in os.environ.items() if k != "XDG_STATE_HOME"}
    env.update(HOME="/nonexistent", NO_COLOR="1", ZRMS_URL=url or c.secure_url, **({"SAMOZA_TOKEN": c.admin} if token else {}))
    more = ("--ca", c.ca) if ca else ()
    return run(BIN / "zshell", *more, *words, check=check, env=env, **options)


def test_commands_work_as_on_loopback(s):
    assert "run" in shell(s, "topo", "list").stdout
    until(lambda: "begun" in shell(s, "spaces", "logs", "run/p").stdout, "it has said something")
    assert "n1" in shell(s, "cluster", "zhosts").stdout
    done = shell(s, "spaces", "exec", "run/p", "--", "echo", "from inside")
    assert done.stdout == "from inside\n" and done.returncode == 0
    for _ in range(3):
        large = shell(s, "spaces", "exec", "-i", "run/p", "--", "cat", input="x" * 1000000)
        assert len(large.stdout) == 1000000
    assert shell(s, "spaces", "exec", "run/p", "--", "sh", "-c", "exit 7", check=False).returncode == 7
    # Events are a connection of their own.
    stopped = shell(s, "topo", "stop", "run", "--wait=60s")
    assert "lost the connection" not in stopped.stderr
    assert "stopped" in shell(s, "topo", "status", "run").stdout


def test_a_fingerprint_is_enough(s):
    fingerprint = s.fingerprint
    assert "run" in shell(s, "--fingerprint", fingerprint, "topo", "list", ca=False).stdout
    colons = ":".join(fingerprint[i:i + 2] for i in range(0, 64, 2)).upper()
    assert "run" in shell(s, "--fingerprint", colons, "topo", "list", ca=False).stdout
    assert shell(s, "--fingerprint", fingerprint, "spaces", "exec", "run/p", "--", "true", ca=False).returncode == 0
    other = shell(s, "--fingerprint", "0" * 64, "topo", "list", ca=False, check=False)
    assert other.returncode == 1 and "this is another cluster" in other.stderr


def test_who_is_not_believed_is_said_and_sees_no_token(s):
    unknown = shell(s, "topo", "list", ca=False, check=False)
    assert unknown.returncode == 1
    assert "give the authority of the cluster with --ca FILE" in unknown.stderr and "--fingerprint" in unknown.stderr
    run(BIN / "zrms", "init", "--dir", s.directory / "other", "--listen", f"{ADDRESS}:7331")
    for words in (("topo", "list"), ("spaces", "exec", "run/p", "--", "true"), ("events",)):
        wrong = shell(s, "--ca", s.directory / "other" / "credentials" / "authorities.pem", *words, ca=False, check=False)
        assert wrong.returncode == 1 and "this is another cluster" in wrong.stderr, wrong.stderr
    both = shell(s, "--fingerprint", "0" * 64, "topo", "list", check=False)
    assert both.returncode == 2 and "not by both" in both.stderr
    for text in ("12", "x" * 64):
        assert "is no fingerprint" in shell(s, "--fingerprint", text, "topo", "list", ca=False, check=False).stderr


def test_http_and_https_are_told_apart(s):
    plain = shell(s, "topo", "list", url=f"http://{ADDRESS}:{s.port}", check=False)
    assert plain.returncode == 1 and "that port speaks TLS: give its address with https://" in plain.stderr
    secure = shell(s, "topo", "list", url=f"https://127.0.0.1:{s.port}", check=False)
    assert secure.returncode == 1 and "speaks plain HTTP, not TLS: use http://" in secure.stderr

    def try_exec():
        done = shell(s, "spaces", "exec", "run/p", "--", "true", url=f"https://127.0.0.1:{s.port}", check=False)
        # A server that closes with bytes unread resets the connection, and its answer may be lost with that.
        return done if done.returncode != 3 else None
    exec_ = until(try_exec, "the answer of a plain server is heard")
    assert exec_.returncode == 1 and "speaks plain HTTP, not TLS: use http://" in exec_.stderr


def test_a_token_does_not_go_where_it_can_be_read(s):
    """Over http:// to another machine, which may be anybody."""
    for words in (("topo", "list"), ("spaces", "exec", "run/p", "--", "true"), ("events",)):
        with socket.socket() as listener:
            listener.bind((ADDRESS, 0))
            listener.listen()
            listener.settimeout(20)
            url = f"http://{ADDRESS}:{listener.getsockname()[1]}"
            process = subprocess.Popen([BIN / "zshell", "--api", url, *words], stderr=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, env=dict(os.environ, SAMOZA_TOKEN=s.admin))
            connection = listener.accept()[0]
            with connection:
                heard = connection.recv(65536).decode()
        process.wait(timeout=20)
        assert heard.startswith("GET /v1/") and "smzu_" not in heard


def test_a_token_is_needed_over_tls_too(s):
    done = shell(s, "topo", "list", token=False, check=False)
    assert done.returncode == 1 and "give it with --token-file FILE, or in SAMOZA_TOKEN" in done.stderr
