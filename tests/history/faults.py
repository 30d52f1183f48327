"""What goes wrong, drawn from a seed: one after the other, each undone before the next begins. Between two of them the clients
work for a while in peace.

Each fault is a generator: what is before `yield` does it and says for how many seconds it lasts, what is after it undoes it.
"""
import contextlib
import os
import random
import signal
import threading
import time

from cluster import CONTROL, ZHOSTS

QUIET_S = 3  # until what operators have asked for is done
SMALL = 0.1  # a pulse of a slow disk, in seconds


class Faults(threading.Thread):
    def __init__(self, cluster, record, seed, names=None, say=lambda text: None):
        super().__init__(name="faults", daemon=True)
        self.cluster, self.record, self.say = cluster, record, say
        self.random = random.Random(f"{seed} faults")
        self.kinds = {name: kind for name, kind in KINDS.items() if not names or name in names}
        self.ends = threading.Event()
        self.done = []
        self.failure = None

    def run(self):
        try:
            # Each kind once before any comes again.
            while not self.ends.is_set():
                names = list(self.kinds)
                self.random.shuffle(names)
                for name in names:
                    self.ends.wait(self.random.uniform(1, 6))
                    if self.ends.is_set():
                        return
                    self.one(name)
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error
            raise

    def one(self, name, wait=None):
        """`wait`: what is waited for instead of the time."""
        c, begun = self.cluster, self.record.now()
        fault = self.kinds[name](c, self.random)
        what, seconds = next(fault)
        self.say(f"{begun:7.1f} s  {name}: {what}{f', {seconds:.1f} s' if seconds else ''}")
        if wait is not None:
            wait()
        else:
            self.ends.wait(seconds)
        for _ in fault:
            pass
        self.done.append((begun, self.record.now(), name, what))


def some_control(c, draw):
    """More often the one that leads."""
    leader = c.leader() if draw.random() < 0.7 else None
    return leader or draw.choice(CONTROL)


@contextlib.contextmanager
def held_down(*services):
    for service in services:
        service.holds += 1
    try:
        for service in services:
            service.signal(signal.SIGCONT)
            service.kill()
        yield
    finally:
        for service in services:
            service.holds -= 1


@contextlib.contextmanager
def avoided(c, draw, name):
    """Often, operators ask it for nothing, as if they knew, and spaces rest: so it has nothing to write, and does not learn that it
    cannot."""
    if draw.random() < 0.6:
        c.avoided = name
        time.sleep(QUIET_S)
    try:
        yield
    finally:
        c.avoided = None


def killed(c, service, seconds):
    with held_down(service):
        yield f"{service.name} of {service.machine}", seconds


def stopped(service, seconds):
    """It does nothing, and then goes on as if no time had passed."""
    service.signal(signal.SIGSTOP)
    yield f"{service.name} of {service.machine}", seconds
    service.signal(signal.SIGCONT)


def kill_zrms(c, draw):
    yield from killed(c, c.services[some_control(c, draw), "zrms"], draw.uniform(0, 4))


def stop_zrms(c, draw, seconds):
    name = some_control(c, draw)
    with avoided(c, draw, name):
        yield from stopped(c.services[name, "zrms"], seconds)


def stop_zrms_briefly(c, draw):
    yield from stop_zrms(c, draw, 3)


def stop_zrms_long(c, draw):
    yield from stop_zrms(c, draw, 30)


def kill_etcd(c, draw):
    yield from killed(c, c.services[draw.choice(CONTROL), "etcd"], draw.uniform(1, 8))


def stop_etcd(c, draw):
    yield from stopped(c.services[draw.choice(CONTROL), "etcd"], draw.choice((3, 3, 30)))


def lose_two_etcd(c, draw):
    both = draw.sample(CONTROL, 2)
    with held_down(*(c.services[name, "etcd"] for name in both)):
        yield f"etcd of {' and '.join(both)}", draw.uniform(5, 12)


@contextlib.contextmanager
def slowed(*services, pulse=SMALL):
    """As if their disks took that long, in seconds, for much of what they write."""
    ends = threading.Event()

    def run():
        while not ends.is_set():
            for number, pause in ((signal.SIGSTOP, pulse), (signal.SIGCONT, pulse / 2)):
                for service in services:
                    service.signal(number)
                ends.wait(pause)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()
        for service in services:
            service.signal(signal.SIGCONT)


def slow_etcd(c, draw):
    """Its disk takes long for each write: a tenth of a second, or up to three, in which it also answers nobody."""
    service, pulse = c.services[draw.choice(CONTROL), "etcd"], draw.choice((SMALL, 0.5, 1, 3))
    with slowed(service, pulse=pulse):
        yield f"etcd of {service.machine}, {pulse} s", draw.uniform(4, 10) + 3 * pulse


