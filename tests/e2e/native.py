"""Packages with NATIVE spaces for tests: recipes are small shell and Python scripts."""
import json
import os
import pathlib
import shutil
import textwrap

from conftest import is_alive, stat_of, until


def native_app(cluster, name, spaces, files, version="1.0.0"):
    """`spaces` as in topology.yaml; `files`: texts by "SPACE/recipes/start" and so on. Those in
    recipes/ are executable; a tuple (text, mode) sets another mode."""
    directory = cluster.directory / "src" / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (directory / "topology.yaml").write_text(json.dumps({
        "apiVersion": "samoza/v1", "kind": "Topology", "metadata": {"name": name},
        "spaces": [dict({"type": "NATIVE", "resources": {"cpu": "500m", "memory": "64MiB"}}, **s)
                   for s in spaces]}))
    (directory / "manifest.yaml").write_text(json.dumps({
        "apiVersion": "samoza/v1", "kind": "MEX",
        "metadata": {"name": name, "version": version, "publisher": "example.com",
                     "created": "2026-04-29T10:30:00Z"},
        "spec": {"topology": "topology.yaml", "spaces": [s["name"] for s in spaces]}}))
    for path, text in files.items():
        mode = 0o755 if "/recipes/" in path else 0o644
        if isinstance(text, tuple):
            text, mode = text
        target = directory / "spaces" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text).lstrip())
        target.chmod(mode)
    return directory


def native_deploy(cluster, name, spaces, files, wait="60s"):
    package = cluster.build(native_app(cluster, name, spaces, files), name)
    cluster.submit(package, wait)
    return package


def spaces_directories(cluster, zhost):
    """Directories of instances on that zhost."""
    return [p for p in (cluster.directory / zhost / "spaces").iterdir() if p.name[0] != "."]


def processes_of(words):
    """Processes whose command line holds the words, as (pid, command line)."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if words in line and is_alive(int(entry.name)):
            found.append((int(entry.name), line))
    return found


def process_of(words):
    """The only such process: what a recipe has begun may still be the recipe's shell when its instance is started."""
    until(lambda: len(processes_of(words)) == 1, f"one process runs {words}")
    (pid, _), = processes_of(words)
    return pid


def run_by(count, *words):
    """Processes of all the words together, sorted, once there are so many: started is not yet what it becomes by exec."""
    def found():
        pids = sorted(pid for w in words for pid, _ in processes_of(w))
        return pids if len(pids) == count else None
    return until(found, f"{count} processes run {' and '.join(words)}")


def recipes_of(c, zhost="edge-node-1"):
    """Recipes called `start` of that zhost's instances, as (pid, command line): other tests run some, too."""
    def is_below(pid, roots):
        while pid > 1 and pid not in roots:
            stat = stat_of(pid)
            pid = int(stat[1]) if stat else 0
        return pid in roots
    roots = set(c.zruns(zhost))
    return [(pid, line) for pid, line in processes_of("recipes/start") if is_below(pid, roots)]


def log_text(c, zhost="edge-node-1"):
    """What the instances there said, also those that are no more."""
    return "\n".join(p.read_text() for p in sorted((c.directory / zhost / "log").glob("*.log*")))


def state(c, topology, path):
    return c.space(topology, path)["state"]


def error(c, topology, path):
    return c.space(topology, path).get("last_error", "")


def wait_space(c, topology, path, wanted, deadline=20):
    return until(lambda: state(c, topology, path) == wanted, f"{path} is {wanted}", deadline)


def submit_failing(c, name, spaces, files):
    """Submits without waiting for it to run."""
    package = c.build(native_app(c, name, spaces, files), name)
    c.zshell("topo", "submit", package)


def data_of(c, zhost="edge-node-1"):
    directory, = spaces_directories(c, zhost)
    return directory / "data"


SLEEPER = """
    #!/bin/sh
    echo $$ > pid
    exec sleep {}
"""
