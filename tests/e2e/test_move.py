"""A running space moves to another zhost: no message is lost on the way, and a move that fails changes nothing."""
import re

from conftest import until
from page import Page

# Asks `front` again and again, with up to 4 questions under way, and counts the answers: from the first answer
# to a call ("w") on, when every space on the way has started and every zhost knows of it, each question counts.
# It asks until the page says that it is enough.
ASKER = """
#include <samoza.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#define QUESTIONS 1000000
static unsigned char answered[QUESTIONS];
static int sent, answers, twice, refused;
static bool is_heard, is_enough, is_told;
static void tell(const char *what)
{
        char text[100];
        snprintf(text, sizeof(text), "%s %d refused %d twice %d", what, answers, refused, twice);
        samoza_log(SAMOZA_INFO, text);
}
SAMOZA_ON_PROCESS(void)
{
        char text[64], from[SAMOZA_FROM_MAX];
        if (!is_heard) {
                samoza_emit("questions", "w", 1);
                is_heard = samoza_recv_next(100, text, sizeof(text), from, sizeof(from)) > 0;
                if (is_heard)
                        tell("begins");
                return 0;
        }
        while (!is_enough && sent < QUESTIONS && sent - answers < 4) {
                int size = snprintf(text, sizeof(text), "%d", sent);
                int r = samoza_emit("questions", text, (uint32_t)size);
                if (r == -SAMOZA_EAGAIN)
                        break;
                refused += r < 0;
                sent += r == 0;
                if (r < 0 && refused % 1000 == 1) {
                        snprintf(text, sizeof(text), "refused %d: %d", refused, r);
                        samoza_log(SAMOZA_INFO, text);
                }
                if (r < 0)
                        samoza_sleep(1);
        }
        if (is_enough && !is_told && answers == sent) {
                is_told = true;
                tell("all");
        }
        int size = samoza_recv_next(100, text, sizeof(text) - 1, from, sizeof(from));
        if (size <= 0 || text[0] == 'w')
                return 0;
        text[size] = 0;
        if (text[0] == 'e') {
                is_enough = true;
                return 0;
        }
        samoza_sleep(1);
        twice += answered[atoi(text)]++;
        answers++;
        if (answers % 100 == 0)
                tell("answers");
        return 0;
}
"""

# Passes each question on to `store`, and its answer back: between the two it holds the question only in
# its memory.
FRONT = """
#include <samoza.h>
#include <stdlib.h>
#include <string.h>
static char asker[SAMOZA_FROM_MAX];
SAMOZA_ON_PROCESS(void)
{
        char text[64], from[SAMOZA_FROM_MAX];
        int size = samoza_recv_next(1000, text, sizeof(text), from, sizeof(from));
        if (size <= 0)
                return 0;
        if (strncmp(from, "rows#", 5) == 0) {
                while (samoza_reply(asker, text, (uint32_t)size) == -SAMOZA_EAGAIN)
                        samoza_sleep(1);
                return 0;
        }
        strcpy(asker, from);
        while (samoza_emit("rows", text, (uint32_t)size) < 0) /* it may not be started yet */
                samoza_sleep(1);
        return 0;
}
"""

# Takes so long for each answer.
STORE = """
#include <samoza.h>
SAMOZA_ON_PROCESS(void)
{
        char text[64], from[SAMOZA_FROM_MAX];
        int size = samoza_recv_next(1000, text, sizeof(text), from, sizeof(from));
        samoza_sleep(@TAKES_MS@);
        while (size > 0 && samoza_reply(from, text, (uint32_t)size) == -SAMOZA_EAGAIN)
                samoza_sleep(1);
        return 0;
}
"""

MESSAGES = ["net.emit", "net.recv", "sys.log"]


def space(name, **more):
    return dict({"name": name, "type": "CALL", "capabilities": MESSAGES}, **more)


def path(name, a, b):
    return {"name": name, "from": a, "to": b}


PAGE = {"name": "page", "type": "UI"}
PATHS = [path("questions", "asker", "front"), path("rows", "front", "store"), path("end", "page", "asker")]


def sources(takes_ms=0):
    return {"asker": ASKER, "front": FRONT, "store": STORE.replace("@TAKES_MS@", str(takes_ms))}


def deploy(c, name, takes_ms=0):
    spaces = [space("asker", placement={"affinity": [{"with": "store", "required": True}]}),
              space("front"), space("store"), PAGE]
    c.deploy(name, spaces, sources(takes_ms), PATHS)
    until(lambda: any("begins" in line for line in c.log_of(name, "asker")), "questions are asked", 60)


def counted(c, topology, what="answers"):
    """Answers, refusals, and answers that came twice; with "all", when no question is under way any more."""
    found = [re.search(what + r" (\d+) refused (\d+) twice (\d+)", line)
             for line in c.log_of(topology, "asker")]
    found = [tuple(map(int, m.groups())) for m in found if m]
    return found[-1] if found else (0, 0, 0)


def answers_pass(c, topology, number):
    """So many more."""
    before = counted(c, topology)[0]
    until(lambda: counted(c, topology)[0] >= before + number, f"{number} answers", 60)


def expect_all_answered(c, topology):
    """Questions were asked until now; each has one answer."""
    page = Page(c.zedge("edge-node-1"), topology, "page")
    assert page.emit("end", "enough") < 300
    until(lambda: counted(c, topology, "all") > (0, 0, 0), "all questions are answered", 60)
    answers, refused, twice = counted(c, topology, "all")
    assert answers > 0 and (refused, twice) == (0, 0)
    page.close()


def other_zhost(c, topology, path_name):
    here = c.zhost_of(topology, path_name)
    return next(name for name in ("edge-node-1", "edge-node-2", "edge-node-3") if name != here)


def move(c, topology, path_name):
    to = other_zhost(c, topology, path_name)
    moved = c.zshell("spaces", "move", f"{topology}/{path_name}", "--to", to, "--wait=60s")
    assert "done" in moved.stdout
    assert c.zhost_of(topology, path_name) == to


def test_no_message_is_lost_while_a_space_moves(start_cluster):
    c = start_cluster()
    deploy(c, "shop")
    for _ in range(4):
        answers_pass(c, "shop", 100)
        move(c, "shop", "front")
    answers_pass(c, "shop", 100)
    expect_all_answered(c, "shop")


def test_a_former_copy_passes_on_the_answers_that_it_waits_for(start_cluster):
    """Four questions wait at `store` all the time, 100 ms for each: the answers go to the copy that has asked."""
    c = start_cluster()
    deploy(c, "shop", takes_ms=100)
    for _ in range(3):
        move(c, "shop", "front")
    expect_all_answered(c, "shop")
