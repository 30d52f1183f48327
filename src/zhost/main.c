/*
 * zhost: the agent of one machine. Puts the parts together (zhost.h shows them), runs the loop,
 * and takes them apart in order. The spaces go on when it ends.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <sodium.h>

#include "adapter/config/version.h"
#include "adapter/log/log.h"
#include "adapter/sandbox/filter.h"
#include "adapter/sqlite/kv.h"
#include "base/check.h"
#include "base/str.h"
#include "zhost/artifact/artifact.h"
#include "zhost/data/data_service.h"
#include "zhost/edge/edge.h"
#include "zhost/log/log_service.h"
#include "zhost/mesh/mesh.h"
#include "zhost/native/native_runtime.h"
#include "zhost/process/end_spaces.h"
#include "zhost/process/usage.h"
#include "zhost/process/zrun_process.h"
#include "zhost/reconcile/reconcile.h"
#include "zhost/space/resident.h"
#include "zhost/uplink/uplink.h"

/* Until zrms says otherwise (HELLO_ACK). */
#define HEARTBEAT_MS	   10000
#define FAILURE_TIMEOUT_MS 30000

/* ---- the launcher in the loop ---- */

static void poll_closed(uv_handle_t *handle)
{
	free(handle);
}

static void on_launcher(uv_poll_t *poll, int status, int events)
{
	struct zhost *z = poll->data;

	(void)status;
	(void)events;
	if (z != NULL)
		launcher_process(z->launcher);
}

static void launcher_unpoll(struct zhost *z)
{
	if (z->launcher_poll == NULL)
		return;
	z->launcher_poll->data = NULL;
	uv_close((uv_handle_t *)z->launcher_poll, poll_closed);
	z->launcher_poll = NULL;
	z->launcher_events = 0;
}

static void on_launcher_fd(void *data)
{
	struct zhost *z = data;
	int fd;

	launcher_unpoll(z);
	fd = z->launcher != NULL ? launcher_fd(z->launcher) : -1;
	if (fd < 0)
		return;
	log_debug("zhost", "zygote", LOG_U("pid", launcher_zygote_pid(z->launcher)));
	z->launcher_poll = mem_new(uv_poll_t);
	if (uv_poll_init(loop_uv(&z->loop), z->launcher_poll, fd) != 0)
		IMPOSSIBLE("a socket can be polled");
	z->launcher_poll->data = z;
}

/* A hook: the launcher is watched for what it waits for. */
static bool launcher_turn(void *user)
{
	struct zhost *z = user;
	int events = UV_READABLE | (launcher_wants_write(z->launcher) ? UV_WRITABLE : 0);

	if (z->launcher_poll == NULL || z->launcher_events == events)
		return false;
	z->launcher_events = events;
	(void)uv_poll_start(z->launcher_poll, events, on_launcher);
	return false;
}

static char *zrun_path(const struct zhost_settings *s)
{
	char self[4096];
	ssize_t n;

	if (s->zrun != NULL) /* absolute: who runs it may have changed its folder */
		return realpath(s->zrun, self) != NULL ? mem_strdup(self) : mem_strdup(s->zrun);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return mem_strdup("zrun");
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return str_printf("%s/zrun", self);
}

static int launcher_begin(struct zhost *z, struct error **err)
{
	CLEANUP(freep) char *path = zrun_path(&z->settings);
	CLEANUP(freep) void *filter = NULL;
	CLEANUP(error_freep) struct error *why = NULL;
	struct launcher_options options = {.zrun_path = path,
					   .without_zygote = z->settings.no_zygote,
					   .on_fd_changed = on_launcher_fd,
					   .data = z};
	size_t filter_size;
	int r;

	if (access(path, X_OK) < 0)
		return error_errno(err, "cannot run %s (--zrun)", path);
	r = sandbox_filter_new(&filter, &filter_size, err);
	if (r < 0)
		return error_wrap(err, "seccomp filter");
	options.seccomp_program = filter;
	options.seccomp_size = filter_size;
	z->launcher = launcher_new(&options);
	if (!z->settings.no_zygote && launcher_start(z->launcher, &why) < 0)
		log_warn("zhost", "zygote.missing", LOG_E(why),
			 LOG_S("instead", "spaces are started by exec, which is slower"));
	loop_before_poll(&z->loop, launcher_turn, z);
	return 0;
}

