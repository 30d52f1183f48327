"""Logs of an instance on the zhosts where it was before."""
from conftest import until

TALK = """
#include <samoza.h>
SAMOZA_ON_PROCESS(void) { samoza_log(SAMOZA_INFO, "hello"); samoza_sleep(1000); return 0; }
"""


def log_lines(done):
    assert done.returncode == 0, done
    return done.stdout.splitlines()


def test_logs_of_earlier_places_are_read_from_their_zhosts(start_cluster):
    c = start_cluster(zhosts=("n1", "n2"))
    c.deploy("talk", [{"name": "s", "type": "CALL", "capabilities": ["sys.log"]}], {"s": TALK})
    first = c.zhost_of("talk", "s")
    second = "n2" if first == "n1" else "n1"
    until(lambda: "hello" in c.zshell("spaces", "logs", "talk/s").stdout, "it has printed")
    done = c.zshell("spaces", "logs", "talk/s", "--previous", check=False)
    assert done.returncode == 1 and "talk/s has not been on another zhost before" in done.stderr

    c.kill_machine(first)
    c.wait_zhost(first, "problem")
    c.wait_state("talk", "running")
    assert c.zhost_of("talk", "s") == second
    until(lambda: "hello" in c.zshell("spaces", "logs", "talk/s").stdout, "it has printed there")
    # What is gone is said, and does not hide the rest.
    done = c.zshell("spaces", "logs", "talk/s", "--previous", check=False)
    assert done.returncode == 1 and first in done.stderr, done
    done = c.zshell("spaces", "logs", "talk/s", "--all")
    assert first in done.stderr and f"==> {second} <==" in done.stdout, done

    c.zhosts[first].start()
    c.wait_zhost(first, "deployed-started")
    def previous(*words):
        return log_lines(c.zshell("spaces", "logs", "talk/s", "--previous", *words))

    def is_all():
        """Each zhost once, the oldest first. Both may have grown meanwhile, also the earlier one: by how it ended there."""
        before, now = previous(), log_lines(c.zshell("spaces", "logs", "talk/s"))
        assert any("hello" in line for line in before) and before != now
        lines = log_lines(c.zshell("spaces", "logs", "talk/s", "--all"))
        assert lines[0].startswith(f"==> {first}, until 20"), lines
        here = lines.index(f"==> {second} <==")
        assert lines[1:here][:len(before)] == before
        assert lines[here + 1:][:len(now)] == now
        return lines[1:here] == before and previous("--lines", "1") == before[-1:]
    until(is_all, "the earlier one grows no more")
