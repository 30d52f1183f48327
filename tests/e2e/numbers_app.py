"""Two spaces on two zhosts: one numbers the messages that it sends, the other says what is wrong with those that come."""
import re

TALK = ["sys.log", "net.emit", "net.recv"]
HEAD = "#include <samoza.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
# Every 5 ms one, and how many were refused.
COUNTER = HEAD + r"""
static int n, full, unreachable, calls;
SAMOZA_ON_PROCESS(void)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "%d", n + 1);
	int r = samoza_emit("numbers", text, (unsigned)size);
	if (r == 0)
		n++;
	full += r == -SAMOZA_EAGAIN;
	unreachable += r == -SAMOZA_EHOSTUNREACH;
	if (++calls % 100 == 0) {
		snprintf(text, sizeof(text), "sent %d full %d unreachable %d", n, full, unreachable);
		samoza_log(SAMOZA_INFO, text);
	}
	samoza_sleep(5);
	return 0;
}
"""
CHECKER = HEAD + r"""
static int last, missing, taken;
SAMOZA_ON_PROCESS(void)
{
	char text[64], from[SAMOZA_FROM_MAX];
	int size = samoza_recv_next(200, text, sizeof(text) - 1, from, sizeof(from));
	if (size <= 0)
		return 0;
	text[size] = 0;
	int number = atoi(text);
	if (number <= last)
		samoza_log(SAMOZA_ERROR, "out of order");
	if (last > 0)
		missing += number - last - 1;
	last = number;
	if (++taken % 20 == 0) {
		snprintf(text, sizeof(text), "taken %d missing %d", taken, missing);
		samoza_log(SAMOZA_INFO, text);
	}
	return 0;
}
"""
APART = {"anti_affinity": [{"with": "checker", "required": True}]}


def spaces(sender=None, receiver=None):
    """As in topology.yaml. The arguments: placement of each."""
    return [{"name": "counter", "type": "CALL", "capabilities": TALK, "placement": sender or APART},
            {"name": "checker", "type": "CALL", "capabilities": TALK, **({"placement": receiver} if receiver else {})}]


SOURCES = {"counter": COUNTER, "checker": CHECKER}
PATHS = [{"from": "counter", "to": "checker", "name": "numbers"}]


def last_figures(lines, words):
    """The numbers of the last line like "taken 20 missing 0"; zeros: there is none."""
    pattern = re.compile(" ".join(rf"{word} (\d+)" for word in words))
    found = [m for line in lines if (m := pattern.search(line))]
    return [int(n) for n in found[-1].groups()] if found else [0] * len(words)


def check_order(lines):
    assert not [line for line in lines if "out of order" in line]
