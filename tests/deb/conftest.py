"""make test-deb: packages of two versions, and a machine that boots systemd."""
import json
import os
import pathlib

import pytest

import machine
from machine import ROOT, Machine, run

BUILD = pathlib.Path(os.environ.get("SAMOZA_BUILD", ROOT / "build"))
VERSIONS = os.environ.get("SAMOZA_DEB_VERSIONS", "").split()


def packages(version):
    found = sorted((BUILD / "deb").glob(f"samoza*_{version}_*.deb"))
    return [p for p in found if "dbgsym" not in p.name]


@pytest.fixture(scope="session")
def versions():
    """The present version and a later one."""
    why = machine.missing()
    if why:
        pytest.skip(why)
    assert len(VERSIONS) == 2 and all(len(packages(v)) == 3 for v in VERSIONS), "make test-deb builds them"
    return VERSIONS


@pytest.fixture(scope="session")
def system(versions, tmp_path_factory):
    base = machine.base_of(BUILD, packages(versions[0]))
    made = Machine(base, tmp_path_factory.mktemp("machine"), "edge-1")
    try:
        made.boot()
        yield made
    finally:
        made.end()


def native_source(directory):
    """A program with a recipe, which says who it is and then waits."""
    (directory / "spaces/clock/recipes").mkdir(parents=True)
    (directory / "topology.yaml").write_text(json.dumps({
        "apiVersion": "samoza/v1", "kind": "Topology", "metadata": {"name": "native"},
        "spaces": [{"name": "clock", "type": "NATIVE", "run": {"mode": "foreground"},
                    "resources": {"cpu": "500m", "memory": "64MiB"}}]}))
    (directory / "manifest.yaml").write_text(json.dumps({
        "apiVersion": "samoza/v1", "kind": "MEX",
        "metadata": {"name": "native", "version": "1.0.0", "publisher": "example.com",
                     "created": "2026-04-29T10:30:00Z"},
        "spec": {"topology": "topology.yaml", "spaces": ["clock"]}}))
    recipe = directory / "spaces/clock/recipes/start"
    recipe.write_text("#!/bin/sh\nls -d /samoza/package /home 2>&1\nexec sleep 1000000\n")
    recipe.chmod(0o755)
    return directory


@pytest.fixture(scope="session")
def examples(tmp_path_factory):
    """examples/my-app and a native program, signed; the public key."""
    directory = tmp_path_factory.mktemp("example")
    run(BUILD / "bin/mex", "keygen", "-o", directory / "key")
    sources = {"my-app": ROOT / "examples/my-app", "native": native_source(directory / "native")}
    for name, source in sources.items():
        run(BUILD / "bin/mex", "build", source, "-o", directory / f"{name}.mex", "--key", directory / "key")
    return [directory / f"{name}.mex" for name in sources], directory / "key.pub"
