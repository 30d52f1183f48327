"""A run: the cluster is made, clients ask, things go wrong, everything comes back, and what was noted is judged."""
import contextlib
import json
import shutil
import sys
import threading
import time

import apps
import clients
import cluster
import faults
import linear
import watch
from conftest import BIN, until
from rig import why_not

LOYAL = 6  # for each zrms
HASTY, HASTY_PAUSE = 4, 0.03
BACK_S = 120  # until everything is back after the last fault
JUDGE_S = 120


class Trial:
    """Everything that goes on beside the faults."""

    def __init__(self, made, seed, pause):
        self.cluster = made
        self.apps = apps.Apps(made)
        self.apps.deploy()
        self.record = clients.Record()
        self.clients = [
            *(clients.Operator(made, self.record, f"operator-{n}", seed, pause) for n in range(3)),
            *(clients.Hasty(made, self.record, f"hasty-{n}", seed, HASTY_PAUSE) for n in range(HASTY)),
            *(clients.Keeper(made, self.record, f"keeper-{n}", seed, pause, name) for n, name in enumerate(cluster.ZHOSTS)),
            *(clients.Loyal(made, self.record, f"loyal-{name}-{n}", seed, name) for name in cluster.CONTROL
              for n in range(LOYAL))]
        self.processes = watch.Processes(self.record, self.apps.exclusive, self.apps.steady)
        self.follower = watch.Follower(made, self.record)
        self.leaders = watch.Leaders(made, self.record)
        self.findings = []

    def __enter__(self):
        until(lambda: all(len(found) == 1 for found in self.processes.found().values()), "what is watched runs")
        for thread in (self.processes, self.follower, self.leaders, *self.clients):
            thread.start()
        return self

    def __exit__(self, *_):
        for thread in (*self.clients, self.processes, self.follower, self.leaders):
            thread.ends.set()
        for thread in (*self.clients, self.processes, self.follower, self.leaders):
            if thread.is_alive():
                thread.join()

    def acknowledged(self, client=None):
        """How many answers there are so far (of that client)."""
        with self.record.lock:
            return self.record.counts["acknowledged"] if client is None else sum(
                o.client == client and o.ended is not None for o in self.record.history)

    def end(self):
        """Everything is back: the last readings, and the end of the clients."""
        faults.undo_all(self.cluster)
        try:
            until(self.cluster.is_up, "everything is back", BACK_S)
        except AssertionError as error:
            self.findings.append(f"{error}: {self.cluster.roles()}")
        for client in self.clients:
            client.ends.set()
        for client in self.clients:
            client.join()
            if client.failure is not None:
                self.findings.append(f"{client.name} ended: {client.failure!r}")
        errors = []
        thread = threading.Thread(target=self.read_again, args=(errors,))
        thread.start()
        thread.join()
        self.findings += errors

    def read_again(self, errors):
        try:
            rest = watch.final_reads(self.cluster, self.record, self.clients[0])
            self.last_event = self.follower.compare_when_there(rest)
        except Exception as error:  # pylint: disable=broad-except
            errors.append(f"the last reading failed: {error!r}")

    def judge(self, seconds=JUDGE_S):
        """All findings, as texts."""
        verdicts = linear.check(self.record.history, clients.INITIAL, seconds)
        self.undecided = [v.key for v in verdicts if v.outcome == linear.UNDECIDED]
        return [*self.findings, *self.processes.findings, *self.follower.findings,
                *(str(v) for v in verdicts if v.outcome == linear.INVALID)]


def figures(trial, done):
    counts, record = trial.record.counts, trial.record
    kinds = {name for _, _, name, _ in done}
    return {
        "seconds": round(record.now()),
        "acknowledged": counts["acknowledged"], "unknown": counts["unknown"], "refused": counts["refused"],
        "not sent": counts["unsent"], "marked as old": counts["noticed"],
        "in the history": len(record.history), "registers": len({o.key for o in record.history}),
        "not decided in time": len(trial.undecided),
        "faults": len(done), "kinds of faults": len(kinds),
        "changes of the leader": trial.leaders.changes,
        "longest time without a leader": f"{trial.leaders.longest:.1f} s",
        "longest time without an answer": f"{record.longest_silence():.1f} s",
        "events": trial.last_event if hasattr(trial, "last_event") else "?",
        "connections of the follower": trial.follower.breaks + 1,
        "processes of what is exclusive": sum(len(lives) for lives in trial.processes.lives.values()),
    }


def keep_history(trial, done, directory):
    with (directory / "history.jsonl").open("w") as file:
        for operation in sorted(trial.record.history, key=lambda o: o.begun):
            file.write(json.dumps(vars(operation)) + "\n")
    with (directory / "faults.jsonl").open("w") as file:
        for fault in done:
            file.write(json.dumps(fault) + "\n")


def run(directory, seed, seconds, names=None, pause=0.15, zrms=None, keep=False):
    switch = BIN.parent / "tests" / "rig" / "rig-switch"
    missing = why_not(switch) or (None if shutil.which("etcd") else "there is no etcd: tools/setup test installs it")
    if missing:
        sys.exit(f"tests/history/run: {missing}")
    made = cluster.HistoryCluster(switch, directory, zrms_binary=zrms)
    with contextlib.closing(Stopped(made)):
        with Trial(made, seed, pause) as trial:
            wrong = faults.Faults(made, trial.record, seed, names, lambda text: print(text, flush=True))
            wrong.start()
            time.sleep(seconds)
            wrong.ends.set()
            wrong.join()
            if wrong.failure is not None:
                trial.findings.append(f"the faults ended: {wrong.failure!r}")
            trial.end()
        findings = trial.judge()
        keep_history(trial, wrong.done, directory)
    (directory / "findings").write_text("".join(text + "\n" for text in findings))
    for text in findings:
        print(text)
    for refusal, count in trial.record.refusals.most_common(12):
        print(f"{count:6} refused: {refusal}")
    for name, value in figures(trial, wrong.done).items():
        print(f"{name:32} {value}")
    print(f"{len(findings)} findings, seed {seed}" + (f", see {directory}" if findings or keep else ""))
    if not findings and not keep:
        shutil.rmtree(directory)
    return 1 if findings else 0


class Stopped:
    """contextlib.closing() of the cluster."""

    def __init__(self, made):
        self.close = made.stop
