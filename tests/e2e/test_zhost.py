"""A real zhost with real zruns and a real zrms: what the story does not touch."""
import http.client
import json
import os
import shutil
import signal
import urllib.error
import urllib.request

import pytest

from conftest import BIN, Cluster, run, until
from test_stop import status_of

HEAD = "#include <samoza.h>\n#include <stdio.h>\n#include <string.h>\n"
IDLE = HEAD + "SAMOZA_ON_PROCESS(void) { samoza_sleep(1000); return 0; }\n"
TALK = ["sys.log", "net.emit", "net.recv"]


@pytest.fixture
def two(tmp_path, request):
    """The parameter: its failure timeout."""
    directory = tmp_path / "cluster"
    directory.mkdir()
    cluster = Cluster(directory, zhosts=("n1", "n2"), timeout=getattr(request, "param", "2s"))
    yield cluster
    for daemon in cluster.zhosts.values():
        daemon.kill()
    for name in cluster.zhosts:
        run(BIN / "zhost", "--dir", cluster.directory / name, "--end-spaces", check=False)
    cluster.stop()


def lines(cluster, topology, path):
    """What the space logged, without time and level."""
    return [line.split(None, 2)[2] for line in cluster.log_of(topology, path)]


class Page:
    """What samoza.js does: a stream of events, a session, messages by POST."""

    def __init__(self, cluster, zhost, topology, space):
        self.base = f"{cluster.zedge(zhost)}/{topology}/{space}/_samoza/"
        host = self.base.split("/")[2]
        def is_served():
            self.connection = http.client.HTTPConnection(host, timeout=30)
            self.connection.request("GET", self.base[len("http://" + host):] + "messages")
            self.stream = self.connection.getresponse()
            return self.stream.status == 200
        until(is_served, "its zhost has heard of the page")
        self.session = self.event()["session"]

    def event(self):
        while True:
            line = self.stream.readline().decode()
            assert line != "", "the stream ended"
            if line.startswith("data: "):
                return json.loads(line[6:])

    def emit(self, path, body, **headers):
        request = urllib.request.Request(
            f"{self.base}emit?path={path}", data=body, method="POST",
            headers={"X-Samoza-Session": self.session, **headers})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["error"]["code"]


def test_local_and_cluster_storage_behave_alike(two):
    source = HEAD + r"""
static char b[70000];
static void say(const char *what, int v)
{
	char line[100];
	snprintf(line, sizeof(line), "%s %d", what, v);
	samoza_log(SAMOZA_INFO, line);
}
SAMOZA_ON_INIT(void)
{
	char key[8];
	int cursor = 0, r;
	say("first", samoza_get("k00", b, sizeof(b)));
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "k%02d", i);
		if (samoza_put(key, b, i + 1) != 0)
			say("put", i);
	}
	say("full", samoza_put("zz", b, 65536));
	say("too large", samoza_put("zz", b, 65537));
	say("whole", samoza_get("zz", b, sizeof(b)));
	say("cut", samoza_get("zz", b, 10));
	say("delete", samoza_delete("zz"));
	say("gone", samoza_get("zz", b, sizeof(b)));
	while ((r = samoza_data_list_page("k", 1, b, 43, cursor)) > 0)
		cursor += r / 5;
	say("end", r);
	say("keys", cursor);
	say("too small", samoza_data_list_page("k", 1, b, 4, 0));
	return 0;
}
SAMOZA_ON_PROCESS(void) { samoza_sleep(1000); return 0; }
"""
    capabilities = ["sys.log", "data.read", "data.write"]
    expected = ["first -2", "full 0", "too large -90", "whole 65536", "cut 65536", "delete 0",
                "gone -2", "end 0", "keys 50", "too small -90"]
    two.deploy("data", [
        {"name": "near", "type": "DATA", "capabilities": capabilities, "storage": "local"},
        {"name": "far", "type": "DATA", "capabilities": capabilities}],
        {"near": source, "far": source})
    assert lines(two, "data", "near") == expected
    assert lines(two, "data", "far") == expected