/* ---- hooks ---- */

static bool logs_turn(void *user)
{
	struct zhost *z = user;
	bool any = log_service_flush(z->log_service);

	return spacelogs_flush(z->logs) || any;
}

static bool log_is_used(void *data, const char *name)
{
	struct zhost *z = data;
	char own[INSTANCE_FILE_NAME_SIZE];

	for (struct resident *r = z->residents; r != NULL; r = r->hh.next) {
		instance_file_name(r->key->topology, r->key->path, 0, own);
		if (strcmp(own, name) == 0)
			return true;
	}
	return false;
}

/* ---- the end ---- */

static void on_end_check(void *user)
{
	struct zhost *z = user;

	if (z->store == NULL && uplink_is_closed(z->uplink))
		loop_stop(&z->loop);
	else
		loop_timer_at(z->end_timer, loop_now(&z->loop).mono_ms + 2);
}

static void on_store_closed(void *user)
{
	struct zhost *z = user;

	z->store = NULL;
}

static void on_end(void *user)
{
	struct zhost *z = user;

	loop_timer_free(z->end_timer);
	(void)processes_flush(z);
	uplink_close(z->uplink);
	usage_free(z->usage);
	z->usage = NULL;
	edge_free(z->edge);
	z->edge = NULL;
	kv_close(z->store, on_store_closed, z);
	z->end_timer = loop_timer_new(&z->loop, on_end_check, z);
	loop_timer_at(z->end_timer, loop_now(&z->loop).mono_ms);
}

void zhost_end(struct zhost *z, int exit_status)
{
	if (z->ending)
		return;
	z->ending = true;
	z->exit_status = exit_status;
	/* Not from here: whoever calls is in the middle of something. */
	z->end_timer = loop_timer_new(&z->loop, on_end, z);
	loop_timer_at(z->end_timer, loop_now(&z->loop).mono_ms);
}

static void on_signal(void *user, int signum)
{
	struct zhost *z = user;

	log_info("zhost", "ending", LOG_S("signal", strsignal(signum)),
		 LOG_U("instances", z->resident_count), LOG_S("spaces", "they go on"));
	zhost_end(z, 0);
}

/* ---- life ---- */

static void raise_limits(void)
{
	struct rlimit files;

	/* Two descriptors for each instance. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int open_state(struct zhost *z, struct error **err)
{
	CLEANUP(freep) char *path = NULL;
	int r = state_dir_open(&z->state_dir, z->settings.dir, err);

	if (r == 0)
		r = state_dir_begin(&z->state_dir, err);
	if (r < 0)
		return r;
	path = str_printf("%s/zhost.db", z->state_dir.path);
	return kv_open(&z->loop, path, &z->store, err);
}

static const char *machine(void)
{
	static struct utsname name;

	return uname(&name) == 0 ? name.machine : "unknown";
}

static int begin(struct zhost *z, int argc, char **argv, struct error **err)
{
	int r = settings_spec(config_file_path(argc, argv), z->settings.name, &z->spec, err);

	if (r == 0)
		r = open_state(z, err);
	if (r < 0)
		return r;
	z->unwritten_end = &z->unwritten;
	z->address = mem_strdup("127.0.0.1");
	z->machine = machine();
	z->heartbeat_ms = HEARTBEAT_MS;
	z->failure_timeout_ms = FAILURE_TIMEOUT_MS;
	z->logs = spacelogs_new(z->state_dir.log_fd);
	z->log_service = log_service_new(z);
	z->ports = ports_new(z->address, str_hash(z->settings.name), ports_is_free);
	z->mesh = mesh_table_new(z->settings.name);
	z->data = data_service_new(z);
	loop_before_poll(&z->loop, processes_flush, z);
	r = data_load(z->data, err);
	if (r == 0)
		r = artifacts_new(z, &z->artifacts, err);
	if (r == 0)
		r = launcher_begin(z, err);
	if (r == 0)
		r = edge_new(z, &z->edge, err);
	if (r == 0)
		r = reconcile_new(z, err);
	if (r == 0)
		r = native_begin(z, err);
	if (r == 0)
		r = loop_on_signal(&z->loop, SIGTERM, on_signal, z, err);
	if (r == 0)
		r = loop_on_signal(&z->loop, SIGINT, on_signal, z, err);
	if (r < 0)
		return r;
	spacelogs_trim(z->logs, log_is_used, z);
	z->uplink = uplink_new(z);
	z->usage = usage_new(z);
	loop_before_poll(&z->loop, logs_turn, z);
	return 0;
}

static void finish(struct zhost *z)
{
	loop_timer_free(z->end_timer);
	edge_free(z->edge);
	usage_free(z->usage);
	launcher_unpoll(z);
	launcher_free(z->launcher);
	residents_free(z);
	native_end(z);
	data_service_free(z->data);
	log_service_free(z->log_service);
	artifacts_free(z->artifacts);
	reconcile_free(z->reconcile);
	mesh_table_free(z->mesh);
	ports_free(z->ports);
	uplink_free(z->uplink);
	if (z->store != NULL) /* it never began */
		kv_close(z->store, on_store_closed, z);
	loop_done(&z->loop);
	spacelogs_free(z->logs);
	state_dir_close(&z->state_dir);
	samoza__v1__zhost_spec__free_unpacked(z->spec, NULL);
	free(z->address);
}

