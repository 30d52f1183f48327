"""Connections of NATIVE spaces: closed to zrms, and as ever to everything else [machines.anonymous.native]."""
import socket
import threading

import pytest
from conftest import until
from native import native_deploy

# Says "NAME: RESULT" for each try; {port}: of zrms, {open}: of a server that takes everybody, {full}: of one that answers nobody.
TRIES = r"""
    #!/usr/bin/python3
    import ctypes, errno, os, select, signal, socket, struct, threading, time
    def said(name, result):
        print("try %s: %s." % (name, result), flush=True)
    def tried(name, make):
        try:
            said(name, make())
        except OSError as error:
            said(name, errno.errorcode[error.errno])
    def connect(address, port):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
            s.connect((address, port))
            return "connected"
    for address in ("127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"):
        tried("closed " + address, lambda: connect(address, {port}))
        if address not in ("127.9.9.9", "::1", "::"):
            tried("open " + address, lambda: connect(address, {open}))
    def in_a_thread(port):
        found = []
        def run():
            try:
                found.append(connect("127.0.0.1", port))
            except OSError as error:
                found.append(errno.errorcode[error.errno])
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return found[0]
    tried("thread open", lambda: in_a_thread({open}))
    tried("thread closed", lambda: in_a_thread({port}))
    def at_once(port):
        with socket.socket() as s:
            s.setblocking(False)
            first = s.connect_ex(("127.0.0.1", port))
            if first not in (0, errno.EINPROGRESS):
                return errno.errorcode[first]
            select.select([], [s], [], 10)
            return "EINPROGRESS %d" % s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    tried("at once open", lambda: at_once({open}))
    tried("at once closed", lambda: at_once({port}))
    tried("at once full", lambda: at_once({full}))
    def refused():
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return connect("127.0.0.1", s.getsockname()[1])
    tried("refused", refused)
    def fast():
        with socket.socket() as s:
            return s.sendto(b"GET / HTTP/1.1\r\n\r\n", socket.MSG_FASTOPEN, ("127.0.0.1", {port}))
    tried("fast", fast)
    def deferred():
        with socket.socket() as s:
            s.setsockopt(socket.IPPROTO_TCP, 30, 1)
            s.connect(("127.0.0.1", {port}))
            return s.send(b"x")
    tried("deferred", deferred)
    def several_ways():
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as s:
            s.connect(("127.0.0.1", {port}))
            return "connected"
    tried("several ways", several_ways)
    def unix(path):
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as s:
            server.bind(path)
            server.listen()
            s.connect(path)
            taken = server.accept()[0]
            pid, user, group = struct.unpack("3i", taken.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            return "connected" if user == os.getuid() else "another user"
    tried("unix whole", lambda: unix(os.getcwd() + "/one"))
    tried("unix relative", lambda: unix("two"))
    tried("unix abstract", lambda: unix("\0three"))
    class Alarm(Exception):
        pass
    def on_alarm(number, frame):
        raise Alarm()
    signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        connect("127.0.0.1", {full})
        said("interrupted", "connected")
    except Alarm:
        said("interrupted", "alarm")
    # Another thread changes the address while it is looked at, from an open one to that of zrms and back.
    libc = ctypes.CDLL(None, use_errno=True)
    good = struct.pack("!4s4s8x", struct.pack("=HH", socket.AF_INET, socket.htons({open})), bytes([127, 0, 0, 1]))
    bad = struct.pack("!4s4s8x", struct.pack("=HH", socket.AF_INET, socket.htons({port})), bytes([127, 0, 0, 1]))
    shared = ctypes.create_string_buffer(good, 16)
    over = []
    def change():
        while not over:
            ctypes.memmove(shared, bad, 16)
            ctypes.memmove(shared, good, 16)
    threading.Thread(target=change).start()
    ports, end = {}, time.monotonic() + 3
    while time.monotonic() < end:
        with socket.socket() as s:
            if libc.connect(s.fileno(), shared, 16) == 0:
                ports[s.getpeername()[1]] = ports.get(s.getpeername()[1], 0) + 1
            else:
                ports[ctypes.get_errno()] = ports.get(ctypes.get_errno(), 0) + 1
    over.append(True)
    said("changed", "zrms" if {port} in ports else "only the open one" if {open} in ports and errno.EACCES in ports else ports)
    said("all", "done")
    time.sleep(100020)
"""


@pytest.fixture
def servers():
    """One that takes everybody, and one whose queue is full, so that who connects waits."""
    taker, full = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1000), \
        socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = []
    for _ in range(3):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(full.getsockname())
        waiting.append(s)

    def take():
        while True:
            try:
                taker.accept()[0].close()
            except OSError:
                return
    thread = threading.Thread(target=take)
    thread.start()
    yield taker.getsockname()[1], full.getsockname()[1]
    taker.shutdown(socket.SHUT_RDWR)
    thread.join()
    for s in (taker, full, *waiting):
        s.close()


def test_zrms_is_closed_to_native_spaces_and_nothing_else_is(c, servers):
    port = c.url.rsplit(":", 1)[1]
    text = TRIES.replace("{port}", port).replace("{open}", str(servers[0])).replace("{full}", str(servers[1]))
    native_deploy(c, "calls", [{"name": "p", "run": {"mode": "foreground"}}], {"p/recipes/start": text})
    lines = until(lambda: (lambda all: all if any("try all: done" in x for x in all) else None)(c.log_of("calls", "p")),
                  "it has tried all", 60)  # on purpose it waits for 13 s
    found = dict(x.split("try ", 1)[1].rstrip(".").split(": ", 1) for x in lines if "try " in x)
    everywhere = [name for name in found if name.startswith("closed ")]
    assert len(everywhere) == 7 and {found[name] for name in everywhere} == {"EACCES"}, found
    assert {found[name] for name in found if name.startswith("open ")} == {"connected"}, found
    expected = {"thread open": "connected", "thread closed": "EACCES", "at once open": "EINPROGRESS 0", "at once closed": "EACCES",
                "at once full": "EINPROGRESS 0", "refused": "ECONNREFUSED", "fast": "ENOTSUP", "deferred": "EACCES",
                "several ways": "EACCES", "unix whole": "connected", "unix relative": "connected", "unix abstract": "connected",
                "interrupted": "alarm", "changed": "only the open one"}
    assert {name: found.get(name) for name in expected} == expected
    assert "zrms_ports by system call filter" in c.zshell("spaces", "status", "calls/p").stdout
