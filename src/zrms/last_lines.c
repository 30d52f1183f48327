#include "zrms/last_lines.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "base/str.h"
#include "core/control/state/iso8601.h"
#include "proto/view.pb-c.h"
#include "schema/message.h"

#define QUESTIONS_MAX 100
#define FILE_MAX      (LAST_LINES_BYTES * 2)

/* What is asked of a zhost. */
struct question {
	struct question *next, **link;
	struct last_lines *all;
	struct log_query *query;
	char *topology, *path;
	int64_t time_ms; /* of the failure */
	VECTOR(char *) lines;
};

struct last_lines {
	struct zrms *zrms;
	char *dir;
	struct question *questions;
	size_t question_count, file_count;
};

/* ---- files ---- */

/* The caller frees. */
static char *file_of(const struct last_lines *all, const char *topology, const char *path)
{
	return str_printf("%s/%s/%016" PRIx64, all->dir, topology, str_hash(path));
}

/* Calls `each` for every file of every topology. */
typedef void each_file_fn(void *user, const char *file);
static void for_each_file(const char *dir_path, each_file_fn *each, void *user)
{
	DIR *dir = opendir(dir_path);

	for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		CLEANUP(freep) char *path = str_printf("%s/%s", dir_path, e->d_name);

		if (e->d_name[0] == '.')
			continue;
		if (e->d_type == DT_DIR)
			for_each_file(path, each, user);
		else
			each(user, path);
	}
	if (dir != NULL)
		closedir(dir);
}

static void count_file(void *user, const char *file)
{
	struct last_lines *all = user;

	(void)file;
	all->file_count++;
}

struct oldest {
	char *file;
	struct timespec time;
};

static void compare_file(void *user, const char *file)
{
	struct oldest *o = user;
	struct stat st;

	if (lstat(file, &st) < 0)
		return;
	if (o->file != NULL &&
	    (st.st_mtim.tv_sec > o->time.tv_sec ||
	     (st.st_mtim.tv_sec == o->time.tv_sec && st.st_mtim.tv_nsec >= o->time.tv_nsec)))
		return;
	free(o->file);
	o->file = mem_strdup(file);
	o->time = st.st_mtim;
}

static void remove_oldest(struct last_lines *all)
{
	struct oldest oldest = {0};

	for_each_file(all->dir, compare_file, &oldest);
	if (oldest.file != NULL && unlink(oldest.file) == 0)
		all->file_count--;
	free(oldest.file);
}

/* As a whole: what was there before stays, or this is there. -1 (errno). */
static int file_write(struct last_lines *all, const char *file, const void *data, size_t size)
{
	CLEANUP(freep) char *new_file = str_printf("%s.new", file);
	bool is_new = access(file, F_OK) < 0;
	CLEANUP(closep)
	int fd = open(new_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || rename(new_file, file) < 0) {
		int saved = errno;

		(void)unlink(new_file);
		errno = saved;
		return -1;
	}
	all->file_count += is_new;
	while (all->file_count > LAST_LINES_FILES)
		remove_oldest(all);
	return 0;
}

static void keep(struct last_lines *all, const struct question *q)
{
	Samoza__V1__LogView view = SAMOZA__V1__LOG_VIEW__INIT;
	CLEANUP(freep) char *file = file_of(all, q->topology, q->path);
	CLEANUP(freep) char *dir = str_printf("%s/%s", all->dir, q->topology);
	CLEANUP(freep) char *time = iso8601_text(q->time_ms);
	size_t begin = q->lines.count, bytes = 0;

	/* The newest that there is room for. */
	while (begin > 0 && q->lines.count - begin < LAST_LINES_COUNT) {
		bytes += strlen(q->lines.items[begin - 1]) + 1;
		if (bytes > LAST_LINES_BYTES)
			break;
		begin--;
	}
	view.lines = q->lines.items + begin;
	view.n_lines = q->lines.count - begin;
	view.kept_of = time;
	size_t size = samoza__v1__log_view__get_packed_size(&view);
	CLEANUP(freep) char *data = mem_new_array(char, size + 1);
	(void)samoza__v1__log_view__pack(&view, (uint8_t *)data);
	if ((mkdir(all->dir, 0700) < 0 && errno != EEXIST) ||
	    (mkdir(dir, 0700) < 0 && errno != EEXIST) || file_write(all, file, data, size) < 0)
		log_warn("logs", "last-lines.lost", LOG_S("file", file),
			 LOG_S("error", strerror(errno)));
}

