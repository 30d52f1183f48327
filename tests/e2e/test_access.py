"""Nobody is anonymous: who shows no token gets nothing, and who shows one gets what its role covers."""
import errno
import json
import os
import shutil
import urllib.request

import pytest

from conftest import BIN, Daemon, free_port, run, token_of, until
from native import native_app


def asked(c, token, method, path, body=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {"Authorization": ""}
    return c.request(method, path, body, headers)


def shell(c, token, *words, check=True):
    environment = {k: v for k, v in os.environ.items() if k != "XDG_STATE_HOME"}
    environment.update(ZRMS_URL=c.url, NO_COLOR="1", HOME="/nonexistent", **({"SAMOZA_TOKEN": token} if token else {}))
    return run(BIN / "zshell", *words, check=check, env=environment)


def new_user(c, name, role, *more):
    return json.loads(c.zshell("user", "create", name, "--role", role, *more, "-o", "json").stdout)["token"]


def test_what_answers_at_the_root_says_how_to_sign_in_and_nothing_of_the_cluster(c):
    def front(accept, method="GET"):
        request = urllib.request.Request(c.url + "/", method=method, headers={"Accept": accept} if accept else {})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.headers, answer.read().decode()
    for accept, kind in (("text/html,*/*;q=0.8", "text/html"), ("application/json", "application/json"), ("*/*", "text/plain"),
                         (None, "text/plain")):
        headers, text = front(accept)
        is_console = '<div id="app">' in text  # for browsers, where zrms is built with it
        assert headers["Content-Type"].startswith(kind) and not (is_console and kind != "text/html")
        assert is_console or "/openapi.json" in text and "zrms" in text
        assert "default-src 'none'" in headers["Content-Security-Policy"] and headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == ("no-cache" if is_console else "no-store")
        assert not any(word in text for word in ("n1", str(c.port), str(c.directory), "bank")), text
        assert is_console or kind == "application/json" or "Authorization: Bearer" in text.replace("&quot;", '"')
    assert json.loads(front("application/json")[1])["openapi"] == "/openapi.json"
    assert front("text/html", "HEAD")[1] == ""


SLEEPS = {"name": "p", "run": {"mode": "foreground"}}


@pytest.fixture
def c(start_cluster):
    cluster = start_cluster(zhosts=["n1"])
    for name in ("shop", "bank"):
        cluster.submit(cluster.build(native_app(cluster, name, [SLEEPS], {
            "p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}), name))
    return cluster


def test_a_stranger_gets_nothing_and_is_told_what_to_do(c):
    refused = shell(c, None, "topo", "list", check=False)
    assert refused.returncode == 1 and "give it with --token-file FILE, or in SAMOZA_TOKEN" in refused.stderr
    for token in (None, "smzu_" + "a" * 43):
        assert asked(c, token, "GET", "/v1/topologies")[0] == 401
        assert asked(c, token, "POST", "/v1/topologies/shop/stop")[0] == 401
        assert asked(c, token, "GET", "/v1/link")[0] == 401
        assert asked(c, token, "GET", "/healthz")[0] == 200
    assert c.state("shop") == "running"


def test_a_recipe_can_neither_use_zrms_nor_read_a_token(c):
    """A program of a NATIVE space runs on zrms' machine, and shares its network."""
    tries = f"""
        #!/usr/bin/python3
        import glob, urllib.error, urllib.request
        found = []
        for path in ("/v1/topologies", "/v1/zhosts", "/v1/users"):
            try:
                found.append(urllib.request.urlopen("{c.url}" + path, timeout=5).status)
            except urllib.error.HTTPError as error:
                found.append(error.code)
            except urllib.error.URLError as error:
                found.append(error.reason.errno)
        for path in ("{c.directory}/zrms/credentials/local-admin", "{c.directory}/n1/credentials/zhost"):
            try:
                found.append(open(path).read())
            except OSError as error:
                found.append(type(error).__name__)
        print(found, flush=True)
        import time
        time.sleep(1000)
        """
    c.submit(c.build(native_app(c, "curious", [SLEEPS], {"p/recipes/start": tries}), "curious"))
    line = until(lambda: next((x for x in c.log_of("curious", "p") if "Error']" in x), None), "it has tried")
    # The kernel refuses the connection (EACCES), where it can.
    said = line[line.index("["):]
    assert said in [f"[{n}, {n}, {n}, '{files}', '{files}']" for n in (errno.EACCES, 401) for files in ("FileNotFoundError", "PermissionError")], line


def test_roles_and_names_are_kept_over_a_crash(c):
    ann = new_user(c, "ann", "viewer", "--topologies", "shop*")
    bob = new_user(c, "bob", "operator", "--topologies", "shop*")
    c.zrms.kill()
    c.start_zrms()
    c.wait_zhost("n1", "deployed-started")
    for token in (ann, bob):
        listed = shell(c, token, "topo", "list").stdout
        assert "shop" in listed and "bank" not in listed
        hidden = shell(c, token, "topo", "status", "bank", check=False)
        assert hidden.returncode == 1 and "no topology 'bank'" in hidden.stderr
    refused = shell(c, ann, "topo", "stop", "shop", check=False)
    assert refused.returncode == 1 and "ann has the role viewer; this needs the role operator" in refused.stderr
    assert shell(c, ann, "spaces", "logs", "shop/p", check=False).returncode == 1
    shell(c, bob, "topo", "stop", "shop")
    assert any("stopped by bob" in e["cause"] for e in c.events("shop"))
    for words in (("topo", "stop", "bank"), ("cluster", "cordon", "n1"), ("user", "list")):
        assert shell(c, bob, *words, check=False).returncode == 1
    other = c.build(native_app(c, "else", [SLEEPS], {"p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}), "else")
    for more in ((), ("--dry-run",)):
        refused = shell(c, bob, "topo", "submit", other, *more, check=False)
        assert refused.returncode == 1 and "bob may not submit topologies named else" in refused.stderr
    refused = shell(c, bob, "topo", "plan", other, check=False)
    assert refused.returncode == 1 and "bob may not submit topologies named else" in refused.stderr
    assert c.state("bank") == "running" and c.topology("else") is None

    again = shell(c, token_of(c.url), "user", "token", "rotate", "bob", "-o", "json").stdout
    assert asked(c, bob, "GET", "/v1/topologies")[0] == 401
    assert asked(c, json.loads(again)["token"], "GET", "/v1/topologies")[0] == 200
    shell(c, token_of(c.url), "user", "rm", "ann")
    assert asked(c, ann, "GET", "/v1/topologies")[0] == 401


def test_a_zhost_joins_under_its_own_name_only(c):
    own = (c.directory / "n1" / "credentials" / "zhost").read_text().strip()
    assert asked(c, own, "GET", "/v1/topologies")[0] == 403
    assert asked(c, own, "POST", "/v1/zhosts/n1/cordon")[0] == 403
    directory = c.directory / "n2"
    shutil.copytree(c.directory / "n1" / "credentials", directory / "credentials")
    thief = Daemon(c, "n2", [
        BIN / "zhost", "--dir", directory, "--name", "n2", "--zrms", c.url, "--zedge", f"127.0.0.1:{free_port()}"],
        c.directory / "n2.log")
    c.zhosts["n2"] = thief.start()
    until(lambda: "what it shows is that of zhost n1: it cannot join as n2" in thief.log.read_text(), "it is refused")
    assert c.request("GET", "/v1/zhosts/n2")[0] == 404


def test_a_token_file_that_others_can_read_is_refused(c, tmp_path):
    file = tmp_path / "token"
    file.write_text(token_of(c.url) + "\n")
    file.chmod(0o644)
    refused = shell(c, None, "--token-file", file, "topo", "list", check=False)
    assert refused.returncode != 0 and "can be read by others" in refused.stderr
    file.chmod(0o600)
    assert "shop" in shell(c, None, "--token-file", file, "topo", "list").stdout


def test_a_zhost_fetches_only_what_is_placed_on_it(start_cluster):
    c = start_cluster(zhosts=["n1", "n2"])
    app = c.build(native_app(c, "shop", [{**SLEEPS, "placement": {"constraints": ["zhost == n1"]}}], {
        "p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}), "shop")
    c.submit(app)
    digests = [path.name for path in (c.directory / "zrms" / "artifacts" / "sha256").iterdir()]
    assert digests
    tokens = {name: (c.directory / name / "credentials" / "zhost").read_text().strip() for name in ("n1", "n2")}
    for digest in digests:  # everything runs on n1
        path = f"/v1/artifacts/sha256/{digest}"
        request = urllib.request.Request(c.url + path, headers={"Authorization": f"Bearer {tokens['n1']}"})
        assert urllib.request.urlopen(request, timeout=5).status == 200
        assert asked(c, tokens["n2"], "GET", path)[0] == 404
