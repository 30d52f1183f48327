"""What strangers and zhosts that mean harm can take of zrms over TLS: before they are known, with a certificate before HELLO, and after it.
How many connections are held, for how long, and how much memory that is; and that the others are served meanwhile. Each test prints its
figures (`pytest -s`)."""
import contextlib
import re
import select
import socket
import ssl
import struct
import threading
import time

import pytest

from conftest import text_of, until
from secure import ADDRESS, SecureCluster, needs_an_address
from test_hostile import frame_numbers, message

pytestmark = needs_an_address

KIB, MIB = 1024, 1024 * 1024
HANDSHAKES = 64      # under way at a time (adapter/tls/tls.h)
PER_ADDRESS = 256    # connections of REST (zrms/descriptors.h)
WITHOUT_HELLO = 4    # links of one name (zrms/links.c)
HELLO_FRAME = 8 * MIB
PATIENCE_S = 10.0    # of zrms with what has begun and does not go on
LATE_S = 20.0        # on a loaded machine


@pytest.fixture
def s(start_cluster):
    return start_cluster(kind=SecureCluster, zhosts=("n1",), heartbeat="1s", timeout="60s")


class Memory:
    """How much zrms has grown, at most, while it is looked at, in bytes; and how many handshakes were under way."""

    def __init__(self, s):
        self.s, self.before = s, self.rss(s)
        self.most, self.handshakes, self.slowest = 0, 0, 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look)

    @staticmethod
    def rss(s):
        with open(f"/proc/{s.zrms.pid}/status", encoding="utf-8") as status:
            return int(re.search(r"^VmRSS:\s*(\d+) kB", status.read(), re.M).group(1)) * KIB

    def look(self):
        """It also asks something, as people do meanwhile."""
        while not self.ended.wait(0.05):
            self.most = max(self.most, self.rss(self.s) - self.before)
            since = time.monotonic()
            found = re.search(r"^zrms_tls_handshakes (\d+)", text_of(f"{self.s.url}/metrics", timeout=60), re.M)
            self.slowest = max(self.slowest, time.monotonic() - since)
            self.handshakes = max(self.handshakes, int(found.group(1)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def say(self, what, **more):
        words = ", ".join(f"{key} {value}" for key, value in more.items())
        print(f"\n{what}: {words}, memory {self.most / MIB:.1f} MiB, slowest answer to others {self.slowest * 1000:.0f} ms")


@contextlib.contextmanager
def opened(count, connect):
    made = []
    try:
        for _ in range(count):
            made.append(connect())
        yield made
    finally:
        for one in made:
            one.close()


STRANGER = "127.66.6.6"  # where they come from, other than those who ask meanwhile


def plain(s):
    made = socket.socket()
    made.bind((STRANGER, 0))
    made.setblocking(False)
    made.connect_ex((ADDRESS, s.port))
    return made


def tls(s, protocol, identity=None, first=b""):
    context = ssl.create_default_context(cafile=str(s.ca))
    context.set_alpn_protocols([protocol])
    if identity is not None:
        context.load_cert_chain(str(identity / "identity.pem"))
    made = context.wrap_socket(socket.create_connection((ADDRESS, s.port), timeout=60), server_hostname=ADDRESS)
    with contextlib.suppress(OSError):  # it may be cut off meanwhile
        made.sendall(first)
    return made


def has_ended(one):
    """Whether the peer has closed it; what it has said before is dropped."""
    try:
        while select.select([one], [], [], 0)[0] or (hasattr(one, "pending") and one.pending()):
            if one.recv(65536) == b"":
                return True
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    return False


def held(ones):
    return [one for one in ones if not has_ended(one)]


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], ids=["nothing", "half-a-hello"])
def test_who_does_not_finish_a_handshake_holds_one_of_64_places_and_keeps_nobody_out(s, first):
    """400 of one address: those that wait are turned away in their time. Who does begin a handshake, from another address, is in at once."""
    since = time.monotonic()
    with Memory(s) as memory, opened(400, lambda: plain(s)) as strangers:
        def push():
            for one in select.select([], strangers, [], 0)[1] if first else []:
                with contextlib.suppress(OSError):
                    one.send(first)
        push()
        until(lambda: memory.handshakes >= HANDSHAKES, "all places are taken")
        began = time.monotonic()
        assert s.ask("/healthz")[0] == 200
        through = time.monotonic() - began
        assert through < LATE_S
        until(lambda: not held(strangers), "all are cut off", PATIENCE_S + 2 * LATE_S)
    assert memory.handshakes <= HANDSHAKES
    assert memory.most < HANDSHAKES * 128 * KIB, memory.most
    memory.say("400 that do not finish their handshake", places=memory.handshakes, gone_after=f"{time.monotonic() - since:.1f} s",
               https_meanwhile=f"{through:.2f} s", each=f"{memory.most / HANDSHAKES / KIB:.0f} KiB")


