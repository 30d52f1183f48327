"""Those who ask, and what they note: each request with its begin, its end, and what is known of its outcome.

    acknowledged    an operation of the history (linear.py)
    refused         it changed nothing: what it says of a register is noted, otherwise nothing
    unknown         the answer was lost after the request had been sent: it may take effect at any later time, or never

Registers of the history:

    user NAME         there or not: created and removed, each of which is refused otherwise (a comparison); read from the list
    count NAME        of a topology, as people scale it; "depot" does not run, and is scaled without a pause
    version NAME      of a topology, as it is submitted
    goal NAME         of a topology, as it is started and stopped
    value KEY         under which a space keeps data, through a page on a zhost
"""
import collections
import contextlib
import http.client
import json
import random
import socket
import ssl
import threading
import time
import urllib.parse

from cluster import PORT, ZEDGE, enter
from linear import COMPARE, READ, WRITE, Operation

ANSWER_S = 4.0  # after so long without an answer the outcome is unknown
LOYAL_S = 45.0
REDIRECTS = 5
USERS, TOPOLOGIES, KEYS, VERSIONS = 6, 2, 6, 12
DEPOT = "depot"  # it never runs
DEPOT_MOST = 60
GOALS = {"start": "deployed-started", "stop": "not-deployed"}
# What registers hold before anybody has changed them; others: nothing.
INITIAL = {"version front": "1.0.0", "goal bell": GOALS["start"], f"count {DEPOT}": 1,
           **{f"count shop-{n}": 1 for n in range(TOPOLOGIES)}}


class Unsent(Exception):
    """Nobody has received it."""


class Unknown(Exception):
    """It may have been received."""


def role_of(cluster, name):
    connection = http.client.HTTPSConnection(cluster.rig[name].address, PORT, timeout=1.0, context=cluster.context)
    try:
        connection.request("GET", "/healthz")
        return json.loads(connection.getresponse().read())["status"]
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


class Rest:
    """Requests to the three, from the machine of this thread; follows to the leader, and keeps its connection."""

    def __init__(self, cluster, order):
        self.cluster = cluster
        self.addresses = [cluster.rig[name].address for name in order]
        self.at = self.addresses[0]
        self.connections = {}
        self.is_noticed = False  # the last answer was of what is durable, not of what is (Samoza-Notice)

    def close(self):
        for address in list(self.connections):
            self.drop(address)

    def drop(self, address):
        connection = self.connections.pop(address, None)
        if connection is not None:
            connection.close()

    def connect(self, address):
        if address not in self.connections:
            connection = http.client.HTTPSConnection(address, PORT, timeout=1.0, context=self.cluster.context)
            try:
                connection.connect()
            except (OSError, ssl.SSLError) as error:
                connection.close()
                raise Unsent(str(error)) from error
            self.connections[address] = connection
        return self.connections[address]

    def once(self, address, method, path, body, timeout):
        connection = self.connect(address)
        connection.sock.settimeout(timeout)
        headers = {"Authorization": f"Bearer {self.cluster.token}", "Accept": "application/json"}
        if isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.drop(address)
            raise Unknown(str(error)) from error
        self.is_noticed = answer.headers.get("Samoza-Notice") is not None
        if answer.headers.get("Connection", "").lower() == "close":
            self.drop(address)
        return answer.status, answer.headers, text

    def another(self):
        self.at = self.addresses[(self.addresses.index(self.at) + 1) % len(self.addresses)]

    def avoids(self, address):
        return self.cluster.avoided is not None and self.cluster.rig[self.cluster.avoided].address == address

    def request(self, method, path, body=None, patience=ANSWER_S):
        """Status and body. Unsent, Unknown: as they say. What only reads is asked again elsewhere."""
        end, why = time.monotonic() + patience, "nobody leads"
        while time.monotonic() < end:
            address = self.at
            try:
                for _ in range(REDIRECTS):
                    if self.avoids(address):
                        raise Unsent("it is avoided")
                    status, headers, text = self.once(address, method, path, body, max(0.1, end - time.monotonic())
                                                      if method != "GET" else 1.0)
                    if status != 307:
                        break
                    address = urllib.parse.urlsplit(headers["Location"]).hostname
                if status == 307 or (status == 503 and "no zrms leads" in text.decode()):
                    raise Unsent(f"{status}: {text.decode()}")
                self.at = address
                return status, json.loads(text or b"{}")
            except Unsent as error:
                why = str(error)
            except Unknown as error:
                if method != "GET":
                    raise
                why = str(error)
            self.another()
            time.sleep(0.05)
        raise Unsent(why)


