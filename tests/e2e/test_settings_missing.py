"""While a value of an import is missing, what runs keeps all that it has of env and config: seen from inside of processes.
[workloads.configuration.missing]"""
from conftest import until
from native import log_text, native_app, spaces_directories
from test_settings import COMMON, DB, FOREGROUND, GUEST, IMPORT, MAIN, UPDATE, said

TEMPLATE = "address = ${imports.db.ip}:${imports.db.port}\n"
ENV = {"DB": "${imports.db.ip}:${imports.db.port}", "PATH": "/usr/bin:/bin"}
KEEPS = dict(COMMON, imports=[dict(IMPORT[0], optional=True)], env=ENV)
SPACES = [
    DB,
    dict(KEEPS, name="hup", reload="signal", **FOREGROUND),
    dict(KEEPS, name="recipe", reload="update", **FOREGROUND),
    dict(KEEPS, name="calc", type="CALL", reload="update", capabilities=["sys.log", "net.recv"]),
]


def test_what_runs_keeps_its_values(sweep_groups, start_cluster):
    c = start_cluster(zhosts=("edge-node-1", "edge-node-2"))
    files = {"db/recipes/start": "#!/bin/sh\nsleep 100091 >/dev/null 2>&1 &\n", "recipe/recipes/update": UPDATE}
    files.update({f"{name}/recipes/start": MAIN for name in ("hup", "recipe")})
    files.update({f"{s['name']}/config/app.conf.tmpl": TEMPLATE for s in SPACES[1:]})
    files["calc/src/main.c"] = GUEST
    c.submit(c.build(native_app(c, "kept", SPACES, files, "1.0.0"), "kept-1.0.0"))
    until(lambda: c.state("kept") == "running", "all run")
    values = {e["name"]: e["value"] for e in c.space("kept", "db")["exports"]}
    at = f"{values['ip']}:{values['port']}"

    def last(instance, *whats):
        return [line for what in whats for line in said(c, instance, what)][-1:]

    def written():
        return [f.read_text() for d in spaces_directories(c, "edge-node-1")
                for f in (d / "package/.samoza/config").glob("*")]

    until(lambda: last("hup", "start", "hup")[0][1] == at and last("recipe", "start", "update")[0][1] == at
          and last("calc", "start", "update") == [(at, at)], "all have the values of db")
    hups = len(said(c, "hup", "hup"))
    updates = {i: log_text(c).count(f"{i} update") for i in ("recipe", "calc")}
    c.zshell("spaces", "stop", "kept/db", "--wait=60s")
    until(lambda: all(log_text(c).count(f"{i} update") > n for i, n in updates.items()), "they hear that it is gone")
    assert last("recipe", "update") == [(at, at)] and last("calc", "update") == [(at, at)]
    assert written() == [f"address = {at}\n"] * 2 and len(said(c, "hup", "hup")) == hups
    assert "has no value now" in c.space("kept", "calc")["settings"]["waits"]