def test_rm_data_deletes_local_data_of_a_disconnected_zhost_too(two):
    source = HEAD + r"""
SAMOZA_ON_INIT(void)
{
	char line[100], value[10];
	snprintf(line, sizeof(line), "found %d", samoza_get("k", value, sizeof(value)));
	samoza_log(SAMOZA_INFO, line);
	return samoza_put("k", "v", 1);
}
SAMOZA_ON_PROCESS(void) { samoza_sleep(1000); return 0; }
"""
    package = two.deploy("keeper", [
        {"name": "s", "type": "DATA", "count": 2, "storage": "local",
         "capabilities": ["sys.log", "data.read", "data.write"]}], {"s": source})
    places = [two.zhost_of("keeper", path) for path in ("s-1", "s-2")]
    assert sorted(places) == ["n1", "n2"]

    def again():
        two.submit(package)
        assert [two.zhost_of("keeper", path) for path in ("s-1", "s-2")] == places
        found = [lines(two, "keeper", path) for path in ("s-1", "s-2")]
        two.zshell("topo", "stop", "keeper")
        return found

    assert [lines(two, "keeper", path) for path in ("s-1", "s-2")] == [["found -2"]] * 2
    two.zshell("topo", "stop", "keeper")
    two.zshell("topo", "rm", "keeper")
    assert again() == [["found 1"]] * 2, "without --data it stays"
    two.zhosts["n2"].kill()
    two.wait_zhost("n2", "problem")
    two.zshell("topo", "rm", "keeper", "--data")
    two.zrms.kill()
    two.start_zrms()
    two.zhosts["n2"].start()
    two.wait_zhost("n2", "deployed-started")
    assert again() == [["found -2"]] * 2
    for name in two.zhosts:  # told once
        two.restart_zhost(name)
    two.zshell("topo", "rm", "keeper")
    assert again() == [["found 1"]] * 2


def test_the_log_of_a_stopped_space_can_be_read(two):
    source = HEAD + r"""
SAMOZA_ON_PROCESS(void) { samoza_sleep(1000); return 0; }
SAMOZA_ON_CLOSE(void) { samoza_log(SAMOZA_INFO, "goodbye"); return 0; }
"""
    package = two.build(two.app("teller", [{"name": "s", "type": "CALL",
                                            "capabilities": ["sys.log"]}], {"s": source}))
    two.zshell("topo", "submit", package, "--no-start")
    done = two.zshell("spaces", "logs", "teller/s", check=False)
    assert done.returncode != 0 and "has never been placed" in done.stderr
    two.zshell("topo", "start", "teller", "--wait")
    zhost = two.zhost_of("teller", "s")
    two.zshell("topo", "stop", "teller")
    two.zrms.kill()
    two.start_zrms()
    two.wait_zhost(zhost, "deployed-started")
    until(lambda: two.zshell("spaces", "logs", "teller/s", check=False).returncode == 0,
          "the zhost is connected again")
    assert "goodbye" in two.zshell("spaces", "logs", "teller/s").stdout
    two.zhosts[zhost].kill()
    two.wait_zhost(zhost, "problem")
    done = two.zshell("spaces", "logs", "teller/s", check=False)
    assert done.returncode != 0 and f"is on zhost {zhost}, which cannot be reached" in done.stderr
    removed = two.zshell("cluster", "rm", zhost)
    assert f"{zhost} was silent" in removed.stderr and "switch its machine off" in removed.stderr


def test_a_removed_zhost_that_dies_stops_all_before_it_joins_again(two):
    source = HEAD + r"""
SAMOZA_ON_PROCESS(void) { samoza_sleep(1000); return 0; }
SAMOZA_ON_CLOSE(void) { samoza_log(SAMOZA_INFO, "closing"); samoza_sleep(60000); return 0; }
"""
    two.deploy("slow", [{"name": "s", "type": "CALL", "capabilities": ["sys.log"]}], {"s": source})
    name = two.zhost_of("slow", "s")
    zhost = two.zhosts[name]
    zhost.process.send_signal(signal.SIGSTOP)
    two.wait_zhost(name, "problem")
    two.zshell("cluster", "rm", name)
    zhost.process.send_signal(signal.SIGCONT)
    logs = two.directory / name / "log"
    until(lambda: any(b"closing" in f.read_bytes() for f in logs.rglob("*") if f.is_file()), "its space is stopping")
    zhost.kill()
    two.zhosts[name].start()
    # It says nothing to zrms, ends once the space has stopped, and is a zhost like another one the next time.
    until(lambda: not zhost.is_running(), "it ends")
    assert zhost.process.returncode == 0
    assert two.zruns(name) == []
    assert two.request("GET", f"/v1/zhosts/{name}")[0] == 404
    zhost.start()
    two.wait_zhost(name, "deployed-started")


