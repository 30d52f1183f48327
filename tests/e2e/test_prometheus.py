"""What packaging/ has for prometheus and Grafana, on a real prometheus that reads a real cluster."""
import json
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request

import pytest
from conftest import ROOT, Daemon, free_port, run, token_of, until
from test_metrics import ANSWERER, ASKER, PATHS, SPACES

RULES = ROOT / "packaging" / "prometheus"
BOARDS = sorted((ROOT / "packaging" / "grafana").glob("*.json"))
pytestmark = pytest.mark.skipif(shutil.which("promtool") is None or shutil.which("prometheus") is None,
                                reason="prometheus is not installed (tools/setup test)")


def test_promtool_takes_the_rules_and_their_tests():
    run("promtool", "check", "rules", RULES / "samoza.rules.yml")
    run("promtool", "test", "rules", "samoza.rules.test.yml", cwd=RULES)


def test_every_alert_has_a_test():
    names = set(re.findall(r"alert: (\w+)", (RULES / "samoza.rules.yml").read_text()))
    tests = (RULES / "samoza.rules.test.yml").read_text()
    assert len(names) >= 15
    for name in names:  # once where it must be silent, once where it must be raised
        assert f"alertname: {name}}}" in tests and f'alertname="{name}"' in tests, name


class Prometheus:
    def __init__(self, cluster):
        directory = cluster.directory / "prometheus"
        directory.mkdir()
        (directory / "token").write_text(token_of(cluster.url))
        shutil.copy(RULES / "samoza.rules.yml", directory)
        text = (RULES / "prometheus.yml").read_text()
        zhosts = ", ".join('"' + urllib.parse.urlsplit(cluster.zedge(name)).netloc + '"' for name in cluster.zhosts)
        for old, new in (("15s", "500ms"), ("/etc/prometheus/samoza.token", str(directory / "token")),
                         ('"127.0.0.1:7331"', f'"127.0.0.1:{cluster.port}"'), ('"127.0.0.1:8088"', zhosts)):
            assert old in text
            text = text.replace(old, new)
        (directory / "prometheus.yml").write_text(text)
        run("promtool", "check", "config", directory / "prometheus.yml")
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.log = directory / "log"
        self.daemon = Daemon(cluster, "prometheus", [
            shutil.which("prometheus"), f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address=127.0.0.1:{port}"], self.log)
        self.daemon.start()

    def ask(self, what, **query):
        """None: it does not answer yet."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(query)}", timeout=20) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it still reads what it has kept
                return None
            raise AssertionError(f"{query}: {error.read().decode()}") from error
        except OSError:
            return None
        assert said["status"] == "success" and not said.get("warnings"), said
        return said["data"]


@pytest.fixture
def scraped(start_cluster):
    """A prometheus that has read a cluster, where two spaces talk, a few times."""
    c = start_cluster(zhosts=("n1", "n2"))
    c.deploy("ask", SPACES, {"asker": ASKER, "answerer": ANSWERER}, PATHS)
    p = Prometheus(c)

    def are_up():
        data = p.ask("query", query="count(count_over_time(up[30s]) >= 4 and up == 1)")
        return data and data["result"] and data["result"][0]["value"][1] == "3"

    try:
        until(are_up, "all three are read", 40)
        yield p
    finally:
        p.daemon.kill()


def queries(board):
    """(panel, query) of a dashboard, with its variables filled in."""
    for panel in board["panels"]:
        for target in panel["targets"]:
            text = target["expr"].replace("$__rate_interval", "10s")
            yield panel["title"], re.sub(r"\$(topology|space)\b", ".*", text)


def test_dashboards_and_alerts_run_on_what_prometheus_has_read(scraped):
    def answer(what, **query):
        return until(lambda: scraped.ask(what, **query), "it answers")

    for board in BOARDS:
        for title, query in queries(json.loads(board.read_text())):
            until(lambda q=query: answer("query", query=q)["result"], f"{board.name}: {title}: {query}", 60)
    for board in BOARDS:
        for variable in json.loads(board.read_text())["templating"]["list"]:
            if variable["type"] == "query":
                series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
                series = re.sub(r"\$\w+", ".*", series)
                until(lambda: scraped.ask(f"label/{label}/values", **{"match[]": series}), variable["name"])
    rules = [r for group in answer("rules")["groups"] for r in group["rules"]]
    assert len(rules) >= 15
    until(lambda: all(r["health"] == "ok" for group in answer("rules")["groups"] for r in group["rules"]),
          "every rule was evaluated", 90)
    # Before its first answer zrms is taken for away, for a moment. How soon heartbeats come is the machine's affair.
    until(lambda: {a["labels"]["alertname"] for a in answer("alerts")["alerts"]} <= {"SamozaHeartbeatsLate"},
          "there is no alert", 90)


def test_prometheus_takes_openmetrics_with_its_types(scraped):
    said = until(lambda: scraped.ask("targets/metadata", metric="samoza_space_state"), "it knows the type")
    assert {m["type"] for m in said} == {"stateset"}
    said = until(lambda: scraped.ask("targets/metadata", metric="zrms_commit_seconds"), "it knows the type")
    assert [m["type"] for m in said] == ["histogram"]
    data = until(lambda: scraped.ask("query", query="sum(scrape_samples_scraped) - sum(scrape_samples_post_metric_relabeling)"), "it answers")
    assert data["result"][0]["value"][1] == "0"


def test_dashboards_have_what_grafana_asks_of_them():
    assert len(BOARDS) == 2
    for file in BOARDS:
        board = json.loads(file.read_text())
        assert board["schemaVersion"] >= 36 and board["title"] and re.fullmatch(r"[a-z-]{1,40}", board["uid"])
        assert board["id"] is None  # it is given on import
        panels, names = board["panels"], {v["name"] for v in board["templating"]["list"]}
        assert len({p["id"] for p in panels}) == len(panels) and "datasource" in names
        taken = set()
        for panel in panels:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
            taken |= cells
            assert panel["type"] in ("timeseries", "stat") and panel["title"] and panel["targets"]
            assert len({t["refId"] for t in panel["targets"]}) == len(panel["targets"])
            for target in panel["targets"]:
                assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
                assert set(re.findall(r"\$(\w+)", target["expr"])) <= names | {"__rate_interval"}
