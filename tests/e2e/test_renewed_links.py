"""What runs over the link of a zhost goes on when that is made again with a renewed certificate [machines.identity.renewal]."""
import re
import subprocess
import threading

import pytest
from conftest import BIN, until
from native import native_deploy
from test_join import ShortLived, create, joiner

COUNTS = """
#!/bin/sh
i=0
while :; do i=$((i+1)); echo "number $i"; sleep 0.05; done
"""
RENEWED = "certificate.renewed"
ACCEPTED = "accepted zrms="


@pytest.fixture
def short(start_cluster, monkeypatch):
    """Certificates of six seconds, and so a new link every two or three; `run/p` says numbers."""
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    c = start_cluster(kind=ShortLived, zhosts=())
    zhost = joiner(c, "n1", create(c))
    zhost.start()
    c.wait_zhost("n1", "deployed-started")
    native_deploy(c, "run", [{"name": "p", "run": {"mode": "foreground"}}], {"p/recipes/start": COUNTS})
    return c


def log_of(c):
    return c.zhosts["n1"].log.read_text()


def test_a_log_that_is_followed_has_no_gap_where_the_link_is_made_again(short):
    c, lines = short, []
    follower = subprocess.Popen([str(BIN / "zshell"), "--api", c.url, "spaces", "logs", "-f", "--lines", "1", "run/p"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    reader = threading.Thread(target=lambda: lines.extend(follower.stdout))
    reader.start()
    try:
        before = log_of(c).count(RENEWED)
        until(lambda: log_of(c).count(RENEWED) >= before + 3, "three renewals")
        count = len(lines)
        until(lambda: len(lines) > count, "it goes on")
    finally:
        follower.kill()
        reader.join()
        said = follower.stderr.read()
        follower.wait()
    numbers = [int(re.search(r"number (\d+)", line).group(1)) for line in lines[:-1]]
    assert len(numbers) > 20 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert "lost the connection" not in said


def test_a_command_holds_its_link_until_it_ends(short):
    """It begins on a link that is just made: the next renewal falls into its time, and the link after that comes once it has ended."""
    # A link ends with its certificate. That is renewed at 2.6 s at the latest, and so is good for 3.4 s when a command begins.
    c, seen = short, 0
    for number in range(30):
        links = log_of(c).count(ACCEPTED)
        until(lambda: log_of(c).count(ACCEPTED) > links, "a link was just made")
        before = log_of(c)
        done = subprocess.run([str(BIN / "zshell"), "--api", c.url, "spaces", "exec", "run/p", "--", "sh", "-c",
                               f"sleep 2; echo {number}"], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (0, f"{number}\n"), done
        meanwhile = log_of(c).removeprefix(before).split(" started topology=")[1].split(" ended topology=")[0]
        assert ACCEPTED not in meanwhile, meanwhile
        seen += RENEWED in meanwhile  # in most
        if seen == 3:
            break
    assert seen == 3
    c.wait_zhost("n1", "deployed-started")


def test_what_begins_while_the_link_is_made_again_begins_on_the_other_one(short):
    """Commands one after the other: the link is made again between two of them, so that the next one comes in that moment.
    Each runs once, and each question for lines is answered."""
    c, number = short, 0
    zshell = [str(BIN / "zshell"), "--api", c.url, "spaces"]
    first = log_of(c).count(ACCEPTED)
    while log_of(c).count(ACCEPTED) < first + 10:
        number += 1
        done = subprocess.run([*zshell, "exec", "run/p", "--", "sh", "-c", f"echo {number} >>ran; echo {number}"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{number}\n", "")
        lines = subprocess.run([*zshell, "logs", "--lines", "1", "run/p"], capture_output=True, text=True, timeout=60,
                               check=False)
        assert lines.returncode == 0 and "number" in lines.stdout, lines
    ran = subprocess.run([*zshell, "exec", "run/p", "--", "cat", "ran"], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == [str(n + 1) for n in range(number)]