def test_who_has_no_certificate_holds_256_connections_and_each_for_ten_seconds(s):
    """Half a request, of 300 connections with TLS."""
    half = b"GET /v1/topologies HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 2000
    with Memory(s) as memory, opened(300, lambda: tls(s, "http/1.1", first=half)) as strangers:
        # One that is taken in while the oldest is cut off counts for a moment.
        kept = until(lambda: (n := len(held(strangers))) <= PER_ADDRESS and n, "no more than the bound are held")
        last = time.monotonic()
        assert kept > 0
        until(lambda: not held(strangers), "all are cut off", PATIENCE_S + LATE_S)
        gone = time.monotonic() - last
        assert s.ask("/healthz")[0] == 200
    assert memory.most < PER_ADDRESS * 128 * KIB, memory.most
    memory.say("300 without a certificate, half a request", held=kept, gone_after=f"{gone:.1f} s",
               each=f"{memory.most / max(kept, 1) / KIB:.0f} KiB")


def frame(name, body):
    return struct.pack("<IB", len(body) + 1, frame_numbers()[name]) + body


def link(s, first=b""):
    return tls(s, "samoza-link/1", s.directory / "n2" / "credentials", first)


def test_a_certificate_without_hello_holds_four_links_and_each_for_ten_seconds(s):
    """Half of the largest HELLO that is taken, on 20 links."""
    s.issue("n2", s.directory / "n2")
    half = struct.pack("<IB", HELLO_FRAME - 16, frame_numbers()["HELLO"]) + bytes(HELLO_FRAME - 1000)
    with Memory(s) as memory, opened(20, lambda: link(s, half)) as links:
        last = time.monotonic()
        until(lambda: len(held(links)) <= WITHOUT_HELLO, "all but four are cut off")
        until(lambda: not held(links), "all are cut off", PATIENCE_S + LATE_S)
        gone = time.monotonic() - last
    assert memory.most < (WITHOUT_HELLO + 1) * 2 * HELLO_FRAME, memory.most
    memory.say("20 links without HELLO, 8 MiB each", gone_after=f"{gone:.1f} s")


def test_a_hello_that_is_too_large_ends_the_link_before_it_is_read(s):
    s.issue("n2", s.directory / "n2")
    with Memory(s) as memory, opened(1, lambda: link(s, struct.pack("<IB", HELLO_FRAME + 1, frame_numbers()["HELLO"]))) as links:
        until(lambda: not held(links), "it is cut off")
    assert memory.most < 4 * MIB


@contextlib.contextmanager
def member(s):
    """A link of n2 that zrms has accepted."""
    s.issue("n2", s.directory / "n2")
    hello = frame("HELLO", message("Hello", 'protocol: 4 identity: "n2" incarnation: 1 spec {name: "n2" cpu: "4" memory: "8GiB"}'))
    with opened(1, lambda: link(s, hello)) as links:
        s.wait_zhost("n2", "deployed-started")
        yield links[0]


def test_half_a_frame_is_held_for_ten_seconds(s):
    """Also while the zhost goes on with it by a byte at a time."""
    with member(s) as one, Memory(s) as memory:
        since = time.monotonic()
        one.sendall(struct.pack("<IB", 15 * MIB, frame_numbers()["REPORT"]) + bytes(500 * KIB))

        def dribble():
            with contextlib.suppress(OSError):
                one.send(b"x")
            return has_ended(one)
        until(dribble, "it is cut off", PATIENCE_S + LATE_S)
        gone = time.monotonic() - since
    assert gone > PATIENCE_S / 2
    assert memory.most < 4 * MIB, memory.most
    memory.say("half a frame of 15 MiB", gone_after=f"{gone:.1f} s")
    assert "10 s" in s.zrms.log.read_text()


FLOODS = {
    "heartbeats": ("HEARTBEAT", lambda: message("Heartbeat", 'identity: "n2" incarnation: 1 counter: 1')),
    "log lines": ("LOG_CHUNK", lambda: message("LogChunk", f'request: 1 lines: "{"x" * 60000}"')),
    "questions": ("PAGE_ASK", lambda: message("PageAsk", f'ask: 1 topology: "t" space: "p" hash: "{"h" * 32}" code: "{"c" * 32}"')),
    "reports": ("REPORT", lambda: message("Report", 'instances {key {topology: "t" path: "p" epoch: 1} observed_generation: 9}')),
}


@pytest.mark.parametrize("what", sorted(FLOODS))
def test_a_flood_of_a_zhost_that_does_not_read_slows_down_nobody_else(s, what):
    """For five seconds as fast as zrms takes it. Another zhost's heartbeats come through, people are answered."""
    name, body = FLOODS[what]
    block = frame(name, body()) * max(1, 65536 // len(body()))
    with member(s) as one, Memory(s) as memory:
        one.settimeout(0.5)
        sent, cut, end = 0, False, time.monotonic() + 5
        while time.monotonic() < end and not cut:
            try:
                sent += one.send(block)
            except TimeoutError:
                pass  # it is slowed down
            except OSError:
                cut = True
    assert memory.most < 100 * MIB, memory.most
    assert memory.slowest < LATE_S / 2
    assert s.get("/v1/zhosts/n1")["state"] == "deployed-started"
    memory.say(f"a flood of {what}", sent=f"{sent / MIB:.0f} MiB", cut=cut)
