"""NATIVE spaces: recipes as real processes, in order, with their environment and errors
(docs/native-spaces.md)."""
import os
import pathlib
import re
import signal

from conftest import BIN, run, until
from native import (SLEEPER, data_of, error, log_text, native_app, native_deploy, process_of,
                    processes_of, spaces_directories, state, submit_failing, wait_space)


def test_recipes_run_in_order_in_their_own_directory(c):
    env = "env | grep ^SAMOZA_ | sort > $SAMOZA_DIR/env-$SAMOZA_RECIPE\n"
    say = "#!/bin/sh\nset -e\necho \"says $SAMOZA_RECIPE in $(pwd) as $(id -u)\"\n" + env
    native_deploy(c, "one", [{"name": "db", "exports": {"port": "", "ip": "", "kind": "sql"}}], {
        "db/recipes/deploy": say + "echo kept > kept\n",
        "db/recipes/start": say + "cat kept\nsleep 100002 >/dev/null 2>&1 &\n",
        "db/recipes/stop": say + "echo stopped >> kept\npkill sleep\n",
        "db/recipes/undeploy": say + "cat kept\n",
        "db/files/readme": "a file of the package\n",
    })
    assert c.state("one") == "running"
    directory, = spaces_directories(c, "edge-node-1")
    environment = dict(line.split("=", 1)
                       for line in (directory / "data" / "env-start").read_text().splitlines())
    assert environment["SAMOZA_TOPOLOGY"] == "one" and environment["SAMOZA_INSTANCE"] == "db"
    assert environment["SAMOZA_SPACE"] == "db" and environment["SAMOZA_ZHOST"] == "edge-node-1"
    assert environment["SAMOZA_EXPORT_ip"] == "127.0.0.1"
    assert environment["SAMOZA_EXPORT_kind"] == "sql"
    assert 20000 <= int(environment["SAMOZA_EXPORT_port"]) < 32768
    assert environment["SAMOZA_RECIPE"] == "start"
    exports = {e["name"]: e["value"] for e in c.space("one", "db")["exports"]}
    assert exports["port"] == environment["SAMOZA_EXPORT_port"], "the same value as published"
    assert (directory / "package" / "files" / "readme").read_text() == "a file of the package\n"
    until(lambda: processes_of("sleep 100002"), "it runs")

    c.zshell("spaces", "stop", "one/db")
    until(lambda: c.space("one", "db")["state"] == "deployed-stopped", "db is stopped")
    assert processes_of("sleep 100002") == []
    c.zshell("spaces", "start", "one/db")
    until(lambda: c.space("one", "db")["state"] == "deployed-started", "db is started again")
    again = (directory / "data" / "env-start").read_text()
    assert f"SAMOZA_EXPORT_port={environment['SAMOZA_EXPORT_port']}\n" in again
    assert (directory / "data" / "kept").read_text() == "kept\nstopped\n", "the directory is kept"

    c.zshell("topo", "stop", "one")
    until(lambda: spaces_directories(c, "edge-node-1") == [], "the directory is removed")
    lines = log_text(c)
    said = re.findall(r"says (\w+) in (\S+) as (\d+)", lines)
    assert [recipe for recipe, _, _ in said] == ["deploy", "start", "stop", "start", "stop",
                                                 "undeploy"], lines
    assert {where for _, where, _ in said} == {environment["SAMOZA_DIR"]}
    if os.geteuid() == 0:
        assert all(user not in ("0", "65534") for _, _, user in said)
    assert processes_of("sleep 100002") == []


def test_a_foreground_process_is_restarted_when_it_dies(c):
    native_deploy(c, "fore", [{"name": "p", "run": {"mode": "foreground"}}],
                  {"p/recipes/start": SLEEPER.format(100003)})
    pid = process_of("sleep 100003")
    os.kill(pid, signal.SIGKILL)
    until(lambda: c.space("fore", "p")["restarts"] == 1 and state(c, "fore", "p") ==
          "deployed-started", "it runs again")
    again = process_of("sleep 100003")
    assert again != pid
    causes = [e["cause"] for e in c.events("fore") if e["to"] == "deployed-stopped"]
    assert any(cause.startswith("process: killed by signal 9") for cause in causes), causes