def test_messages_for_all_pages_reach_every_zedge(two):
    source = HEAD + r"""
SAMOZA_ON_PROCESS(void)
{
	static int n;
	char text[20];
	samoza_emit("news", text, snprintf(text, sizeof(text), "%d", n++));
	samoza_sleep(100);
	return 0;
}
"""
    two.deploy("all", [{"name": "page", "type": "UI"},
                       {"name": "source", "type": "CALL", "capabilities": TALK}],
               {"source": source}, [{"from": "page", "to": "source", "name": "news"}])
    for page in [Page(two, name, "all", "page") for name in two.zhosts]:
        first, second = page.event(), page.event()
        assert first["path"] == "news" and first["from"] == "source"
        assert int(second["text"]) == int(first["text"]) + 1


def test_a_page_reaches_only_what_its_space_declares(two):
    echo = HEAD + r"""
static char b[70000];
SAMOZA_ON_PROCESS(void)
{
	char from[SAMOZA_FROM_MAX];
	int size = samoza_recv_next(1000, b, sizeof(b), from, sizeof(from));
	if (size > 0)
		samoza_reply(from, b, size);
	return 0;
}
"""
    two.deploy("app", [{"name": "page", "type": "UI"},
                       {"name": "echo", "type": "CALL", "capabilities": TALK},
                       {"name": "other", "type": "CALL", "capabilities": TALK}],
               {"echo": echo}, [{"from": "page", "to": "echo", "name": "ask"},
                                {"from": "echo", "to": "other", "name": "inner"}])
    for zhost in two.zhosts:
        page = Page(two, zhost, "app", "page")
        until(lambda: page.emit("ask", b"hello") == (204, None), "its zhost has heard of the others")
        assert page.event() == {"path": "ask", "from": "echo", "text": "hello"}
        assert page.emit("ask", b"\xff\x00") == (204, None)
        assert page.event() == {"path": "ask", "from": "echo", "base64": "/wA="}
        assert page.emit("inner", b"x") == (404, "no-path")
        assert page.emit("ask%23other", b"x") == (404, "no-path")
        assert page.emit("ask", b"") == (400, "invalid")
        assert page.emit("ask", b"x" * 65537)[0] == 413
        assert page.emit("ask", b"x", **{"X-Samoza-Session": "0" * 32}) == (409, "session")
        assert page.emit("ask", b"x", Origin="http://evil.example")[0] == 403
    two.zshell("topo", "stop", "app")
    until(lambda: status_of(two.zedge("n1") + "/app/page/") == 404, "the page is gone")


def test_exports_are_filled_in_and_passed_to_importers(two):
    shows = HEAD + r"""
static void show(const char *name)
{
	char value[100], line[200];
	int r = samoza_import(name, value, sizeof(value));
	snprintf(line, sizeof(line), "%s=%s", name, r == 0 ? value : "?");
	samoza_log(SAMOZA_INFO, line);
}
SAMOZA_ON_INIT(void)
{
	show("db.ip"), show("db.port"), show("db.fixed"), show("db.none");
	return 0;
}
SAMOZA_ON_PROCESS(void) { samoza_sleep(1000); return 0; }
"""
    two.deploy("imports", [
        {"name": "db", "type": "DATA", "exports": {"ip": "", "port": "", "fixed": "7"}},
        {"name": "web", "type": "CALL", "capabilities": ["sys.log"],
         "imports": [{"from": "db", "variables": ["ip", "port", "fixed"]}]}],
        {"db": IDLE, "web": shows})
    exports = {e["name"]: e["value"] for e in two.space("imports", "db")["exports"]}
    assert exports["ip"] == "127.0.0.1" and exports["fixed"] == "7"
    assert 20000 <= int(exports["port"]) <= 32767
    assert lines(two, "imports", "web") == [
        "db.ip=127.0.0.1", f"db.port={exports['port']}", "db.fixed=7", "db.none=?"]


