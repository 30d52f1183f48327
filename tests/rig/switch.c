/*
 * A network switch as a program, between machines that are network namespaces of this one. Each machine
 * has one interface, eth0, whose other end is here; so whatever happens on a network happens here, for
 * each direction by itself:
 *
 *      machine 1 ─ eth0 ═╗                      ╔═ eth0 ─ machine 2
 *                        ╠═ rule(from, to): ════╣
 *      machine 3 ─ eth0 ═╝  drop, loss, delay,  ╚═ eth0 ─ machine 4
 *                           jitter
 *
 *     rig-switch PID...     one process in the namespace of each machine, which are 1, 2, 3, ...
 *
 * Commands on standard input, a line each, answered by a line on standard output: `ok`, or what is wrong.
 *
 *     FROM TO [drop=0|1] [delay=MS] [jitter=MS] [loss=PERCENT]    of what FROM sends to TO; `*`: all
 *     count FROM TO                                                 packets that came through, and lost ones
 *
 * The end of standard input ends the program, and with it the network: no test leaves one behind. Chance
 * comes from one seed: the same packets get lost in the same order. (`tc netem` would be the usual way;
 * not every kernel has it.)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/memory.h"

enum { FRAME_MAX = 65536, LINE_MAX_SIZE = 256, MACHINES_MAX = 64, READS_PER_TURN = 64 };

/* What happens to what one machine sends to another. */
struct rule {
	bool drop;
	double delay_ms, jitter_ms, loss_percent;
	uint64_t passed, lost;
	int64_t last_due_ns; /* without jitter, nothing overtakes */
};

struct frame {
	struct heap_node due; /* nanoseconds of the monotonic clock */
	int from, to;	      /* machines */
	size_t size;
	uint8_t bytes[];
};

static struct {
	int count;		    /* of machines */
	int taps[MACHINES_MAX + 1]; /* by machine, from 1 on */
	struct rule rules[MACHINES_MAX + 1][MACHINES_MAX + 1];
	struct heap waiting; /* of struct frame */
	uint64_t chance;     /* state of the generator */
} net = {.chance = 0x9e3779b97f4a7c15};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* From 0 on, below 1 (xorshift64*: G. Marsaglia, "Xorshift RNGs", 2003). */
static double chance(void)
{
	net.chance ^= net.chance >> 12;
	net.chance ^= net.chance << 25;
	net.chance ^= net.chance >> 27;
	return (double)((net.chance * UINT64_C(2685821657736338717)) >> 11) /
	       (double)(1LL << 53);
}

/* ---- frames ---- */

/* A frame that does not fit into the queue of an interface is lost, as on a network. */
static void deliver(int to, const uint8_t *bytes, size_t size)
{
	if (write(net.taps[to], bytes, size) < 0)
		return;
}

static void send_by_rule(int from, int to, const uint8_t *bytes, size_t size)
{
	struct rule *rule = &net.rules[from][to];
	if (rule->drop || (rule->loss_percent > 0 && chance() * 100 < rule->loss_percent)) {
		rule->lost++;
		return;
	}
	rule->passed++;
	if (rule->delay_ms == 0 && rule->jitter_ms == 0) {
		deliver(to, bytes, size);
		return;
	}
	double after_ms = rule->delay_ms + (chance() * 2 - 1) * rule->jitter_ms;
	int64_t due = now_ns() + (after_ms > 0 ? (int64_t)(after_ms * 1e6) : 0);
	if (rule->jitter_ms == 0 && due < rule->last_due_ns)
		due = rule->last_due_ns;
	rule->last_due_ns = due;
	struct frame *frame = mem_calloc(1, sizeof *frame + size);
	frame->from = from;
	frame->to = to;
	frame->size = size;
	memcpy(frame->bytes, bytes, size);
	heap_set(&net.waiting, &frame->due, due);
}

/* To the machine whose address it has (02:00:00:00:00:NN), or to all. */
static void forward(int from, const uint8_t *bytes, size_t size)
{
	if (size < 14)
		return;
	bool is_for_all = bytes[0] & 1;
	for (int to = 1; to <= net.count; to++)
		if (to != from && (is_for_all || bytes[5] == to))
			send_by_rule(from, to, bytes, size);
}

static void receive(int from)
{
	static uint8_t bytes[FRAME_MAX];
	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t size = read(net.taps[from], bytes, sizeof bytes);
		if (size <= 0)
			return;
		forward(from, bytes, (size_t)size);
	}
}

static void deliver_what_is_due(void)
{
	int64_t now = now_ns();
	struct heap_node *first;
	while ((first = heap_first(&net.waiting)) != NULL && first->key <= now) {
		struct frame *frame = container_of(first, struct frame, due);
		heap_remove(&net.waiting, first);
		/* A cut hits what is on the way, too. */
		if (!net.rules[frame->from][frame->to].drop)
			deliver(frame->to, frame->bytes, frame->size);
		free(frame);
	}
}

