"""The short form of tests/history/run: few faults in a fixed order, each of which is waited for, and the same judgement of what
was acknowledged meanwhile [machines.replicated.failover]."""
import shutil
import sys

import pytest
from conftest import ROOT, until

sys.path.insert(0, str(ROOT / "tests" / "history"))
import cluster  # noqa: E402
import faults  # noqa: E402
import trial  # noqa: E402


class Fixed:
    """Draws what the test says, in the place of random.Random."""

    def __init__(self, machine):
        self.machine = machine

    def random(self):
        return 1.0  # not by chance the leader; operators ask everybody

    def choice(self, among):
        return self.machine if self.machine in among else among[0]

    def sample(self, among, count):
        return [self.machine, *(other for other in among if other != self.machine)][:count]

    def uniform(self, low, _):
        return low


def test_nothing_acknowledged_is_lost_or_old_while_leaders_die_and_are_cut_off(rig_switch, tmp_path):
    if shutil.which("etcd") is None:
        pytest.skip("there is no etcd: tools/setup test installs it")
    made = cluster.HistoryCluster(rig_switch, tmp_path, timeout="20s")
    try:
        with trial.Trial(made, seed=1, pause=0.1) as judged:
            wrong = faults.Faults(made, judged.record, seed=1)

            def progress():
                before = judged.acknowledged()
                until(lambda: judged.acknowledged() > before + 30, "clients are answered", 60)

            def one(name, machine, wait):
                wrong.random = Fixed(machine)
                wrong.one(name, wait)
                progress()

            progress()
            first = made.leader()
            one("kill-zrms", first, lambda: made.wait_leader(first))
            second = made.wait_leader()
            # Until those who asked it have given it up, and ask the other: what it said to them meanwhile counts.
            one("cut-from-others", second, lambda: made.wait_leader(second) and progress())
            third = made.wait_leader()
            one("stop-zrms-briefly", third, lambda: made.wait_leader(third))
            one("lose-two-etcd", third, lambda: until(
                lambda: any("its store does not answer" in said for said in judged.record.refusals), "it says why", 60))
            judged.end()
            findings = judged.judge(20)
        assert findings == [] and judged.undecided == []
        assert judged.record.counts["acknowledged"] > 150
    finally:
        made.stop()
