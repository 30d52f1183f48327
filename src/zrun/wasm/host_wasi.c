/*
 * WASI preview 1, the part that [guest-abi.wasi] offers: arguments, environment, clocks, random
 * numbers, output to the space's log. No files, no sockets. Its error numbers are its own.
 */
#include "zrun/wasm/host_wasi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "zrun/runner/clocks.h"
#include "zrun/runner/secret_set.h"
#include "zrun/runner/termination.h"
#include "zrun/runner/zhost_wait.h"
#include "zrun/wasm/guest.h"

enum wasi_errno {
	WASI_SUCCESS = 0,
	WASI_EBADF = 8,
	WASI_EFAULT = 21,
	WASI_EINVAL = 28,
	WASI_EIO = 29,
	WASI_ENOTSUP = 58,
	WASI_ESPIPE = 70,
};

#define FILETYPE_CHARACTER_DEVICE 2
#define RIGHT_FD_READ		  (1ull << 1)
#define RIGHT_FD_WRITE		  (1ull << 6)
#define CLOCK_FLAG_ABSOLUTE	  1
#define SUBSCRIPTIONS_MAX	  1024
#define VECTORS_MAX		  1024

/* Output that has no line feed yet, of descriptors 1 and 2. */
static struct {
	char text[ZRUN_LOG_MAX];
	size_t size;
} lines[2];

#define HOST(name, ...) \
	uint32_t host_wasi_snapshot_preview1_##name(struct guest *g, __VA_ARGS__)

static uint32_t store(struct guest *g, uint32_t at, const void *value, uint32_t size)
{
	void *to = guest_memory(g, at, size);

	if (to == NULL)
		return WASI_EFAULT;
	memcpy(to, value, size);
	return WASI_SUCCESS;
}

/* ---- arguments and environment ----------------------------------------------------------- */

/* `count` strings with NULs, `size` bytes, and a pointer to each. */
static uint32_t store_strings(struct guest *g, const char *strings, uint32_t size,
			      uint32_t count, uint32_t pointers, uint32_t to)
{
	uint32_t offset = 0;

	for (uint32_t n = 0; n < count; n++) {
		uint32_t pointer = to + offset;

		if (store(g, pointers + 4 * n, &pointer, sizeof(pointer)) != WASI_SUCCESS)
			return WASI_EFAULT;
		offset += (uint32_t)strlen(strings + offset) + 1;
	}
	return store(g, to, strings, size);
}

static uint32_t store_sizes(struct guest *g, uint32_t count, uint32_t size, uint32_t count_to,
			    uint32_t size_to)
{
	if (store(g, count_to, &count, sizeof(count)) != WASI_SUCCESS)
		return WASI_EFAULT;
	return store(g, size_to, &size, sizeof(size));
}

HOST(args_get, uint32_t pointers, uint32_t strings)
{
	return store_strings(g, g->runner->path, (uint32_t)strlen(g->runner->path) + 1, 1,
			     pointers, strings);
}

HOST(args_sizes_get, uint32_t count, uint32_t bytes)
{
	return store_sizes(g, 1, (uint32_t)strlen(g->runner->path) + 1, count, bytes);
}

#define ENV "@ env " /* zhost/space/settings.h */

/* The variable of a pair, and its value; NULL: it is none. */
static const char *variable_of(const char *pair, const char *text, const char **ret_value,
			       size_t *ret_size)
{
	if (strncmp(pair, ENV, sizeof(ENV) - 1) == 0) {
		*ret_value = text;
		*ret_size = strlen(text);
		return pair + sizeof(ENV) - 1;
	}
	if (strncmp(pair, SECRET_ENV, sizeof(SECRET_ENV) - 1) != 0)
		return NULL;
	*ret_value = secrets_value(text, ret_size);
	return *ret_value != NULL ? pair + sizeof(SECRET_ENV) - 1 : NULL;
}

struct variables {
	char *to; /* NULL: they are measured only */
	size_t size;
	uint32_t count;
};

static void add_variables(const struct runner *i, struct variables *all)
{
	const char *at = i->imports.data, *value;
	size_t size;

	for (uint32_t n = 0; n < i->imports.count; n++) {
		const char *text = at + strlen(at) + 1;
		const char *name = variable_of(at, text, &value, &size);

		at = text + strlen(text) + 1;
		if (name == NULL)
			continue;
		if (all->to != NULL) {
			char *to = stpcpy(stpcpy(all->to + all->size, name), "=");

			to = mempcpy(to, value, size);
			*to = '\0';
		}
		all->size += strlen(name) + 1 + size + 1;
		all->count++;
	}
}

/* There may be secrets in it. */
static void forget_environment(struct guest *g)
{
	if (g->environment.data != NULL)
		explicit_bzero(g->environment.data, g->environment.size);
	free(g->environment.data);
	g->environment.data = NULL;
}