def test_a_failed_start_reports_its_status_and_last_line(c):
    submit_failing(c, "bad", [{"name": "p", "restart": {"attempts": 0}}], {
        "p/recipes/start": "#!/bin/sh\necho working\necho 'no disk' >&2\nexit 3\n"})
    until(lambda: c.state("bad") == "failed", "it has failed")
    assert re.fullmatch(r"start: exit status 3: no disk", error(c, "bad", "p"))
    assert "p failed once on edge-node-1: start: exit status 3" in c.topology("bad")[
        "failure_reason"]


def test_a_program_that_ends_with_status_0_has_ended_and_not_failed(c):
    # Without a probe it would count as started after a second, which it may take on a loaded machine.
    submit_failing(c, "zero", [{"name": "p", "run": {"mode": "foreground"}, "ready": {"command": "false"},
                                "restart": {"attempts": 0}}],
                   {"p/recipes/start": "#!/bin/sh\necho bye\n"})
    until(lambda: error(c, "zero", "p") != "", "it has ended")
    assert error(c, "zero", "p") == (
        "start: ended with exit status 0; a service is expected to run on")
    until(lambda: c.state("zero") == "failed", "it is out of attempts")
    assert ("p has ended once with exit status 0 on edge-node-1; a service is expected to run on"
            in c.topology("zero")["failure_reason"])
    at = c.space("zero", "p")["last_error_at"]
    assert f"(at {at})" in c.zshell("spaces", "status", "zero/p").stdout


def test_a_service_that_ends_with_status_0_later_has_ended_and_not_failed(c):
    native_deploy(c, "later", [{"name": "p", "run": {"mode": "foreground"},
                                "ready": {"command": "test -e ready"},
                                "restart": {"attempts": 0}}],
                  {"p/recipes/start": """
                      #!/bin/sh
                      touch ready
                      until [ -e end ]; do sleep 0.1; done
                  """})
    directory, = spaces_directories(c, "edge-node-1")
    (directory / "data" / "end").write_text("")
    until(lambda: c.state("later") == "failed", "it is out of attempts")
    assert error(c, "later", "p") == (
        "process: ended with exit status 0; a service is expected to run on")
    assert ("p has ended once with exit status 0 on edge-node-1; a service is expected to run on"
            in c.topology("later")["failure_reason"])


def test_a_missing_interpreter_is_named(c):
    submit_failing(c, "interpreter", [{"name": "p", "restart": {"attempts": 0}}],
                   {"p/recipes/start": "#!/usr/bin/no-such-shell -e\necho never\n"})
    until(lambda: c.state("interpreter") == "failed", "it has failed")
    assert error(c, "interpreter", "p") == (
        "start: cannot run recipes/start: its interpreter '/usr/bin/no-such-shell' does not exist")


def test_a_recipe_that_is_not_executable_code_is_named(c):
    submit_failing(c, "text", [{"name": "p", "restart": {"attempts": 0}}],
                   {"p/recipes/start": "echo never\n"})
    until(lambda: c.state("text") == "failed", "it has failed")
    assert "neither a program for this machine nor a script that begins with #!" in error(
        c, "text", "p")


def test_a_recipe_that_is_not_executable_is_refused_before_anything_runs(c):
    source = native_app(c, "mode", [{"name": "p"}],
                        {"p/recipes/start": ("#!/bin/sh\n", 0o644)})
    done = run(BIN / "mex", "build", source, "-o", c.directory / "x.mex", "--key", c.key, check=False)
    assert done.returncode == 1
    assert "spaces/p/recipes/start" in done.stderr and "not executable" in done.stderr


def test_a_service_with_no_process_left_has_died(c):
    native_deploy(c, "gone", [{"name": "p"}], {
        "p/recipes/start": "#!/bin/sh\nsleep 100008 >/dev/null 2>&1 &\n"})
    pid = process_of("sleep 100008")
    os.kill(pid, signal.SIGTERM)
    until(lambda: c.space("gone", "p")["restarts"] == 1 and state(c, "gone", "p") ==
          "deployed-started", "it runs again")
    causes = [e["cause"] for e in c.events("gone") if e["to"] == "deployed-stopped"]
    assert "process: it has no process left" in causes