def kill_zrms_on_slow_etcd(c, draw):
    """Much has been decided that is not durable when it ends."""
    both = draw.sample(CONTROL, 2)
    with slowed(*(c.services[name, "etcd"] for name in both), pulse=draw.choice((SMALL, 0.3))):
        time.sleep(draw.uniform(1, 4))
        yield from killed(c, c.services[c.leader() or draw.choice(CONTROL), "zrms"], draw.uniform(0, 2))


def fill_disk(c, draw):
    """Of etcd and zrms; what ends of it is started again when there is room."""
    name = some_control(c, draw)
    filler = c.directory / name / "filler"
    etcd, zrms = c.services[name, "etcd"], c.services[name, "zrms"]
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096) == 4096:
            pass
    for service in (etcd, zrms):
        service.holds += 1
    yield f"disk of {name}", draw.uniform(3, 10)
    filler.unlink()
    for service in (etcd, zrms):
        service.holds -= 1


def cut_off(c, draw):
    name = some_control(c, draw)
    c.rig.isolate(name)
    yield name, draw.uniform(2, 12)
    c.rig.heal()


def cut_from(c, draw):
    name = some_control(c, draw)
    c.rig.cut(name, "*")
    yield f"what {name} sends", draw.uniform(2, 12)
    c.rig.heal()


def cut_to(c, draw):
    name = some_control(c, draw)
    c.rig.cut("*", name)
    yield f"what is sent to {name}", draw.uniform(2, 12)
    c.rig.heal()


def cut_among_control(c, draw):
    """Two of the three do not reach each other, and everybody else does."""
    one, other = draw.sample(CONTROL, 2)
    c.rig.cut_both(one, other)
    yield f"{one} and {other}", draw.uniform(2, 12)
    c.rig.heal()


def cut_from_others(c, draw):
    """People and zhosts reach it as before."""
    name = some_control(c, draw)
    with avoided(c, draw, name):
        c.rig.part([name], [other for other in CONTROL if other != name])
        yield f"{name} from the other two", draw.uniform(4, 12)
        c.rig.heal()


def cut_slow_leader(c, draw):
    """What it sends to the other two takes long, and it is cut off from them right after an answer that shows what another client
    has changed: what it had decided by then, and sends to be made durable, is on the way, and never arrives. People reach it
    as before."""
    name = c.leader() or draw.choice(CONTROL)
    others = [other for other in CONTROL if other != name]
    for other in others:
        c.rig.rule(name, other, delay=150)
    time.sleep(draw.uniform(1, 2))
    answers, end = c.shown_others, time.monotonic() + 2
    while c.shown_others == answers and time.monotonic() < end:
        time.sleep(0.001)
    c.rig.part([name], others)
    yield f"{name} from the other two", draw.uniform(6, 9)
    c.rig.heal()


def lose_packets(c, draw):
    for name in CONTROL:
        c.rig.rule(name, "*", loss=2, delay=10)
    yield "2 %, and 10 ms, from each of the three", draw.uniform(4, 10)
    c.rig.heal()


def sleep_machine(c, draw):
    name = some_control(c, draw)
    with c.rig.asleep(name):
        yield name, draw.choice((3, 8))
    c.rig.heal()


def kill_zhost(c, draw):
    yield from killed(c, c.services[draw.choice(ZHOSTS), "zhost"], draw.uniform(0, 3))


def stop_zhost(c, draw):
    yield from stopped(c.services[draw.choice(ZHOSTS), "zhost"], draw.choice((3, 15)))


def cut_off_zhost(c, draw):
    name = draw.choice(ZHOSTS)
    c.rig.isolate(name)
    yield name, draw.uniform(2, 20)
    c.rig.heal()


def cut_zhost_from_control(c, draw):
    zhost, control = draw.choice(ZHOSTS), some_control(c, draw)
    c.rig.cut(zhost, control)
    yield f"what {zhost} sends to {control}", draw.uniform(2, 12)
    c.rig.heal()


def move_leader(c, draw):
    status, said = c.ask("POST", "/v1/cluster/leader/move", {})
    yield f"answered {status}", draw.uniform(0, 2)
    assert status in (0, 202, 404, 409, 500, 503), said


KINDS = {kind.__name__.replace("_", "-"): kind for kind in (
    kill_zrms, stop_zrms_briefly, stop_zrms_long, kill_etcd, stop_etcd, lose_two_etcd, slow_etcd, kill_zrms_on_slow_etcd, fill_disk, cut_off, cut_from,
    cut_to, cut_among_control, cut_from_others, cut_slow_leader, lose_packets, sleep_machine, kill_zhost, stop_zhost, cut_off_zhost, cut_zhost_from_control,
    move_leader)}


def processes_are_free(pid):
    """Whether nobody has stopped it."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "T"


def undo_all(c):
    """Nothing is left of any fault."""
    c.rig.heal()
    for service in c.services.values():
        if service.is_running() and not processes_are_free(service.pid):
            os.kill(service.pid, signal.SIGCONT)