/* ---- commands ---- */

/* A machine's number, 0 for `*`; -1: none. */
static int machine_of(const char *word)
{
	if (strcmp(word, "*") == 0)
		return 0;
	char *end;
	long number = strtol(word, &end, 10);
	return *end == '\0' && number >= 1 && number <= net.count ? (int)number : -1;
}

static bool set_word(struct rule *rule, const char *word)
{
	int drop;
	if (sscanf(word, "drop=%d", &drop) == 1) {
		rule->drop = drop != 0;
		return true;
	}
	return sscanf(word, "delay=%lf", &rule->delay_ms) == 1 ||
	       sscanf(word, "jitter=%lf", &rule->jitter_ms) == 1 ||
	       sscanf(word, "loss=%lf", &rule->loss_percent) == 1;
}

static void set_rules(int from, int to, char *words)
{
	char *rest = NULL;
	for (char *word = strtok_r(words, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		for (int a = 1; a <= net.count; a++)
			for (int b = 1; b <= net.count; b++) {
				bool is_meant =
					(from == 0 || a == from) && (to == 0 || b == to);
				if (is_meant && !set_word(&net.rules[a][b], word)) {
					printf("not a rule: %s\n", word);
					return;
				}
			}
	puts("ok");
}

static void command(char *line)
{
	char from_word[16], to_word[16];
	int used = 0;
	bool is_count = strncmp(line, "count ", 6) == 0;
	if (sscanf(line + (is_count ? 6 : 0), "%15s %15s %n", from_word, to_word, &used) < 2) {
		puts("expected FROM TO RULE..., or count FROM TO");
		return;
	}
	int from = machine_of(from_word), to = machine_of(to_word);
	if (from < 0 || to < 0 || (is_count && (from == 0 || to == 0)))
		printf("no such machine: %s or %s\n", from_word, to_word);
	else if (is_count)
		printf("%llu %llu\n", (unsigned long long)net.rules[from][to].passed,
		       (unsigned long long)net.rules[from][to].lost);
	else
		set_rules(from, to, line + used);
}

/* Takes what has come on standard input; false at its end. */
static bool take_commands(void)
{
	static char line[LINE_MAX_SIZE];
	static size_t length;
	char bytes[LINE_MAX_SIZE];
	ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
	if (size <= 0)
		return size < 0 && errno == EINTR;
	for (ssize_t i = 0; i < size; i++) {
		if (bytes[i] != '\n') {
			if (length < sizeof line - 1)
				line[length++] = bytes[i];
			continue;
		}
		line[length] = '\0';
		length = 0;
		command(line);
	}
	(void)fflush(stdout);
	return true;
}

/* ---- start ---- */

/* eth0 in the namespace of that process; ends the program when it cannot be made. */
static int open_tap(const char *pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
	int space = open(path, O_RDONLY | O_CLOEXEC);
	if (space < 0 || setns(space, CLONE_NEWNET) < 0) {
		fprintf(stderr, "rig-switch: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(space);
	int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	strcpy(request.ifr_name, "eth0");
	if (tap < 0 || ioctl(tap, TUNSETIFF, &request) < 0) {
		fprintf(stderr, "rig-switch: /dev/net/tun: %s\n", strerror(errno));
		exit(1);
	}
	return tap;
}

/* Until the next frame is due, in nanoseconds; NULL: none waits. */
static struct timespec *time_to_wait(struct timespec *time)
{
	struct heap_node *first = heap_first(&net.waiting);
	if (first == NULL)
		return NULL;
	int64_t left = first->key - now_ns();
	*time = (struct timespec){.tv_sec = left > 0 ? left / 1000000000 : 0,
				  .tv_nsec = left > 0 ? left % 1000000000 : 0};
	return time;
}

int main(int argc, char **argv)
{
	if (argc < 2 || argc - 1 > MACHINES_MAX) {
		fprintf(stderr, "usage: rig-switch PID... (up to %d machines)\n", MACHINES_MAX);
		return 2;
	}
	net.count = argc - 1;
	struct pollfd polls[MACHINES_MAX + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	for (int i = 1; i <= net.count; i++) {
		net.taps[i] = open_tap(argv[i]);
		polls[i] = (struct pollfd){.fd = net.taps[i], .events = POLLIN};
	}
	puts("ok");
	(void)fflush(stdout);
	for (;;) {
		struct timespec time;
		if (ppoll(polls, (nfds_t)net.count + 1, time_to_wait(&time), NULL) < 0 &&
		    errno != EINTR)
			return 1;
		for (int i = 1; i <= net.count; i++)
			if (polls[i].revents & POLLIN)
				receive(i);
		deliver_what_is_due();
		if (polls[0].revents != 0 && !take_commands())
			return 0;
	}
}
