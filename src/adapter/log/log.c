#include "adapter/log/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/str.h"
#include "base/text.h"

enum {
	LINE_MOSTLY = 512,   /* bytes of most lines */
	HELD_MAX = PIPE_BUF, /* a pipe takes as much in one piece */
	LEVEL_WIDTH = 5,
	SUBSYSTEM_WIDTH = 7,
};

static _Atomic(int) log_max = LOG_LEVEL_INFO;
static _Atomic(int) log_fd = STDERR_FILENO;
static _Atomic(bool) log_journal = false;
static pthread_mutex_t written_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*log_written)(void); /* with the lock */
static _Thread_local struct {
	bool is_held;
	struct buffer lines;
} held = {.lines = {.max = HELD_MAX + 16 * LOG_LINE_MAX}};

static const struct {
	const char *name;
	int priority; /* of syslog(3), for the journal */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},
	[LOG_LEVEL_WARNING] = {"warn", 4},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};

/* Whether the journal reads `fd`: JOURNAL_STREAM names the device and inode that it reads. */
static bool journal_reads(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream != NULL &&
	       sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
	       fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_init(enum log_level max, int fd)
{
	int saved = errno;

	log_max = (int)max;
	log_fd = fd;
	log_journal = journal_reads(fd);
	errno = saved;
}

void log_set_fd(int fd, void (*written)(void))
{
	log_init((enum log_level)log_max, fd);
	(void)pthread_mutex_lock(&written_lock);
	log_written = written;
	(void)pthread_mutex_unlock(&written_lock);
}

void log_set_level(enum log_level max)
{
	log_max = (int)max;
}

bool log_enabled(enum log_level level)
{
	return (int)level <= log_max;
}

const char *log_level_name(enum log_level level)
{
	return levels[level].name;
}

int log_level_parse(const char *text, enum log_level *ret_level, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (str_equal(text, levels[i].name)) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return error_set(err, ERR_INVALID,
			 "'%s' is not a log level: expected error, warn, info or debug", text);
}

static char digit(int number)
{
	return (char)('0' + number % 10);
}

/* "1970-01-01T00:00:00.000Z" */
static void add_time(struct buffer *out, int64_t wall_ms)
{
	static _Thread_local int64_t newest =
		INT64_MIN; /* whose text is kept: many lines are of one second */
	static _Thread_local char text[32];
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (seconds != newest) {
		text[0] = '\0';
		if (gmtime_r(&seconds, &tm) != NULL)
			(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		newest = seconds;
	}
	int ms = (int)(wall_ms % 1000);
	const char end[] = {'.', digit(ms / 100), digit(ms / 10), digit(ms), 'Z'};
	(void)buffer_add_string(out, text);
	(void)buffer_add(out, end, sizeof(end));
}

/* A space, and `word` with spaces up to `width`. */
static void add_padded(struct buffer *out, const char *word, size_t width)
{
	static const char spaces[] = "        ";
	size_t size = strlen(word);
	(void)buffer_add(out, spaces, 1);
	(void)buffer_add(out, word, size);
	if (size < width)
		(void)buffer_add(out, spaces, width - size);
}

/* As people write it: 250ms, 30.2s. */
static void add_duration(struct buffer *out, int64_t ms)
{
	if (ms > -1000 && ms < 1000)
		(void)buffer_printf(out, "%" PRIi64 "ms", ms);
	else
		(void)buffer_printf(out, "%" PRIi64 ".%01ds", ms / 1000,
				    (int)((ms < 0 ? -ms : ms) % 1000 / 100));
}

static void add_field(struct buffer *out, const struct log_field *f)
{
	(void)buffer_add(out, " ", 1);
	(void)buffer_add_string(out, f->key);
	(void)buffer_add(out, "=", 1);
	switch (f->kind) {
	case LOG_KIND_STRING:
		text_quote(out, f->as.string);
		break;
	case LOG_KIND_SIGNED:
		(void)buffer_printf(out, "%" PRIi64, f->as.i64);
		break;
	case LOG_KIND_UNSIGNED:
	case LOG_KIND_SIZE_BYTES:
		(void)buffer_printf(out, "%" PRIu64, f->as.u64);
		break;
	case LOG_KIND_DURATION_MS:
		add_duration(out, f->as.i64);
		break;
	case LOG_KIND_BOOL:
		(void)buffer_add_string(out, f->as.boolean ? "yes" : "no");
		break;
	}
}

void log_format(struct buffer *out, int64_t wall_ms, enum log_level level,
		const char *subsystem, const char *event, const struct log_field *fields)
{
	add_time(out, wall_ms);
	add_padded(out, levels[level].name, LEVEL_WIDTH);
	add_padded(out, subsystem, SUBSYSTEM_WIDTH);
	add_padded(out, event, 0);
	for (const struct log_field *f = fields; f->key != NULL; f++) {
		if (f->kind != LOG_KIND_STRING || f->as.string != NULL)
			add_field(out, f);
	}
}

/* Ends `line` with a line end within LOG_LINE_MAX; what is cut ends in "...". */
static void finish(struct buffer *line)
{
	if (line->size >= LOG_LINE_MAX) {
		size_t size = LOG_LINE_MAX - 4;

		/* Not within a character. */
		while (size > 0 && ((unsigned char)line->data[size] & 0xc0) == 0x80)
			size--;
		line->size = size;
		(void)buffer_add_string(line, "...");
	}
	(void)buffer_add(line, "\n", 1);
}

static void write_lines(const struct buffer *lines)
{
	size_t done = 0;
	while (done < lines->size) {
		ssize_t n = write(log_fd, lines->data + done, lines->size - done);

		if (n < 0 && errno == EINTR)
			continue;
		/* The log cannot be written: there is nowhere left to report it. */
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	(void)pthread_mutex_lock(&written_lock);
	if (log_written != NULL)
		log_written();
	(void)pthread_mutex_unlock(&written_lock);
}

static void write_held(void)
{
	int saved = errno;
	if (held.lines.size > 0)
		write_lines(&held.lines);
	buffer_clear(&held.lines);
	errno = saved;
}

void log_hold(void)
{
	held.is_held = true;
	check_before_abort(write_held);
}

void log_release(void)
{
	held.is_held = false;
	write_held();
}

/* `line` waits for more, unless somebody should see it now. */
static void hold(enum log_level level, const struct buffer *line)
{
	if (held.lines.size + line->size > HELD_MAX)
		write_held();
	(void)buffer_add(&held.lines, line->data, line->size);
	if (level <= LOG_LEVEL_WARNING)
		write_held();
}

void log_write(enum log_level level, const char *subsystem, const char *event,
	       const struct log_field *fields)
{
	/* What does not fit even here is left out; finish() marks it. */
	CLEANUP(buffer_done) struct buffer line = BUFFER_INIT(16 * LOG_LINE_MAX);
	int saved = errno;
	struct timespec now;

	if (!log_enabled(level))
		return;
	(void)buffer_reserve(&line, LINE_MOSTLY);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (log_journal)
		(void)buffer_printf(&line, "<%d>", levels[level].priority);
	log_format(&line, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, level, subsystem,
		   event, fields);
	finish(&line);
	if (held.is_held)
		hold(level, &line);
	else
		write_lines(&line);
	errno = saved;
}
