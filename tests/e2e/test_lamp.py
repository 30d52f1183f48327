"""examples/lamp: real Apache, PHP and MariaDB on three zhosts (`tools/setup lamp`)."""
import urllib.parse
import urllib.request

import pytest
from conftest import ROOT, until
from control_groups import groups_swept


def address(cluster):
    exports = {e["name"]: e["value"] for e in cluster.space("lamp", "apache")["exports"]}
    return f"http://{exports['ip']}:{exports['port']}/"


def page(cluster, data=None):
    with urllib.request.urlopen(address(cluster), data, timeout=20) as answer:
        return answer.read().decode()


def states(cluster):
    return {s["path"]: s["state"] for s in cluster.get("/v1/topologies/lamp/spaces")["spaces"]}


@pytest.fixture(autouse=True)
def sweep_groups():
    with groups_swept():
        yield


@pytest.fixture
def lamp(cluster):
    cluster.submit(cluster.build(ROOT / "examples" / "lamp"), "100s")
    return cluster


def test_the_page_shows_the_database_and_returns_with_it(lamp):
    c = lamp
    assert len({c.zhost_of("lamp", p) for p in ("apache", "php", "mariadb")}) == 3
    where = address(c)
    text = page(c)
    assert "Ada Lovelace" in text and "Grace Hopper" in text
    assert f"PHP runs on {c.zhost_of('lamp', 'php')}" in text
    assert "Alan &lt;Turing&gt;" in page(c, urllib.parse.urlencode({"name": "Alan <Turing>"}).encode())

    c.zshell("spaces", "stop", "lamp/mariadb")
    until(lambda: states(c) == {"apache": "unresolved", "php": "unresolved",
                                "mariadb": "deployed-stopped"}, "all wait for the database", 60)
    with pytest.raises(OSError):
        urllib.request.urlopen(where, timeout=5)

    c.zshell("spaces", "start", "lamp/mariadb")
    c.wait_state("lamp", "running", 60)
    assert "Alan &lt;Turing&gt;" in page(c), "the data is kept"