class Page:
    """A session of zedge on the machine of this thread: questions to a space, and its answers."""

    PATH = "/store/page/_samoza"

    def __init__(self):
        self.stream = self.session = None
        self.buffer = b""
        self.number = 0

    def open(self):
        self.close()
        self.stream = socket.create_connection(("127.0.0.1", ZEDGE), timeout=1.0)
        self.stream.sendall(f"GET {self.PATH}/messages HTTP/1.1\r\nHost: 127.0.0.1:{ZEDGE}\r\n\r\n".encode())
        self.buffer = b""
        end = time.monotonic() + 1.0
        while self.session is None:
            for event in self.events(end):
                self.session = event.get("session", self.session)

    def close(self):
        if self.stream is not None:
            self.stream.close()
        self.stream = self.session = None

    def events(self, end):
        """What has come, waiting for more until `end`."""
        self.stream.settimeout(max(0.01, end - time.monotonic()))
        data = self.stream.recv(65536)
        if data == b"":
            raise OSError("zedge has closed the stream")
        self.buffer += data
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                with contextlib.suppress(ValueError):
                    yield json.loads(line[5:])

    def ask(self, question, patience=ANSWER_S):
        """The words of the answer. Unsent: the space has not got it."""
        try:
            if self.session is None:
                self.open()
        except OSError as error:
            self.close()
            raise Unsent(str(error)) from error
        self.number += 1
        tag = f"{id(self)}-{self.number}"
        end = time.monotonic() + patience
        try:
            self.emit(f"{tag}\n{question}", end)
            while time.monotonic() < end:
                for event in self.events(end):
                    words = event.get("text", "").split("\n")
                    if words[0] == tag:
                        return words[1:]
        except Unsent:
            raise
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unknown(str(error)) from error
        raise Unknown("no answer")

    def emit(self, text, end):
        connection = http.client.HTTPConnection("127.0.0.1", ZEDGE, timeout=max(0.1, end - time.monotonic()))
        try:
            connection.request("POST", f"{self.PATH}/emit?path=questions", body=text.encode(), headers={
                "X-Samoza-Session": self.session, "Content-Type": "application/octet-stream"})
            status = connection.getresponse().status
        finally:
            connection.close()
        if status >= 300:
            if status in (400, 401, 403, 404, 410):
                self.close()  # the session is gone
            raise Unsent(f"zedge: {status}")


class Record:
    """What happened, of all clients."""

    def __init__(self):
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.history = []
        self.counts = collections.Counter()
        self.refusals = collections.Counter()
        self.answered = [self.now()]  # moments at which zrms answered a client

    def now(self):
        return time.monotonic() - self.began

    def note(self, outcome, *operations):
        with self.lock:
            self.counts[outcome] += 1
            self.history += operations
            if outcome != "unknown":
                self.answered.append(self.now())

    def refuse(self, status, body):
        message = body.get("error", {}).get("message", "") if isinstance(body, dict) else str(body)
        with self.lock:
            self.counts["refused"] += 1
            self.refusals[f"{status} {message[:100]}"] += 1
            self.answered.append(self.now())

    def longest_silence(self):
        moments = [*self.answered, self.now()]
        return max(b - a for a, b in zip(moments, moments[1:]))


