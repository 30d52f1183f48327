"""An importer with patience runs on while its provider is away for a short time."""
import os
import signal

from conftest import until
from native import log_text, native_deploy, process_of, processes_of, state

SPACES = [
    {"name": "db", "exports": {"ip": "", "port": ""}, "restart": {"attempts": 0}},
    {"name": "web", "imports": [{"from": "db", "variables": ["port"], "patience": "60s"}]},
    {"name": "report", "imports": [{"from": "db", "variables": ["port"]}]}]
FILES = {
    "db/recipes/start": "#!/bin/sh\nsleep 100071 >/dev/null 2>&1 &\n",
    "web/recipes/start": "#!/bin/sh\nsleep 100072 >/dev/null 2>&1 &\n",
    "web/recipes/update": "#!/bin/sh\necho an update\n",
    "report/recipes/start": "#!/bin/sh\nsleep 100073 >/dev/null 2>&1 &\n"}


def moves(c, path):
    return [e["to"] for e in c.events("shop")
            if e["kind"] == "space" and e["subject"] == f"shop/{path}"]


def port(c):
    return {e["name"]: e["value"] for e in c.space("shop", "db")["exports"]}["port"]


def kill_db(c):
    pid = process_of("sleep 100071")
    os.kill(pid, signal.SIGKILL)
    until(lambda: state(c, "shop", "db") != "deployed-started", "it is known")


def test_patience_outlives_a_restart_of_zrms_and_goes_unnoticed(c):
    native_deploy(c, "shop", SPACES, FILES)
    web = process_of("sleep 100072")
    before = port(c)
    kill_db(c)
    until(lambda: state(c, "shop", "report") == "unresolved", "one without patience stops")
    status = c.zshell("spaces", "status", "shop/web").stdout
    assert "none; it runs on until 20" in status, status
    c.zrms.kill()
    c.start_zrms()
    assert state(c, "shop", "web") == "deployed-started"
    until(lambda: "kept_until" in c.space("shop", "web")["imports"][0], "it is known after a restart")
    c.zshell("spaces", "start", "shop/db")
    until(lambda: c.state("shop") == "running", "all run")
    assert [pid for pid, _ in processes_of("sleep 100072")] == [web]
    assert moves(c, "web").count("starting") == 1 and moves(c, "report").count("starting") == 2
    is_new = port(c) != before
    until(lambda: log_text(c).count("an update") == is_new, "an update where the value is a new one")


def test_an_importer_stops_when_patience_is_over(c):
    hasty = [dict(s, imports=[{"from": "db", "variables": ["port"], "patience": "1s"}])
             if s["name"] == "web" else s for s in SPACES]
    native_deploy(c, "shop", hasty, FILES)
    kill_db(c)
    until(lambda: state(c, "shop", "web") == "unresolved", "it is over")
    cause, = (e["cause"] for e in c.events("shop") if e["subject"] == "shop/web" and
              e["kind"] == "space" and e["to"] == "stopping")
    assert cause == "lost the last provider of db"