def test_a_stop_recipe_that_hangs_or_fails_is_recorded(c):
    native_deploy(c, "stops", [{"name": "hangs", "stop": {"grace": "2s"}}, {"name": "fails"}], {
        "hangs/recipes/start": "#!/bin/sh\nsleep 100011 >/dev/null 2>&1 &\n",
        "hangs/recipes/stop": "#!/bin/sh\necho waits >&2\nsleep 100012\n",
        "fails/recipes/start": "#!/bin/sh\nsleep 100011 >/dev/null 2>&1 &\n",
        "fails/recipes/stop": "#!/bin/sh\necho broken >&2\nexit 7\n"})
    c.zshell("spaces", "stop", "stops/hangs")
    c.zshell("spaces", "stop", "stops/fails")
    wait_space(c, "stops", "hangs", "deployed-stopped")
    wait_space(c, "stops", "fails", "deployed-stopped")
    assert error(c, "stops", "hangs") == "stop: killed after 2 s: waits"
    assert error(c, "stops", "fails") == "stop: exit status 7: broken"
    assert processes_of("sleep 100011") + processes_of("sleep 100012") == []


def test_a_hung_recipe_does_not_block_other_instances(c):
    quick = c.build(native_app(c, "quick", [{"name": "q"}],
                               {"q/recipes/start": "#!/bin/sh\nsleep 100016 >/dev/null 2>&1 &\n"}), "quick")
    submit_failing(c, "hung", [{"name": "p", "recipes": {"timeout": "10s"},
                                "restart": {"attempts": 0}}],
                   {"p/recipes/start": "#!/bin/sh\necho thinks >&2\nsleep 100015\n"})
    until(lambda: state(c, "hung", "p") == "starting", "it hangs")
    c.submit(quick)
    assert state(c, "hung", "p") == "starting", "the other runs while it hangs"
    until(lambda: c.state("hung") == "failed", "it is over")
    assert error(c, "hung", "p") == "start: timed out after 10 s: thinks"
    assert processes_of("sleep 100015") == []


UPDATE = """
    #!/bin/sh
    env | grep -E '^SAMOZA_(OLD_)?(IMPORT|UPDATE)_' | sort
"""


def test_an_update_reports_what_was_added_and_removed(c):
    native_deploy(c, "up", [
        {"name": "db", "count": 2, "provides": ["database"], "exports": {"ip": "", "port": ""}},
        {"name": "app", "imports": [{"from": "database", "variables": ["ip", "port"]}]}], {
        "db/recipes/start": "#!/bin/sh\nsleep 100020 >/dev/null 2>&1 &\n",
        "app/recipes/start": UPDATE + "sleep 100021 >/dev/null 2>&1 &\n",
        "app/recipes/update": UPDATE})
    text = until(lambda: "SAMOZA_IMPORT_database_COUNT=2" in log_text(c) and log_text(c),
                 "both are known")
    ports = [{e["name"]: e["value"] for e in c.space("up", f"db-{n}")["exports"]}["port"]
             for n in (1, 2)]
    assert ports[0] != ports[1]
    assert "SAMOZA_IMPORT_database_0_PATH=db-1" in text
    assert f"SAMOZA_IMPORT_database_0_port={ports[0]}" in text
    c.zshell("spaces", "stop", "up/db-1")
    text = until(lambda: "SAMOZA_UPDATE_REMOVED=database:db-1" in log_text(c) and log_text(c),
                 "an update")
    assert f"SAMOZA_OLD_IMPORT_database_0_port={ports[0]}" in text
    assert "SAMOZA_IMPORT_database_0_PATH=db-2" in text
    c.zshell("spaces", "start", "up/db-1")
    until(lambda: "SAMOZA_UPDATE_ADDED=database:db-1" in log_text(c), "another update")
    assert [e["to"] for e in c.events("up") if e["subject"] == "up/app" and
            e["kind"] == "space"].count("starting") == 1, "the state stayed"