/* Who it is, its exports, and `env` and secrets of its space as they are now. */
static bool make_environment(struct guest *g)
{
	const struct runner *i = g->runner;
	size_t own = i->request->environment_size;
	struct variables all = {0};

	add_variables(i, &all);
	forget_environment(g);
	g->environment.data = malloc(own + all.size + 1);
	if (g->environment.data == NULL)
		return false;
	memcpy(g->environment.data, i->environment, own);
	all = (struct variables){.to = g->environment.data + own};
	add_variables(i, &all);
	g->environment.count = i->request->environment_count + all.count;
	g->environment.size = (uint32_t)(own + all.size);
	return true;
}

/* What environ_sizes_get() has measured: an update that came meanwhile may have made it longer. */
HOST(environ_get, uint32_t pointers, uint32_t strings)
{
	if (g->environment.data == NULL && !make_environment(g))
		return WASI_EIO;
	return store_strings(g, g->environment.data, g->environment.size, g->environment.count,
			     pointers, strings);
}

HOST(environ_sizes_get, uint32_t count, uint32_t bytes)
{
	if (!make_environment(g))
		return WASI_EIO;
	return store_sizes(g, g->environment.count, g->environment.size, count, bytes);
}

/* ---- time and chance --------------------------------------------------------------------- */

static bool clock_of(uint32_t clock, clockid_t *ret_clock)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC,
					   CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};

	if (clock >= sizeof(clocks) / sizeof(clocks[0]))
		return false;
	*ret_clock = clocks[clock];
	return true;
}