static int run(struct zhost *z, int argc, char **argv, struct error **err)
{
	CLEANUP(freep) char *zedge = NULL;
	int r = loop_init(&z->loop, err);

	if (r < 0)
		return r;
	r = begin(z, argc, argv, err);
	if (r == 0) {
		zedge = config_address_text(&z->settings.zedge);
		log_info("zhost", "started", LOG_S("name", z->settings.name),
			 LOG_S("version", SAMOZA_VERSION), LOG_S("zrms", z->settings.zrms),
			 LOG_S("zedge", zedge), LOG_S("dir", z->state_dir.path),
			 LOG_U("incarnation", z->state_dir.incarnation));
		loop_run(&z->loop);
		log_info("zhost", "ended", LOG_S("name", z->settings.name));
	}
	finish(z);
	return r;
}

static int run_end_spaces(const struct zhost_settings *s, struct error **err)
{
	struct state_dir state_dir;
	unsigned count;
	int r;

	if (access(s->dir, F_OK) < 0)
		return error_errno(err, "cannot find %s", s->dir);
	r = state_dir_open(&state_dir, s->dir, err);
	if (r == 0)
		r = end_spaces(&state_dir, &count, err);
	if (r == 0)
		printf("%u spaces ended\n", count);
	state_dir_close(&state_dir);
	return r;
}

int main(int argc, char **argv)
{
	static struct zhost zhost;
	enum log_level level = LOG_LEVEL_INFO;
	struct error *err = NULL;
	int r = config_load(&zhost_program, &zhost.settings, argc, argv, NULL, &err);

	if (r == 0)
		r = settings_check(&zhost.settings, &err);
	if (r == 0)
		r = log_level_parse(zhost.settings.log_level, &level, &err);
	if (r < 0)
		return config_refused(&zhost_program, err);
	if (r == CONFIG_DONE)
		return 0;
	/* Small and single: one arena, and what is freed goes back. */
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 256 * 1024);
	(void)umask(077);
	log_init(level, STDERR_FILENO);
	raise_limits();
	if (sodium_init() < 0)
		IMPOSSIBLE("no random numbers");
	r = zhost.settings.end_spaces ? run_end_spaces(&zhost.settings, &err)
				      : run(&zhost, argc, argv, &err);
	if (r < 0) {
		CLEANUP(freep) char *text = error_text(err);

		log_error("zhost", "failed", LOG_S("error", text));
		error_free(err);
		zhost.exit_status = 1;
	}
	config_done(&zhost_program, &zhost.settings);
	return zhost.exit_status;
}
