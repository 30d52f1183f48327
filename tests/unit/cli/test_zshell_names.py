"""What names mean to zshell: resolved, bounded in a large cluster, completed by shells."""

import json
import os
import subprocess

import pytest

from fake_zrms import ID, OTHER, space, topology, zhost
from terminal import Terminal


# ------------------------------------------------------------------ names

def two_topologies(zrms, *states):
    ids = [ID, OTHER]
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [
        topology(state, id=i, created=f"2026-04-2{n}T00:00:00Z")
        for n, (i, state) in enumerate(zip(ids, states))]})
    for i, state in zip(ids, states):
        zrms.routes[f"GET /v1/topologies/{i}"] = (200, topology(state, id=i))


@pytest.mark.parametrize("word", [ID, ID[:9], "a1b2c"])
def test_an_id_by_any_unambiguous_prefix(zrms, zshell, word):
    two_topologies(zrms, "running", "stopped")
    assert json.loads(zshell("topo", "status", word, "-o", "json").out)["id"] == ID


@pytest.mark.parametrize("states,expected", [
    (("running", "stopped"), ID), (("stopped", "running"), OTHER), (("stopped", "stopped"), OTHER)])
def test_a_name_means_the_topology_not_stopped_or_else_the_newest(zrms, zshell, states, expected):
    two_topologies(zrms, *states)
    assert json.loads(zshell("topo", "status", "my-app", "-o", "json").out)["id"] == expected


def test_an_ambiguous_prefix_lists_its_matches(zrms, zshell):
    two_topologies(zrms, "running", "stopped")
    done = zshell("topo", "status", "a1b2")
    assert done.status == 1
    assert done.err == ("zshell: ambiguous id 'a1b2' matches 2 topologies; use a longer prefix:\n"
                        f"  {ID}  my-app  running\n"
                        f"  {OTHER}  my-app  stopped\n")


def test_an_unknown_name(listed, zshell):
    done = zshell("topo", "status", "nobody")
    assert (done.status, done.err) == (
        1, "zshell: no topology 'nobody'\n`zshell topo` lists all topologies.\n")


def test_an_instance_by_path_prefix_and_topology(zrms, listed, zshell):
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api-2/cache"), space("api")]})
    zrms.routes[f"GET /v1/topologies/{ID}/spaces/api-2/cache"] = (200, space("api-2/cache"))
    for word in ("my-app/api-2/cache", "api-2/cache", f"{ID[:8]}/api-2/cache"):
        assert zshell("spaces", "status", word).out.startswith("Space: my-app/api-2/cache\n"), word
    done = zshell("spaces", "status", "my-app/aip")
    assert done.status == 1
    assert "no instance my-app/aip; did you mean my-app/api?" in done.err


def test_a_path_of_two_topologies_is_ambiguous(zrms, zshell):
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [
        topology(), topology(id=OTHER, name="other")]})
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [
        space("api"), space("api", topology_name="other", topology_id=OTHER)]})
    done = zshell("spaces", "status", "api")
    assert (done.status, done.err) == (
        1, "zshell: ambiguous path: 2 topologies have 'api':\n  my-app/api\n  other/api\n")


def test_several_stopped_topologies_with_a_path_are_ambiguous_too(zrms, zshell):
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [
        topology("stopped"), topology("stopped", id=OTHER, name="other")]})
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [
        space("api"), space("api", topology_name="other", topology_id=OTHER)]})
    done = zshell("spaces", "status", "api")
    assert (done.status, done.err) == (
        1, "zshell: ambiguous path: 2 topologies have 'api':\n  my-app/api\n  other/api\n")
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [
        topology("stopped"), topology(id=OTHER, name="other")]})
    zrms.routes[f"GET /v1/topologies/{OTHER}/spaces/api"] = (200, space("api", topology_name="other"))
    assert zshell("spaces", "status", "api").out.startswith("Space: other/api\n")


def many(zrms, count):
    """A cluster of so many topologies with an instance each."""
    ids = [f"{k:08x}-e5f6-7890-abcd-ef1234567890" for k in range(count)]
    zrms.routes["GET /v1/topologies"] = (200, {"topologies": [
        topology(id=i, name=f"app-{k}") for k, i in enumerate(ids)]})
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [
        space("api", topology_name=f"app-{k}", topology_id=i) for k, i in enumerate(ids)]})
    zrms.routes[f"GET /v1/topologies/{ids[7]}"] = (200, topology(id=ids[7], name="app-7"))
    zrms.routes[f"GET /v1/topologies/{ids[7]}/spaces/api"] = (200, space("api"))
    zrms.routes[f"GET /v1/topologies/{ids[7]}/logs"] = (200, {"lines": ["a line"]})


@pytest.mark.parametrize("words", [
    ["topo", "status", "app-7"], ["topo", "status", "00000007"], ["topo", "status", "0000"],
    ["topo", "status", "nobody"], ["topo", "status", "000"], ["spaces", "status", "app-7/api"],
    ["spaces", "logs", "00000007/api"], ["spaces", "status", "api"],
    ["complete", "--", "topo", "status", "app-7"], ["complete", "--", "spaces", "logs", "app-7"],
    ["complete", "--", "topo", "status", ""], ["complete", "--", "spaces", "logs", ""]],
    ids=" ".join)
