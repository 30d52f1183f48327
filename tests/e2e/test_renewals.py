"""Certificates are renewed often under a stream of numbered messages: none is lost, and none comes twice."""
import time

import numbers_app
from conftest import until
from secure import needs_an_address
from test_mesh_direct import JoinedCluster, deploy_counter, metric

pytestmark = needs_an_address

SECONDS = 25
WORDS = ["sent", "full", "unreachable"]


class Renewing(JoinedCluster):
    def __init__(self, directory, **options):
        super().__init__(directory, zrms_options=("--certificate-lifetime", "6s"), **options)


def said(c, path, words):
    """The last figures of that space."""
    def lines():
        status, body = c.request("GET", f"/v1/topologies/count/logs?path={path}&lines=200")
        return body["lines"] if status == 200 else None  # its zhost goes over to its next link
    lines = until(lines, "the log can be read")
    numbers_app.check_order(lines)
    return numbers_app.last_figures(lines, words)


def test_renewals_under_a_stream_of_messages_lose_none(start_cluster, monkeypatch):
    monkeypatch.setattr(numbers_app, "SOURCES", numbers_app.PACED)
    c = start_cluster(kind=Renewing, zhosts=("n1", "n2"))
    sender, _ = deploy_counter(c)
    zedge = c.zedge(sender)
    until(lambda: metric(c, zedge, "zhost_mesh_direct_sent_total") >= 200, "messages go directly")
    unreachable = until(lambda: (figures := said(c, "counter", WORDS))[0] and figures, "it has sent")[2]
    end = time.monotonic() + SECONDS  # a load for some time, not a wait
    while time.monotonic() < end:
        taken, missing = said(c, "checker", ["taken", "missing"])
        assert missing == 0
        time.sleep(0.5)
    for name in ("n1", "n2"):
        assert c.zhosts[name].log.read_text().count("certificate.renewed") >= 4
    assert taken > 1000
    # There was no way before its receiver had started, and never since. One that was refused since too many waited was sent later.
    assert said(c, "counter", WORDS)[2] == unreachable
