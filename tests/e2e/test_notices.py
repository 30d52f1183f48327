"""Notices: what the cluster tells people by a webhook or a command, at least once, in order, and whatever a target does."""
import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import re
import socket
import ssl
import threading

import pytest
from conftest import BIN, free_port, run, text_of, until
from etcd import ThreeZrms
from native import native_app
from secure import needs_an_address
from test_store_failing import store_fails

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BROKEN = [{"name": "a", "restart": {"attempts": 0}, "resources": {"cpu": "10m", "memory": "16MiB"}}]


class Receiver:
    """A webhook. `answer`: a status, or a function of the notice that gives one; before it returns nothing is answered."""

    def __init__(self, answer=200, context=None):
        self.answer, self.got, self.headers, self.requests = answer, [], [], 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                notice = json.loads(body)
                receiver.requests += 1
                status = receiver.answer(notice) if callable(receiver.answer) else receiver.answer
                if status < 300:
                    receiver.got.append(notice)
                    receiver.headers.append((self.path, dict(self.headers), body))
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *words):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *words):  # who was killed has left in the middle
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "http" if context is None else "https"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path="/services/T0/secret-word"):
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}{path}"

    def subjects(self):
        return [n["subject"] for n in self.got]

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def start(start_cluster, tmp_path):
    """A cluster whose zrms has these targets."""
    def begin(targets, zhosts=("edge-node-1",), options=(), **more):
        settings(tmp_path, targets)
        return start_cluster(zhosts=zhosts, zrms_options=["--config", tmp_path / "zrms.yaml", *options], **more)
    return begin


def settings(directory, targets):
    (directory / "zrms.yaml").write_text(json.dumps({"notices": targets}))


def webhook(name, receiver, **more):
    return {"name": name, "on": ["topology.failed"], "to": "webhook", "url": receiver if isinstance(receiver, str) else receiver.url(),
            "retry_max": "300ms"} | more


def command(name, *words, **more):
    return {"name": name, "on": ["topology.failed"], "to": "command", "command": [str(w) for w in words], "retry_max": "300ms"} | more


def fail(c, name):
    """A topology that fails at once."""
    submit_broken(c, name)
    c.wait_state(name, "failed")


def submit_broken(c, name):
    c.zshell("topo", "submit", c.build(native_app(c, name, BROKEN, {"a/recipes/start": "#!/bin/sh\nexit 1\n"}), name), check=False)


def target(c, name):
    return next(t for t in c.get("/v1/notices")["notices"] if t["name"] == name)