static void remove_file(void *user, const char *file)
{
	struct last_lines *all = user;

	if (unlink(file) == 0)
		all->file_count--;
}

static void forget(struct last_lines *all, const char *topology)
{
	CLEANUP(freep) char *dir = str_printf("%s/%s", all->dir, topology);

	for_each_file(dir, remove_file, all);
	(void)rmdir(dir);
}

Samoza__V1__LogView *last_lines_find(const struct last_lines *all, const char *topology,
				     const char *path)
{
	CLEANUP(freep) char *file = file_of(all, topology, path);
	CLEANUP(closep) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(freep) char *data = mem_new_array(char, FILE_MAX);
	ssize_t size = fd >= 0 ? read(fd, data, FILE_MAX) : -1;
	ProtobufCMessage *message = NULL;

	if (size < 0 || schema_message_unpack(&samoza__v1__log_view__descriptor, data,
					      (size_t)size, &message, NULL) < 0)
		return NULL;
	return (Samoza__V1__LogView *)message;
}

/* ---- what is asked ---- */

static void question_free(struct question *q)
{
	*q->link = q->next;
	if (q->next != NULL)
		q->next->link = q->link;
	q->all->question_count--;
	vector_for_each (&q->lines, line)
		free(*line);
	vector_done(&q->lines);
	free(q->topology);
	free(q->path);
	free(q);
}

static void on_lines(void *user, char **lines, size_t count)
{
	struct question *q = user;

	for (size_t i = 0; i < count && q->lines.count < LAST_LINES_COUNT; i++)
		vector_push(&q->lines, mem_strdup(lines[i]));
}

static void on_caught_up(void *user)
{
	(void)user;
}

static void on_ended(void *user, int code)
{
	struct question *q = user;

	if (code == 0 && q->lines.count > 0)
		keep(q->all, q);
	question_free(q);
}

static const struct logs_listener listener = {
	.lines = on_lines, .caught_up = on_caught_up, .ended = on_ended};

static bool is_asked(const struct last_lines *all, const char *topology, const char *path)
{
	for (const struct question *q = all->questions; q != NULL; q = q->next)
		if (str_equal(q->topology, topology) && str_equal(q->path, path))
			return true;
	return false;
}

static void ask(struct last_lines *all, const char *topology, const char *path, int64_t time_ms)
{
	static const struct logs_wanted wanted = {.lines = LAST_LINES_COUNT};
	uint64_t link_id = 0;

	if (all->question_count >= QUESTIONS_MAX || is_asked(all, topology, path) ||
	    control_link_of_instance(all->zrms->control, topology, path, &link_id, NULL) < 0)
		return;
	struct question *q = mem_new(struct question);
	q->all = all;
	q->link = &all->questions;
	q->next = all->questions;
	if (q->next != NULL)
		q->next->link = &q->next;
	all->questions = q;
	all->question_count++;
	q->topology = mem_strdup(topology);
	q->path = mem_strdup(path);
	q->time_ms = time_ms;
	q->query = logs_open(all->zrms->logs, link_id, topology, path, &wanted, &listener, q);
	if (q->query == NULL)
		question_free(q);
}

/* Errors begin with the name of the action, or of the process. */
static bool is_failure(const Samoza__V1__EventRecord *e)
{
	static const char *const begins[] = {
		"deploy: ", "start: ", "update: ", "stop: ", "undeploy: ", "process: "};

	for (size_t i = 0; str_equal(e->kind, "space") && i < ARRAY_SIZE(begins); i++)
		if (str_has_prefix(e->cause, begins[i]))
			return true;
	return false;
}

void last_lines_event(struct last_lines *all, const Samoza__V1__EventRecord *e)
{
	const char *slash = strchr(e->subject, '/');

	if (all == NULL || e->topology == NULL)
		return;
	if (str_equal(e->kind, "topology") && str_is_empty(e->to))
		forget(all, e->topology);
	else if (slash != NULL && is_failure(e))
		ask(all, e->topology, slash + 1, e->time_ms);
}

struct last_lines *last_lines_new(struct zrms *zrms)
{
	struct last_lines *all = mem_new(struct last_lines);

	all->zrms = zrms;
	all->dir = str_printf("%s/last-lines", zrms->settings.dir);
	for_each_file(all->dir, count_file, all);
	return all;
}

void last_lines_free(struct last_lines *all)
{
	if (all == NULL)
		return;
	for (struct question *q = all->questions, *next; q != NULL; q = next) {
		next = q->next;
		if (q->query != NULL)
			logs_close(q->query);
		question_free(q);
	}
	free(all->dir);
	free(all);
}
