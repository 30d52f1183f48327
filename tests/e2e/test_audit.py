"""Each change leaves a line in the audit, done or refused, also over a crash; what is open ends with its token."""
import json
import os
import subprocess

import pytest

from conftest import BIN, token_of, until
from native import native_app
from test_access import SLEEPS, asked, new_user, shell


@pytest.fixture
def c(start_cluster):
    cluster = start_cluster(zhosts=["n1"])
    cluster.submit(cluster.build(native_app(cluster, "shop", [SLEEPS], {
        "p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}), "shop"))
    return cluster


def lines(c, *more):
    text = shell(c, token_of(c.url), "cluster", "audit", "--json", *more).stdout
    return [json.loads(line) for line in text.splitlines()]


def test_each_change_has_its_line_also_over_a_crash(c):
    ops = new_user(c, "ops", "operator")
    vic = new_user(c, "vic", "viewer")
    shell(c, ops, "topo", "stop", "shop")
    assert shell(c, vic, "topo", "start", "shop", check=False).returncode == 1
    assert asked(c, None, "POST", "/v1/topologies/shop/start")[0] == 401
    # What is refused before the core is asked is answered at once; its line is durable a moment later.
    until(lambda: [line for line in lines(c) if line["user"] == ""], "the refusal of a stranger has its line")
    c.zrms.kill()
    c.start_zrms()
    seen = lines(c)
    assert [line["seq"] for line in seen] == list(range(1, len(seen) + 1))
    by_user = {(line["user"], line.get("action") or line["request"]): line for line in seen}
    stop = by_user["ops", "stop shop"]
    assert stop["outcome"] == "done" and stop["revision"] == 1 and stop["address"] == "127.0.0.1"
    assert by_user["operator", "submit shop 1.0.0"]["outcome"] == "done"
    refused = next(line for line in seen if line["user"] == "vic")
    assert refused["outcome"] == "denied" and "vic has the role viewer" in refused["why"]
    assert any(line["user"] == "" and line["outcome"] == "denied" for line in seen)
    assert not any(secret in json.dumps(seen) for secret in (ops, vic, "smzu_"))
    assert any("stopped by ops" in e["cause"] for e in c.events("shop"))
    assert {line["user"] for line in lines(c, "--user", "ops", "--since", "1h")} == {"ops"}
    assert shell(c, ops, "cluster", "audit", check=False).returncode == 1
    table = shell(c, token_of(c.url), "cluster", "audit").stdout
    assert " ops 127.0.0.1 done stop shop, r1" in table


def test_what_is_open_ends_with_its_token(c):
    ann = new_user(c, "ann", "admin")
    environment = {**os.environ, "ZRMS_URL": c.url, "SAMOZA_TOKEN": ann, "NO_COLOR": "1", "HOME": "/nonexistent"}
    environment.pop("XDG_STATE_HOME", None)
    open_ones = [subprocess.Popen([BIN / "zshell", *words], env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                 for words in (["events", "-f"], ["cluster", "audit", "-f"], ["spaces", "logs", "shop/p", "-f"])]
    try:
        until(lambda: c.request("GET", "/v1/cluster")[0] == 200, "zrms answers")
        for program in open_ones[:2]:
            assert program.stdout.readline()
        assert all(program.poll() is None for program in open_ones)
        shell(c, token_of(c.url), "user", "rm", "ann")
        for program in open_ones:
            assert program.wait(20) != 0
    finally:
        for program in open_ones:
            program.kill()
            program.wait()
