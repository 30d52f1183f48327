#include "zhost/log/spacelog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "zhost/state/instance_file.h"

#define OPEN_MAX_FILES 64
#define WAITING_MAX    (256 * 1024)
#define WAITING_SOON   (8 * 1024) /* a turn may write more; small budgets are not overrun by it */
#define FILE_NAME_SIZE (INSTANCE_FILE_NAME_SIZE + 8)
#define REPORT_MS      5000
#define LINE_COST      32 /* a line costs more than its letters */

struct spacelog {
	struct spacelogs *owner; /* borrowed */
	unsigned references;
	char name[INSTANCE_FILE_NAME_SIZE];
	struct spacelog_budget budget;
	struct spacelog_source source; /* owned; NULLs: it was not described */
	/* Of the rate: what may still be said, in thousandths of bytes, and as of when. */
	uint64_t left;
	int64_t left_ms;
	uint64_t dropped;    /* bytes since the log last said so */
	int64_t reported_ms; /* when that was */
	int fd;
	off_t size;
	int64_t began_ms; /* time of the first line of the file; 0: it is empty, or not open */
	int64_t last_ms;  /* of the newest line */
	uint64_t used;	  /* for closing the one not used for longest */
	struct buffer waiting;
	bool is_dirty;
	const struct spacelog_subscriber *subscriber; /* NULL: none */
	void *user;
	UT_hash_handle hh;
};

struct spacelogs {
	int log_fd;
	struct spacelog *logs; /* by name */
	uint64_t clock;
	VECTOR(struct spacelog *) dirty;
	VECTOR(struct spacelog *) open;
	spacelog_sink_fn *sink; /* NULL: none */
	void *sink_user;
};

struct spacelogs *spacelogs_new(int log_fd)
{
	struct spacelogs *s = mem_new(struct spacelogs);

	s->log_fd = log_fd;
	return s;
}

void spacelogs_free(struct spacelogs *s)
{
	if (s == NULL)
		return;
	(void)spacelogs_flush(s);
	vector_done(&s->dirty);
	vector_done(&s->open);
	free(s);
}

/* Of the bucket, in thousandths of bytes: as many as milliseconds let in. */
static uint64_t full(const struct spacelog *log)
{
	return log->budget.rate * SPACELOG_BURST_S * 1000;
}

struct spacelog *spacelog_open(struct spacelogs *s, const char *name)
{
	struct spacelog *log = spacelogs_find(s, name);

	if (log != NULL) {
		log->references++;
		return log;
	}
	log = mem_new(struct spacelog);
	log->owner = s;
	log->references = 1;
	log->fd = -1;
	log->waiting = BUFFER_INIT(WAITING_MAX);
	log->budget = (struct spacelog_budget){SPACELOG_BYTES, SPACELOG_KEEP_MS, SPACELOG_RATE};
	log->left = full(log);
	snprintf(log->name, sizeof(log->name), "%s", name);
	HASH_ADD_STR(s->logs, name, log);
	return log;
}

struct spacelog *spacelogs_find(const struct spacelogs *s, const char *name)
{
	struct spacelog *log;

	HASH_FIND_STR(s->logs, name, log);
	return log;
}

static void log_close(struct spacelog *log)
{
	struct spacelogs *s = log->owner;

	if (log->fd < 0)
		return;
	close(log->fd);
	log->fd = -1;
	log->began_ms = 0;
	for (size_t i = 0; i < s->open.count; i++)
		if (s->open.items[i] == log) {
			vector_remove_at(&s->open, i);
			break;
		}
}

