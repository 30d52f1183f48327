"""What a page of my-app does, without a browser: a session of zedge, questions and answers."""
import json
import os
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request

from conftest import DEADLINE, until


class Page:
    def __init__(self, zedge, topology="my-app", space="dashboard"):
        self.base = f"{zedge}/{topology}/{space}/_samoza"
        self.messages = []
        self.asked = 0  # questions that zedge took
        self.session = None
        self.stream = until(self.open, "zedge has heard of the page")
        self.connection = socket.socket(fileno=os.dup(self.stream.fileno()))
        threading.Thread(target=self.listen, daemon=True).start()
        until(lambda: self.session, "zedge gives a session")

    def open(self):
        """None: its zhost has not heard yet that the page is started, on another one."""
        try:
            return urllib.request.urlopen(f"{self.base}/messages", timeout=DEADLINE)
        except urllib.error.HTTPError as error:
            assert error.code == 404, error
            return None

    def listen(self):
        event = None
        try:
            for line in self.stream:
                text = line.decode().rstrip("\n")
                if text == "":
                    event = None
                elif text.startswith("event:"):
                    event = text.split(":", 1)[1].strip()
                elif text.startswith("data:"):
                    data = json.loads(text.split(":", 1)[1])
                    if event == "session":
                        self.session = data["session"]
                    else:
                        self.messages.append(data.get("text"))
        except (OSError, ValueError, AttributeError):
            pass

    def emit(self, path, text):
        request = urllib.request.Request(
            f"{self.base}/emit?path={urllib.parse.quote(path)}", data=text.encode(), method="POST",
            headers={"X-Samoza-Session": self.session, "Content-Type": "application/octet-stream"})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def ask(self, question, deadline=DEADLINE, holds=None):
        """Asks until the answer is a list of entries, as the page does; returns the texts. `holds`: a text of the
        answer. As many lists without it as earlier questions are owed come late, for those; the next is wrong."""
        first_own = self.asked  # of the answers, if none was lost

        def answered():
            seen = len(self.messages)
            if self.emit("queries", question) >= 300:
                return None
            self.asked += 1

            def comes():
                for index in range(seen, len(self.messages)):
                    lines = self.messages[index].split("\n")
                    texts = [line.split("\t")[2] for line in lines[1:] if line] if lines[0] == "entries" else None
                    if texts is None or holds is None or holds in texts or index >= first_own:
                        return [texts]
                return None
            try:
                [texts] = until(comes, "an answer", 1.0)
            except AssertionError:
                return None
            return None if texts is None else [texts]
        return until(answered, f"an answer to {question.splitlines()[0]}", deadline)[0]

    def add(self, identity, text, name="Ada"):
        return self.ask(f"add\n{identity}\n{1700000000000 + int(identity, 36) % 1000}\n{name}\n{text}")

    def entries(self, deadline=DEADLINE):
        return self.ask("list", deadline)

    def close(self):
        # Not stream.close(): it would wait for the thread that reads, so for the next event.
        self.connection.shutdown(socket.SHUT_RDWR)
