"""GET /metrics of zrms and of zhosts: read by promtool, by a strict reader of OpenMetrics, and right in what it says."""
import shutil
import subprocess
import urllib.request

import pytest
from conftest import text_of, token_of, until

parser = pytest.importorskip("prometheus_client.openmetrics.parser",
                             reason="python3-prometheus-client is not installed (tools/setup test)")
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (tools/setup test)")

HEAD = "#include <samoza.h>\n#include <string.h>\n"
# Asks, and waits for the answer.
ASKER = HEAD + r"""
SAMOZA_ON_PROCESS(void)
{
	char text[64], from[SAMOZA_FROM_MAX];
	samoza_emit("questions", "?", 1);
	samoza_recv_next(200, text, sizeof(text), from, sizeof(from));
	samoza_sleep(20);
	return 0;
}
"""
ANSWERER = HEAD + r"""
SAMOZA_ON_PROCESS(void)
{
	char text[64], from[SAMOZA_FROM_MAX];
	if (samoza_recv_next(200, text, sizeof(text), from, sizeof(from)) > 0)
		samoza_emit(from, "!", 1);
	return 0;
}
"""
CAPABILITIES = ["sys.log", "net.emit", "net.recv"]
SPACES = [{"name": name, "type": "CALL", "capabilities": CAPABILITIES} for name in ("asker", "answerer")]
PATHS = [{"from": "asker", "to": "answerer", "name": "questions"}]


def fetch(url, accept=None):
    """The text, and its type."""
    headers = {"Accept": accept} if accept else {}
    token = token_of(url)
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]


def families(url):
    """Of the OpenMetrics text, as a strict reader takes it: metric families by name."""
    text, kind = fetch(f"{url}/metrics", "application/openmetrics-text; version=1.0.0")
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert text.endswith("\n# EOF\n")
    found = {}
    for family in parser.text_string_to_metric_families(text):
        assert family.name not in found, f"{family.name} comes twice"
        assert family.documentation.endswith("."), family.name
        found[family.name] = family
    return found


def value(found, name, family=None, **labels):
    """Of the one sample of that name with these labels; None: there is none."""
    samples = [s.value for f in ([found[family]] if family else found.values()) for s in f.samples
               if s.name == name and labels.items() <= s.labels.items()]
    assert len(samples) <= 1, (name, labels, samples)
    return samples[0] if samples else None


@pytest.fixture
def c(start_cluster):
    return start_cluster(zhosts=("n1", "n2"))


@needs_promtool
def test_promtool_reads_zrms_and_zhosts_without_a_word(c):
    c.deploy("ask", SPACES, {"asker": ASKER, "answerer": ANSWERER}, PATHS)
    for url in (c.url, c.zedge("n1"), c.zedge("n2")):
        text, kind = fetch(f"{url}/metrics")
        assert kind == "text/plain; version=0.0.4; charset=utf-8"
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=text, text=True, capture_output=True,
                              timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), url


def test_what_an_instance_uses_and_sends_is_at_its_zhost(c):
    c.deploy("ask", SPACES, {"asker": ASKER, "answerer": ANSWERER}, PATHS)
    zhost = c.zedge(c.zhost_of("ask", "asker"))
    asker = {"topology": "ask", "space": "asker", "space_instance": "asker"}

    def talks():
        found = families(zhost)
        out = value(found, "samoza_space_messages_total", path="questions", direction="out", outcome="sent", **asker)
        back = value(found, "samoza_space_messages_total", path="questions", direction="in", outcome="delivered", **asker)
        return found if out and out >= 5 and back and back >= 5 else None

    found = until(talks, "questions are answered and counted")
    assert found["samoza_space_cpu_seconds"].type == "counter"
    assert value(found, "samoza_space_cpu_seconds_total", **asker) >= 0
    assert value(found, "samoza_space_memory_bytes", **asker) > 10000
    assert value(found, "samoza_space_restarts_total", **asker) == 0
    assert found["samoza_space_state"].type == "stateset"
    shown = {s.labels["samoza_space_state"]: s.value for s in found["samoza_space_state"].samples
             if asker.items() <= s.labels.items()}
    assert shown["started"] == 1 and sum(shown.values()) == 1 and len(shown) == 9
    # Where two questions were under way, the second answer is not timed.
    until(lambda: value(families(zhost), "zhost_request_seconds_count") >= 5, "requests are timed")
    assert value(found, "zhost_start_seconds_count") >= 1
    until(lambda: value(families(zhost), "zhost_heartbeat_delay_seconds_count") >= 2, "heartbeats are timed")
    assert value(found, "samoza_build_info", program="zhost") == 1
    assert value(found, "zhost_loop_turn_seconds_count") > 10
    assert 0 < value(found, "zhost_loop_longest_turn_seconds") <= value(found, "zhost_loop_turn_seconds_sum") < 60


def test_a_restart_is_counted(c):
    c.deploy("ask", SPACES, {"asker": ASKER, "answerer": ANSWERER}, PATHS)
    name = c.zhost_of("ask", "asker")
    zhost = c.zedge(name)
    assert value(families(zhost), "samoza_space_restarts_total", space="asker") == 0
    c.kill_zruns(name)
    until(lambda: value(families(zhost), "samoza_space_restarts_total", space="asker") == 1, "it starts again")


def test_zrms_times_what_it_does_and_lists_no_instances(c):
    c.deploy("ask", SPACES, {"asker": ASKER, "answerer": ANSWERER}, PATHS)
    found = families(c.url)
    assert value(found, "samoza_build_info", program="zrms") == 1
    assert value(found, "zrms_submit_seconds_count") == 1
    assert 0 < value(found, "zrms_submit_seconds_sum") < 60
    assert value(found, "zrms_placement_seconds_count") >= 1
    assert value(found, "zrms_commit_seconds_count") >= 1
    until(lambda: value(families(c.url), "zrms_heartbeat_delay_seconds_count") >= 2, "heartbeats are timed")
    assert value(found, "zrms_loop_turn_seconds_count") > 10
    assert 0 < value(found, "zrms_loop_longest_turn_seconds") <= value(found, "zrms_loop_turn_seconds_sum") < 60
    assert found["zrms_commit_seconds"].type == "histogram"
    # A page that grew with the instances of the cluster would end the monitoring of a large one.
    assert "asker" not in text_of(f"{c.url}/metrics")