def metric(c, name, of):
    return int(re.search(rf'^zrms_notices_{name}{{target="{of}"}} (\d+)', text_of(c.url + "/metrics"), re.M)[1])


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_targets_hear_once_in_order_and_no_broken_one_holds_up_another(start, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    file = tmp_path / "heard"
    save = script(tmp_path / "save", f'echo "$1 $# $HOME_OF_NOBODY$(id -u)" >>{tmp_path}/words\ncat >>{file}\necho >>{file}\n')
    flood = script(tmp_path / "flood", "yes flooded | head -c 100000000\nexit 0\n")
    late = threading.Event()
    os.environ["HOME_OF_NOBODY"] = "leaked"
    with Receiver() as ops, Receiver(lambda notice: late.wait(60) and 200) as slow, socket.create_server(("127.0.0.1", 0)) as deaf:
        everything = ["topology.failed", "zhost.problem", "zhost.recovered"]
        c = start([webhook("ops", ops, on=everything, secret_file=str(secret)),
                   command("save", save, "a word; false", on=everything),
                   webhook("shops", ops.url("/shops"), topologies=["shop-*"], zhosts=["none"], on=everything),
                   webhook("slow", slow, timeout="2m"), webhook("closed", f"http://127.0.0.1:{free_port()}/secret-word"),
                   webhook("deaf", f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout="500ms"),
                   command("false", script(tmp_path / "false", "echo the reason >&2\nexit 3\n")),
                   command("hangs", script(tmp_path / "hangs", "sleep 1000\n"), timeout="300ms"), command("flood", flood)])
        del os.environ["HOME_OF_NOBODY"]
        for name in ("bank", "shop-1", "shop-2"):
            fail(c, name)
        until(lambda: metric(c, "sent_total", "flood") == 3, "what writes a lot is not stopped by it")
        c.zhosts["edge-node-1"].kill()
        c.wait_zhost("edge-node-1", "problem")
        c.zhosts["edge-node-1"].start()
        c.wait_zhost("edge-node-1", "deployed-started")
        names = lambda path: [(n["notice"], n["subject"]) for n, (p, _, _) in zip(ops.got, ops.headers) if p == path]
        failed = [("topology.failed", name) for name in ("bank", "shop-1", "shop-2")]  # once more, when they have no place
        expected = [*failed, ("zhost.problem", "edge-node-1"), *failed, ("zhost.recovered", "edge-node-1")]
        # And when they have been tried again, as the zhost is a new one: who fails first is not said.
        are = lambda heard, first, last: heard[:len(first)] == first and sorted(heard[len(first):]) == last
        until(lambda: are(names("/services/T0/secret-word"), expected, failed), "the webhook has heard everything")
        until(lambda: are(names("/shops"), 2 * failed[1:], failed[1:]), "the filter lets these through")
        expected = names("/services/T0/secret-word")
        heard = lambda: [json.loads(line) for line in file.read_text().splitlines() if line]
        until(lambda: file.exists() and [(n["notice"], n["subject"]) for n in heard()] == expected, "and so has the command")
        assert set((tmp_path / "words").read_text().splitlines()) == {f"a word; false 1 {os.getuid()}"}, "no shell, no environment"

        # What it says, and that it is signed.
        events = {e["seq"]: e for e in c.events()}
        for notice, (path, headers, body) in zip(ops.got, ops.headers):
            event = events[notice["seq"]]
            assert {k: notice.get(k) for k in ("subject", "to", "cause", "topology")} == {k: event.get(k) for k in ("subject", "to", "cause", "topology")}
            assert notice["cause"] in notice["text"] and notice["subject"] in notice["text"]
            assert headers["webhook-id"] == notice["id"] and headers["Content-Type"] == "application/json"
            if path == "/shops":
                assert "webhook-signature" not in headers
                continue
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            key = base64.b64decode(SECRET.removeprefix("whsec_"))
            assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()

        # The others, each with its own trouble.
        why = {"closed": "connect", "deaf": "did not answer within 500ms", "false": "ended with status 3", "hangs": "took longer than 300ms"}
        for name, words in why.items():
            until(lambda n=name: metric(c, "failed_total", n) > 1, f"{name} was tried again")
            seen = target(c, name)
            assert (seen["state"], seen["waiting"], int(seen["sent"])) == ("failing", 9, 0)
            assert words in seen["error"], seen
        assert (target(c, "slow")["waiting"], target(c, "slow")["state"], slow.requests) == (9, "sending", 1)
        until(lambda: metric(c, "sent_total", "ops") == 11, "the last answer has come")
        assert (metric(c, "failed_total", "ops"), metric(c, "waiting", "ops")) == (0, 0)
        assert "the reason" in c.zrms.log.read_text()
        late.set()
        until(lambda: slow.subjects() == [subject for notice, subject in expected if notice == "topology.failed"], "the slow one gets what waited")

        # Tests, by people.
        assert re.fullmatch(r"ops took the test \(http://127.0.0.1:\d+/\.\.\., \d+ ms\)\.\n", c.zshell("notices", "test", "ops").stdout)
        assert ops.got[-1]["notice"] == "test"
        refused = c.zshell("notices", "test", "false", check=False)
        assert refused.returncode == 1 and "the test did not reach false" in refused.stderr and "ended with status 3" in refused.stderr
        assert "no notices go to 'nobody'" in c.zshell("notices", "test", "nobody", check=False).stderr
        assert "test the notices to ops" in c.zshell("cluster", "audit").stdout
        table = c.zshell("notices").stdout
        assert re.search(r"^ops +webhook +http://127\.0\.0\.1:\d+/\.\.\. +idle +0 +11 +0 +0 ", table, re.M), table
        everywhere = table + json.dumps(c.get("/v1/notices")) + c.zrms.log.read_text() + text_of(c.url + "/metrics")
        assert "secret-word" not in everywhere and SECRET not in everywhere


def test_after_kill_9_each_came_at_least_once_and_only_the_last_twice(start):
    killed = threading.Event()
    with Receiver() as ops:
        c = start([webhook("ops", ops)])
        fail(c, "one")
        until(lambda: ops.subjects() == ["one"], "the first one came")

        # It dies before the answer, and again after the answer before that is durable.
        def die(notice):
            if not killed.is_set():
                killed.set()
                c.zrms.kill()
            return 200
        ops.answer = die
        submit_broken(c, "two")
        until(killed.is_set, "zrms is killed while it sends")
        until(lambda: ops.subjects() == ["one", "two"], "the first attempt")
        c.start_zrms()
        until(lambda: ops.subjects() == ["one", "two", "two"], "what was not answered comes again")
        assert ops.got[1]["id"] == ops.got[2]["id"], "and says that it is the same"

        stuck = threading.Event()

        def stick(notice):
            if not stuck.is_set():
                store_fails(c, True)
                stuck.set()
            return 200
        ops.answer = stick
        fail(c, "three")
        until(lambda: ops.subjects()[3:] == ["three"], "it came, and that cannot be noted")
        c.zrms.kill()
        c.start_zrms()
        until(lambda: ops.subjects()[3:] == ["three", "three"], "it comes again")
        fail(c, "four")
        until(lambda: ops.subjects()[5:] == ["four"], "the next one")
        c.zrms.process.terminate()
        c.zrms.process.wait(20)
        c.start_zrms()
        fail(c, "five")
        until(lambda: ops.subjects()[6:] == ["five"], "after an ordinary restart nothing comes twice")
        assert len({n["id"] for n in ops.got}) == 5


def test_a_webhook_that_answers_500_for_long_costs_little_and_says_what_was_dropped(start, tmp_path):
    with Receiver(500) as ops:
        targets = [webhook("ops", ops, queue=3), webhook("brief", ops.url("/brief"), give_up="1s")]
        c = start(targets)
        for k in range(6):
            fail(c, f"t-{k}")
        until(lambda: metric(c, "dropped_total", "ops") == 3 and metric(c, "dropped_total", "brief") == 6,
              "there is no room for more, or no time")
        seen = target(c, "ops")
        assert (seen["state"], seen["waiting"], int(seen["dropped"])) == ("failing", 3, 3)
        assert "answered 500" in seen["error"]
        until(lambda: "next" in target(c, "ops"), "it says when it tries again")
        log = c.zrms.log.read_text()
        assert log.count("answered 500") == 2, "of each target, once"
        before = ops.requests
        c.zrms.kill()
        c.start_zrms()
        until(lambda: ops.requests > before + 2, "it is tried again")
        ops.answer = 200
        own = lambda: [n for n, (path, _, _) in zip(ops.got, ops.headers) if path.startswith("/services")]
        until(lambda: len(own()) >= 3, "what waited comes")
        got = own()
        assert ([n["subject"] for n in got], int(got[0]["dropped"])) == (["t-3", "t-4", "t-5"], 3)
        assert "3 notices before it could not be delivered" in got[0]["text"]

        # A target that goes, and one that comes.
        ops.answer = 500
        fail(c, "t-6")
        until(lambda: target(c, "ops")["waiting"] == 1, "one waits")
        settings(tmp_path, [webhook("other", ops.url("/other"))])
        c.zrms.process.terminate()
        c.zrms.process.wait(20)
        c.start_zrms()
        ops.answer = 200
        fail(c, "t-7")
        until(lambda: ops.headers[-1][0] == "/other", "the new one begins with what is new")
        assert ops.subjects().count("t-6") == 0
        settings(tmp_path, targets)
        c.zrms.process.terminate()
        c.zrms.process.wait(20)
        c.start_zrms()
        until(lambda: [n["subject"] for n in own()][3:] == ["t-6", "t-7"], "one that is back within the hour goes on")


def test_certificates_of_webhooks_are_checked_and_settings_that_cannot_work_are_refused(start, tmp_path):
    pair = {}
    for name, of in (("good", "IP:127.0.0.1"), ("other", "DNS:elsewhere.example")):
        pair[name] = [tmp_path / f"{name}.crt", tmp_path / f"{name}.key"]
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=x",
            "-addext", f"subjectAltName={of}", "-keyout", pair[name][1], "-out", pair[name][0])

    def context(name):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(*pair[name])
        return made
    with Receiver(context=context("good")) as good, Receiver(context=context("other")) as other:
        c = start([webhook("good", good, ca_file=str(pair["good"][0])), webhook("unknown", good),
                   webhook("misnamed", other, ca_file=str(pair["other"][0]))])
        fail(c, "one")
        until(lambda: good.subjects() == ["one"], "it came")
        for name in ("unknown", "misnamed"):
            until(lambda n=name: metric(c, "failed_total", n) > 0, f"{name} fails")
            assert "is not trusted" in target(c, name)["error"]
        assert (good.requests, other.requests) == (1, 0), "nothing was sent to whom it does not know"
        c.zrms.process.terminate()
        c.zrms.process.wait(20)
        settings(tmp_path, [webhook("good", good, on=["topologie.failed"])])
        refused = run(*c.zrms.command, check=False)
        assert refused.returncode == 1
        assert f"{tmp_path}/zrms.yaml:1:" in refused.stderr and "did you mean 'topology.failed'?" in refused.stderr
        settings(tmp_path, [])
        c.start_zrms()
        assert "Nobody is notified" in c.zshell("notices").stdout


