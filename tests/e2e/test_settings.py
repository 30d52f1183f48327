"""Environment variables and files of spaces, with values of what they import: seen from inside of processes, and taken again by
each way of `reload` when a value changes. [workloads.configuration]"""
import contextlib
import pathlib
import re

import pytest

from conftest import BIN, run, until
from native import log_text, native_app, processes_of, spaces_directories

TEMPLATE = "[db]\naddress = ${imports.db.ip}:${imports.db.port}\nowner = ${param.owner}\nliteral = $${imports.db.port}\n"
DB = {"name": "db", "handover": "start-first", "exports": {"ip": "", "port": ""}, "placement": {
    "constraints": ["zhost in (edge-node-1, edge-node-2)"]}}
HERE = {"placement": {"constraints": ["zhost == edge-node-1"]}}
IMPORT = [{"from": "db", "variables": ["ip", "port"]}]
ENV = {"DB": "${imports.db.ip}:${imports.db.port}", "MODE": "${param.mode}", "PATH": "/usr/bin:/bin"}
CONFIG = [{"file": "app.conf", "template": "config/app.conf.tmpl"}]
COMMON = dict(HERE, imports=IMPORT, env=ENV, config=CONFIG)
FOREGROUND = {"run": {"mode": "foreground"}}
MAIN = """
#!/bin/sh
show() { echo "$SAMOZA_INSTANCE $1 $DB $(grep address "$SAMOZA_CONFIG/app.conf")"; }
trap 'show hup' HUP
show start
while :; do sleep 0.1; done
"""
UPDATE = """
#!/bin/sh
echo "$SAMOZA_INSTANCE update $DB $(grep address "$SAMOZA_CONFIG/app.conf")"
"""
GUEST = """
#include <samoza.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
__attribute__((import_module("wasi_snapshot_preview1"), import_name("environ_sizes_get")))
int environ_sizes(unsigned *count, unsigned *size);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("environ_get")))
int environ_of(char **strings, char *text);
static void show(const char *what)
{
        static char text[8192], *strings[200], config[1000], line[3000];
        unsigned count, size;
        const char *db = "none";
        environ_sizes(&count, &size);
        environ_of(strings, text);
        for (unsigned k = 0; k < count; k++)
                if (strncmp(strings[k], "DB=", 3) == 0)
                        db = strings[k] + 3;
        int r = samoza_config("app.conf", config, sizeof(config));
        char *at = strstr(config, "address"), *end = at != NULL ? strchr(at, '\\n') : NULL;
        if (end != NULL)
                *end = 0;
        snprintf(line, sizeof(line), "%s %s %s %s %d %d", getenv("SAMOZA_INSTANCE"), what, db, at != NULL ? at : "none", r,
                 samoza_config("other.conf", config, sizeof(config)));
        samoza_log(SAMOZA_INFO, line);
}
SAMOZA_ON_INIT(void) { show("start"); return 0; }
SAMOZA_ON_UPDATE(void) { show("update"); return 0; }
SAMOZA_ON_PROCESS(void) { char text[10]; samoza_recv_next(200, text, sizeof(text), NULL, 0); return 0; }
"""
SPACES = [
    DB,
    dict(COMMON, name="again", **FOREGROUND),
    dict(COMMON, name="hup", reload="signal", **FOREGROUND),
    dict(COMMON, name="recipe", reload="update", **FOREGROUND),
    dict(COMMON, name="calc", type="CALL", reload="update", capabilities=["sys.log", "net.recv"]),
    dict(COMMON, name="calm", type="CALL", capabilities=["sys.log", "net.recv"]),
]


def app(c, version, spaces=SPACES, template=TEMPLATE):
    files = {"db/recipes/start": "#!/bin/sh\nsleep 100091 >/dev/null 2>&1 &\n", "recipe/recipes/update": UPDATE}
    files.update({f"{name}/recipes/start": MAIN for name in ("again", "hup", "recipe")})
    files.update({f"{s['name']}/config/app.conf.tmpl": template for s in spaces if s["name"] != "db"})
    files.update({f"{name}/src/main.c": GUEST for name in ("calc", "calm")})
    directory = native_app(c, "cfg", spaces, files, version)
    text = directory / "topology.yaml"
    text.write_text(text.read_text().replace('"spaces":', '"parameters": [{"name": "owner", "default": "ann ${imports.db.ip}$"}, '
                                             '{"name": "mode", "default": "qu${x}ck"}], "spaces":', 1))
    return c.build(directory, f"cfg-{version}")


