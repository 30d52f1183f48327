"""What is looked at all the time: processes of spaces, events as a follower gets them, and who leads."""
import http.client
import json
import pathlib
import threading
import time

from clients import Rest, Unknown, Unsent, role_of
from cluster import CONTROL, PORT, enter

LOOK_S = 0.2


def start_of(pid):
    """Ticks since boot, with which the number of a process is unique; None: it is no more."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class Watcher(threading.Thread):
    def __init__(self, name):
        super().__init__(name=name, daemon=True)
        self.ends = threading.Event()

    def end(self):
        self.ends.set()
        self.join()


class Processes(Watcher):
    """Those whose command line ends with a mark: one for each space that is watched.

    exclusive    never two at one time
    steady       the same processes from the beginning to the end
    """

    def __init__(self, record, exclusive, steady):
        super().__init__("processes")
        self.record, self.exclusive, self.steady = record, exclusive, steady
        self.first, self.findings, self.lives, self.looks = {}, [], {}, 0

    def found(self):
        """The processes of each mark, as (pid, start)."""
        marks = {mark: set() for mark in (*self.exclusive, *self.steady)}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            mark = words[1].decode(errors="replace") if len(words) > 1 and words[0].endswith(b"sleep") else None
            if mark in marks and (start := start_of(entry.name)) is not None:
                marks[mark].add((int(entry.name), start))
        return marks

    def look(self):
        marks = self.found()
        self.looks += 1
        for mark in self.exclusive:
            self.lives.setdefault(mark, set()).update(marks[mark])
            both = {one for one in marks[mark] if start_of(one[0]) == one[1]}
            if len(both) > 1:
                self.findings.append(f"at {self.record.now():.1f} s: {self.exclusive[mark]} runs {len(both)} times: "
                                     f"{sorted(both)}")
        for mark in self.steady:
            self.first.setdefault(mark, marks[mark])
            if marks[mark] != self.first[mark]:
                self.findings.append(f"at {self.record.now():.1f} s: {self.steady[mark]} is not the process that it was: "
                                     f"{sorted(self.first[mark])}, now {sorted(marks[mark])}")
                self.first[mark] = marks[mark]

    def run(self):
        while not self.ends.wait(LOOK_S):
            self.look()


class Follower(Watcher):
    """Follows the events, and goes on after the last that it has seen."""

    def __init__(self, cluster, record):
        super().__init__("follower")
        self.cluster, self.record = cluster, record
        self.events, self.findings, self.breaks = {}, [], 0
        self.last = None

    def take(self, event):
        number = int(event["seq"])
        if self.last is not None and number != self.last + 1:
            self.findings.append(f"at {self.record.now():.1f} s: event {number} follows {self.last}")
        self.last = number
        self.events[number] = event

    def follow(self, address):
        connection = http.client.HTTPSConnection(address, PORT, timeout=2.0, context=self.cluster.context)
        try:
            connection.request("GET", f"/v1/events?after={self.last or 0}", headers={
                "Authorization": f"Bearer {self.cluster.token}", "Accept": "text/event-stream"})
            answer = connection.getresponse()
            if answer.status == 307:
                return answer.headers["Location"].split("/")[2].split(":")[0]
            quiet = 0
            while answer.status == 200 and not self.ends.is_set():
                try:
                    line = answer.readline()
                except TimeoutError:
                    quiet += 1
                    break  # it may be cut off: ask again
                if line == b"":
                    break
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    if "seq" in event:
                        self.take(event)
            return None
        finally:
            connection.close()

    def run(self):
        enter(self.cluster.rig["people"])
        addresses = [self.cluster.rig[name].address for name in CONTROL]
        turn, told = 0, None
        while not self.ends.is_set():
            try:
                told = self.follow(told or addresses[turn % 3])
            except (OSError, http.client.HTTPException, ValueError):
                told = None
            if told is None:
                turn += 1
                self.breaks += 1
                time.sleep(0.1)

    def compare_when_there(self, rest):
        """It has caught up, or it misses something. Events go on meanwhile: those that were stored by then count."""
        stored = self.read_stored(rest)
        last = max(stored, default=0)
        end = time.monotonic() + 20
        while (self.last or 0) < last and time.monotonic() < end:
            time.sleep(0.1)
        if (self.last or 0) < last:
            self.findings.append(f"the follower has seen nothing after event {self.last}; there are {last}")
        missing = [n for n in range(1, last + 1) if n not in stored]
        if missing:
            self.findings.append(f"events are missing in the store: {missing[:10]}")
        for number, event in dict(self.events).items():
            if number <= last and stored.get(number) != event:
                self.findings.append(f"event {number} was {event}, and is {stored.get(number)}")
        return last

    def read_stored(self, rest):
        """All that are stored, by their numbers."""
        stored, after = {}, 0
        while True:
            _, said = rest.request("GET", f"/v1/events?after={after}&stream=0", patience=20)
            if not said.get("events"):
                break
            for event in said["events"]:
                number = after = int(event["seq"])
                if number in stored:
                    self.findings.append(f"event {number} is stored twice")
                stored[number] = event
        return stored


class Leaders(Watcher):
    """How long nobody led, as people see it: no zrms that they reach says of itself that it leads."""

    def __init__(self, cluster, record):
        super().__init__("leaders")
        self.cluster, self.record = cluster, record
        self.since, self.longest, self.changes, self.last = None, 0.0, 0, None

    def run(self):
        enter(self.cluster.rig["people"])
        while not self.ends.wait(0.1):
            now = self.record.now()
            leader = next((name for name in CONTROL if role_of(self.cluster, name) == "ok"), None)
            if leader is None:
                self.since = self.since if self.since is not None else now
                self.longest = max(self.longest, now - self.since)
                continue
            self.since = None
            self.changes += self.last not in (None, leader)
            self.last = leader


def final_reads(cluster, record, client):
    """Everything once more, when all is back, from each of the three."""
    enter(cluster.rig["people"])
    for name in CONTROL:
        client.rest = Rest(cluster, [name, *(each for each in CONTROL if each != name)])
        try:
            client.users()
            client.read_topologies()
        except (Unsent, Unknown) as error:
            record.counts[f"the last reading failed: {error}"] += 1
    return client.rest