class Client(threading.Thread):
    """`pause`: the mean time between its operations, in seconds."""

    machine = "people"

    def __init__(self, cluster, record, name, seed, pause):
        super().__init__(name=name, daemon=True)
        self.cluster, self.record, self.pause = cluster, record, pause
        self.random = random.Random(f"{seed} {name}")
        self.ends = threading.Event()
        self.number = 0
        self.failure = None

    def run(self):
        try:
            enter(self.cluster.rig[self.machine])
            self.begin()
            while not self.ends.wait(self.random.uniform(0, 2 * self.pause)):
                self.step()
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error
            raise

    def value(self):
        """One that nobody else writes."""
        self.number += 1
        return f"{self.name}-{self.number}"

    def attempt(self, operation, do, judge):
        """`do` answers; `judge` of the answer: (outcome, operations with their answer)."""
        try:
            operation.begun = self.record.now()
            answer = do()
        except Unsent:
            self.record.note("unsent")
        except Unknown:
            self.record.note("unknown", *([operation] if operation.kind != READ else []))
        else:
            operation.ended = self.record.now()
            judge(answer)


def users_in(said):
    names = {user["name"] for user in said.get("users", [])}
    return [(f"user user-{n}", "there" if f"user-{n}" in names else None) for n in range(USERS)]


def count_in(name, said):
    scaled = said.get("scaled", [])
    return [(f"count {name}", scaled[0]["count"] if scaled else 1)]


def goal_in(said):
    return [("goal bell", said["placements"][0]["goal"])]


def readings(operation, found):
    """One answer is a reading of each register that it shows."""
    return [Operation(operation.client, key, READ, operation.begun, operation.ended, value) for key, value in found]


class Operator(Client):
    """Asks zrms by REST."""

    def begin(self):
        order = list(self.cluster.rig.machines)[:3]
        self.random.shuffle(order)
        self.rest = Rest(self.cluster, order)

    def step(self):
        self.random.choices([self.create, self.remove, self.users, self.scale, self.counts, self.submit, self.versions,
                             self.restart, self.goal], [5, 5, 6, 2, 4, 1, 2, 1, 2])[0]()

    def change(self, operation, method, path, body, fits, refused=(), shows=None):
        """`fits`: statuses of what is acknowledged; `refused`: of a comparison that found something else; `shows` of the body: what
        it says of each register, which is a reading as any other."""
        def judge(answer):
            status, said = answer
            if status in fits or "removed in the same moment" in json.dumps(said):
                self.record.note("acknowledged", operation, *(
                    readings(operation, shows(said)) if shows is not None and status in fits else []))
            elif status in refused:
                operation.is_refused = True
                self.record.note("acknowledged", operation)
            else:
                self.record.refuse(status, said)
        self.attempt(operation, lambda: self.rest.request(method, path, body), judge)

    def look(self, path, take):
        """`take` of the body: what it says of each register, as (key, value)."""
        operation = Operation(self.name, None, READ, 0)

        def judge(answer):
            status, said = answer
            if status != 200:
                self.record.refuse(status, said)
            elif self.rest.is_noticed:
                self.record.note("noticed")  # it says itself that it may be old
            else:
                self.record.note("acknowledged", *readings(operation, take(said)))
        self.attempt(operation, lambda: self.rest.request("GET", path), judge)

    def some_user(self):
        return f"user-{self.random.randrange(USERS)}"

    def some_topology(self):
        return f"shop-{self.random.randrange(TOPOLOGIES)}"

    def create(self):
        name = self.some_user()
        self.change(Operation(self.name, f"user {name}", COMPARE, 0, value="there"), "POST", "/v1/users",
                    {"name": name, "role": "viewer"}, (201,), (409,))

    def remove(self):
        name = self.some_user()
        self.change(Operation(self.name, f"user {name}", COMPARE, 0, value=None, expected="there"), "DELETE",
                    f"/v1/users/{name}", None, (200, 204), (404,))

    def users(self):
        self.look("/v1/users", users_in)

    def scale(self):
        name, count = self.some_topology(), self.random.randint(1, 4)
        self.change(Operation(self.name, f"count {name}", WRITE, 0, value=count), "POST",
                    f"/v1/topologies/{name}/scale?spaces=a%3D{count}", None, (200, 202), shows=lambda said: count_in(name, said))

    def counts(self, name=None):
        name = name or self.some_topology()
        self.look(f"/v1/topologies/{name}", lambda said: count_in(name, said))

    def submit(self):
        version = self.random.randrange(VERSIONS)
        package = self.cluster.packages[version]
        self.change(Operation(self.name, "version front", WRITE, 0, value=f"1.0.{version}"), "POST",
                    "/v1/topologies?allow_downgrade=1", package, (200, 201))

    def versions(self):
        self.look("/v1/topologies/front/revisions",
                  lambda said: [("version front", said["revisions"][-1]["version"])])

    def read_topologies(self):
        self.versions()
        self.goal()
        self.counts(DEPOT)
        for n in range(TOPOLOGIES):
            self.counts(f"shop-{n}")

    def restart(self):
        verb = self.random.choice(("start", "stop"))
        self.change(Operation(self.name, "goal bell", WRITE, 0, value=GOALS[verb]), "POST", f"/v1/topologies/bell/{verb}",
                    None, (200, 202), shows=goal_in)

    def goal(self):
        self.look("/v1/topologies/bell", goal_in)


