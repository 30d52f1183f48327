/*
 * Not a test: how fast instances start and what they cost. Run by hand:
 *
 *   bench-zrun-launch GUEST.wasm [COUNT [AT_ONCE]]
 *
 * Starts COUNT instances, AT_ONCE of them at a time, keeps all alive, prints starts per
 * second until STARTED, processor time per start (of all programs), PSS, and the time of one
 * emit with its answer.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "adapter/sandbox/filter.h"
#include "adapter/wasm2c/translate.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrun/launch/launch.h"

struct one {
	int fd;
	int pidfd;
	pid_t pid;
	bool started;
	uint8_t in[4096];
	size_t in_size;
};

static char directory[] = "/tmp/samoza-bench-XXXXXX";

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Time on a processor that a process has had, in seconds. */
static double processor_time(pid_t pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	f = fopen(path, "r");
	if (f == NULL || fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	if (f != NULL)
		fclose(f);
	return (double)ns / 1e9;
}

static void check(int r, struct error *error)
{
	if (r < 0) {
		fprintf(stderr, "%s\n", error != NULL ? error->message : "failed");
		exit(1);
	}
}

static void launched(void *data, pid_t pid, int pidfd, const struct error *error)
{
	struct one *one = data;

	if (pid < 0) {
		fprintf(stderr, "%s\n", error->message);
		exit(1);
	}
	one->pid = pid;
	one->pidfd = pidfd;
}

static void launch(struct launcher *l, int dir, const char *so, struct one *one, unsigned n)
{
	struct launch_request request = {.topology = "11111111-2222-3333-4444-555555555555",
					 .module_path = so,
					 .memory_bytes = 32u << 20,
					 .capabilities = 31,
					 .log_fd = -1,
					 .status_fd = -1};
	char name[32];

	(void)snprintf(name, sizeof(name), "s-%u", n);
	request.instance = name;
	check(launch_listen(dir, name, &request.listener_fd, NULL), NULL);
	check(launch_connect(dir, name, &one->fd, NULL), NULL);
	check(launcher_launch(l, &request, launched, one, NULL), NULL);
	close(request.listener_fd);
}

/* True once STARTED has come. */
static bool take(struct one *one)
{
	ssize_t n = recv(one->fd, one->in + one->in_size, sizeof(one->in) - one->in_size,
			 MSG_DONTWAIT);
	struct zrun_frame frame;
	const uint8_t *body;
	size_t need, at = 0;

	if (n == 0) {
		fprintf(stderr, "an instance has ended\n");
		exit(1);
	}
	one->in_size += n > 0 ? (size_t)n : 0;
	while (zrun_frame_parse(one->in + at, one->in_size - at, &frame, &body, &need) == 1) {
		if (frame.type == ZRUN_FAILED) {
			fprintf(stderr, "failed: %.*s\n", (int)frame.size,
				(const char *)body + 5);
			exit(1);
		}
		one->started |= frame.type == ZRUN_STARTED;
		at += need;
	}
	memmove(one->in, one->in + at, one->in_size - at);
	one->in_size -= at;
	return one->started;
}

static void start_all(struct launcher *l, int dir, const char *so, struct one *all,
		      unsigned count, unsigned at_once)
{
	unsigned next = 0, first = 0;

	while (first < count) {
		struct pollfd fds[130] = {{.fd = launcher_fd(l), .events = POLLIN}};
		unsigned used = 1;

		for (; next < count && next < first + at_once; next++)
			launch(l, dir, so, &all[next], next);
		for (unsigned n = first; n < next; n++)
			fds[used++] = (struct pollfd){.fd = all[n].started ? -1 : all[n].fd,
						      .events = POLLIN};
		if (poll(fds, used, 10000) <= 0)
			exit(1);
		launcher_process(l);
		for (unsigned n = first; n < next; n++)
			if (!all[n].started)
				(void)take(&all[n]);
		while (first < next && all[first].started)
			first++;
	}
}

static unsigned long pss_kib(pid_t pid)
{
	char path[64], line[256];
	unsigned long pss = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "Pss: %lu", &pss);
	if (f != NULL)
		fclose(f);
	return pss;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* One message to an echoing guest: its EMIT comes, we answer it. */
static void message_times(struct one *one)
{
	enum { ROUNDS = 20000 };
	static double times[ROUNDS];
	struct {
		struct zrun_frame frame;
		struct zrun_message message;
		char from[3];
		char payload[200];
	} __attribute__((packed)) out = {{sizeof(out) - sizeof(out.frame), ZRUN_MESSAGE, 0, 0},
					 {3},
					 {'p', '#', 's'},
					 {0}};
	struct {
		struct zrun_frame frame;
		struct zrun_result result;
	} __attribute__((packed))
	answer = {{sizeof(answer.result), ZRUN_EMIT_RESULT, 0, 0}, {0}};

	for (int n = 0; n < ROUNDS; n++) {
		double start = now();
		bool done = false;

		if (send(one->fd, &out, sizeof(out), MSG_NOSIGNAL) != sizeof(out))
			exit(1);
		while (!done) {
			struct pollfd fd = {.fd = one->fd, .events = POLLIN};
			uint8_t in[4096];
			struct zrun_frame frame;
			const uint8_t *body;
			size_t need, at = 0, size;

			(void)poll(&fd, 1, 1000);
			size = (size_t)recv(one->fd, in, sizeof(in), 0);
			while (zrun_frame_parse(in + at, size - at, &frame, &body, &need) ==
			       1) {
				if (frame.type == ZRUN_EMIT) {
					done = true;
					answer.frame.correlation = frame.correlation;
				}
				at += need;
			}
		}
		times[n] = (now() - start) * 1e6;
		if (send(one->fd, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
			exit(1);
	}
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	printf("message in, emit out: p50 %.1f us, p99 %.1f us\n", times[ROUNDS / 2],
	       times[ROUNDS * 99 / 100]);
}

int main(int argc, char **argv)
{
	unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;
	unsigned at_once = argc > 3 ? (unsigned)atoi(argv[3]) : 32;
	struct launcher_options options = {.zrun_path = ZRUN};
	struct translator_options translating = {.cache_directory = directory};
	struct translator *t = NULL;
	struct error *error = NULL;
	struct one *all = mem_new_array(struct one, count);
	struct rlimit files;
	unsigned long pss = 0;
	double start, cpu;
	void *filter = NULL;
	char *so = NULL, *data = mem_calloc(8, 1024 * 1024);
	FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
	struct launcher *l;
	int dir;

	if (f == NULL || at_once > 128 || mkdtemp(directory) == NULL)
		return 2;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(translator_new(&translating, &t, &error), error);
	start = now();
	check(translate_now(t, (uint8_t *)data, fread(data, 1, 8u << 20, f), 32u << 20, &so,
			    &error),
	      error);
	printf("translation: %.2f s\n", now() - start);
	check(sandbox_filter_new(&filter, &options.seccomp_size, &error), error);
	options.seccomp_program = filter;
	options.without_zygote = getenv("WITHOUT_ZYGOTE") != NULL;
	l = launcher_new(&options);
	check(launcher_start(l, &error), error);
	start = now();
	cpu = processor_time(getpid()) + processor_time(launcher_zygote_pid(l));
	start_all(l, dir, so, all, count, at_once);
	start = now() - start;
	cpu = processor_time(getpid()) + processor_time(launcher_zygote_pid(l)) - cpu;
	for (unsigned n = 0; n < count; n++)
		cpu += processor_time(all[n].pid);
	printf("%u instances, %u at once: %.0f starts/s, %.2f ms of processor time per start\n",
	       count, at_once, count / start, cpu * 1000 / count);
	for (unsigned n = 0; n < count; n += count / 50 + 1)
		pss += pss_kib(all[n].pid);
	printf("PSS per instance: %lu KiB (mean of a sample)\n",
	       pss / (count / (count / 50 + 1) + (count % (count / 50 + 1) != 0)));
	message_times(&all[0]);
	for (unsigned n = 0; n < count; n++) {
		launch_kill(all[n].pidfd);
		close(all[n].fd);
	}
	launcher_free(l);
	printf("files are in %s\n", directory);
	return 0;
}