def test_a_failed_or_hung_update_is_recorded_and_the_instance_stays_started(c):
    native_deploy(c, "badup", [
        {"name": "db", "count": 2, "exports": {"ip": ""}},
        {"name": "fails", "imports": [{"from": "db"}]},
        {"name": "hangs", "imports": [{"from": "db"}], "recipes": {"timeout": "4s"}}], {
        "db/recipes/start": "#!/bin/sh\nsleep 100022 >/dev/null 2>&1 &\n",
        "fails/recipes/start": "#!/bin/sh\nsleep 100023 >/dev/null 2>&1 &\n",
        "fails/recipes/update": "#!/bin/sh\necho no >&2\nexit 4\n",
        "hangs/recipes/start": "#!/bin/sh\nsleep 100024 >/dev/null 2>&1 &\n",
        "hangs/recipes/update": "#!/bin/sh\necho hmm >&2\nsleep 100025\n"})
    until(lambda: all(state(c, "badup", p) == "deployed-started" for p in
                      ("db-1", "db-2", "fails", "hangs")), "all run")
    c.zshell("spaces", "stop", "badup/db-2")
    until(lambda: error(c, "badup", "fails") == "update: exit status 4: no", "it is recorded")
    until(lambda: error(c, "badup", "hangs").startswith("update: timed out after 4 s"),
          "it is recorded")
    until(lambda: processes_of("sleep 100025") == [], "what hung is killed")
    assert len(processes_of("sleep 100023")) == len(processes_of("sleep 100024")) == 1
    assert state(c, "badup", "fails") == state(c, "badup", "hangs") == "deployed-started"


def test_a_failed_deploy_and_a_failed_undeploy_are_reported(c):
    submit_failing(c, "deps", [{"name": "p", "restart": {"attempts": 0}}], {
        "p/recipes/deploy": "#!/bin/sh\necho 'no room' >&2\nexit 5\n",
        "p/recipes/start": "#!/bin/sh\n"})
    until(lambda: c.state("deps") == "failed", "it has failed")
    assert error(c, "deps", "p") == "deploy: exit status 5: no room"
    wait_space(c, "deps", "p", "not-deployed")
    assert spaces_directories(c, "edge-node-1") == []
    native_deploy(c, "undeps", [{"name": "p"}], {
        "p/recipes/start": "#!/bin/sh\nsleep 100026 >/dev/null 2>&1 &\n",
        "p/recipes/undeploy": "#!/bin/sh\ntest -e may || { echo 'not yet' >&2; exit 6; }\n"})
    c.zshell("spaces", "undeploy", "undeps/p")
    until(lambda: error(c, "undeps", "p") == "undeploy: exit status 6: not yet", "it is said")
    wait_space(c, "undeps", "p", "deployed-stopped")
    (data_of(c) / "may").write_text("")
    c.zshell("spaces", "undeploy", "undeps/p")
    wait_space(c, "undeps", "p", "not-deployed")
    assert spaces_directories(c, "edge-node-1") == []


def test_what_an_instance_keeps_outlives_all_but_its_removal_with_data(c):
    package = native_deploy(c, "keep", [{"name": "db", "count": 2}], {
        "db/recipes/deploy": "#!/bin/sh\necho $SAMOZA_EPOCH >> $SAMOZA_DATA/deploys\n",
        "db/recipes/start": "#!/bin/sh\ncat $SAMOZA_DATA/deploys | tr '\\n' ' '\n"
                            "echo is what $SAMOZA_INSTANCE has kept\n"
                            "sleep 100049 >/dev/null 2>&1 &\n"})

    def kept(path):
        line = next((x for x in reversed(c.log_of("keep", path)) if "has kept" in x), "")
        return len(re.findall(r"\b\d+ ", line.split("is what")[0].split("info", 1)[-1]))
    assert kept("db-1") == kept("db-2") == 1
    c.zshell("topo", "stop", "keep")
    until(lambda: spaces_directories(c, "edge-node-1") == [], "all is undeployed")
    c.zshell("topo", "start", "keep", "--wait=60s")
    until(lambda: kept("db-1") == 2 and kept("db-2") == 2, "both have found it again")
    c.zshell("topo", "stop", "keep")
    c.zshell("topo", "rm", "keep")
    c.submit(package)
    until(lambda: kept("db-1") == 3, "also under the name of a topology that was removed")
    data = c.directory / "edge-node-1" / "data" / "keep"
    assert len(list(data.iterdir())) == 2
    c.zshell("topo", "stop", "keep")
    c.zshell("topo", "rm", "keep", "--data")
    until(lambda: not data.exists() and list(data.parent.iterdir()) == [], "it is removed")
    c.submit(package)
    until(lambda: kept("db-1") == 1, "it begins again with nothing")


