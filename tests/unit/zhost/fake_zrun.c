#include "fake_zrun.h"

#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/str.h"

enum { TEXT_MAX = 64 * 1024, FAKE_PID = 4242 };

static struct fake_host *host_of(struct process_host *host)
{
	return (struct fake_host *)host;
}

static void close_fd(int *fd)
{
	closep(fd);
	*fd = -1;
}

static struct fake_zrun *zrun_new(struct fake_host *h)
{
	struct fake_zrun *z = mem_new(struct fake_zrun);
	z->listener_fd = z->status_fd = z->fd = -1;
	z->pid = h->pid != 0 ? h->pid : FAKE_PID + (pid_t)h->all.count;
	vector_push(&h->all, z);
	return z;
}

static void zrun_free(struct fake_zrun *z)
{
	close_fd(&z->listener_fd);
	close_fd(&z->status_fd);
	close_fd(&z->fd);
	free(z->topology);
	free(z->path);
	free(z->module_path);
	free(z->imports);
	free(z->environment);
	free(z->settings);
	free(z);
}

static char *join(const struct launch_variable *variables, size_t count)
{
	struct buffer b = BUFFER_INIT(TEXT_MAX);
	assert_int_equal(buffer_add_string(&b, ""), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(
			buffer_printf(&b, "%s=%s\n", variables[i].name, variables[i].value), 0);
	return buffer_steal(&b);
}

/* ---- methods ---- */

static int launch(struct process_host *host, const struct launch_request *q,
		  launch_done_fn *done, void *user, struct error **err)
{
	struct fake_host *h = host_of(host);
	if (h->launch_fails)
		return error_set(err, ERR_LIMIT, "the request is too large");
	struct fake_zrun *z = zrun_new(h);
	z->topology = mem_strdup(q->topology);
	z->path = mem_strdup(q->instance);
	z->epoch = q->epoch;
	z->module_path = mem_strdup(q->module_path);
	z->memory_bytes = q->memory_bytes;
	z->capabilities = q->capabilities;
	z->watchdog_ms = q->watchdog_ms;
	z->orphan_ms = q->orphan_ms;
	z->grace_ms = q->grace_ms;
	z->stop_at_ms = q->stop_at_ms;
	z->end_at_ms = q->end_at_ms;
	z->imports = join(q->imports, q->imports_count);
	z->environment = join(q->environment, q->environment_count);
	z->settings = join(q->settings, q->settings_count);
	z->has_filter = q->seccomp_program != NULL;
	z->listener_fd = dup(q->listener_fd);
	z->status_fd = dup(q->status_fd);
	z->done = done;
	z->done_user = user;
	if (!h->holds)
		done(user, z->pid, -1, NULL);
	return 0;
}

static int watch(struct process_host *host, pid_t pid, int pidfd, process_exit_fn *on_exit,
		 void *user, struct process_watch **ret_watch, struct error **err)
{
	struct fake_host *h = host_of(host);
	if (pidfd >= 0)
		(void)close(pidfd);
	if (h->watch_fails)
		return error_set(err, ERR_NOT_FOUND, "no process %d", (int)pid);
	struct fake_zrun *z = NULL;
	vector_for_each (&h->all, one)
		if ((*one)->pid == pid && !(*one)->is_watched)
			z = *one;
	if (z == NULL) { /* adopted */
		z = zrun_new(h);
		z->pid = pid;
	}
	z->on_exit = on_exit;
	z->exit_user = user;
	z->is_watched = true;
	*ret_watch = (struct process_watch *)z;
	return 0;
}

static void kill_process(struct process_watch *watch)
{
	((struct fake_zrun *)watch)->is_killed = true;
}

static void watch_free(struct process_watch *watch)
{
	((struct fake_zrun *)watch)->is_watched = false;
}

static const struct process_host_methods methods = {
	.launch = launch, .watch = watch, .kill = kill_process, .watch_free = watch_free};

void fake_host_init(struct fake_host *h)
{
	*h = (struct fake_host){.host.methods = &methods};
}

void fake_host_done(struct fake_host *h)
{
	vector_for_each (&h->all, z)
		zrun_free(*z);
	vector_done(&h->all);
}

/* ---- the other end ---- */

struct fake_zrun *fake_zrun_last(const struct fake_host *h)
{
	assert_true(h->all.count > 0);
	return h->all.items[h->all.count - 1];
}

void fake_zrun_launched(struct fake_zrun *z, int pidfd, const char *why)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (why != NULL)
		(void)error_set(&err, ERR_UNAVAILABLE, "%s", why);
	z->done(z->done_user, why != NULL ? -1 : z->pid, pidfd, err);
}

