"""What a zhost does on its own while it cannot reach zrms [change.loss.stop-after]."""
import os
import signal
import time

import pytest

from conftest import is_alive, until

STOP_AFTER_MS = 3000


def one_of(cluster, name, space):
    """Deploys a topology of that one space; the process that it has."""
    before = set(cluster.zruns("edge-1"))
    cluster.deploy(name, [space])
    (pid,) = set(cluster.zruns("edge-1")) - before
    return pid


@pytest.fixture
def pump(start_cluster):
    """A cluster of one zhost, with a space that is to stop when it is cut off, and one that is not."""
    c = start_cluster(zhosts=["edge-1"])
    c.log_pid = one_of(c, "log", {"name": "log", "type": "CALL"})
    c.pump_pid = one_of(c, "pump", {"name": "pump", "type": "CALL",
                                    "loss": {"stop_after": f"{STOP_AFTER_MS}ms"}})
    return c


def starts_again(c):
    until(lambda: len(c.zruns("edge-1")) == 2, "the pump runs again")
    c.wait_state("pump", "running")
    c.wait_state("log", "running")
    seen = c.space("pump", "pump")
    assert not seen.get("lastError") and not seen.get("restarts"), seen
    assert is_alive(c.log_pid)


@pytest.mark.parametrize("silence", [signal.SIGSTOP, signal.SIGKILL], ids=["stands-still", "killed"])
def test_a_space_stops_by_itself_when_zrms_is_silent_and_starts_again(pump, silence):
    time.sleep(2 * STOP_AFTER_MS / 1000)  # heartbeats renew it
    assert is_alive(pump.pump_pid)
    silent_since = time.monotonic()
    os.kill(pump.zrms.pid, silence)
    until(lambda: not is_alive(pump.pump_pid), "the pump stops by itself")
    # It counts from the last heartbeat that was acknowledged: one of 200 ms, and a slow machine.
    assert time.monotonic() - silent_since > STOP_AFTER_MS / 1000 - 2
    assert is_alive(pump.log_pid)
    if silence == signal.SIGSTOP:
        os.kill(pump.zrms.pid, signal.SIGCONT)
    else:
        pump.zrms.kill()
        pump.start_zrms()
    starts_again(pump)


def test_a_restart_of_the_zhost_while_it_is_cut_off_gives_a_space_no_more_time(pump):
    pump.zrms.kill()
    silent_since = time.monotonic()
    while time.monotonic() - silent_since < STOP_AFTER_MS / 1000 and is_alive(pump.pump_pid):
        pump.zhosts["edge-1"].kill()
        pump.zhosts["edge-1"].start()
        time.sleep(0.5)  # it lives for a while, too
    until(lambda: not is_alive(pump.pump_pid), "the pump stops by itself")
    assert time.monotonic() - silent_since < 3 * STOP_AFTER_MS / 1000
    assert is_alive(pump.log_pid)
    pump.start_zrms()
    starts_again(pump)


def test_a_time_below_the_failure_timeout_is_refused(start_cluster):
    c = start_cluster(zhosts=["edge-1"])
    package = c.build(c.app("pump", [{"name": "pump", "type": "CALL", "loss": {"stop_after": "1s"}}]))
    said = " ".join(c.zshell("topo", "submit", package, check=False).stderr.split())
    assert ("loss.stop_after of space 'pump' is 1s, and a zhost is cut off only after the failure timeout "
            "of 2s; expected at least 2s, or never") in said
