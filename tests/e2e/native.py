"""Packages with NATIVE spaces for tests: recipes are small shell and Python scripts."""
import contextlib
import json
import os
import pathlib
import shutil
import textwrap
import time

from conftest import is_alive


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


def groups():
    """Control groups of instances."""
    # os.walk, because groups come and go meanwhile.
    return {os.path.join(directory, name) for directory, names, _ in os.walk("/sys/fs/cgroup")
            for name in names if name.startswith("samoza-")}


@contextlib.contextmanager
def groups_swept():
    """Clusters of tests end by kill -9: what control groups they leave are empty, and removed."""
    before = groups()
    yield
    end = time.monotonic() + 5  # what was killed may still be ending
    while (left := groups() - before) and time.monotonic() < end:
        for group in left:
            with contextlib.suppress(OSError):
                os.rmdir(group)
        time.sleep(0.05)
