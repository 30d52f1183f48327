"""Two spaces on two zhosts: one numbers the messages that it sends, the other says what is wrong with those that come."""
import re

TALK = ["sys.log", "net.emit", "net.recv"]
HEAD = "#include <samoza.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
# Every 5 ms one, and how many were refused. PACED: none while so many are not known to be taken that the receiver's
# queue, of 256, could be full. Its zhost hears of what is taken 64 at a time.
COUNTER = HEAD + r"""
static int n, full, unreachable, calls;
#ifdef PACED
static int taken;
static int has_room(void)
{
	char text[64];
	int size;
	while ((size = samoza_recv_next(0, text, sizeof(text) - 1, NULL, 0)) > 0) {
		text[size] = 0;
		taken = atoi(text);
	}
	return taken > 0 ? n - taken < 128 : calls % 50 == 0;
}
#else
static int has_room(void)
{
	return 1;
}
#endif
static void send_next(void)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "%d", n + 1);
	int r = samoza_emit("numbers", text, (unsigned)size);
	if (r == 0)
		n++;
	full += r == -SAMOZA_EAGAIN;
	unreachable += r == -SAMOZA_EHOSTUNREACH;
}
SAMOZA_ON_PROCESS(void)
{
	char text[64];
	if (has_room())
		send_next();
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
static char from[SAMOZA_FROM_MAX];
static void say_last(void)
{
#ifdef PACED
	char text[64];
	int size = snprintf(text, sizeof(text), "%d", last);
	samoza_reply(from, text, (unsigned)size); /* it is said again */
#endif
}
SAMOZA_ON_PROCESS(void)
{
	char text[64];
	int size = samoza_recv_next(200, text, sizeof(text) - 1, from, sizeof(from));
	if (size <= 0) {
		if (last > 0)
			say_last();
		return 0;
	}
	text[size] = 0;
	int number = atoi(text);
	if (number <= last)
		samoza_log(SAMOZA_ERROR, "out of order");
	if (last > 0)
		missing += number - last - 1;
	last = number;
	if (++taken % 16 == 1)
		say_last();
	if (taken % 20 == 0) {
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
# Each millisecond one, as long as there is room.
PACED = {name: "#define PACED\n" + text.replace("samoza_sleep(5)", "samoza_sleep(1)") for name, text in SOURCES.items()}
PATHS = [{"from": "counter", "to": "checker", "name": "numbers"}]


def last_figures(lines, words):
    """The numbers of the last line like "taken 20 missing 0"; zeros: there is none."""
    pattern = re.compile(" ".join(rf"{word} (\d+)" for word in words))
    found = [m for line in lines if (m := pattern.search(line))]
    return [int(n) for n in found[-1].groups()] if found else [0] * len(words)


def check_order(lines):
    assert not [line for line in lines if "out of order" in line]
