"""Pages in a real browser."""
import json
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from conftest import ROOT, until
from test_rollout import line_of


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


def page_of(c, version, zhost):
    """A page that names its version, as another file of it does; the version runs on that zhost."""
    directory = c.app("shop", [{"name": "web", "type": "UI", "stop": {"grace": "10m"},
                                "placement": {"constraints": [f"zhost == {zhost}"]}}])
    for name in ("index.html", "late.txt"):
        (directory / "spaces" / "web" / name).write_text(version)
    manifest = json.loads((directory / "manifest.yaml").read_text())
    manifest["metadata"]["version"] = version
    manifest["rollout"] = {"policy": "rolling", "healthy": {"for": "0s"}}
    (directory / "manifest.yaml").write_text(json.dumps(manifest))
    return c.build(directory, f"shop-{version}")


def test_a_page_stays_with_its_version_until_that_is_gone(start_cluster, browser):
    c = start_cluster()
    c.submit(page_of(c, "1.0.0", "edge-node-1"))
    addresses = [f"{c.zedge(name)}/shop/web/" for name in ("edge-node-2", "edge-node-3")]
    person = browser(addresses[0])
    c.zshell("topo", "submit", page_of(c, "1.1.0", "edge-node-2"))
    until(lambda: all(person.do("stranger", a) == "1.1.0" for a in addresses), "who comes now gets the new version")
    assert person.do("fetch", "late.txt") == "1.0.0"
    assert person.do("text", addresses[0]) == "1.0.0"
    assert person.do("text", addresses[1]) == "1.0.0", "also at another zedge"
    c.kill_machine("edge-node-1")
    until(lambda: person.do("fetch", "late.txt") == "1.1.0", "its version is gone")
    until(lambda: person.do("text", addresses[0]) == "1.1.0", "also for the other zedge, which hears of it a moment later")
    until(lambda: line_of(c, "Version") == "1.1.0", "the rollout waits for nothing else")
    assert person.do("problems") == []


def ask(answers, address):
    """What a thread was answered: its text, or the status of the refusal."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            answers[address] = answer.read().decode()
    except urllib.error.HTTPError as error:
        answers[address] = error.code


def test_a_page_waits_for_a_file_while_zrms_is_away(start_cluster):
    """A zedge that has not served the file yet: it is fetched once zrms is back, within a time that a person bears."""
    c = start_cluster(zhosts=("edge-node-1", "edge-node-2"))
    directory = c.app("shop", [{"name": "web", "type": "UI",
                                "placement": {"constraints": ["zhost == edge-node-1"]}}])
    for name in ("soon.txt", "never.txt"):
        (directory / "spaces" / "web" / name).write_text(name)
    c.submit(c.build(directory, "shop"))
    page = f"{c.zedge('edge-node-2')}/shop/web"
    answers = {}

    def is_known():
        ask(answers, f"{page}/")
        return isinstance(answers.pop(f"{page}/"), str)

    until(is_known, "the page is known at the other zedge")
    c.zrms.kill()
    never, soon = (threading.Thread(target=ask, args=(answers, f"{page}/{name}.txt")) for name in ("never", "soon"))
    begun = time.monotonic()
    never.start()
    never.join()
    assert answers == {f"{page}/never.txt": 503}
    assert time.monotonic() - begun > 5, "it has waited"

    def failures():
        return c.zhosts["edge-node-2"].log.read_text().count("cache   failed")

    before = failures()
    soon.start()
    until(lambda: failures() > before + 1, "it is asked for in vain")
    assert soon.is_alive()
    c.start_zrms()
    soon.join()
    assert answers[f"{page}/soon.txt"] == "soon.txt"
