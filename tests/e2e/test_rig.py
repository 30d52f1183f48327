"""The rig itself (tests/rig): its machines reach each other, and a rule changes what it says and nothing else."""
import os
import signal
import subprocess
import sys

import pytest

from conftest import ROOT, is_alive, until
from rig import Rig
from rig_cluster import MARKS, Watch

# An echo server, and a client that prints how long each of its round trips took, in seconds.
ECHO = """
import socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(4096):
            self.request.sendall(data)
socketserver.ThreadingTCPServer.allow_reuse_address = True
server = socketserver.ThreadingTCPServer(("0.0.0.0", 7), Echo)
print("listening", flush=True)
server.serve_forever()
"""
ASK = """
import socket, sys, time
peer = socket.create_connection((sys.argv[1], 7), timeout=float(sys.argv[3]))
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for _ in range(int(sys.argv[2])):
    since = time.monotonic()
    peer.sendall(b"x" * 200)
    received = 0
    while received < 200:
        received += len(peer.recv(4096))
    print(time.monotonic() - since, flush=True)
"""

# Counts datagrams until one says that it is the last; sends a number of them, or that one.
RECEIVE = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 9))
print("listening", flush=True)
count = 0
while s.recv(100) != b"last":
    count += 1
print(count)
"""
SEND = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[2])):
    s.sendto(b"one", (sys.argv[1], 9))
if sys.argv[2] == "0":
    s.sendto(b"last", (sys.argv[1], 9))
"""


@pytest.fixture
def rig(rig_switch):
    with Rig(rig_switch, "alpha", "beta", "gamma") as made:
        made.server = made["alpha"].popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True)
        assert made.server.stdout.readline() == "listening\n"
        yield made
        made["alpha"].kill()
        made.server.wait()
        made.server.stdout.close()


def ask(rig, name, times=1, timeout=20):
    """Round trips from that machine to alpha, in seconds; None: it was not reached."""
    done = rig[name].run(sys.executable, "-c", ASK, rig["alpha"].address, times, timeout, check=False)
    return [float(line) for line in done.stdout.split()] if done.returncode == 0 else None


def test_machines_have_names_and_reach_each_other(rig):
    assert rig["beta"].run("hostname").stdout == "beta\n"
    assert len(ask(rig, "beta", 20)) == 20


def test_a_delay_is_of_one_direction(rig):
    rig.rule("beta", "alpha", delay=50)
    # The least of many: a loaded machine delays some.
    assert 0.05 <= min(ask(rig, "beta", 20)) < 0.1
    assert min(ask(rig, "gamma", 20)) < 0.05
    rig.rule("alpha", "beta", delay=50)
    assert 0.1 <= min(ask(rig, "beta", 20))
    rig.heal()
    assert min(ask(rig, "beta", 20)) < 0.05


def test_packets_that_are_lost_are_counted(rig):
    receiver = rig["alpha"].popen([sys.executable, "-c", RECEIVE], stdout=subprocess.PIPE, text=True)
    assert receiver.stdout.readline() == "listening\n"
    rig["beta"].run(sys.executable, "-c", SEND, rig["alpha"].address, 1)  # they know each other's address now
    before, _ = rig.count("beta", "alpha")
    rig.rule("beta", "alpha", loss=20)
    rig["beta"].run(sys.executable, "-c", SEND, rig["alpha"].address, 300)
    rig.heal()
    rig["beta"].run(sys.executable, "-c", SEND, rig["alpha"].address, 0)
    received = int(receiver.communicate()[0]) - 1
    passed, lost = rig.count("beta", "alpha")
    assert 200 < received < 280 and received <= passed - before and lost >= 300 - received
    assert rig.count("alpha", "beta")[1] == 0


@pytest.mark.parametrize("sender, receiver", [("alpha", "beta"), ("beta", "alpha")])
def test_a_cut_of_one_way_is_seen_by_those_two_alone(rig, sender, receiver):
    rig.cut(sender, receiver)
    assert ask(rig, "beta", timeout=0.5) is None
    assert ask(rig, "gamma")
    rig.heal()
    assert ask(rig, "beta", timeout=10)


def test_a_machine_that_sleeps_does_nothing_and_goes_on(rig):
    with rig.asleep("alpha"):
        assert ask(rig, "beta", timeout=0.5) is None
    assert ask(rig, "beta", timeout=10)


def test_a_rule_that_is_none_is_said(rig):
    with pytest.raises(AssertionError, match="not a rule: speed=3"):
        rig.rule("alpha", "beta", speed=3)
    assert rig.say("1 9 drop=1") == "no such machine: 1 or 9"


def test_nothing_is_left_when_the_test_is_killed(rig_switch):
    made = subprocess.Popen([sys.executable, "-c", f"""
import sys; sys.path.insert(0, {str(ROOT / "tests" / "rig")!r})
import subprocess
from rig import Rig
with Rig({str(rig_switch)!r}, "one", "two") as rig:
    apart = rig["one"].popen(["setsid", "sh", "-c", "echo $$; exec sleep 1000"], stdout=subprocess.PIPE, text=True)
    print(rig.switch.pid, int(apart.stdout.readline()), *(m.holder.pid for m in rig.machines.values()), flush=True)
    sys.stdin.read()
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    pids = [int(word) for word in made.stdout.readline().split()]
    assert len(pids) == 4 and all(is_alive(pid) for pid in pids)
    os.killpg(made.pid, signal.SIGKILL)
    made.wait()
    until(lambda: not any(is_alive(pid) for pid in pids), "the rig has gone")
    made.stdin.close()
    made.stdout.close()


def test_the_watch_of_what_is_exclusive_sees_two_at_once_and_none_where_one_follows_another():
    mark = str(next(MARKS))
    watch, processes = Watch(mark), []

    def begins():
        processes.append(subprocess.Popen(["sleep", mark]))
        until(lambda: len(watch.seen) == len(processes), "it is seen")

    try:
        begins()
        processes[0].kill()
        processes[0].wait()
        begins()
        assert watch.faults == []
        begins()
        until(lambda: watch.faults, "two at once are a fault")
    finally:
        watch.end()
        for process in processes:
            process.kill()
            process.wait()
