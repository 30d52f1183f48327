"""The guest book in a real browser."""
import json
import shutil
import subprocess

import pytest

from conftest import ROOT, until


class Browser:
    def __init__(self, address):
        self.process = subprocess.Popen(
            ["node", str(ROOT / "tests/e2e/browser.mjs"), address, shutil.which("chromium")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.read() == "ready"

    def read(self):
        line = self.process.stdout.readline()
        assert line, f"the browser ended with status {self.process.wait(30)}; why is above"
        return json.loads(line)

    def do(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


@pytest.fixture
def browser():
    opened = []

    def start(address):
        opened.append(Browser(address))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_an_entry_typed_in_a_browser_appears_and_survives_the_loss_of_the_stores_zhost(guest_book, browser):
    c = guest_book
    lost = c.zhost_of("my-app", "store")
    near = next(n for n in c.zhosts if n != lost)
    person = browser(f"{c.zedge(near)}/my-app/dashboard/")
    person.do("sign", "Ada|hello from a browser")
    until(lambda: person.do("entries") == ["hello from a browser"], "the entry is listed")
    until(lambda: person.do("placements").get("store") == lost, "the page shows where store runs")
    c.kill_machine(lost)
    c.wait_zhost(lost, "problem")
    c.wait_state("my-app", "running")
    # Without a reload: the same page goes on.
    person.do("sign", "Ada|after the loss")
    until(lambda: person.do("entries") == ["after the loss", "hello from a browser"],
          "the page works again")
    until(lambda: person.do("placements").get("store") not in (None, lost), "its new place is shown")
    assert person.do("problems") == []
