"""A space that crashes: the rest is untouched, it is restarted with back-off, and says why."""
import pytest

from conftest import until

HEAD = "#include <samoza.h>\n#include <stdlib.h>\n#include <string.h>\n"
FAILING = {
    "trap": (HEAD + "SAMOZA_ON_INIT(void) { samoza_log(SAMOZA_INFO, \"about to trap\"); return 0; }\n"
             "SAMOZA_ON_PROCESS(void) { samoza_sleep(50); __builtin_trap(); return 0; }\n",
             "process: ", "about to trap"),
    "memory": (HEAD + "SAMOZA_ON_PROCESS(void) { samoza_log(SAMOZA_INFO, \"eating\"); samoza_sleep(50);\n"
               "  while (__builtin_wasm_memory_grow(0, 16) != (size_t)-1) samoza_yield();\n"
               "  samoza_log(SAMOZA_ERROR, \"no more\"); __builtin_trap(); }\n",
               "process: ", "no more"),
    "init": (HEAD + "SAMOZA_ON_INIT(void) { samoza_log(SAMOZA_ERROR, \"cannot begin\"); return 3; }\n"
             "SAMOZA_ON_PROCESS(void) { return 0; }\n",
             "start: ", "cannot begin"),
}


@pytest.mark.parametrize("how", FAILING)
def test_a_failing_space_is_retried_and_the_others_keep_running(start_cluster, how):
    c = start_cluster(zhosts=["edge-node-1"])
    source, action, line = FAILING[how]
    c.deploy("mixed", [{"name": "good", "type": "CALL", "capabilities": ["sys.log"]}])
    good = c.zruns("edge-node-1")
    package = c.build(c.app("broken", [
        {"name": "bad", "type": "CALL", "capabilities": ["sys.log"],
         "restart": {"attempts": 2, "window": "10m"}}], {"bad": source}), "broken")
    c.zshell("topo", "submit", package)
    until(lambda: c.space("broken", "bad").get("last_error", "").startswith(action), "it failed")
    failed = until(lambda: c.state("broken") == "failed" and c.topology("broken"), "attempts used up")
    assert failed["failure_reason"].startswith("bad failed 3 times on edge-node-1: " + action), failed
    starts = [e for e in c.events("broken") if e["subject"] == "broken/bad" and e["to"] == "starting"]
    assert len(starts) == 3
    shown = lambda: c.zshell("spaces", "status", "broken/bad").stdout
    until(lambda: line in shown(), "its last lines are shown")
    assert action.strip() in shown()
    assert c.state("mixed") == "running"
    assert set(good) <= set(c.zruns("edge-node-1"))
    assert c.space("mixed", "good")["restarts"] == 0


def test_a_space_that_never_calls_the_host_is_killed_by_its_watchdog(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    for daemon in c.zhosts.values():
        daemon.kill()
    daemon = c.zhosts["edge-node-1"]
    daemon.command += ["--watchdog", "1s"]
    daemon.start()
    package = c.build(c.app("loops", [{"name": "bad", "type": "CALL", "restart": {"attempts": 0}}], {
        "bad": HEAD + "SAMOZA_ON_PROCESS(void) { for (volatile int n = 0;; n = n + 1); return 0; }\n"}),
        "loops")
    c.zshell("topo", "submit", package)
    failed = c.wait_state("loops", "failed")
    assert "without calling the host" in failed["failure_reason"], failed


def test_a_space_that_finishes_is_not_restarted(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    package = c.build(c.app("once", [{"name": "job", "type": "CALL", "capabilities": ["sys.log"]}], {
        "job": HEAD + "SAMOZA_ON_PROCESS(void) { samoza_log(SAMOZA_INFO, \"done\"); return 1; }\n"}),
        "once")
    c.zshell("topo", "submit", package)
    c.wait_state("once", "stopped")
    space = c.space("once", "job")
    assert (space["state"], space["goal"]) == ("deployed-stopped", "deployed-stopped")
    assert space["restarts"] == 0
