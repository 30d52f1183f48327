"""Sinks of a zhost: what spaces print is forwarded to journald, files and syslog servers, and no sink holds up a space."""
import json
import os
import pathlib
import re
import signal
import socket
import socketserver
import threading

from conftest import DEADLINE, free_port, start_of, text_of, until
from native import native_deploy
from test_topo_logs import TALK

SYSLOG = re.compile(r'<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\S+) (\S+) - - \[samoza@32473 topology="([^"]*)" '
                    r'id="([^"]*)" space="([^"]*)" instance="([^"]*)" level="([^"]*)"\] (.*)', re.S)


def write(c, name, sinks):
    (c.directory / f"{name}.yaml").write_text(
        f"zhosts:\n  - {json.dumps({'name': name, 'cpu': 4, 'memory': '4GiB'})}\nlog_sinks: {json.dumps(sinks)}\n")


def reload(c, name, sinks):
    write(c, name, sinks)
    done = c.zhosts[name].log.read_text().count("settings.read")
    c.zhosts[name].process.send_signal(signal.SIGHUP)
    until(lambda: c.zhosts[name].log.read_text().count("settings.read") > done, "the settings were read")


def sink_metrics(c, name):
    """Of each sink: lines, dropped, failing."""
    found = {}
    for metric, sink, value in re.findall(r'zhost_log_sink_(\w+?)(?:_total)?\{sink="([^"]*)"\} (\d+)', text_of(c.zedge(name) + "/metrics")):
        found.setdefault(sink, {})[metric] = int(value)
    return found


def octets(stream):
    """Messages by octet counting (RFC 6587), until the end of the connection."""
    data = b""
    while True:
        space = data.find(b" ")
        if space > 0 and len(data) >= space + 1 + int(data[:space]):
            size = int(data[:space])
            yield data[space + 1:space + 1 + size].decode()
            data = data[space + 1 + size:]
            continue
        more = stream.recv(65536)
        if not more:
            return
        data += more


class TcpServer:
    def __init__(self, port):
        self.got, self.streams = [], []

        class Handler(socketserver.BaseRequestHandler):
            def handle(handler):
                self.streams.append(handler.request)
                for message in octets(handler.request):
                    self.got.append(message)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        for s in self.streams:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def ticks(messages):
    return [int(text[5:]) for text in messages if re.fullmatch(r"tick \d+", text)]


def speak(c):
    c.deploy("talk", [{"name": "s", "type": "CALL", "count": 1, "capabilities": ["sys.log"]}], {"s": TALK})