@pytest.mark.parametrize("two", ["20s"], indirect=True)
def test_spaces_that_were_ended_on_purpose_restart_without_a_failure(two):
    two.deploy("calm", [{"name": "s", "type": "CALL"}], {"s": IDLE})
    zhost = two.zhost_of("calm", "s")
    two.zhosts[zhost].kill(15)
    assert run(BIN / "zhost", "--dir", two.directory / zhost, "--end-spaces").stdout == \
        "1 space ended\n"
    two.zhosts[zhost].start()
    until(lambda: any(e["to"] == "starting" and e["subject"] == "calm/s"
                      for e in two.events("calm")[5:]), "it starts again")
    space = until(lambda: two.state("calm") == "running" and two.space("calm", "s"), "it runs")
    assert space.get("last_error") is None and space["zhost"] == zhost


def test_a_directory_has_only_one_zhost(two):
    done = run(BIN / "zhost", "--dir", two.directory / "n1", "--name", "n1", "--zrms", two.url,
               "--zedge", "127.0.0.1:0", check=False)
    assert done.returncode == 1 and "is in use by another zhost" in done.stderr


@pytest.mark.parametrize("name", ["bad name!", "a/b", "n" * 64])
def test_an_invalid_zhost_name_is_refused(tmp_path, name):
    done = run(BIN / "zhost", "--dir", tmp_path / "z", "--name", name, check=False)
    assert done.returncode == 2 and "expected 1 to 63 characters of" in done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("option,value,words", [
    ("--zrms", "http://10.0.0.1:7331", "other machines are reached by https:// only"),
    ("--zrms", "https://10.0.0.1:7331", "this machine must join the cluster first"),
    ("--zrms", "10.0.0.1:7331", "does not say where zrms is"),
    ("--zedge", "0.0.0.0:8088", "give it a certificate with --zedge-cert")])
def test_without_a_certificate_only_loopback_is_used(tmp_path, option, value, words):
    done = run(BIN / "zhost", "--dir", tmp_path / "z", "--name", "z", option, value, check=False)
    assert done.returncode == 2 and words in done.stderr
    assert os.listdir(tmp_path) == []


def test_a_copy_of_a_directory_is_refused_until_it_has_an_identity_of_its_own(two):
    two.deploy("still", [{"name": "web", "type": "CALL"}])
    place = two.zhost_of("still", "web")
    before, running = two.space("still", "web"), two.zruns(place)
    copy = two.directory / "copy"
    shutil.copytree(two.directory / place, copy, symlinks=True,
                    ignore=shutil.ignore_patterns("run"))
    second = two.add_zhost("n3")
    second.kill()
    command = list(second.command)
    second.command = [copy if word == two.directory / "n3" else place if word == "n3" else word
                      for word in command]
    config = two.directory / "copy.yaml"
    config.write_text(json.dumps({"zhosts": [{"name": place, "cpu": 4, "memory": "4GiB"}]}))
    second.command[second.command.index("--config") + 1] = config
    second.start()
    until(lambda: "--new-identity" in second.log.read_text(), "the copy is refused, with what to do")
    until(lambda: any(e.get("cause") == "another machine with the same identity was refused"
                      for e in two.events()), "an event says it")
    assert two.space("still", "web")["epoch"] == before["epoch"]
    assert two.space("still", "web")["state"] == "deployed-started"
    assert two.zruns(place) == running
    two.wait_zhost(place, "deployed-started")

    refused = run(BIN / "zhost", "--dir", copy, "--new-identity", check=False)
    assert refused.returncode == 1 and "is in use by another zhost" in refused.stderr
    second.kill()
    assert "has the identity" in run(BIN / "zhost", "--dir", copy, "--new-identity").stdout
    two.give_token("n3", copy)
    second.command = [copy if word == two.directory / "n3" else word for word in command]
    second.start()
    two.wait_zhost("n3", "deployed-started")
    assert two.space("still", "web")["epoch"] == before["epoch"]
    assert two.zruns(place) == running and two.zruns("n3") == []


def test_what_processes_write_to_standard_error_is_bounded_while_the_zhost_runs(two):
    file = two.directory / "n1" / "log" / "zrun.err"
    with open(file, "ab") as end:
        end.write(b"a line of a process\n" * 100_000)
    assert file.stat().st_size > 1 << 20
    until(lambda: file.stat().st_size <= 256 << 10, "its end is kept", 60)