def test_a_name_costs_as_little_in_a_large_cluster(zrms, zshell, words):
    few, large = 1000, 5000
    many(zrms, few)
    zshell(*words)
    before = zrms.sent_bytes
    many(zrms, large)
    zshell(*words)
    assert zrms.sent_bytes - before <= 1.1 * before
    assert before > 0


def test_more_names_than_anybody_reads_are_not_completed(zrms, zshell):
    many(zrms, 1200)
    assert complete(zshell, "topo", "status", "") == []
    assert len(complete(zshell, "topo", "status", "app-11")) == 111
    assert len(complete(zshell, "spaces", "logs", "app-11")) == 111


# ------------------------------------------------------------------ completion

def complete(zshell, *words):
    return zshell("complete", "--", *words).out.split()


def test_completion_of_commands_options_and_names(zrms, listed, zshell):
    zrms.routes["GET /v1/spaces"] = (200, {"spaces": [space("api"), space("store")]})
    zrms.routes["GET /v1/zhosts"] = (200, {"zhosts": [zhost("edge-node-1")]})
    assert complete(zshell, "to") == ["topo"]
    assert complete(zshell, "topo", "st") == ["start", "status", "stop"]
    assert complete(zshell, "topo", "status", "") == ["my-app"]
    assert complete(zshell, "topo", "status", "a1") == [ID]
    assert complete(zshell, "spaces", "logs", "my-app/s") == ["my-app/store"]
    assert complete(zshell, "cluster", "cordon", "") == ["edge-node-1"]
    assert complete(zshell, "topo", "submit", "--") == [
        "--allow-downgrade", "--api", "--ca", "--context", "--dry-run", "--execute", "--fingerprint", "--help", "--name",
        "--no-pager", "--no-start", "--no-surge", "--output", "--reset-values", "--set", "--token-file", "--values", "--version", "--wait"]
    assert complete(zshell, "topo", "-o", "") == ["json", "name", "table", "wide", "yaml"]
    assert complete(zshell, "-o", "json", "topo", "sub") == ["submit"]
    assert complete(zshell, "topo", "submit", "") == [":files"]
    assert complete(zshell, "topo", "submit", "--values", "") == [":files"]
    assert complete(zshell, "help", "topo", "ex") == ["explain"]
    assert complete(zshell, "topo", "--state", "") == ["degraded", "failed", "pending", "running",
                                                       "stopped"]
    assert complete(zshell, "spaces", "list", "--state", "wa") == ["waiting-for-ancestor"]
    assert complete(zshell, "spaces", "list", "--zhost", "") == ["edge-node-1"]
    assert complete(zshell, "mesh", "spaces", "--topology", "my") == ["my-app"]


def test_completion_without_zrms_is_silent(zshell):
    done = zshell("complete", "--", "topo", "status", "", url="http://127.0.0.1:1")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_bash_completes_with_the_packaged_script(zrms, listed, zshell, environment):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "../../../packaging/completion/zshell.bash")
    with open(path, encoding="utf-8") as file:
        assert file.read() == zshell("completion", "bash").out
    script = """
        source "$1"
        COMP_WORDS=("$ZSHELL" topo status m) COMP_CWORD=3
        _zshell
        echo "${COMPREPLY[@]}"
        """
    done = subprocess.run(["bash", "-c", script, "bash", path], capture_output=True, text=True,
                          env=dict(environment, ZRMS_URL=zrms.url), timeout=60)
    assert (done.stdout, done.stderr) == ("my-app\n", "")


def packaged(shell):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        f"../../../packaging/completion/zshell.{shell}")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_packaged_completion_is_what_zshell_prints(zshell, shell):
    with open(packaged(shell), encoding="utf-8") as file:
        assert file.read() == zshell("completion", shell).out
    assert zshell("completion", "tcsh").status == 2


@pytest.fixture
def on_path(zrms, listed, environment, tmp_path):
    os.symlink(os.environ["ZSHELL"], tmp_path / "zshell")
    return dict(environment, ZRMS_URL=zrms.url, HOME=str(tmp_path), TERM="xterm",
                PATH=f"{tmp_path}:{environment['PATH']}")


def test_fish_completes_with_the_packaged_script(on_path):
    script = f"source {packaged('fish')}; complete -C 'zshell topo status m'"
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True,
                          env=on_path, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("my-app", 0), done


def test_zsh_completes_with_the_packaged_script(on_path, tmp_path):
    t = Terminal(on_path, program=["zsh", "-f", "-i"])
    try:
        t.type(f"PS1='ready> '; autoload -Uz compinit; compinit -u -d {tmp_path}/dump; "
               f"source {packaged('zsh')}\r")
        t.expect("\nready> |\rready> ")
        t.type("zshell topo status m\t\r")
        t.expect("Topology: my-app")
    finally:
        t.close()
