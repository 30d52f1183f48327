#include "startz/state.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

#define LOCK_WAIT_MS	120000
#define LOCK_ATTEMPT_MS 50

static void members_done(member_vector *members)
{
	vector_for_each (members, m) {
		free(m->name);
		free(m->program);
		free(m->address);
		free(m->zrms);
		free(m->peer);
		free(m->config);
	}
	vector_done(members);
}

void state_done(struct state *s)
{
	state_unlock(s);
	members_done(&s->members);
	free(s->dir);
	*s = (struct state){.lock_fd = -1};
}

char *state_path(const struct state *s, const char *format, ...)
{
	CLEANUP(freep) char *rest = NULL;
	va_list args;

	va_start(args, format);
	rest = str_vprintf(format, args);
	va_end(args);
	return str_printf("%s/%s", s->dir, rest);
}

struct member *state_find(struct state *s, const char *name)
{
	vector_for_each (&s->members, m) {
		if (str_equal(m->name, name))
			return m;
	}
	return NULL;
}

struct member *state_add(struct state *s, const char *name, const char *program)
{
	struct member *m = vector_add(&s->members);

	if (str_equal(name, "zrms")) {
		memmove(&s->members.items[1], &s->members.items[0],
			(s->members.count - 1) * sizeof(*m));
		m = &s->members.items[0];
	}
	*m = (struct member){.name = mem_strdup(name), .program = mem_strdup(program)};
	return m;
}

/* ---------------------------------------------------------------- reading */

static char *take_string(const json_t *object, const char *key)
{
	return mem_strdup(json_string_value(json_object_get(object, key)));
}

static int read_member(struct state *s, const json_t *object, const char *path,
		       struct error **err)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	const char *program = json_string_value(json_object_get(object, "program"));
	const char *boot = json_string_value(json_object_get(object, "boot"));
	struct member *m;

	/* Both become parts of paths. */
	if (str_is_empty(name) || strchr(name, '/') != NULL || name[0] == '.' ||
	    (!str_equal(program, "zrms") && !str_equal(program, "zhost") &&
	     !str_equal(program, "etcd")) ||
	    state_find(s, name) != NULL)
		return error_set(err, ERR_INVALID, "%s is damaged: a member without name",
				 path);
	m = state_add(s, name, program);
	m->address = take_string(object, "address");
	m->zrms = take_string(object, "zrms");
	m->peer = take_string(object, "peer");
	m->config = take_string(object, "config");
	m->allows_exec = json_is_true(json_object_get(object, "allow_exec"));
	m->machine = (uint32_t)json_integer_value(json_object_get(object, "machine"));
	m->process.pid = (pid_t)json_integer_value(json_object_get(object, "pid"));
	m->process.start_time =
		(uint64_t)json_integer_value(json_object_get(object, "start_time"));
	if (boot != NULL)
		(void)snprintf(m->process.boot, sizeof(m->process.boot), "%s", boot);
	return 0;
}

static bool is_same_process(const struct process_id *a, const struct process_id *b)
{
	return a->pid == b->pid && a->start_time == b->start_time &&
	       str_equal(a->boot, b->boot);
}

/* Another startz may have started a member again meanwhile: that process is not ours. */
static void keep_started(struct state *s, const member_vector *before)
{
	vector_for_each (before, old) {
		struct member *m = old->started ? state_find(s, old->name) : NULL;

		if (m != NULL)
			m->started = is_same_process(&m->process, &old->process);
	}
}

static int read_saved(struct state *s, struct error **err)
{
	CLEANUP(freep) char *path = state_path(s, "startz.json");
	json_error_t problem;
	json_t *root;
	const json_t *members;
	int r = 0;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	root = json_load_file(path, 0, &problem);
	if (root == NULL)
		return error_set(err, ERR_INVALID, "%s:%d: %s", path, problem.line,
				 problem.text);
	s->heartbeat_ms = json_integer_value(json_object_get(root, "heartbeat_ms"));
	s->timeout_ms = json_integer_value(json_object_get(root, "timeout_ms"));
	members = json_object_get(root, "members");
	for (size_t i = 0; r == 0 && i < json_array_size(members); i++)
		r = read_member(s, json_array_get(members, i), path, err);
	json_decref(root);
	return r;
}

static int read_state(struct state *s, struct error **err)
{
	member_vector before = s->members;
	int r;

	s->members = (member_vector){0};
	r = read_saved(s, err);
	keep_started(s, &before);
	members_done(&before);
	return r;
}

