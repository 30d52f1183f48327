"""The logs of all instances of a topology in one stream: in the order of their times, filtered, followed across losses."""
import json
import os
import re
import signal
import subprocess

from conftest import BIN, until
from native import native_deploy

TALK = """
#include <samoza.h>
static int n;
SAMOZA_ON_PROCESS(void)
{
	char text[32] = "tick ";
	int at = 5, k = n++;
	if (k >= 100) text[at++] = (char)('0' + k / 100 % 10);
	if (k >= 10) text[at++] = (char)('0' + k / 10 % 10);
	text[at++] = (char)('0' + k % 10);
	text[at] = 0;
	samoza_log(SAMOZA_INFO, text);
	samoza_sleep(200);
	return 0;
}
"""
LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\S+) +(debug|info|warn|error) +(.*)")


def talk(c, name="talk", count=4):
    c.deploy(name, [{"name": "s", "type": "CALL", "count": count, "capabilities": ["sys.log"],
                     "placement": {"strategy": "spread"}}], {"s": TALK})


def parsed(text):
    lines = [LINE.fullmatch(line) for line in text.splitlines()]
    assert all(lines), text
    return [m.groups() for m in lines]


class Following:
    """`topo logs -f`, whose output is read as it comes."""

    def __init__(self, c, *words):
        self.out, self.err = c.directory / "follow.out", c.directory / "follow.err"
        self.process = subprocess.Popen([BIN / "zshell", "--api", c.url, *words], stdout=self.out.open("w"),
                                        stderr=self.err.open("w"), stdin=subprocess.DEVNULL,
                                        # A job in the background ignores it, and so do its children.
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def lines(self):
        return self.out.read_text().splitlines()

    def entries(self):
        text = self.out.read_text()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def said(self, what):
        return what in self.err.read_text().replace("\n", " ")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def ticks(entries):
    """What each instance on each zhost said, as numbers in the order of their coming."""
    found = {}
    for e in entries:
        if e["text"].startswith("tick "):
            found.setdefault((e["zhost"], e["instance"]), []).append(int(e["text"][5:]))
    return found


def test_all_instances_are_in_one_stream_in_the_order_of_their_times(start_cluster):
    c = start_cluster(zhosts=("n1", "n2"))
    talk(c)
    assert {c.zhost_of("talk", f"s-{n}") for n in (1, 2, 3, 4)} == {"n1", "n2"}

    def all_speak():
        lines = parsed(c.zshell("topo", "logs", "talk").stdout)
        return lines if {m[1] for m in lines if "tick 3" in m[3]} == {"s-1", "s-2", "s-3", "s-4"} else None
    lines = until(all_speak, "each has spoken")
    assert [m[0] for m in lines] == sorted(m[0] for m in lines)
    # The newest ones of all together, and those with a text.
    last = parsed(c.zshell("topo", "logs", "talk", "--lines", "5").stdout)
    assert len(last) == 5 and last[0][0] >= lines[-5][0]
    found = parsed(c.zshell("topo", "logs", "talk", "--grep", "tick 2").stdout)
    assert found and all("tick 2" in m[3] for m in found)
    # A filter looks at what was said, not at times and names; it is no pattern.
    assert c.zshell("topo", "logs", "talk", "--grep", "info").stdout == ""
    assert c.zshell("topo", "logs", "talk", "--grep", "tick.*").stdout == ""
    # Objects on lines for scripts.
    entries = [json.loads(line) for line in c.zshell("-o", "json", "topo", "logs", "talk", "--lines", "8").stdout.splitlines()]
    assert len(entries) == 8
    assert all(set(e) == {"time", "instance", "zhost", "level", "text"} for e in entries)
    # Since: what is older is left out.
    old = entries[0]["time"]
    until(lambda: (new := parsed(c.zshell("topo", "logs", "talk", "--since", "1s").stdout)) and new[0][0] > old,
          "older lines are left out")
    refused = c.zshell("topo", "logs", "nothing", check=False)
    assert refused.returncode == 1 and "nothing" in refused.stderr
    assert c.zshell("topo", "logs", check=False).returncode == 2


def test_a_zhost_that_is_lost_while_one_follows_is_named_and_read_again(start_cluster):
    c = start_cluster(zhosts=("n1", "n2"), timeout="30s")
    talk(c, count=2)
    one = next(n for n in ("s-1", "s-2") if c.zhost_of("talk", n) == "n1")
    f = Following(c, "-o", "json", "topo", "logs", "talk", "-f")
    until(lambda: len(ticks(f.entries())) == 2, "both are followed")
    # Its zhost ends; the instance lives on, and speaks.
    c.zhosts["n1"].kill()
    until(lambda: f.said("zhost n1 cannot be reached") and f.said(f"the lines of {one} are missing"), "it is named")
    other = lambda: max(n for (z, _), all in ticks(f.entries()).items() for n in all if z == "n2")
    before = other()
    until(lambda: other() > before + 2, "the others go on")
    c.zhosts["n1"].start()
    until(lambda: f.said("zhost n1 is back"), "it is back")
    seen = len(ticks(f.entries())[("n1", one)])
    until(lambda: len(ticks(f.entries())[("n1", one)]) > seen + 3, "its lines go on")
    f.end()
    # Nothing is missing, and nothing came twice.
    for numbers in ticks(f.entries()).values():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers


def test_a_stream_goes_on_after_zrms_was_killed_without_gap_and_repetition(start_cluster):
    c = start_cluster(zhosts=("n1", "n2"), timeout="30s")
    talk(c, count=2)
    f = Following(c, "-o", "json", "topo", "logs", "talk", "-f")
    until(lambda: len(ticks(f.entries())) == 2, "both are followed")
    c.zrms.kill()
    until(lambda: f.said("lost the connection to zrms"), "the loss is named")
    c.start_zrms()
    c.wait_zhost("n1", "deployed-started")
    counts = lambda: sorted(len(all) for all in ticks(f.entries()).values())
    seen = counts()
    until(lambda: counts()[0] > seen[1] + 5, "lines come again", deadline=60)
    f.end()
    for numbers in ticks(f.entries()).values():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers


def test_what_came_while_zrms_was_away_is_not_left_out_where_a_zhost_is_back_later(start_cluster):
    c = start_cluster(zhosts=("n1", "n2"), timeout="300s")
    talk(c, count=2)
    f = Following(c, "-o", "json", "topo", "logs", "talk", "-f")
    until(lambda: len(ticks(f.entries())) == 2, "both are followed")
    logs = [next((c.directory / name / "log").glob("*[0-9a-f].log")) for name in ("n1", "n2")]
    c.zrms.kill()
    until(lambda: f.said("lost the connection to zrms"), "the loss is named")
    before = [len(log.read_text()) for log in logs]
    until(lambda: all(len(log.read_text()) > size + 200 for log, size in zip(logs, before)), "they speak meanwhile")
    for zhost in c.zhosts.values():
        os.kill(zhost.process.pid, signal.SIGSTOP)
    try:
        c.start_zrms()
        until(lambda: f.said("zhost n1 cannot be reached") and f.said("zhost n2 cannot be reached"), "the stream is there first")
    finally:
        for zhost in c.zhosts.values():
            os.kill(zhost.process.pid, signal.SIGCONT)
    seen = {of: len(numbers) for of, numbers in ticks(f.entries()).items()}
    until(lambda: all(len(numbers) > seen[of] + 5 for of, numbers in ticks(f.entries()).items()), "lines come again")
    f.end()
    for numbers in ticks(f.entries()).values():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers


def test_instances_that_come_are_followed_too(start_cluster):
    c = start_cluster(zhosts=("n1", "n2"))
    talk(c, count=1)
    f = Following(c, "-o", "json", "topo", "logs", "talk", "-f")
    until(lambda: len(ticks(f.entries())) == 1, "it is followed")
    c.zshell("topo", "scale", "talk", "s=3", "--wait=60s")
    until(lambda: {i for _, i in ticks(f.entries())} == {"s-1", "s-2", "s-3"}, "those that came are followed")
    f.end()
    for numbers in ticks(f.entries()).values():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers
    # From the first line on.
    assert all(n[0] == 0 for (_, i), n in ticks(f.entries()).items() if i != "s-1")


def test_on_a_terminal_names_align_and_are_coloured(start_cluster):
    c = start_cluster(zhosts=("n1",))
    c.deploy("mix", [{"name": "a", "type": "CALL", "capabilities": ["sys.log"]},
                     {"name": "longer-name", "type": "CALL", "capabilities": ["sys.log"]}],
             {"a": TALK, "longer-name": TALK})
    until(lambda: {m[1] for m in parsed(c.zshell("topo", "logs", "mix").stdout) if "tick" in m[3]} == {"a", "longer-name"},
          "both have spoken")
    script = f"TERM=xterm PAGER=cat {BIN}/zshell --api {c.url} topo logs mix"
    shown = subprocess.run(["script", "-qec", script, "/dev/null"], capture_output=True, text=True, timeout=60,
                           stdin=subprocess.DEVNULL).stdout
    lines = [line for line in shown.replace("\r", "").splitlines() if "tick" in line]
    assert lines and all("\x1b[" in line for line in lines), shown
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert len({line.index("info") for line in plain}) == 1, plain


def test_a_line_of_ten_megabytes_is_bounded_and_the_log_says_so(start_cluster):
    c = start_cluster(zhosts=("n1",))
    native_deploy(c, "long", [{"name": "p", "run": {"mode": "foreground"}}], {
        "p/recipes/start": "#!/bin/sh\nhead -c 10485760 /dev/zero | tr '\\0' x\necho\nsleep 1\necho after\nexec sleep 100171\n"})
    c.deploy("wasm", [{"name": "w", "type": "CALL", "capabilities": ["sys.log"]}], {"w": """
#include <samoza.h>
static char text[60001], longest[10 << 20];
SAMOZA_ON_PROCESS(void)
{
	for (int i = 0; i < (int)sizeof(text) - 1; i++) text[i] = 'y';
	for (int i = 0; i < (int)sizeof(longest) - 1; i++) longest[i] = 'z';
	samoza_log(SAMOZA_INFO, text);
	samoza_log(SAMOZA_INFO, longest); /* refused: -EMSGSIZE */
	samoza_log(SAMOZA_INFO, "after");
	samoza_sleep(1000000);
	return 0;
}
"""})

    def lines_of(name, what):
        lines = parsed(c.zshell("topo", "logs", name, "--lines", "10000").stdout)
        return lines if any(what in m[3] for m in lines) and any("after" in m[3] for m in lines) else None
    for name, what in (("long", "bytes are not in this log"), ("wasm", "(60000 bytes in all)")):
        lines = until(lambda: lines_of(name, what), f"{name} says that something is missing")
        assert all(len(m[3]) <= 4096 for m in lines)
        assert sum(len(m[3]) for m in lines) < 2 << 20
