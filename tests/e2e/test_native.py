"""NATIVE spaces: recipes as real processes in their sandbox (docs/native-spaces.md)."""
import json
import os
import pathlib
import re
import signal
import time

from conftest import is_alive, run, until
from native import native_app, native_deploy, processes_of, spaces_folders

SERVICE = """
    #!/bin/sh
    echo "recipe start"
    nohup sleep 100001 >/dev/null 2>&1 &
    echo $! > service.pid
"""
STOP = """
    #!/bin/sh
    echo "recipe stop"
    kill "$(cat service.pid)"
"""
ONE_ZHOST = {"zhosts": ("edge-node-1",)}


def start_log(cluster, topology, path):
    return "\n".join(cluster.log_of(topology, path))


def test_recipes_run_in_order_with_their_own_folder(start_cluster):
    c = start_cluster(**ONE_ZHOST)
    env = "env | grep ^SAMOZA_ | sort > $SAMOZA_DIR/env-$SAMOZA_RECIPE\n"
    say = "#!/bin/sh\nset -e\necho \"says $SAMOZA_RECIPE in $(pwd) as $(id -u)\"\n" + env
    native_deploy(c, "one", [{"name": "db", "exports": {"port": "", "ip": "", "kind": "sql"}}], {
        "db/recipes/deploy": say + "echo kept > kept\n",
        "db/recipes/start": say + "cat kept\nsleep 100002 >/dev/null 2>&1 &\n",
        "db/recipes/stop": say + "echo stopped >> kept\n",
        "db/recipes/undeploy": say + "cat kept\n",
        "db/files/readme": "a file of the package\n",
    })
    assert c.state("one") == "running"
    folder, = spaces_folders(c, "edge-node-1")
    environment = dict(line.split("=", 1)
                       for line in (folder / "data" / "env-start").read_text().splitlines())
    assert environment["SAMOZA_TOPOLOGY"] == "one" and environment["SAMOZA_INSTANCE"] == "db"
    assert environment["SAMOZA_SPACE"] == "db" and environment["SAMOZA_ZHOST"] == "edge-node-1"
    assert environment["SAMOZA_EXPORT_ip"] == "127.0.0.1"
    assert environment["SAMOZA_EXPORT_kind"] == "sql"
    assert 20000 <= int(environment["SAMOZA_EXPORT_port"]) < 32768
    assert environment["SAMOZA_RECIPE"] == "start"
    exports = {e["name"]: e["value"] for e in c.space("one", "db")["exports"]}
    assert exports["port"] == environment["SAMOZA_EXPORT_port"], "the same value as published"
    assert (folder / "package" / "files" / "readme").read_text() == "a file of the package\n"
    assert processes_of("sleep 100002")

    c.zshell("spaces", "stop", "one/db")
    until(lambda: c.space("one", "db")["state"] == "deployed-stopped", "db is stopped")
    assert processes_of("sleep 100002") == []
    c.zshell("spaces", "start", "one/db")
    until(lambda: c.space("one", "db")["state"] == "deployed-started", "db is started again")
    again = (folder / "data" / "env-start").read_text()
    assert f"SAMOZA_EXPORT_port={environment['SAMOZA_EXPORT_port']}\n" in again
    assert (folder / "data" / "kept").read_text() == "kept\nstopped\n", "the folder is kept"

    c.zshell("topo", "stop", "one")
    until(lambda: spaces_folders(c, "edge-node-1") == [], "the folder is removed")
    lines = start_log(c, "one", "db")
    said = re.findall(r"says (\w+) in (\S+) as (\d+)", lines)
    assert [recipe for recipe, _, _ in said] == ["deploy", "start", "stop", "start", "stop",
                                                 "undeploy"], lines
    assert {where for _, where, _ in said} == {environment["SAMOZA_DIR"]}
    if os.geteuid() == 0:
        assert all(user not in ("0", "65534") for _, _, user in said)
    assert processes_of("sleep 100002") == []