/* ---------------------------------------------------------------- writing */

static json_t *text_or_null(const char *s)
{
	return s != NULL ? json_string(s) : json_null();
}

static json_t *member_json(const struct member *m)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:I, s:s}", "name",
			 m->name, "program", m->program, "address", text_or_null(m->address),
			 "zrms", text_or_null(m->zrms), "peer", text_or_null(m->peer), "config",
			 text_or_null(m->config), "allow_exec", m->allows_exec, "machine",
			 (json_int_t)m->machine, "pid", (json_int_t)m->process.pid,
			 "start_time", (json_int_t)m->process.start_time, "boot",
			 m->process.boot);
}

static int write_whole(int fd, const char *text, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(fd, text + done, size - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd);
}

int state_write(const char *path, const char *text, size_t size, struct error **err)
{
	CLEANUP(freep) char *next = str_printf("%s.new", path);
	CLEANUP(closep)
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return error_errno(err, "cannot write %s", next);
	if (write_whole(fd, text, size) == 0 && rename(next, path) == 0)
		return 0;
	r = error_errno(err, "cannot write %s", path);
	(void)unlink(next);
	return r;
}

int state_save(const struct state *s, struct error **err)
{
	CLEANUP(freep) char *path = state_path(s, "startz.json");
	json_t *members = json_array();
	json_t *root = json_pack("{s:I, s:I, s:o}", "heartbeat_ms", (json_int_t)s->heartbeat_ms,
				 "timeout_ms", (json_int_t)s->timeout_ms, "members", members);
	CLEANUP(freep) char *text = NULL;

	vector_for_each (&s->members, m) {
		json_t *object = member_json(m);

		if (object == NULL || json_array_append_new(members, object) < 0) {
			json_decref(root);
			return error_set(err, ERR_INVALID, "the name %s is not UTF-8", m->name);
		}
	}
	text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	return state_write(path, text, strlen(text), err);
}

/* ---------------------------------------------------------------- directory and lock */

static int make_directory(const char *path, struct error **err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make the directory %s", path);
	return 0;
}

static int make_path(const char *path, struct error **err)
{
	CLEANUP(freep) char *part = mem_strdup(path);

	for (char *slash = strchr(part + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = make_directory(part, err);
		*slash = '/';
		if (r < 0)
			return r;
	}
	return make_directory(part, err);
}

static int find_dir(const char *dir, struct state *s, struct error **err)
{
	s->dir = realpath(dir, NULL);
	if (s->dir == NULL)
		return error_errno(err, "cannot use the directory %s", dir);
	return 0;
}

int state_lock(struct state *s, struct error **err)
{
	CLEANUP(freep) char *path = state_path(s, "startz.lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_ATTEMPT_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			(void)error_errno(err, "cannot lock %s", path);
			(void)close(fd);
			return ERR_IO;
		}
		if (waited >= LOCK_WAIT_MS) {
			(void)close(fd);
			return error_set(err, ERR_CONFLICT, "another startz is working on %s",
					 s->dir);
		}
		(void)poll(NULL, 0, LOCK_ATTEMPT_MS);
	}
	s->lock_fd = fd;
	return read_state(s, err);
}

void state_unlock(struct state *s)
{
	if (s->lock_fd >= 0)
		(void)close(s->lock_fd);
	s->lock_fd = -1;
}

int state_open(const char *dir, struct state *ret_state, struct error **err)
{
	static const char *const directories[] = {"keys", "zrms", "zrms/trust", "zhosts",
						  "log"};
	struct state s = {.lock_fd = -1};
	int r = make_path(dir, err);

	if (r == 0)
		r = find_dir(dir, &s, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(directories); i++) {
		CLEANUP(freep) char *path = state_path(&s, "%s", directories[i]);

		r = make_directory(path, err);
	}
	if (r == 0)
		r = state_lock(&s, err);
	if (r < 0) {
		state_done(&s);
		return r;
	}
	*ret_state = s;
	return 0;
}

int state_peek(const char *dir, struct state *ret_state, struct error **err)
{
	struct state s = {.lock_fd = -1};
	int r = find_dir(dir, &s, err);

	if (r == 0)
		r = read_state(&s, err);
	if (r == 0 && s.members.count == 0)
		r = error_set(err, ERR_NOT_FOUND, "no cluster has been started in %s", dir);
	if (r < 0) {
		state_done(&s);
		return r;
	}
	*ret_state = s;
	return 0;
}