class Hasty(Operator):
    """Scales what does not run, without a pause, beside others that do the same: while one change is made durable the next ones are
    decided, so an answer that shows more than its own batch shows one of theirs. Where it was not answered it reads, of one zrms after the
    other, before anybody writes over what was lost."""

    is_in_doubt = False

    def step(self):
        shown, count = [], None if self.is_in_doubt else self.random.randint(1, DEPOT_MOST)

        def note(said):
            shown[:] = count_in(DEPOT, said)
            self.cluster.shown_others += count not in (None, shown[0][1])
            return shown
        if self.is_in_doubt:
            self.look(f"/v1/topologies/{DEPOT}", note)
        else:
            self.change(Operation(self.name, f"count {DEPOT}", WRITE, 0, value=count), "POST",
                        f"/v1/topologies/{DEPOT}/scale?spaces=a%3D{count}", None, (200, 202), shows=note)
        self.is_in_doubt = not shown
        if self.is_in_doubt:
            self.rest.another()


class Loyal(Client):
    """Asks one zrms only, follows to no other, keeps its connection, and is patient: so it asks one that stands still while
    another leads, and gets the answer of one that does not know it yet when it goes on."""

    def __init__(self, cluster, record, name, seed, zrms):
        super().__init__(cluster, record, name, seed, 0)
        self.zrms = zrms

    def begin(self):
        self.rest = Rest(self.cluster, [self.zrms])

    def step(self):
        self.ends.wait(10 ** self.random.uniform(-1, 0 if self.cluster.avoided else 1))
        operation = Operation(self.name, None, READ, self.record.now())
        try:
            self.rest.connect(self.rest.at)
            operation.begun = self.record.now()
            status, _, text = self.rest.once(self.rest.at, "GET", "/v1/users", None, LOYAL_S)
        except (Unsent, Unknown):
            return
        operation.ended = self.record.now()
        if status == 200 and not self.rest.is_noticed:
            self.record.note("acknowledged", *readings(operation, users_in(json.loads(text))))


class Keeper(Client):
    """Asks the space that keeps data, through a page on a zhost."""

    def __init__(self, cluster, record, name, seed, pause, machine):
        super().__init__(cluster, record, name, seed, pause)
        self.machine = machine

    def begin(self):
        self.page = Page()

    def step(self):
        key = f"key-{self.random.randrange(KEYS)}"
        if self.cluster.avoided is not None:
            return  # what zhosts ask for makes the leader write
        if self.random.random() < 0.5:
            self.put(key, self.value())
        else:
            self.get(key)

    def put(self, key, value):
        operation = Operation(self.name, f"value {key}", WRITE, 0, value=value)

        def judge(answer):
            if answer[0] == "ok":
                self.record.note("acknowledged", operation)
            else:
                operation.ended = None  # the space was told of an error, and does not know either
                self.record.note("unknown", operation)
        self.attempt(operation, lambda: self.page.ask(f"put\n{key}\n{value}"), judge)

    def get(self, key):
        operation = Operation(self.name, f"value {key}", READ, 0)

        def judge(answer):
            if answer[0] == "value":
                operation.value = answer[1]
            if answer[0] in ("value", "none"):
                self.record.note("acknowledged", operation)
            else:
                self.record.refuse("data", " ".join(answer))
        self.attempt(operation, lambda: self.page.ask(f"get\n{key}"), judge)