def test_a_zhost_finishes_what_the_one_before_began_with_kept_data(c):
    native_deploy(c, "begun", [{"name": "p", "run": {"mode": "foreground"}}], {
        "p/recipes/start": "#!/bin/sh\necho x >> $SAMOZA_DATA/starts && exec sleep 100042\n"})
    process_of("sleep 100042")
    c.zshell("topo", "stop", "begun")
    until(lambda: c.state("begun") == "stopped", "it is stopped")
    c.zhosts["edge-node-1"].kill()
    data = c.directory / "edge-node-1" / "data"
    kept, = (data / "begun").iterdir()
    if os.geteuid() == 0:
        os.chown(kept, 0, 0)  # made, and not given to its instance yet
    (data / ".gone-7-old-p@1" / "x").mkdir(parents=True)  # moved away, and not removed yet
    c.zhosts["edge-node-1"].start()
    c.wait_zhost("edge-node-1", "deployed-started")
    until(lambda: [p.name for p in data.iterdir()] == ["begun"], "what was moved away is removed")
    c.zshell("topo", "start", "begun", "--wait=60s")
    process_of("sleep 100042")
    assert (kept / "starts").read_text() == "x\nx\n"


def test_recipes_see_exports_of_ancestors_and_may_leave_no_process(c):
    native_deploy(c, "inside", [
        {"name": "server", "exports": {"port": "", "ip": ""}},
        {"name": "war-file", "inside": "server"}], {
        "server/recipes/start": "#!/bin/sh\nsleep 100027 >/dev/null 2>&1 &\n",
        "war-file/recipes/start":
            "#!/bin/sh\necho to $SAMOZA_ANCESTOR_server_ip:$SAMOZA_ANCESTOR_server_port of "
            "$SAMOZA_ANCESTOR_server_PATH\n"})
    exports = {e["name"]: e["value"] for e in c.space("inside", "server")["exports"]}
    text = log_text(c)
    assert f"to 127.0.0.1:{exports['port']} of server" in text
    assert "start left no process" in text
    assert state(c, "inside", "server/war-file") == "deployed-started"


def test_a_hung_deploy_and_undeploy_time_out(c):
    # The limit holds for the recipes that do not hang, too: on a loaded machine they need seconds.
    submit_failing(c, "hangd", [{"name": "p", "recipes": {"timeout": "4s"},
                                 "restart": {"attempts": 0}}], {
        "p/recipes/deploy": "#!/bin/sh\necho unpacks >&2\nsleep 100037\n",
        "p/recipes/start": "#!/bin/sh\n"})
    until(lambda: c.state("hangd") == "failed", "it has failed")
    assert error(c, "hangd", "p") == "deploy: timed out after 4 s: unpacks"
    native_deploy(c, "hangu", [{"name": "p", "recipes": {"timeout": "4s"}}], {
        "p/recipes/start": "#!/bin/sh\n",
        "p/recipes/undeploy": "#!/bin/sh\necho packs >&2\nsleep 100037\n"})
    c.zshell("spaces", "undeploy", "hangu/p")
    until(lambda: error(c, "hangu", "p") == "undeploy: timed out after 4 s: packs", "it is said")
    assert processes_of("sleep 100037") == []


def test_what_is_looked_for_on_the_whole_machine_is_of_one_file():
    """Files that look for processes run one test after another, beside the others (conftest.py): a number that one of those has, too,
    would be found by chance."""
    marks = {file.name: set(re.findall(r"(?:\bsleep |SLEEPER\.format\()(\d{6})", file.read_text()))
             for file in pathlib.Path(__file__).parent.glob("test_*.py")}
    looks = {name for name in marks if "processes_of" in (pathlib.Path(__file__).parent / name).read_text()}
    assert {"test_native.py", "test_exec.py"} <= looks
    found = [(name, other, both) for name in looks for other in marks.keys() - looks if (both := marks[name] & marks[other])]
    assert found == []
