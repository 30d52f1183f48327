#include "adapter/log/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

static struct {
	char *path; /* of the file; lives as long as the program */
	int fd;
	int64_t most_bytes;
} file = {.fd = -1, .most_bytes = LOG_FILE_BYTES};

static int open_log(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static char *numbered(const char *path, int number)
{
	return number == 0 ? mem_strdup(path) : str_printf("%s.%d", path, number);
}

static void shift(const char *path)
{
	for (int n = LOG_FILES_KEPT; n > 0; n--) {
		CLEANUP(freep) char *from = numbered(path, n - 1);
		CLEANUP(freep) char *to = numbered(path, n);
		(void)rename(from, to);
	}
}

static bool is_same(int fd, const struct stat *of)
{
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_dev == of->st_dev && st.st_ino == of->st_ino;
}

/* Called with each line, by one thread at a time. The descriptor stays the same one. Without a new file,
 * for want of room or descriptors, the old one grows on. */
static void on_written(void)
{
	struct stat st;
	if (fstat(file.fd, &st) < 0 || st.st_size <= file.most_bytes)
		return;
	CLEANUP(freep) char *next = str_printf("%s.new", file.path);
	CLEANUP(closep) int fd = open_log(next);
	if (fd < 0)
		return;
	shift(file.path);
	(void)rename(next, file.path);
	for (int standard = STDOUT_FILENO; standard <= STDERR_FILENO; standard++)
		if (is_same(standard, &st))
			(void)dup2(fd, standard);
	(void)dup3(fd, file.fd, O_CLOEXEC);
}

int log_file_open(const char *path, struct error **err)
{
	int fd = open_log(path);
	if (fd < 0)
		return error_errno(err, "cannot open the log %s", path);
	file.fd = fd;
	file.path = mem_strdup(path);
	log_set_fd(file.fd, on_written);
	return 0;
}

int log_start(const char *level, const char *path, struct error **err)
{
	enum log_level parsed = LOG_LEVEL_INFO;
	int r = log_level_parse(level, &parsed, NULL);

	INVARIANT(r == 0); /* one of the choices */
	log_init(parsed, STDERR_FILENO);
	return path != NULL ? log_file_open(path, err) : 0;
}

void log_file_start_new(const char *path, int64_t most_bytes)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > most_bytes)
		shift(path);
}

void log_file_set_bytes(int64_t bytes)
{
	file.most_bytes = bytes;
}
