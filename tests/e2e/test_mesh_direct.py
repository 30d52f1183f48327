"""Messages between spaces on two zhosts that have joined: directly, with the hub for the rest."""
import json
import os
import re
import signal
import ssl
import urllib.request

import pytest
from conftest import run, until
from secure import SecureCluster, needs_an_address

pytestmark = needs_an_address
TALK = ["sys.log", "net.emit", "net.recv"]
HEAD = "#include <samoza.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
# Numbers its messages, and says what is wrong with those that come.
COUNTER = HEAD + r"""
SAMOZA_ON_PROCESS(void)
{
	static int n;
	char text[20];
	int size = snprintf(text, sizeof(text), "%d", n + 1);
	if (samoza_emit("numbers", text, (unsigned)size) == 0)
		n++;
	samoza_sleep(5);
	return 0;
}
"""
CHECKER = HEAD + r"""
static int last, missing, taken;
SAMOZA_ON_PROCESS(void)
{
	char text[32], from[SAMOZA_FROM_MAX];
	int size = samoza_recv_next(200, text, sizeof(text) - 1, from, sizeof(from));
	if (size <= 0)
		return 0;
	text[size] = 0;
	int number = atoi(text);
	if (number <= last)
		samoza_log(SAMOZA_ERROR, "out of order");
	if (last > 0)
		missing += number - last - 1;
	last = number;
	if (++taken % 20 == 0) {
		snprintf(text, sizeof(text), "taken %d missing %d", taken, missing);
		samoza_log(SAMOZA_INFO, text);
	}
	return 0;
}
"""


class JoinedCluster(SecureCluster):
    """Its zhosts have joined by tokens: zrms knows their keys."""

    def give_token(self, name, directory=None):
        directory = directory or self.directory / name
        credentials = directory / "credentials"
        credentials.mkdir(parents=True, exist_ok=True, mode=0o700)
        status, token = self.request("POST", "/v1/tokens", {"name": name})
        assert status == 201, token
        _, word_id, secret, *_ = token["token"].split(".")
        key, asked = credentials / "key.pem", credentials / "request.pem"
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        run("openssl", "req", "-new", "-key", key, "-subj", "/CN=x", "-out", asked)
        body = {"token": word_id, "secret": secret, "name": name, "request": asked.read_text()}
        joined = self.post_secure("/v1/join", body)
        for file, text in (("identity.pem", joined["certificate"] + key.read_text()),
                           ("authorities.pem", joined["authorities"])):
            (credentials / file).touch(0o600)
            (credentials / file).write_text(text)
        key.unlink()
        asked.unlink()

    def post_secure(self, path, body):
        context = ssl.create_default_context(cafile=str(self.ca))
        request = urllib.request.Request(self.secure_url + path, data=json.dumps(body).encode(), method="POST",
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            return json.loads(answer.read())


@pytest.fixture
def c(start_cluster):
    return start_cluster(kind=JoinedCluster, zhosts=("n1", "n2"))


def metric(cluster, zedge, name):
    """-1: its zhost is not there."""
    try:
        with urllib.request.urlopen(f"{zedge}/metrics", timeout=20) as answer:
            return int(float(re.search(rf"^{name} (\S+)$", answer.read().decode(), re.M).group(1)))
    except OSError:
        return -1


def figures(cluster):
    """What the checker has said last: taken, missing."""
    def log():
        status, body = cluster.request("GET", "/v1/topologies/count/logs?path=checker&lines=200")
        return body["lines"] if status == 200 else None
    lines = until(log, "the log can be read")
    assert not [line for line in lines if "out of order" in line]
    said = [line for line in lines if " taken " in line]
    return [int(n) for n in re.findall(r"taken (\d+) missing (\d+)", said[-1])[0]] if said else [0, 0]


def grows(cluster, zedge, name, by=20):
    before = metric(cluster, zedge, name)
    return until(lambda: metric(cluster, zedge, name) >= before + by, f"{name} grows")


def test_messages_go_directly_without_zrms_and_after_restarts(c):
    c.deploy("count", [{"name": "counter", "type": "CALL", "capabilities": TALK,
                        "placement": {"anti_affinity": [{"with": "checker", "required": True}]}},
                       {"name": "checker", "type": "CALL", "capabilities": TALK}],
             {"counter": COUNTER, "checker": CHECKER}, [{"from": "counter", "to": "checker", "name": "numbers"}])
    sender, receiver = c.zhost_of("count", "counter"), c.zhost_of("count", "checker")
    assert {sender, receiver} == {"n1", "n2"}
    zedges = {name: c.zedge(name) for name in ("n1", "n2")}
    grows(c, zedges[sender], "zhost_mesh_direct_sent_total")
    until(lambda: figures(c)[0] >= 40, "messages arrive")
    assert figures(c)[1] == 0  # moving to the link lost nothing
    assert c.get(f"/v1/zhosts/{receiver}")["mesh"]
    # Without zrms.
    c.zrms.kill()
    grows(c, zedges[receiver], "zhost_remote_received_total", by=50)
    c.start_zrms()
    c.wait_zhost(sender, "deployed-started")
    until(lambda: figures(c)[0] >= 100, "zrms is back, and shows the log")
    assert figures(c)[1] == 0
    # Each zhost restarts: back to the link by itself, in order.
    for name in (receiver, sender):
        c.zhosts[name].kill()
        c.zhosts[name].start()
        c.wait_zhost(name, "deployed-started")
        until(lambda: metric(c, zedges[sender], "zhost_mesh_links") >= 1, "a link stands")
        grows(c, zedges[sender], "zhost_mesh_direct_sent_total", by=100)
        figures(c)


def test_a_removed_zhost_loses_its_direct_links(c):
    c.deploy("count", [{"name": "counter", "type": "CALL", "capabilities": TALK,
                        "placement": {"anti_affinity": [{"with": "checker", "required": True}]}},
                       {"name": "checker", "type": "CALL", "capabilities": TALK}],
             {"counter": COUNTER, "checker": CHECKER}, [{"from": "counter", "to": "checker", "name": "numbers"}])
    sender, receiver = c.zhost_of("count", "counter"), c.zhost_of("count", "checker")
    zedges = {name: c.zedge(name) for name in ("n1", "n2")}
    grows(c, zedges[sender], "zhost_mesh_direct_sent_total")
    # It hears nothing of it, and would go on.
    os.kill(c.zhosts[sender].pid, signal.SIGSTOP)
    try:
        c.wait_zhost(sender, "problem")
        c.zshell("cluster", "rm", sender)
        until(lambda: metric(c, zedges[receiver], "zhost_mesh_links") == 0, "the link is closed")
    finally:
        os.kill(c.zhosts[sender].pid, signal.SIGCONT)