def address(c):
    values = {e["name"]: e["value"] for e in c.space("cfg", "db")["exports"]}
    return f"{values['ip']}:{values['port']}"


def said(c, instance, what):
    """(value of DB, address in the file) of each such line."""
    return re.findall(rf"{instance} {what} (\S+) address = (\S+)", log_text(c))


def environ(pid):
    return dict(v.split("=", 1) for v in pathlib.Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in v)


def parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def environs(c, instance):
    """The environment of each process of it, by pid: without one that ends meanwhile, and without what a shell has forked
    and is not another program yet."""
    found, parents = {}, {}
    for pid, _ in processes_of("recipes/start"):
        with contextlib.suppress(OSError):
            its = environ(pid)
            if its.get("SAMOZA_INSTANCE") == instance and its.get("SAMOZA_TOPOLOGY") == "cfg":
                parents[pid] = parent(pid)
                found[pid] = its
    return {pid: its for pid, its in found.items() if parents[pid] not in found}


def processes(c, instance):
    return list(environs(c, instance))


def values(c, instance, name):
    """Of that variable in its processes; None: one has none."""
    return {its.get(name) for its in environs(c, instance).values()}


def beginnings(c, zhost, size):
    """Of the files of instances there: without those of one that is removed meanwhile."""
    found = []
    for directory in spaces_directories(c, zhost):
        with contextlib.suppress(OSError):
            found += [file.read_text()[:size] for file in (directory / "package/.samoza/config").glob("*")]
    return found


@pytest.fixture
def two(sweep_groups, start_cluster):
    return start_cluster(zhosts=("edge-node-1", "edge-node-2"))


def move_db(c):
    before = address(c)
    to = "edge-node-2" if c.zhost_of("cfg", "db") == "edge-node-1" else "edge-node-1"
    c.zshell("spaces", "move", "cfg/db", "--to", to, "--wait=60s")
    until(lambda: address(c) != before, "db has another address")
    return address(c)


def wait_all(c, at):
    """Every process has the new values, by the way of its space."""
    until(lambda: values(c, "again", "DB") == {at}, "a new process of `again` has the variable")
    for instance, what in (("again", "start"), ("hup", "hup"), ("recipe", "update"), ("calc", "update"), ("calm", "start")):
        until(lambda i=instance, w=what: said(c, i, w)[-1:] and said(c, i, w)[-1][1] == at, f"{instance} has the file")
    assert said(c, "recipe", "update")[-1] == (at, at) and said(c, "calc", "update")[-1] == (at, at)
    assert said(c, "calm", "start")[-1] == (at, at)
    until(lambda: c.state("cfg") == "running" and "handover" not in c.space("cfg", "calm"), "it has settled")


