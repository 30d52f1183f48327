"""What a newcomer does first: a project of one's own, and a look at what the cluster says of itself."""
import re
import urllib.request

from conftest import BIN, run, text_of, until
from page import Page
from test_stop import status_of


def test_a_new_project_builds_and_runs_unchanged(cluster, tmp_path):
    directory = tmp_path / "hello"
    run(BIN / "mex", "new", directory)
    package = tmp_path / "hello.mex"
    run(BIN / "mex", "build", directory, "-o", package, "--key", cluster.key)
    again = tmp_path / "again.mex"
    run(BIN / "mex", "build", directory, "-o", again, "--key", cluster.key)
    assert package.read_bytes() == again.read_bytes()
    shown = cluster.submit(package).stdout
    assert "Topology created:" in shown and "Spaces: 3" in shown
    assert cluster.state("hello") == "running"
    page = next(p["space"] for p in cluster.topology("hello")["placements"]
                if cluster.space("hello", p["space"])["type"] == "UI")
    address = f"{cluster.zedge('edge-node-2')}/hello/{page}/"
    until(lambda: status_of(address) == 200, "that zhost has heard of the page")
    with urllib.request.urlopen(address, timeout=20) as answer:
        assert b"<html" in answer.read()


def test_metrics_count_events(guest_book):
    def metric(url, name):
        for line in text_of(f"{url}/metrics").splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    c = guest_book
    assert metric(c.url, "samoza_submits_total") == 1
    assert metric(c.url, "samoza_placements_total") == 3
    before = metric(c.url, "samoza_data_requests_total")
    page = Page(c.zedge("edge-node-1"))
    page.add("1", "counted")
    assert metric(c.url, "samoza_data_requests_total") > before
    until(lambda: metric(c.url, "samoza_heartbeats_total") > 3, "heartbeats are counted")


def test_the_manual_lists_exactly_the_metrics(cluster):
    def printed(url):
        return set(re.findall(r"^# TYPE (\S+) ", text_of(f"{url}/metrics"), re.MULTILINE))

    def listed(program):
        manual = run(BIN / program, "--print-manual").stdout
        part = manual.split('.\\" @METRICS@\n')[1].split('.\\" @')[0]
        return set(re.findall(r"^\.It Li (\S+)$", part, re.MULTILINE))

    # On loopback alone; those of TLS are there where it listens for other machines: test_tls.py. Those of artifacts that
    # several zrms keep together, and of the history that each of them has, are there where it has a store for several.
    elsewhere = re.compile("zrms_tls_|zrms_history_|zrms_artifacts_(not_)?(spread|fetched)_total$")
    assert printed(cluster.url) == {name for name in listed("zrms") if not elsewhere.match(name)}
    assert printed(cluster.zedge("edge-node-1")) == listed("zhost")