def test_lines_come_to_syslog_by_tcp_and_udp_and_to_files(start_cluster):
    c = start_cluster(zhosts=("n1",))
    tcp_port, udp = free_port(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(20)
    files = c.directory / "forwarded"
    server = TcpServer(tcp_port)
    reload(c, "n1", [f"syslog+tcp://127.0.0.1:{tcp_port}", f"syslog+udp://127.0.0.1:{udp.getsockname()[1]}", f"file:{files}"])
    speak(c)
    until(lambda: len(server.got) > 3, "messages come by TCP")
    id = c.topology("talk")["id"]
    for message in [m for m in server.got if "tick" in m] + [m for m in (udp.recv(65536).decode() for _ in range(4)) if "tick" in m]:
        m = SYSLOG.fullmatch(message)
        assert m, message
        assert m.group(1) == str(16 * 8 + 6)  # local0, information
        assert m.group(3, 4, 5, 6, 7, 8, 9) == ("n1", "talk", "talk", id, "s", "s-1", "info")
        assert re.fullmatch(r"tick \d+", m.group(10))
    file = files / "talk" / "s-1.log"
    line = until(lambda: file.exists() and [t for t in file.read_text().splitlines() if "tick 3" in t], "the file has it")[0]
    # As in the log of zhost itself.
    assert line in c.zshell("spaces", "logs", "talk/s-1", "--lines", "10000").stdout.splitlines()
    # Files that were renamed are left: SIGHUP opens others.
    file.rename(files / "old.log")
    reload(c, "n1", [f"syslog+tcp://127.0.0.1:{tcp_port}", f"file:{files}"])
    until(file.exists, "another file")
    assert set(sink_metrics(c, "n1")) == {f"syslog+tcp://127.0.0.1:{tcp_port}", f"file:{files}"}
    size = (files / "old.log").stat().st_size
    seen = file.stat().st_size
    until(lambda: file.stat().st_size > seen, "it grows")
    assert (files / "old.log").stat().st_size == size
    numbers = ticks(t[31:] for f in (files / "old.log", file) for t in f.read_text().splitlines())
    assert numbers == list(range(len(numbers)))
    server.end()


def test_a_server_that_comes_later_or_goes_gets_the_rest_in_order(start_cluster):
    c = start_cluster(zhosts=("n1",))
    port = free_port()
    url = f"syslog+tcp://127.0.0.1:{port}"
    reload(c, "n1", [url])
    speak(c)
    log = c.zhosts["n1"].log
    until(lambda: f"sink.failing sink={url}" in log.read_text(), "it is told that the sink fails")
    until(lambda: sink_metrics(c, "n1")[url]["failing"] == 1, "so does the metric")
    server = TcpServer(port)
    got = lambda: ticks(SYSLOG.fullmatch(m).group(10) for m in server.got)
    until(lambda: len(got()) > 5, "what has waited comes", deadline=60)
    assert got() == list(range(len(got())))
    until(lambda: "sink.recovered" in log.read_text(), "it is told that it works again")
    assert log.read_text().count("sink.failing") == 1
    # The server goes, and another one comes: what was on its way may be lost with the connection, also what is sent until its
    # end is seen, in a few seconds of a zhost that is held up; the rest follows in order.
    server.end()
    until(lambda: sink_metrics(c, "n1")[url]["failing"] == 1, "it is away", deadline=60)
    first = server
    server = TcpServer(port)
    until(lambda: len(got()) > 3, "lines come again", deadline=90)
    assert got() == list(range(got()[0], got()[0] + len(got())))
    last = max(ticks(SYSLOG.fullmatch(m).group(10) for m in first.got))
    assert 0 < got()[0] - last <= 15, (got(), last)
    assert sink_metrics(c, "n1")[url]["dropped"] == 0
    server.end()


def test_a_sink_that_takes_nothing_holds_up_no_space(start_cluster):
    """It accepts the connection, and reads nothing; the buffer is full, lines are dropped and counted, and the space runs on."""
    c = start_cluster(zhosts=("n1",))
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.bind(("127.0.0.1", 0))
    slow.listen(1)
    files = c.directory / "forwarded"
    url = f"syslog+tcp://127.0.0.1:{slow.getsockname()[1]}"
    reload(c, "n1", [url, f"file:{files}"])
    # Each three times what it may, 64 KiB a second after the first 512 KiB: together more at once than the sink keeps.
    native_deploy(c, "loud", [{"name": "p", "count": 12, "resources": {"cpu": "100m", "memory": "32MiB"}, "run": {"mode": "foreground"}}], {
        "p/recipes/start": "#!/bin/sh\nten=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '%01000d\\n' $i; done)\n"
                           "while :; do echo \"$ten\"; echo \"$ten\"; sleep 0.1; done\n"})
    speak(c)
    log = c.zhosts["n1"].log
    metrics = until(lambda: (m := sink_metrics(c, "n1")) and m[url]["dropped"] > 0 and m, "lines are dropped", deadline=90)
    assert metrics[f"file:{files}"]["dropped"] == 0
    until(lambda: log.read_text().count(f"sink.dropping sink={url}") == 1, "it is told, once")
    # Others go on meanwhile: the other sink, the log, the space, which is the same as before.
    pid, = [p for p in c.zruns("n1")][:1] or [None]
    began = start_of(pid)
    text = (files / "talk" / "s-1.log").read_text()
    until(lambda: (files / "talk" / "s-1.log").read_text() != text, "the other sink gets lines")
    shown = c.zshell("spaces", "logs", "talk/s-1").stdout
    until(lambda: c.zshell("spaces", "logs", "talk/s-1").stdout != shown, "the log goes on")
    assert start_of(pid) == began and all(c.space("loud", f"p-{n}")["restarts"] == 0 for n in range(1, 13))
    # The zhost ends in time, with a sink that hangs.
    c.zhosts["n1"].process.send_signal(signal.SIGTERM)
    assert c.zhosts["n1"].process.wait(DEADLINE) == 0
    slow.close()


def test_lines_come_to_journald_with_fields(start_cluster):
    c = start_cluster(zhosts=("n1",))
    path = pathlib.Path("/tmp") / f"samoza-journal-{os.getpid()}"
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(str(path))
    journal.settimeout(20)
    try:
        reload(c, "n1", [f"journald:{path}"])
        speak(c)

        def next_tick():
            while True:
                data, fds, _, _ = socket.recv_fds(journal, 65536, 1)
                fields = dict(line.split("=", 1) for line in data.decode().splitlines())
                if "tick" in fields["MESSAGE"]:
                    return fields
        fields = next_tick()
        assert re.fullmatch(r"tick \d+", fields["MESSAGE"])
        assert fields["PRIORITY"] == "6" and fields["SYSLOG_IDENTIFIER"] == "talk/s-1"
        assert (fields["SAMOZA_TOPOLOGY"], fields["SAMOZA_SPACE"], fields["SAMOZA_INSTANCE"], fields["SAMOZA_ZHOST"],
                fields["SAMOZA_LEVEL"]) == ("talk", "s", "s-1", "n1", "info")
        assert fields["SAMOZA_TOPOLOGY_ID"] == c.topology("talk")["id"]
    finally:
        path.unlink()


def test_what_is_no_sink_is_refused_and_those_of_before_stay(start_cluster):
    c = start_cluster(zhosts=("n1",))
    files = c.directory / "forwarded"
    reload(c, "n1", [f"file:{files}"])
    for bad in ("syslog+tcp://host", "syslog+tcp://host:0", "syslog+tcp://:514", "file:relative", "http://x:1", ""):
        before = c.zhosts["n1"].log.read_text().count("settings.refused")
        write(c, "n1", [bad])
        c.zhosts["n1"].process.send_signal(signal.SIGHUP)
        until(lambda: c.zhosts["n1"].log.read_text().count("settings.refused") > before, f"{bad!r} is refused")
    assert "expected journald, file:/DIRECTORY, syslog+tcp://HOST:PORT" in c.zhosts["n1"].log.read_text()
    assert set(sink_metrics(c, "n1")) == {f"file:{files}"}
    # A zhost does not start with it.
    c.zhosts["n1"].kill()
    c.zhosts["n1"].start()
    assert c.zhosts["n1"].process.wait(20) == 1
    assert "is no sink" in c.zhosts["n1"].log.read_text()
