"""Budgets of logs: how much is kept, how long, and after whose end."""
import contextlib
import re

from conftest import BIN, run, start_of, until
from native import native_app, native_deploy

LOUD = "#!/bin/sh\nn=0\nwhile :; do n=$((n+1)); printf 'line %d %01900d\\n' $n 0; sleep 0.1; done\n"


def bytes_of_logs(c, zhost):
    """At one moment: while files get other names, one is seen twice, or not at all."""
    directory = c.directory / zhost / "log"

    def seen():
        with contextlib.suppress(FileNotFoundError):
            return {(s.st_ino, s.st_size) for p in directory.iterdir() if ".log" in p.name and (s := p.stat())}
        return None

    def is_still():
        before = seen()
        return before is not None and seen() == before and [sum(size for _, size in before)]
    return until(is_still, "its files are as they are for a moment")[0]


def test_the_log_of_an_instance_keeps_to_its_budget_which_is_adjusted_in_place(start_cluster):
    c = start_cluster(zhosts=("n1",))
    space = {"name": "p", "run": {"mode": "foreground"}, "logs": {"size": "64KiB", "rate": "64KiB"}}
    native_deploy(c, "loud", [space], {"p/recipes/start": LOUD})
    last = lambda: [int(m) for m in re.findall(r" line (\d+) ", c.zshell("spaces", "logs", "loud/p", "--lines", "10000").stdout)]
    until(lambda: last() and last()[0] > 40, "older lines go", deadline=60)
    numbers = last()
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    # Up to one more write than a quarter of it in each of the four files.
    assert bytes_of_logs(c, "n1") <= 64 * 1024 + 4 * 20 * 1024
    pid = c.zruns("n1")[0]
    began = start_of(pid)
    # The verdict is "adjusted": nothing stops.
    space["logs"] = {"size": "2MiB", "rate": "1KiB"}
    package = c.build(native_app(c, "loud", [space], {"p/recipes/start": LOUD}, version="1.1.0"), "loud")
    plan = c.zshell("topo", "plan", package, check=False)
    assert plan.returncode == 10 and "adjusted" in plan.stdout and "logs.size" in plan.stdout, plan
    c.submit(package)
    until(lambda: "it prints more than 1024 bytes a second (logs.rate)" in c.zshell("spaces", "logs", "loud/p").stdout,
          "the rate holds", deadline=60)
    assert start_of(pid) == began and c.space("loud", "p")["restarts"] == 0
    # It survives the end of the instance.
    c.zshell("topo", "stop", "loud")
    c.wait_state("loud", "stopped")
    assert "line" in c.zshell("spaces", "logs", "loud/p").stdout
    assert "line" in c.zshell("topo", "logs", "loud").stdout
    # And a restart of its zhost.
    c.zhosts["n1"].kill()
    c.zhosts["n1"].start()
    c.wait_zhost("n1", "deployed-started")
    until(lambda: "line" in c.zshell("spaces", "logs", "loud/p", check=False).stdout, "it is still there")


def test_budgets_out_of_bounds_are_refused_by_name(start_cluster):
    c = start_cluster(zhosts=())
    for logs, said in (({"size": "1KiB"}, "logs.size must be from 64KiB to 1GiB"),
                       ({"rate": "1MiB"}, "logs.rate must be from 1KiB to 64KiB"),
                       ({"keep": "1s"}, "logs.keep must be at least 1m"),
                       ({"keep": "long"}, "a duration such as 7d"),
                       ({"sise": "1MiB"}, "unknown key 'sise'")):
        app = native_app(c, "bad", [{"name": "p", "logs": logs}], {"p/recipes/start": "#!/bin/sh\n"})
        done = run(BIN / "mex", "validate", app, check=False)
        assert done.returncode != 0 and said in done.stdout + done.stderr, (logs, done)


def test_the_last_lines_of_what_failed_outlive_its_zhost(start_cluster):
    c = start_cluster(zhosts=("n1",))
    native_deploy(c, "bad", [{"name": "p", "run": {"mode": "foreground"}, "restart": {"attempts": 0}}], {
        "p/recipes/start": "#!/bin/sh\ni=0\nwhile [ $i -lt 150 ]; do i=$((i+1)); echo \"step $i\"; done\nsleep 2\n"
                           "echo 'disk is gone'\nexit 3\n"})
    kept = lambda: [f for f in (c.directory / "zrms" / "last-lines").glob("*/*") if f.suffix != ".new"]
    until(kept, "zrms has kept them")
    c.zhosts["n1"].kill()
    c.wait_zhost("n1", "problem")
    # zrms has them on disk.
    c.zrms.kill()
    c.start_zrms()
    c.wait_zhost("n1", "problem")
    done = c.zshell("spaces", "logs", "bad/p")
    lines = done.stdout.splitlines()
    assert "the last lines that zrms keeps, of when it failed at 20" in done.stderr.replace("\n", " "), done
    assert len(lines) == 100 and any("disk is gone" in line for line in lines[-5:]), lines[-5:]
    assert "step 150" in done.stdout and "step 20" not in [line[31:] for line in lines]
    # With the zhost all of it is there again; they go with the topology.
    c.zhosts["n1"].start()
    c.wait_zhost("n1", "deployed-started")
    until(lambda: "step 1\n" in c.zshell("spaces", "logs", "bad/p", check=False).stdout, "all of it")
    c.zshell("topo", "stop", "bad")
    c.wait_state("bad", "stopped")
    c.zshell("topo", "rm", "bad", "--yes")
    until(lambda: not kept(), "they are gone")