void fake_zrun_accept(struct fake_zrun *z)
{
	close_fd(&z->fd);
	z->fd = accept4(z->listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(z->fd >= 0);
}

static void write_all(struct fake_zrun *z, const void *data, size_t size)
{
	if (z->fd < 0)
		fake_zrun_accept(z);
	ssize_t n = send(z->fd, data, size, MSG_NOSIGNAL);
	assert_int_equal(n, size);
}

void fake_zrun_send(struct fake_zrun *z, uint16_t type, uint32_t correlation, const void *body,
		    size_t size)
{
	struct zrun_frame frame = {
		.size = (uint32_t)size, .type = type, .correlation = correlation};
	write_all(z, &frame, sizeof(frame));
	if (size > 0)
		write_all(z, body, size);
}

size_t fake_hello(void *to, size_t room, const struct zrun_hello *fixed, const char *topology,
		  const char *path)
{
	struct zrun_hello hello = *fixed;
	hello.topology_size = (uint16_t)strlen(topology);
	hello.instance_size = (uint16_t)strlen(path);
	struct zrun_frame frame = {
		.size = (uint32_t)(sizeof(hello) + strlen(topology) + strlen(path)),
		.type = ZRUN_HELLO};
	assert_true(sizeof(frame) + frame.size <= room);
	char *at = mempcpy(to, &frame, sizeof(frame));
	at = mempcpy(at, &hello, sizeof(hello));
	at = mempcpy(at, topology, strlen(topology));
	memcpy(at, path, strlen(path));
	return sizeof(frame) + frame.size;
}

void fake_zrun_hello(struct fake_zrun *z, enum zrun_phase phase)
{
	char frame[512];
	struct zrun_hello hello = {
		.version = ZRUN_PROTOCOL_VERSION, .epoch = z->epoch, .phase = (uint8_t)phase};
	write_all(z, frame, fake_hello(frame, sizeof(frame), &hello, z->topology, z->path));
}

void fake_zrun_failed(struct fake_zrun *z, const char *text)
{
	char body[256];
	struct zrun_failed failed = {.kind = ZRUN_FAILED_TRAP};
	assert_true(sizeof(failed) + strlen(text) <= sizeof(body));
	memcpy(mempcpy(body, &failed, sizeof(failed)), text, strlen(text));
	fake_zrun_send(z, ZRUN_FAILED, 0, body, sizeof(failed) + strlen(text));
}

void fake_zrun_stopped(struct fake_zrun *z, enum zrun_stopped_cause cause)
{
	struct zrun_stopped stopped = {.cause = (uint8_t)cause};
	fake_zrun_send(z, ZRUN_STOPPED, 0, &stopped, sizeof(stopped));
}

uint16_t fake_zrun_receive(struct fake_zrun *z, void *body, size_t room, size_t *ret_size)
{
	struct zrun_frame frame;
	if (z->fd < 0)
		fake_zrun_accept(z);
	ssize_t n = recv(z->fd, &frame, sizeof(frame), MSG_DONTWAIT);
	if (n <= 0)
		return 0;
	assert_int_equal(n, sizeof(frame));
	CLEANUP(freep) char *all = mem_calloc(1, frame.size + 1);
	if (frame.size > 0)
		assert_int_equal(recv(z->fd, all, frame.size, MSG_DONTWAIT), frame.size);
	memcpy(body, all, frame.size < room ? frame.size : room);
	*ret_size = frame.size;
	return frame.type;
}

void fake_zrun_hang_up(struct fake_zrun *z)
{
	close_fd(&z->fd);
}

void fake_zrun_exit(struct fake_zrun *z, int status)
{
	close_fd(&z->fd);
	close_fd(&z->listener_fd);
	close_fd(&z->status_fd);
	assert_true(z->is_watched);
	z->on_exit(z->exit_user, z->pid, status);
	assert_false(z->is_watched);
}

/* ---- the loop ---- */

static void too_late(void *user)
{
	(void)user;
	fail_msg("nothing happened within ten seconds");
}

void loop_run_until(struct loop *loop, bool (*is_true)(void *user), void *user)
{
	struct loop_timer *limit = loop_timer_new(loop, too_late, NULL);
	loop_timer_at(limit, loop_now(loop).mono_ms + 10000);
	while (!is_true(user))
		(void)uv_run(loop_uv(loop), UV_RUN_ONCE);
	loop_timer_free(limit);
}

/* Twice: what the poll phase of the first turn takes is worked on in the second. */
void loop_run_ready(struct loop *loop)
{
	(void)uv_run(loop_uv(loop), UV_RUN_NOWAIT);
	(void)uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}
