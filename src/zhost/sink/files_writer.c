#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "zhost/sink/writer.h"

#define OPEN_MAX_FILES 64
#define LINE_MAX_SIZE  ((size_t)64 * 1024)

struct open_file {
	char *name; /* "shop/api-2+cache.log"; NULL: none */
	int fd;
	uint64_t used; /* the one not used for longest is closed first */
};

struct files_writer {
	struct sink_writer writer;
	char *dir;
	struct open_file files[OPEN_MAX_FILES];
	uint64_t clock;
	struct buffer line;
};

static void file_close(struct open_file *f)
{
	if (f->name == NULL)
		return;
	close(f->fd);
	free(f->name);
	*f = (struct open_file){.fd = -1};
}

/* The caller frees. */
static char *file_name(const struct sink_record *r)
{
	char *name = str_printf("%s/%s.log", r->topology, r->path);

	for (char *c = name + strlen(r->topology) + 1; *c != '\0'; c++)
		if (*c == '/')
			*c = '+';
	return name;
}

static int file_open(const struct files_writer *w, const struct sink_record *r,
		     const char *name)
{
	CLEANUP(freep) char *dir = str_printf("%s/%s", w->dir, r->topology);
	CLEANUP(freep) char *path = str_printf("%s/%s", w->dir, name);

	/* Names of topologies and instances have neither '/' nor begin with '.', but in between. */
	if ((mkdir(w->dir, 0750) < 0 && errno != EEXIST) ||
	    (mkdir(dir, 0750) < 0 && errno != EEXIST))
		return -1;
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
}

/* -1 (errno). */
static int file_of(struct files_writer *w, const struct sink_record *r)
{
	CLEANUP(freep) char *name = file_name(r);
	struct open_file *oldest = &w->files[0];

	for (size_t i = 0; i < OPEN_MAX_FILES; i++) {
		struct open_file *f = &w->files[i];

		if (str_equal(f->name, name)) {
			f->used = ++w->clock;
			return f->fd;
		}
		if (f->used < oldest->used)
			oldest = f;
	}
	int fd = file_open(w, r, name);
	if (fd < 0)
		return -1;
	file_close(oldest);
	*oldest = (struct open_file){.name = steal_ptr(&name), .fd = fd, .used = ++w->clock};
	return fd;
}

static void encode(struct buffer *to, const struct sink_record *r)
{
	time_t seconds = (time_t)(r->wall_ms / 1000);
	struct tm tm;
	char date[32];

	gmtime_r(&seconds, &tm);
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	buffer_clear(to);
	(void)buffer_printf(to, "%s.%03dZ %-5s ", date, (int)(r->wall_ms % 1000), r->level);
	(void)buffer_add(to, r->text, r->size);
	(void)buffer_add(to, "\n", 1);
}

static int files_write(struct sink_writer *writer, const struct sink_record *r,
		       struct error **err)
{
	struct files_writer *w = (struct files_writer *)writer;
	int fd = file_of(w, r);
	off_t before = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	ssize_t written = -1;

	encode(&w->line, r);
	if (fd >= 0)
		written = write(fd, w->line.data, w->line.size);
	if (written == (ssize_t)w->line.size)
		return 0;
	if (written > 0) {
		errno = ENOSPC;
		(void)!ftruncate(fd, before); /* it is written again as a whole */
	}
	return error_set(err, ERR_UNAVAILABLE, "%s: %s", w->dir, strerror(errno));
}

static void files_reopen(struct sink_writer *writer)
{
	struct files_writer *w = (struct files_writer *)writer;

	for (size_t i = 0; i < OPEN_MAX_FILES; i++)
		file_close(&w->files[i]);
}

static void files_free(struct sink_writer *writer)
{
	struct files_writer *w = (struct files_writer *)writer;

	files_reopen(writer);
	buffer_done(&w->line);
	free(w->dir);
	free(w);
}

struct sink_writer *files_writer_new(const char *dir)
{
	static const struct sink_writer_ops ops = {
		.write = files_write, .reopen = files_reopen, .free = files_free};
	struct files_writer *w = mem_new(struct files_writer);

	w->writer.ops = &ops;
	w->dir = mem_strdup(dir);
	w->line = BUFFER_INIT(LINE_MAX_SIZE);
	return &w->writer;
}