def test_an_old_backup_is_a_notice(start, tmp_path):
    backups = tmp_path / "backups"
    with Receiver() as ops:
        c = start([webhook("ops", ops, on=["backup.old", "backup.recovered"])],
                  options=["--backup-every", "2s", "--backup-old-after", "4s", "--backup-dir", backups])
        until(lambda: backups.exists() and list(backups.glob("*.backup")), "one is made")
        taken = iter(range(1000))

        def becomes_a_file():
            with contextlib.suppress(FileNotFoundError):
                backups.rename(tmp_path / f"away-{next(taken)}")
            try:
                backups.write_text("no directory")
            except IsADirectoryError:  # zrms has made it again, between the two
                return False
            return True
        until(becomes_a_file, "there is no directory for them")
        until(lambda: [n["notice"] for n in ops.got] == ["backup.old"], "it is old")
        assert "the newest backup is of 20" in ops.got[0]["cause"]
        c.zrms.kill()
        c.start_zrms()
        backups.unlink()
        until(lambda: [n["notice"] for n in ops.got][-1] == "backup.recovered", "there is another one")
        assert [n["notice"] for n in ops.got] == ["backup.old", "backup.recovered"], "each once"


class NotifyingThree(ThreeZrms):
    def start_zrms(self):
        if "--config" not in self.zrms.command:
            self.zrms.command += ["--config", self.directory.parent / "zrms.yaml"]
        super().start_zrms()


@needs_an_address
def test_of_three_zrms_the_one_that_leads_sends_and_the_next_one_leaves_nothing_out(start_cluster, tmp_path):
    with Receiver() as ops:
        settings(tmp_path, [webhook("ops", ops)])
        c = start_cluster(kind=NotifyingThree, zhosts=["edge-node-1"])
        first = c.leader()
        fail(c, "one")
        until(lambda: ops.subjects() == ["one"], "it came once, of three")
        ops.answer = 500
        fail(c, "two")
        until(lambda: ops.requests > 2, "it does not arrive")
        c.all_zrms()[first].kill()
        c.leader(first)
        ops.answer = 200
        until(lambda: ops.subjects() == ["one", "two"], "the next leader sends what was left")
        fail(c, "three")
        until(lambda: ops.subjects() == ["one", "two", "three"], "and what follows")
