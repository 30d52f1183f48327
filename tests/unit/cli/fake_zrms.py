"""A zrms of canned views, for tests of zshell: what it is asked is recorded, what it answers is
set by the test. Its event stream is a real one: resumable, and it can break."""

import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ID = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
OTHER = "a1b2ffff-0000-4000-8000-000000000000"
CREATED = "2026-04-29T10:30:00Z"
UPDATED = "2026-04-30T14:22:11Z"
PAGE_EVENTS = 10000


def topology(state="running", **more):
    view = {"id": ID, "name": "my-app", "state": state, "spaces": 3, "created": CREATED,
            "updated": UPDATED, "placements": [], "scaled": [], "dependents": []}
    view.update(more)
    return view


def placements(state="deployed-started"):
    return [{"space": name, "zhost": zhost, "state": state}
            for name, zhost in (("dashboard", "edge-node-1"), ("api", "edge-node-2"),
                                ("store", "edge-node-3"))]


def space(path, state="deployed-started", goal="deployed-started", topology_name="my-app",
          topology_id=ID, **more):
    view = {"name": f"{topology_name}/{path}", "topology": topology_name,
            "topology_id": topology_id, "path": path, "space": path, "type": "CALL",
            "state": state, "goal": goal, "zhost": "edge-node-2", "since": UPDATED, "epoch": 1,
            "restarts": 0, "imports": [], "exports": [], "log": []}
    view.update(more)
    return view


def event(seq, kind, subject, old, new, cause="asked", topology_id=ID):
    return {"seq": seq, "time": UPDATED, "kind": kind, "subject": subject, "from": old,
            "to": new, "cause": cause, "topology": topology_id}


def zhost(name, **more):
    view = {"name": name, "state": "deployed-started", "cordoned": False, "instances": 2,
            "cpu_millicores": {"total": 2000, "reserved": 150},
            "memory_bytes": {"total": 8 << 30, "reserved": 96 << 20},
            "labels": [{"name": "region", "value": "eu"}], "capabilities": ["sensors.camera"],
            "devices": [{"kind": "gpu", "model": "T4", "count": 2, "free": 1}],
            "incarnation": 1}
    view.update(more)
    return view


def refusal(status, message, *details):
    return status, {"error": {"code": "refused", "message": message, "details": list(details)}}


class Fake:
    """routes: "GET /v1/topologies" -> (status, object) or a function of the request."""

    def __init__(self):
        amount = {"total": 0, "reserved": 0}
        self.routes = {"GET /v1/cluster": (200, {"id": "c1", "cpu_millicores": amount, "memory_bytes": amount})}
        self.requests = []
        self.sent_bytes = 0  # of answers
        self.events = []  # of the stream; {"seq": N, "comment": TEXT} is a comment between them
        self.answer_events = None
        self.connections = 0
        self.break_after = None  # events of one connection, then it breaks
        self.changed = threading.Condition()
        self.closing = False
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def answer(self):
                fake.answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = answer

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self):
        with self.changed:
            self.closing = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def push(self, *events):
        with self.changed:
            self.events.extend(events)
            self.changed.notify_all()

    def asked(self, pattern):
        return [r for r in self.requests if re.search(pattern, r["line"])]

    def answer(self, handler):
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length)
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        request = {"line": f"{handler.command} {handler.path}", "body": body, "query": query,
                   "type": handler.headers.get("Content-Type"),
                   "agent": handler.headers.get("User-Agent")}
        self.requests.append(request)
        if url.path == "/v1/events":
            if query.get("stream") == "0" and self.answer_events is not None:
                self.send(handler, *self.answer_events(request))
            elif query.get("stream") == "0":
                after = int(query.get("after", 0))
                if "newest" in query and self.events:
                    after = max(after, self.events[-1]["seq"] - int(query["newest"]))
                self.send(handler, 200, {"events": [
                    e for e in self.events if e["seq"] > after and "comment" not in e and
                    query.get("topology") in (None, e.get("topology"))][:PAGE_EVENTS]})
            else:
                self.stream(handler, int(query.get("after", 0)))
            return
        route = self.routes.get(f"{handler.command} {handler.path}",
                                self.routes.get(f"{handler.command} {url.path}"))
        if callable(route):
            route = route(request)
        if route is None:
            route = (404, {"error": {"code": "not_found", "message": f"no {url.path}",
                                     "details": []}})
        status, value = route
        if handler.command == "GET" and isinstance(value, dict):
            value = self.part(value, query)
        self.send(handler, status, value)

    def part(self, value, query):
        """Of a list what is asked for by name, as zrms does."""
        given = {k: query[k] for k in ("named", "prefix", "path", "topology", "topology_state",
                                       "limit") if k in query}
        lists = [k for k in ("topologies", "spaces", "zhosts") if isinstance(value.get(k), list)]
        if not given or not lists:
            return value
        entries = value[lists[0]]
        if "named" in given:
            named = given["named"]
            entries = [e for e in entries if named in (e["id"], e["name"])] or [
                e for e in entries if len(named) >= 4 and e["id"].startswith(named)]
        if "prefix" in given:
            entries = [e for e in entries if e["name"].startswith(given["prefix"]) or
                       e.get("id", "").startswith(given["prefix"])]
        if "path" in given:
            entries = [e for e in entries if e["path"] == given["path"]]
        if "topology" in given:
            entries = [e for e in entries if given["topology"] in (e["topology"],
                                                                   e.get("topology_id", e["topology"]))]
        if "topology_state" in given:
            listed = self.routes.get("GET /v1/topologies", (200, {}))[1].get("topologies", [])
            states = {t["id"]: t["state"] for t in listed}
            entries = [e for e in entries if states.get(e["topology_id"], "running") in
                       given["topology_state"].split(",")]
        limit = int(given.get("limit", len(entries)))
        more = {"next": "1.1"} if len(entries) > limit or "next" in value else {}
        return {lists[0]: entries[:limit], **more}

    def send(self, handler, status, value):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.sent_bytes += len(data)
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def stream(self, handler, after):
        sent = 0
        self.connections += 1
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        handler.wfile.write(b": welcome\n\n")
        handler.wfile.flush()
        while True:
            with self.changed:
                self.changed.wait_for(
                    lambda: self.closing or any(e["seq"] > after for e in self.events), 30)
                ready = [e for e in self.events if e["seq"] > after]
                if self.closing:
                    return
            for e in ready:
                after = e["seq"]
                if "comment" in e:
                    text = f": {e['comment']}\n\n"
                else:
                    text = f"id: {e['seq']}\nevent: {e['kind']}\ndata: {json.dumps(e)}\n\n"
                try:
                    handler.wfile.write(text.encode())
                    handler.wfile.flush()
                except OSError:
                    return
                sent += "comment" not in e
                if self.break_after is not None and sent >= self.break_after:
                    return