/* Of the first line of a file; 0: it is none of ours. */
static int64_t first_time(int log_fd, const char *file)
{
	CLEANUP(closep) int fd = openat(log_fd, file, O_RDONLY | O_CLOEXEC);
	char text[SPACELOG_TIME_SIZE + 1] = {0};
	struct tm tm = {0};

	if (fd < 0 || pread(fd, text, SPACELOG_TIME_SIZE, 0) != SPACELOG_TIME_SIZE ||
	    strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

static int log_open(struct spacelog *log)
{
	struct spacelogs *s = log->owner;
	char file[FILE_NAME_SIZE];
	struct stat st;

	if (log->fd >= 0)
		return 0;
	if (s->open.count >= OPEN_MAX_FILES) {
		struct spacelog *oldest = s->open.items[0];

		vector_for_each (&s->open, l)
			if ((*l)->used < oldest->used)
				oldest = *l;
		log_close(oldest);
	}
	spacelog_file_name(log->name, 0, file, sizeof(file));
	log->fd = openat(s->log_fd, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log->fd < 0)
		return -1;
	log->size = fstat(log->fd, &st) == 0 ? st.st_size : 0;
	if (log->size > 0)
		log->began_ms = first_time(s->log_fd, file);
	vector_push(&s->open, log);
	return 0;
}

/* Each file becomes the next older one, and the oldest goes. */
static void log_rotate(struct spacelog *log)
{
	char from[FILE_NAME_SIZE], to[FILE_NAME_SIZE];
	int fd = log->owner->log_fd;

	log_close(log);
	for (unsigned age = SPACELOG_FILES - 1; age > 0; age--) {
		spacelog_file_name(log->name, age - 1, from, sizeof(from));
		spacelog_file_name(log->name, age, to, sizeof(to));
		(void)renameat(fd, from, fd, to);
	}
}

static bool is_full(const struct spacelog *log)
{
	return log->size >= (off_t)(log->budget.bytes / SPACELOG_FILES) ||
	       log->last_ms - log->began_ms >= log->budget.keep_ms / SPACELOG_FILES;
}

static void log_flush(struct spacelog *log)
{
	if (log->waiting.size == 0)
		return;
	log->used = ++log->owner->clock;
	if (log_open(log) < 0 || write(log->fd, log->waiting.data, log->waiting.size) !=
					 (ssize_t)log->waiting.size) {
		log_warn("spaces", "log.lost", LOG_S("file", log->name),
			 LOG_S("error", strerror(errno)));
	} else {
		log->size += (off_t)log->waiting.size;
		if (is_full(log))
			log_rotate(log);
	}
	buffer_done(&log->waiting);
	log->waiting = BUFFER_INIT(WAITING_MAX);
}

static void source_done(struct spacelog_source *source)
{
	free((char *)source->topology);
	free((char *)source->topology_name);
	free((char *)source->space);
	free((char *)source->path);
	*source = (struct spacelog_source){0};
}

void spacelog_close(struct spacelog *log)
{
	if (log == NULL || --log->references > 0)
		return;
	if (log->subscriber != NULL)
		log->subscriber->closed(log->user, log);
	log_flush(log);
	log_close(log);
	for (size_t i = 0; i < log->owner->dirty.count; i++)
		if (log->owner->dirty.items[i] == log) {
			vector_remove_at(&log->owner->dirty, i);
			break;
		}
	HASH_DEL(log->owner->logs, log);
	buffer_done(&log->waiting);
	source_done(&log->source);
	free(log);
}

static size_t stamp(char *to, size_t size, int64_t wall_ms, const char *level)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char date[32];
	int n;

	gmtime_r(&seconds, &tm);
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(to, size, "%s.%03dZ %-5s ", date, (int)(wall_ms % 1000), level);
	return n > 0 ? (size_t)n : 0;
}

static void add_line(struct spacelog *log, int64_t wall_ms, const char *level, const char *text,
		     size_t size)
{
	char head[64];
	size_t head_size = stamp(head, sizeof(head), wall_ms, level);
	char *line;

	if (log->waiting.size + head_size + size + 1 > WAITING_MAX)
		log_flush(log);
	line = buffer_reserve(&log->waiting, head_size + size + 1);
	if (line == NULL)
		return; /* one line larger than all that may wait: callers cut them before */
	memcpy(line, head, head_size);
	for (size_t i = 0; i < size; i++)
		line[head_size + i] =
			(unsigned char)text[i] < ' ' || text[i] == 127 ? ' ' : text[i];
	if (log->subscriber != NULL) {
		line[head_size + size] = '\0';
		log->subscriber->line(log->user, log, line);
	}
	if (log->owner->sink != NULL)
		log->owner->sink(log->owner->sink_user, &log->source, wall_ms, level,
				 line + head_size, size);
	line[head_size + size] = '\n';
	buffer_grew(&log->waiting, head_size + size + 1);
	if (log->began_ms == 0)
		log->began_ms = wall_ms;
	log->last_ms = wall_ms;
	if (!log->is_dirty) {
		log->is_dirty = true;
		vector_push(&log->owner->dirty, log);
	}
}

/* The wall clock is good enough for it: when it is set back nothing comes in for a while, and at once when it is set on. */
static bool afford(struct spacelog *log, int64_t wall_ms, size_t size)
{
	uint64_t cost = (uint64_t)size * 1000, most = full(log);

	if (wall_ms > log->left_ms) {
		uint64_t passed = (uint64_t)(wall_ms - log->left_ms);
		uint64_t in =
			passed < SPACELOG_BURST_S * 1000 ? passed * log->budget.rate : most;

		log->left = log->left + in < most ? log->left + in : most;
	}
	log->left_ms = wall_ms;
	if (log->left < cost) {
		log->dropped += size;
		return false;
	}
	log->left -= cost;
	return true;
}

static void report_dropped(struct spacelog *log, int64_t wall_ms)
{
	char text[128];
	int size;

	if (log->dropped == 0 || llabs(wall_ms - log->reported_ms) < REPORT_MS)
		return;
	size = snprintf(text, sizeof(text),
			"it prints more than %llu bytes a second (logs.rate): %llu byte%s not "
			"in this log",
			(unsigned long long)log->budget.rate, (unsigned long long)log->dropped,
			log->dropped == 1 ? " is" : "s are");
	log->dropped = 0;
	log->reported_ms = wall_ms;
	add_line(log, wall_ms, "warn", text, (size_t)size);
}

void spacelog_add(struct spacelog *log, int64_t wall_ms, const char *level, const char *text,
		  size_t size)
{
	/* zrun holds it to SPACELOG_RATE, and to what a program prints at once. */
	if (log->budget.rate < SPACELOG_RATE && !afford(log, wall_ms, size + LINE_COST))
		return;
	report_dropped(log, wall_ms);
	add_line(log, wall_ms, level, text, size);
	if (log->waiting.size >= WAITING_SOON)
		log_flush(log);
}

void spacelog_set_budget(struct spacelog *log, const struct spacelog_budget *budget)
{
	char file[FILE_NAME_SIZE], text[32];

	if (budget->keep_ms != log->budget.keep_ms) {
		int fd, size = snprintf(text, sizeof(text), "%lld\n",
					(long long)budget->keep_ms);

		(void)snprintf(file, sizeof(file), "%s.keep", log->name);
		fd = openat(log->owner->log_fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			    0600);
		if (fd < 0 || write(fd, text, (size_t)size) != size)
			log_warn("spaces", "log.budget", LOG_S("file", file),
				 LOG_S("error", strerror(errno)));
		closep(&fd);
	}
	log->budget = *budget;
	if (log->left > full(log))
		log->left = full(log);
}

void spacelog_describe(struct spacelog *log, const struct spacelog_source *source)
{
	source_done(&log->source);
	log->source =
		(struct spacelog_source){.topology = mem_strdup(source->topology),
					 .topology_name = mem_strdup(source->topology_name),
					 .space = mem_strdup(source->space),
					 .path = mem_strdup(source->path)};
}

void spacelogs_set_sink(struct spacelogs *s, spacelog_sink_fn *sink, void *user)
{
	s->sink = sink;
	s->sink_user = user;
}

void spacelog_subscribe(struct spacelog *log, const struct spacelog_subscriber *subscriber,
			void *user)
{
	log->subscriber = subscriber;
	log->user = user;
}

bool spacelogs_flush(struct spacelogs *s)
{
	bool any = s->dirty.count > 0;

	vector_for_each (&s->dirty, l) {
		(*l)->is_dirty = false;
		log_flush(*l);
	}
	vector_clear(&s->dirty);
	return any;
}

/* ---- old files (spacelog_trim.c) ---- */

int64_t spacelog_keep_ms(const struct spacelog *log)
{
	return log->budget.keep_ms;
}

void spacelog_let_go(struct spacelog *log)
{
	log_close(log);
}

int spacelogs_dir(const struct spacelogs *s)
{
	return s->log_fd;
}

/* ---- reading ---- */

size_t spacelogs_search(struct spacelogs *s, const char *name,
			const struct spacelog_search *search, struct buffer *to)
{
	return spacelog_search(s->log_fd, name, search, to);
}

size_t spacelog_tail(struct spacelogs *s, const char *name, size_t lines, struct buffer *to)
{
	const struct spacelog_search search = {.lines = lines};

	return spacelog_search(s->log_fd, name, &search, to);
}