static uint64_t nanoseconds(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

HOST(clock_res_get, uint32_t clock, uint32_t to)
{
	struct timespec resolution;
	clockid_t id;
	uint64_t value;

	if (!clock_of(clock, &id) || clock_getres(id, &resolution) < 0)
		return WASI_EINVAL;
	value = nanoseconds(&resolution);
	return store(g, to, &value, sizeof(value));
}

HOST(clock_time_get, uint32_t clock, uint64_t precision, uint32_t to)
{
	struct timespec now;
	clockid_t id;
	uint64_t value;

	if (!clock_of(clock, &id) || clock_gettime(id, &now) < 0)
		return WASI_EINVAL;
	value = nanoseconds(&now);
	return store(g, to, &value, sizeof(value));
}

HOST(random_get, uint32_t to, uint32_t size)
{
	uint8_t *out = guest_memory(g, to, size);

	if (out == NULL)
		return WASI_EFAULT;
	while (size > 0) {
		ssize_t n = getrandom(out, size < 256 ? size : 256, 0);

		if (n < 0 && errno != EINTR)
			return WASI_EIO;
		if (n > 0) {
			out += n;
			size -= (uint32_t)n;
		}
	}
	return WASI_SUCCESS;
}

/* ---- descriptors: 0 is empty, 1 and 2 are the log ---------------------------------------- */

static void line_end(struct runner *i, unsigned stream)
{
	log_budget_line(i, stream == 0 ? ZRUN_LEVEL_INFO : ZRUN_LEVEL_WARN, lines[stream].text,
			lines[stream].size);
	lines[stream].size = 0;
}

void wasi_flush(struct runner *i)
{
	for (unsigned stream = 0; stream < 2; stream++)
		if (lines[stream].size > 0)
			line_end(i, stream);
}

static void line_add(struct runner *i, unsigned stream, const char *text, uint32_t size)
{
	for (uint32_t n = 0; n < size; n++) {
		if (text[n] == '\n') {
			line_end(i, stream);
			continue;
		}
		if (lines[stream].size == sizeof(lines[stream].text))
			line_end(i, stream);
		lines[stream].text[lines[stream].size++] = text[n];
	}
}

HOST(fd_write, uint32_t fd, uint32_t vectors, uint32_t count, uint32_t written)
{
	uint32_t total = 0;

	if (fd != 1 && fd != 2)
		return WASI_EBADF;
	if (count > VECTORS_MAX)
		return WASI_EINVAL;
	for (uint32_t n = 0; n < count; n++) {
		const uint8_t *vector = guest_memory(g, vectors + 8 * n, 8);
		uint32_t at, size;
		const char *text;

		if (vector == NULL || (uint64_t)vectors + 8ull * n > UINT32_MAX)
			return WASI_EFAULT;
		memcpy(&at, vector, sizeof(at));
		memcpy(&size, vector + sizeof(at), sizeof(size));
		text = guest_memory(g, at, size);
		if (text == NULL)
			return WASI_EFAULT;
		line_add(g->runner, fd - 1, text, size);
		total += size;
	}
	return store(g, written, &total, sizeof(total));
}

HOST(fd_close, uint32_t fd)
{
	return fd <= 2 ? WASI_SUCCESS : WASI_EBADF;
}

HOST(fd_seek, uint32_t fd, uint64_t offset, uint32_t whence, uint32_t to)
{
	return fd <= 2 ? WASI_ESPIPE : WASI_EBADF;
}

HOST(fd_fdstat_get, uint32_t fd, uint32_t to)
{
	/* A character device without the right to seek is a terminal to wasi-libc, which then
	 * writes line by line. */
	struct {
		uint8_t filetype;
		uint8_t unused;
		uint16_t flags;
		uint32_t unused2;
		uint64_t rights;
		uint64_t inheriting;
	} stat = {
		.filetype = FILETYPE_CHARACTER_DEVICE,
		.rights = fd == 0 ? RIGHT_FD_READ : RIGHT_FD_WRITE,
	};

	if (fd > 2)
		return WASI_EBADF;
	return store(g, to, &stat, sizeof(stat));
}

HOST(fd_prestat_get, uint32_t fd, uint32_t to)
{
	return WASI_EBADF; /* no directories are given: ends wasi-libc's search */
}

HOST(fd_prestat_dir_name, uint32_t fd, uint32_t to, uint32_t size)
{
	return WASI_EBADF;
}

/* ---- the rest ---------------------------------------------------------------------------- */

void host_wasi_snapshot_preview1_proc_exit(struct guest *g, uint32_t code)
{
	wasi_flush(g->runner);
	if (code != 0)
		die(ZRUN_FAILED_EXIT, (int32_t)code, "exit status %d in %s", (int)code,
		    g->runner->running);
	guest_finish(g);
}

uint32_t host_wasi_snapshot_preview1_sched_yield(struct guest *g)
{
	connection_poll(g->runner);
	return WASI_SUCCESS;
}

struct subscription {
	uint64_t userdata;
	uint8_t tag; /* 0: clock */
	uint8_t unused[7];
	uint32_t clock;
	uint32_t unused2;
	uint64_t timeout; /* nanoseconds */
	uint64_t precision;
	uint16_t flags;
	uint8_t unused3[6];
};
_Static_assert(sizeof(struct subscription) == 48, "wasi");

struct event {
	uint64_t userdata;
	uint16_t error;
	uint8_t type;
	uint8_t unused[5];
	uint64_t bytes;
	uint64_t flags;
};
_Static_assert(sizeof(struct event) == 32, "wasi");

/* Milliseconds to wait, rounded up; 0 for what is over or cannot be waited for. */
static uint64_t subscription_wait(const struct subscription *s)
{
	uint64_t now, left = s->timeout;
	struct timespec t;
	clockid_t clock;

	if (s->tag != 0 || !clock_of(s->clock, &clock))
		return 0;
	if ((s->flags & CLOCK_FLAG_ABSOLUTE) != 0) {
		clock_gettime(clock, &t);
		now = nanoseconds(&t);
		left = left > now ? left - now : 0;
	}
	return left / 1000000 + (left % 1000000 != 0);
}

static struct event subscription_event(const struct subscription *s)
{
	clockid_t clock;
	uint16_t failed = s->tag != 0		       ? WASI_ENOTSUP
			  : clock_of(s->clock, &clock) ? WASI_SUCCESS
						       : WASI_EINVAL;

	return (struct event){.userdata = s->userdata, .error = failed, .type = s->tag};
}

HOST(poll_oneoff, uint32_t in, uint32_t out, uint32_t count, uint32_t ready)
{
	uint64_t waits[SUBSCRIPTIONS_MAX], shortest = UINT64_MAX, start = mono_ms();
	const char *from;
	char *to;
	uint32_t stored = 0;

	if (count == 0 || count > SUBSCRIPTIONS_MAX)
		return WASI_EINVAL;
	from = guest_memory(g, in, count * (uint32_t)sizeof(struct subscription));
	to = guest_memory(g, out, count * (uint32_t)sizeof(struct event));
	if (from == NULL || to == NULL)
		return WASI_EFAULT;
	for (uint32_t n = 0; n < count; n++) {
		struct subscription s;

		memcpy(&s, from + n * sizeof(s), sizeof(s));
		waits[n] = subscription_wait(&s);
		shortest = waits[n] < shortest ? waits[n] : shortest;
	}
	/* Returns early on a stop, like sleep: then the shortest counts as over. */
	while (shortest > 0 && !runner_stopping(g->runner) && mono_ms() - start < shortest)
		connection_wait(g->runner, start + shortest);
	for (uint32_t n = 0; n < count; n++) {
		struct subscription s;
		struct event event;

		if (waits[n] > shortest)
			continue;
		memcpy(&s, from + n * sizeof(s), sizeof(s));
		event = subscription_event(&s);
		memcpy(to + stored++ * sizeof(event), &event, sizeof(event));
	}
	return store(g, ready, &stored, sizeof(stored));
}
