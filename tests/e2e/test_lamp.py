"""examples/lamp: real Apache, PHP and MariaDB on three zhosts (`tools/setup lamp`)."""
import re
import shutil
import urllib.parse
import urllib.request

import pytest
from conftest import ROOT, name_of, until
from control_groups import groups_swept

EXAMPLE = ROOT / "examples" / "lamp"


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
    cluster.submit(cluster.build(EXAMPLE), "100s")
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



def version(c, number, title, php_start=None):
    """The example with another title of its page. `php_start`: in place of PHP's recipe, tried twice."""
    source = c.directory / "versions" / number
    shutil.copytree(EXAMPLE, source)
    manifest = (source / "manifest.yaml").read_text().replace("version: 1.0.0", f"version: {number}")
    (source / "manifest.yaml").write_text(
        manifest + "rollout: {policy: rolling, healthy: {for: 200ms, within: 2m}}\n")
    page_file = source / "spaces/php/www/index.php"
    page_file.write_text(page_file.read_text().replace("<h1>Guests</h1>", f"<h1>{title}</h1>"))
    if php_start is not None:
        (source / "spaces/php/recipes/start").write_text(php_start)
        text = (source / "topology.yaml").read_text()
        (source / "topology.yaml").write_text(
            text.replace("  - name: php\n", "  - name: php\n    restart: {attempts: 1}\n"))
    return c.build(source, f"lamp-{number}")


def databases(c):
    return [pid for zhost in c.zhosts for pid in c.zruns(zhost) if name_of(pid) == "zrun:mariadb"]


def was(c, mark, kind, subject, to):
    return lambda: any((e["kind"], e["subject"], e["to"]) == (kind, subject, to)
                       for e in c.events("lamp", mark))


def kill_zrms(c):
    c.zrms.kill()
    c.start_zrms()


def kill_zhost_of_php(c):
    name = c.zhost_of("lamp", "php")
    c.zhosts[name].kill()
    c.zhosts[name].start()
    c.wait_zhost(name, "deployed-started")


# Of the change of PHP, which stops first; apache imports it, and the database is not touched.
PLACES = [
    (("copy", "lamp/php", "deployed-stopped"), kill_zrms),
    (("space", "lamp/php", "stopping"), kill_zhost_of_php),
    (("space", "lamp/php", "starting"), kill_zrms),
    (("space", "lamp/php", "deployed-started"), kill_zhost_of_php),
    (("space", "lamp/apache", "starting"), kill_zrms),
]


def test_versions_and_a_drain_leave_the_database_alone(start_cluster):
    """Kills at five places of one change, a bad version, and a drain of what holds PHP."""
    c = start_cluster(timeout="6s")
    c.submit(c.build(EXAMPLE), "100s")
    before = databases(c)
    assert before and "<h1>Guests</h1>" in page(c, urllib.parse.urlencode({"name": "Alan"}).encode())

    mark = c.events()[-1]["seq"]
    c.zshell("topo", "submit", version(c, "1.1.0", "Visitors"))
    for place, kill in PLACES:
        until(was(c, mark, *place), f"{place}", 60)
        kill(c)
    until(lambda: c.topology("lamp")["version"] == "1.1.0" and "rollout" not in c.topology("lamp"), "it is complete", 60)
    c.wait_state("lamp", "running", 60)
    assert "<h1>Visitors</h1>" in page(c) and "Alan" in page(c)

    bad = version(c, "1.2.0", "Nobody", "#!/bin/sh\nexit 3\n")
    failed = c.zshell("topo", "submit", bad, "--wait=100s", check=False)
    assert failed.returncode == 1 and re.search(r"The rollout to 1\.2\.0 failed: php: .*exit status 3", failed.stderr), failed
    c.wait_state("lamp", "running", 60)
    assert "<h1>Visitors</h1>" in page(c) and "Alan" in page(c)

    drained = c.zhost_of("lamp", "php")
    c.zshell("cluster", "drain", drained, "--wait=60s")
    c.wait_state("lamp", "running", 60)
    assert c.zhost_of("lamp", "php") != drained
    assert "<h1>Visitors</h1>" in page(c) and "Alan" in page(c)
    assert databases(c) == before, "no kill, change or drain stopped the database"
