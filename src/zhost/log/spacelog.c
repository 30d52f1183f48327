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

struct spacelog {
	struct spacelogs *owner; /* borrowed */
	unsigned references;
	char name[INSTANCE_FILE_NAME_SIZE];
	int fd;
	off_t size;
	uint64_t used; /* for closing the one not used for longest */
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
	for (size_t i = 0; i < s->open.count; i++)
		if (s->open.items[i] == log) {
			vector_remove_at(&s->open, i);
			break;
		}
}

static int log_open(struct spacelog *log)
{
	struct spacelogs *s = log->owner;
	char file[INSTANCE_FILE_NAME_SIZE + 8];
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
	snprintf(file, sizeof(file), "%s.log", log->name);
	log->fd = openat(s->log_fd, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log->fd < 0)
		return -1;
	log->size = fstat(log->fd, &st) == 0 ? st.st_size : 0;
	vector_push(&s->open, log);
	return 0;
}

static void log_rotate(struct spacelog *log)
{
	char file[INSTANCE_FILE_NAME_SIZE + 8], rotated[INSTANCE_FILE_NAME_SIZE + 8];

	log_close(log);
	snprintf(file, sizeof(file), "%s.log", log->name);
	snprintf(rotated, sizeof(rotated), "%s.log.1", log->name);
	(void)renameat(log->owner->log_fd, file, log->owner->log_fd, rotated);
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
		if (log->size >= SPACELOG_BYTES)
			log_rotate(log);
	}
	buffer_done(&log->waiting);
	log->waiting = BUFFER_INIT(WAITING_MAX);
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

void spacelog_add(struct spacelog *log, int64_t wall_ms, const char *level, const char *text,
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
	line[head_size + size] = '\n';
	buffer_grew(&log->waiting, head_size + size + 1);
	if (!log->is_dirty) {
		log->is_dirty = true;
		vector_push(&log->owner->dirty, log);
	}
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

/* ---- reading ---- */

static char *file_read(int log_fd, const char *name, const char *suffix, size_t *ret_size)
{
	CLEANUP(freep) char *file = str_printf("%s%s", name, suffix);
	CLEANUP(closep) int fd = openat(log_fd, file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;
	size_t size, have = 0;

	*ret_size = 0;
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0)
		return NULL;
	size = (size_t)st.st_size;
	data = mem_new_array(char, size + 1);
	while (have < size) {
		ssize_t n = read(fd, data + have, size - have);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	*ret_size = have;
	return data;
}

/* Where the last `*lines` lines of the text begin; what is still missing comes back. */
static size_t tail_begin(const char *text, size_t size, size_t *lines)
{
	size_t at = size;

	while (at > 0 && *lines > 0) {
		const char *feed = at >= 2 ? memrchr(text, '\n', at - 1) : NULL;

		at = feed != NULL ? (size_t)(feed - text) + 1 : 0;
		(*lines)--;
	}
	return at;
}

size_t spacelog_tail(struct spacelogs *s, const char *name, size_t lines, struct buffer *to)
{
	size_t wanted = lines < SPACELOG_TAIL_MAX ? lines : SPACELOG_TAIL_MAX, left = wanted;
	size_t size, old_size, begin, old_begin;
	CLEANUP(freep) char *text = file_read(s->log_fd, name, ".log", &size);
	CLEANUP(freep) char *old = NULL;

	begin = tail_begin(text, size, &left);
	if (left > 0) {
		old = file_read(s->log_fd, name, ".log.1", &old_size);
		old_begin = tail_begin(old, old_size, &left);
		if (old != NULL)
			(void)buffer_add(to, old + old_begin, old_size - old_begin);
	}
	if (text != NULL)
		(void)buffer_add(to, text + begin, size - begin);
	return wanted - left;
}

/* ---- old files ---- */

struct old_file {
	char name[INSTANCE_FILE_NAME_SIZE];
	int64_t modified;
};

static int old_file_compare(const void *a, const void *b)
{
	const struct old_file *x = a, *y = b;

	if (x->modified != y->modified)
		return x->modified < y->modified ? -1 : 1;
	return strcmp(x->name, y->name);
}

void spacelogs_trim(struct spacelogs *s)
{
	VECTOR(struct old_file) files = {0};
	int fd = openat(s->log_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		struct stat st;
		struct old_file file = {0};

		if (strlen(e->d_name) != INSTANCE_FILE_NAME_SIZE - 1 + 4 ||
		    !str_has_suffix(e->d_name, ".log") ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		memcpy(file.name, e->d_name, INSTANCE_FILE_NAME_SIZE - 1);
		file.modified = st.st_mtime;
		if (spacelogs_find(s, file.name) == NULL)
			vector_push(&files, file);
	}
	if (files.count > SPACELOG_KEPT) {
		qsort(files.items, files.count, sizeof(*files.items), old_file_compare);
		for (size_t i = 0; i < files.count - SPACELOG_KEPT; i++) {
			char file[INSTANCE_FILE_NAME_SIZE + 8];

			snprintf(file, sizeof(file), "%s.log", files.items[i].name);
			(void)unlinkat(s->log_fd, file, 0);
			snprintf(file, sizeof(file), "%s.log.1", files.items[i].name);
			(void)unlinkat(s->log_fd, file, 0);
		}
	}
	vector_done(&files);
	if (dir != NULL)
		closedir(dir);
	else
		closep(&fd);
}