def test_values_reach_processes_and_are_taken_again(two):
    c = two
    c.submit(app(c, "1.0.0"))
    first = address(c)
    for instance in ("again", "hup", "recipe", "calc", "calm"):
        until(lambda i=instance: said(c, i, "start") == [(first, first)], f"{instance} has its values")
    pid, = processes(c, "hup")
    variables = environ(pid)
    assert variables["DB"] == first and variables["MODE"] == "qu${x}ck" and variables["PATH"] == "/usr/bin:/bin"
    files = [f for d in spaces_directories(c, "edge-node-1") for f in (d / "package/.samoza/config").glob("*")]
    assert len(files) == 3 and {f.name for f in files} == {"app.conf"}
    for file in files:
        status = file.stat()
        assert file.read_text() == f"[db]\naddress = {first}\nowner = ann ${{imports.db.ip}}$\nliteral = ${{imports.db.port}}\n"
        assert status.st_mode & 0o777 == 0o400
        assert status.st_uid == (file.parents[3] / "data").stat().st_uid
    calm = c.space("cfg", "calm")["epoch"]

    # Each by its way: another process, a signal, an update.
    again, = processes(c, "again")
    second = move_db(c)
    wait_all(c, second)
    assert processes(c, "hup") == [pid] and environ(pid)["DB"] == first
    assert again not in processes(c, "again")
    assert c.topology("cfg").get("revision", 1) == 1
    assert c.space("cfg", "calm")["epoch"] != calm
    causes = {e["subject"]: e["cause"] for e in c.events("cfg") if e["kind"] == "placement" and "reload" in e["cause"]}
    assert causes == {f"cfg/{name}": "reload: another value of imports.db.ip, imports.db.port" for name in ("again", "calm")}

    until(lambda: sorted((e["subject"], e["cause"]) for e in c.events("cfg") if e["kind"] == "reload") == [
        (f"cfg/{name}", f"{way}: its process took the new values of env and config")
        for name, way in (("calc", "update"), ("hup", "signal"), ("recipe", "update"))], "events of those that were not handed over")
    ip, port = second.split(":")
    for name in ("hup", "calm"):
        shown = c.space("cfg", name)["settings"]
        assert shown["references"] == [{"name": "db.ip", "value": ip}, {"name": "db.port", "value": port}] and "waits" not in shown

    # What its zhost missed while it was dead.
    c.zhosts["edge-node-1"].kill()
    c.zshell("spaces", "move", "cfg/db", "--to", "edge-node-1", check=False)
    c.zhosts["edge-node-1"].start()
    until(lambda: c.state("cfg") == "running", "its zhost is back")
    third = move_db(c)
    wait_all(c, third)
    assert processes(c, "hup") == [pid], "it outlives its zhost"

    # A new version: a literal and a template, in place where reload is not restart.
    pids = processes(c, "hup") + processes(c, "recipe")
    spaces = [dict(s, env=dict(s.get("env", {}), LEVEL="debug")) if s["name"] != "db" else s for s in SPACES]
    c.submit(app(c, "1.1.0", spaces, TEMPLATE.replace("[db]", "[database]")))
    until(lambda: c.topology("cfg")["version"] == "1.1.0" and c.state("cfg") == "running", "the version is there")
    until(lambda: beginnings(c, "edge-node-1", 11) == ["[database]\n"] * 3, "the files are written")
    assert processes(c, "hup") + processes(c, "recipe") == pids
    until(lambda: values(c, "again", "LEVEL") == {"debug"}, "a process of `again` has the variable alone")

    status = c.zshell("spaces", "status", "cfg/hup").stdout
    assert re.search(r"Env: +DB=\S+, LEVEL=debug, MODE=qu\$\{\$\}\{x\}ck", status), status
    assert re.search(r"Config: +app.conf", status) and re.search(r"Reload: +signal$", status, re.M), status
    assert re.search(rf"Values: +imports.db.ip={third.split(':')[0]}, imports.db.port={third.split(':')[1]}$", status, re.M), status


def test_what_is_refused_is_refused_with_its_place(c):
    def findings(space, files=None, template="x"):
        directory = native_app(c, "bad", [dict({"name": "p"}, **space), {"name": "db", "exports": {"port": ""}}], {
            "p/recipes/start": "#!/bin/sh\n", "db/recipes/start": "#!/bin/sh\n", "p/t": template, **(files or {})})
        validated = run(BIN / "mex", "validate", directory, check=False)
        package = c.directory / "bad.mex"
        built = run(BIN / "mex", "build", directory, "-o", package, "--key", c.key, check=False)
        assert validated.returncode == 1 and built.returncode == 1, validated
        return validated.stdout + validated.stderr
    assert "topology.yaml:1:" in findings({"env": {"A": "${nope}"}})
    assert "'p' has no export 'nope'" in findings({"env": {"A": "${nope}"}})
    assert "'p' does not import from 'db': add {from: db, variables: [port]}" in findings({"env": {"A": "${imports.db.port}"}})
    imports = [{"from": "db", "variables": ["port"]}]
    assert "'p' imports no 'ip' from 'db'" in findings({"imports": imports, "env": {"A": "${imports.db.ip}"}})
    assert "has no '}'" in findings({"env": {"A": "${imports.db.port"}})
    assert "zhost sets SAMOZA_X" in findings({"env": {"SAMOZA_X": "1"}})
    assert "at most 32768" in findings({"env": {f"A{k}": "x" * 4000 for k in range(9)}})
    assert "add run: {mode: foreground}" in findings({"env": {"A": "1"}, "reload": "signal"})
    config = [{"file": "a", "template": "t"}]
    place = "spaces/p/t:2:3: there is no such parameter"
    assert place in findings({"config": config}, template="abc\n  ${param.nope}\n")
    assert "spaces/p/t:1:5: 'p' does not import from 'db'" in findings({"config": config}, template="abc ${imports.db.port}")
    assert "there is no such file" in findings({"config": [{"file": "a", "template": "gone"}]})
    assert "at most 32 KiB" in findings({"config": config}, template="x" * 33000)
    assert "'a' is listed twice" in findings({"config": config * 2})
    own = {"count": 2, "exports": {"port": ""}, "imports": [{"from": "p", "variables": ["port"], "optional": True}]}
    assert "for ever" in findings(dict(own, env={"A": "${imports.p.port}"}))
    assert "for ever" in findings(dict(own, config=config), template="${imports.p.port}")
