#include "zhost/state/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "adapter/lock/lock.h"
#include "base/memory.h"
#include "base/str.h"
#include "zhost/state/run_dir.h"

#define STDERR_MAX  ((off_t)1024 * 1024)
#define STDERR_KEPT (256 * 1024)

static int make_directories(const char *path, struct error **err)
{
	CLEANUP(freep) char *copy = mem_strdup(path);

	for (char *slash = copy + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return error_errno(err, "cannot make directory %s", copy);
		*slash = '/';
	}
	if (mkdir(copy, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make directory %s", copy);
	return 0;
}

static int open_directory(int at, const char *name, int *ret_fd, struct error **err)
{
	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make directory %s", name);
	*ret_fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_fd < 0)
		return error_errno(err, "cannot open directory %s", name);
	return 0;
}

static int lock_directory(struct state_dir *f, struct error **err)
{
	f->lock_fd = openat(f->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f->lock_fd < 0)
		return error_errno(err, "cannot open %s/lock", f->path);
	return lock_hold(f->lock_fd, f->path, "another zhost", err);
}

/* The same file for all: a process that outlives its zhost would go on writing to a removed one, which
 * nobody bounds. */
static int open_stderr(struct state_dir *f, struct error **err)
{
	f->stderr_fd = openat(f->log_fd, "zrun.err",
			      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->stderr_fd < 0)
		return error_errno(err, "cannot open %s/log/zrun.err", f->path);
	state_dir_bound_stderr(f);
	return 0;
}

/* Writers append, so what they write meanwhile comes before or after the end that is kept. */
void state_dir_bound_stderr(struct state_dir *f)
{
	struct stat st;
	if (fstat(f->stderr_fd, &st) < 0 || st.st_size <= STDERR_MAX)
		return;
	CLEANUP(closep)
	int fd = openat(f->log_fd, "zrun.err", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(freep) char *text = mem_calloc(1, STDERR_KEPT);
	ssize_t n = fd >= 0 ? pread(fd, text, STDERR_KEPT, st.st_size - STDERR_KEPT) : 0;
	const char *line = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;
	if (ftruncate(f->stderr_fd, 0) == 0 && line != NULL)
		(void)!write(f->stderr_fd, line + 1, (size_t)(text + n - line - 1));
}

int state_dir_open(struct state_dir *f, const char *path, struct error **err)
{
	char absolute[PATH_MAX];
	int r;

	*f = (struct state_dir){
		.lock_fd = -1, .dir_fd = -1, .run_fd = -1, .log_fd = -1, .stderr_fd = -1};
	r = make_directories(path, err);
	if (r < 0)
		return r;
	if (realpath(path, absolute) == NULL)
		return error_errno(err, "cannot find %s", path);
	f->path = mem_strdup(absolute);
	f->dir_fd = open(absolute, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir_fd < 0)
		return error_errno(err, "cannot open %s", absolute);
	r = lock_directory(f, err);
	if (r == 0)
		r = run_dir_open(f->dir_fd, f->path, &f->run_fd, err);
	if (r == 0)
		r = open_directory(f->dir_fd, "log", &f->log_fd, err);
	if (r == 0)
		r = open_stderr(f, err);
	if (r == 0 && mkdirat(f->dir_fd, "spaces", 0700) < 0 && errno != EEXIST)
		r = error_errno(err, "cannot make directory %s/spaces", f->path);
	return r;
}

/* One line of text, or "" when there is no such file. */
static int read_line(const struct state_dir *f, const char *name, char *text, size_t size,
		     struct error **err)
{
	CLEANUP(closep) int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	text[0] = '\0';
	if (fd < 0)
		return errno == ENOENT ? 0
				       : error_errno(err, "cannot open %s/%s", f->path, name);
	n = read(fd, text, size - 1);
	if (n < 0)
		return error_errno(err, "cannot read %s/%s", f->path, name);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

static int write_line(const struct state_dir *f, const char *name, const char *text,
		      struct error **err)
{
	CLEANUP(freep) char *temporary = str_printf("%s.new", name);
	CLEANUP(freep) char *line = str_printf("%s\n", text);
	CLEANUP(closep)
	int fd = openat(f->dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line) || fsync(fd) < 0 ||
	    renameat(f->dir_fd, temporary, f->dir_fd, name) < 0 || fsync(f->dir_fd) < 0)
		return error_errno(err, "cannot write %s/%s", f->path, name);
	return 0;
}

static void draw_uuid(char text[37])
{
	uint8_t b[16];

	randombytes_buf(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(text, 37,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		 b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		 b[13], b[14], b[15]);
}

/* "" when it has none yet. */
static int read_identity(const struct state_dir *f, char ret_identity[37], struct error **err)
{
	char text[64];
	int r = read_line(f, "identity", text, sizeof(text), err);

	if (r < 0)
		return r;
	if (text[0] != '\0' && strlen(text) != 36)
		return error_set(err, ERR_INVALID, "%s/identity does not hold a uuid", f->path);
	memcpy(ret_identity, text, strlen(text) + 1);
	return 0;
}

int state_dir_renew_identity(struct state_dir *f, char ret_before[37], struct error **err)
{
	int r = read_identity(f, ret_before, err);

	if (r < 0)
		return r;
	draw_uuid(f->identity);
	return write_line(f, "identity", f->identity, err);
}

int state_dir_begin(struct state_dir *f, struct error **err)
{
	char text[64], number[32];
	int r = read_identity(f, f->identity, err);

	if (r < 0)
		return r;
	if (f->identity[0] == '\0') {
		draw_uuid(f->identity);
		r = write_line(f, "identity", f->identity, err);
		if (r < 0)
			return r;
	}
	r = read_line(f, "incarnation", text, sizeof(text), err);
	if (r < 0)
		return r;
	if (text[0] != '\0' && str_to_u64(text, &f->incarnation) < 0)
		return error_set(err, ERR_INVALID, "%s/incarnation does not hold a number",
				 f->path);
	f->incarnation++;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)f->incarnation);
	return write_line(f, "incarnation", number, err);
}

void state_dir_close(struct state_dir *f)
{
	free(f->path);
	f->path = NULL;
	closep(&f->run_fd);
	closep(&f->log_fd);
	closep(&f->stderr_fd);
	closep(&f->dir_fd);
	closep(&f->lock_fd);
}
