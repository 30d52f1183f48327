#include "zhost/process/process_host.h"

#include <signal.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/sandbox/filter.h"
#include "adapter/uv/loop.h"
#include "base/check.h"
#include "base/str.h"

enum { WATCH_RETRY_MS = 1000 };

struct launcher_host {
	struct process_host host; /* first */
	struct loop *loop;
	struct launcher *launcher;
	uv_poll_t *poll; /* of launcher_fd(); NULL: there is no zygote */
	int poll_events;
	struct loop_timer *retry; /* the zygote's socket could not be watched */
};

/* ---- the launcher on the loop ---- */

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct launcher_host *h = poll->data;
	(void)status;
	(void)events;
	if (h != NULL)
		launcher_process(h->launcher);
}

static void unpoll(struct launcher_host *h)
{
	if (h->poll == NULL)
		return;
	h->poll->data = NULL;
	uv_close((uv_handle_t *)h->poll, loop_handle_free);
	h->poll = NULL;
	h->poll_events = 0;
}

static void on_fd_changed(void *data)
{
	struct launcher_host *h = data;
	unpoll(h);
	int fd = h->launcher != NULL ? launcher_fd(h->launcher) : -1;
	if (fd < 0)
		return;
	log_debug("zhost", "zygote", LOG_U("pid", launcher_zygote_pid(h->launcher)));
	CLEANUP(error_freep) struct error *err = NULL;
	if (loop_poll_new(h->loop, fd, &h->poll, &err) < 0) {
		log_error("zhost", "zygote.unwatched", LOG_E(err));
		loop_timer_at(h->retry, loop_now(h->loop).mono_ms + WATCH_RETRY_MS);
		return;
	}
	h->poll->data = h;
}

static void on_retry(void *user)
{
	const struct launcher_host *h = user;
	if (h->poll == NULL)
		on_fd_changed(user);
}

/* A hook: the launcher is watched for what it waits for. */
static bool watch_launcher(void *user)
{
	struct launcher_host *h = user;
	int events = UV_READABLE | (launcher_wants_write(h->launcher) ? UV_WRITABLE : 0);
	if (h->poll == NULL || h->poll_events == events)
		return false;
	h->poll_events = events;
	(void)uv_poll_start(h->poll, events, on_event);
	return false;
}

/* ---- methods ---- */

static int launch(struct process_host *host, const struct launch_request *request,
		  launch_done_fn *done, void *user, struct error **err)
{
	struct launcher_host *h = (struct launcher_host *)host;
	return launcher_launch(h->launcher, request, done, user, err);
}

static int watch(struct process_host *host, pid_t pid, int pidfd, process_exit_fn *on_exit,
		 void *user, struct process_watch **ret_watch, struct error **err)
{
	struct launcher_host *h = (struct launcher_host *)host;
	struct pid_watch *watch;
	int r = pid_watch_new(h->loop, pid, pidfd, on_exit, user, &watch, err);
	if (r == 0)
		*ret_watch = (struct process_watch *)watch;
	return r;
}

static void kill_process(struct process_watch *watch)
{
	(void)!pid_watch_kill((struct pid_watch *)watch, SIGKILL, NULL);
}

static void watch_free(struct process_watch *watch)
{
	pid_watch_free((struct pid_watch *)watch);
}

static const struct process_host_methods methods = {
	.launch = launch, .watch = watch, .kill = kill_process, .watch_free = watch_free};

/* ---- life ---- */

/* A package keeps it out of the way of people, where no other package has a program of that name. */
#define PACKAGED_ZRUN "../lib/samoza/zrun"

static char *path_of_zrun(const char *path)
{
	char self[4096];
	if (path != NULL) /* absolute: the caller's directory may have changed since */
		return realpath(path, self) != NULL ? mem_strdup(self) : mem_strdup(path);
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return mem_strdup("zrun");
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	char *packaged = str_printf("%s/" PACKAGED_ZRUN, self);
	if (access(packaged, X_OK) == 0)
		return packaged;
	free(packaged);
	return str_printf("%s/zrun", self);
}

static int host_start(struct launcher_host *h, const struct process_host_options *options,
		      struct error **err)
{
	CLEANUP(freep) char *path = path_of_zrun(options->zrun_path);
	CLEANUP(freep) void *filter = NULL;
	CLEANUP(error_freep) struct error *why = NULL;
	size_t filter_size;
	if (access(path, X_OK) < 0)
		return error_errno(err, "cannot run %s (--zrun)", path);
	int r = sandbox_filter_new(&filter, &filter_size, err);
	if (r < 0)
		return error_wrap(err, "seccomp filter");
	struct launcher_options launcher = {.zrun_path = path,
					    .seccomp_program = filter,
					    .seccomp_size = filter_size,
					    .without_zygote = options->without_zygote,
					    .on_fd_changed = on_fd_changed,
					    .data = h};
	h->launcher = launcher_new(&launcher);
	if (!options->without_zygote && launcher_start(h->launcher, &why) < 0)
		log_warn("zhost", "zygote.missing", LOG_E(why),
			 LOG_S("instead", "spaces are started by exec, which is slower"));
	loop_before_poll(h->loop, watch_launcher, h);
	return 0;
}

int process_host_new(const struct process_host_options *options, struct process_host **ret_host,
		     struct error **err)
{
	struct launcher_host *h = mem_new(struct launcher_host);
	h->host.methods = &methods;
	h->loop = options->loop;
	h->retry = loop_timer_new(h->loop, on_retry, h);
	int r = host_start(h, options, err);
	if (r < 0) {
		process_host_free(&h->host);
		return r;
	}
	*ret_host = &h->host;
	return 0;
}

void process_host_free(struct process_host *host)
{
	struct launcher_host *h = (struct launcher_host *)host;
	if (h == NULL)
		return;
	unpoll(h);
	if (h->launcher != NULL)
		loop_before_poll_remove(h->loop, watch_launcher, h);
	launcher_free(h->launcher);
	loop_timer_free(h->retry);
	free(h);
}
