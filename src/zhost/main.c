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

#include "adapter/cli/version.h"
#include "adapter/log/log.h"
#include "adapter/sandbox/filter.h"
#include "adapter/sqlite/kv.h"
#include "adapter/uv/stream_kinds.h"
#include "base/check.h"
#include "base/str.h"
#include "port/frame.h"
#include "zhost/artifact/artifact.h"
#include "zhost/data/data_service.h"
#include "zhost/edge/edge.h"
#include "zhost/log/log_service.h"
#include "zhost/mesh/mesh.h"
#include "zhost/metrics.h"
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

static void on_metrics(void *user, struct buffer *to)
{
	metrics_write(user, to);
}

/* ---- frames of zrms ---- */

static void on_connected(void *user)
{
	struct zhost *z = user;

	reconcile_link(z->reconcile, true);
}

static void on_disconnected(void *user)
{
	struct zhost *z = user;

	reconcile_link(z->reconcile, false);
	log_service_disconnected(z->log_service);
}

static int on_frame(void *user, Samoza__V1__FrameType type, ProtobufCMessage *m,
		    struct error **err)
{
	struct zhost *z = user;
	int r = 0;

	switch (type) {
	case SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK:
		reconcile_message(z->reconcile, AGENT_HELLO_ACK, m);
		if (upstream_is_up(uplink_upstream(z->uplink)))
			data_connected(z->data);
		return 0;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED:
		reconcile_message(z->reconcile, AGENT_DESIRED, m);
		return 0;
	case SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK:
		reconcile_message(z->reconcile, AGENT_HEARTBEAT_ACK, m);
		return 0;
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE:
		mesh_table_apply(mesh_table(z->mesh), (Samoza__V1__MeshTable *)m);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE:
		mesh_take(z->mesh, (Samoza__V1__MeshMessage *)m);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY:
		data_take(z->data, (Samoza__V1__DataReply *)m);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGET:
		data_forget(z->data, (Samoza__V1__DataForget *)m);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_LOG_REQUEST:
		log_service_take(z->log_service, (Samoza__V1__LogRequest *)m);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_HELLO:
	case SAMOZA__V1__FRAME_TYPE__FRAME_REPORT:
	case SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT:
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST:
	case SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK:
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN:
	case _SAMOZA__V1__FRAME_TYPE_IS_INT_SIZE:
		r = error_set(err, ERR_INVALID, "zrms sent a frame that only a zhost sends: %s",
			      frame_type_name(type));
		break;
	}
	protobuf_c_message_free_unpacked(m, NULL);
	return r;
}

static const struct uplink_listener uplink_listener = {
	.connected = on_connected, .disconnected = on_disconnected, .frame = on_frame};

/* ---- local data is kept with zhost's own records ---- */

static void on_local_apply(void *user, struct data_change *change, local_data_fn *done,
			   void *done_user)
{
	struct zhost *z = user;

	reconcile_data(z->reconcile, change, done, done_user);
}

static void on_local_forget(void *user, const char *name, uint64_t epoch)
{
	struct zhost *z = user;

	reconcile_forget(z->reconcile, name, epoch);
}

static void on_local_drop_record(void *user, const char *name)
{
	struct zhost *z = user;

	reconcile_record_drop(z->reconcile, DATA_FORGOTTEN, name);
}

static const struct local_data local_data = {.apply = on_local_apply,
					     .forget = on_local_forget,
					     .drop_record = on_local_drop_record};

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

static struct uplink *uplink_begin(struct zhost *z)
{
	struct uplink_options options = {.loop = &z->loop,
					 .transport = z->transport,
					 .zrms = z->settings.zrms_address,
					 .zrms_url = z->settings.zrms,
					 .timing = &z->timing};

	return uplink_new(&options, &uplink_listener, z);
}

static int artifacts_begin(struct zhost *z, struct error **err)
{
	struct artifacts_options options = {.loop = &z->loop,
					    .transport = z->transport,
					    .zrms = z->settings.zrms_address,
					    .cache_path = z->cache_path,
					    .cache_fd = z->state_dir.cache_fd,
					    .cache_bytes = z->settings.cache_bytes,
					    .machine = z->machine};

	return artifacts_new(&options, &z->artifacts, err);
}

static int edge_begin(struct zhost *z, struct error **err)
{
	struct edge_options options = {.loop = &z->loop,
				       .listen = z->settings.zedge,
				       .artifacts = z->artifacts,
				       .mesh = z->mesh,
				       .upstream = uplink_upstream(z->uplink),
				       .metrics = on_metrics,
				       .user = z};
	int r = edge_new(&options, &z->edge, err);

	if (r == 0)
		z->settings.zedge.port = edge_port(z->edge);
	return r;
}

static int begin(struct zhost *z, int argc, char **argv, struct error **err)
{
	struct upstream *upstream;
	int r = settings_spec(cli_file_path(argc, argv), z->settings.name, &z->spec, err);

	if (r == 0)
		r = open_state(z, err);
	if (r == 0)
		r = stream_transport_open(&z->loop, "plain", NULL, &z->transport, err);
	if (r < 0)
		return r;
	z->unwritten_end = &z->unwritten;
	z->address = mem_strdup("127.0.0.1");
	z->machine = machine();
	z->cache_path = str_printf("%s/cache", z->state_dir.path);
	z->timing = (struct cluster_timing){HEARTBEAT_MS, FAILURE_TIMEOUT_MS};
	z->uplink = uplink_begin(z);
	upstream = uplink_upstream(z->uplink);
	z->logs = spacelogs_new(z->state_dir.log_fd);
	z->log_service = log_service_new(z->logs, upstream);
	z->ports = ports_new(z->address, str_hash(z->settings.name), ports_is_free);
	z->mesh = mesh_new(&z->loop, z->settings.name, upstream);
	z->data = data_service_new(&z->loop, upstream, &local_data, z);
	loop_before_poll(&z->loop, processes_flush, z);
	r = data_service_load(z->data, z->store, err);
	if (r == 0)
		r = artifacts_begin(z, err);
	if (r == 0)
		r = launcher_begin(z, err);
	if (r == 0)
		r = edge_begin(z, err);
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
	spacelogs_trim(z->logs);
	uplink_start(z->uplink);
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
	mesh_free(z->mesh);
	ports_free(z->ports);
	uplink_free(z->uplink);
	stream_transport_free(z->transport);
	if (z->store != NULL) /* it never began */
		kv_close(z->store, on_store_closed, z);
	loop_done(&z->loop);
	spacelogs_free(z->logs);
	state_dir_close(&z->state_dir);
	samoza__v1__zhost_spec__free_unpacked(z->spec, NULL);
	free(z->address);
	free(z->cache_path);
}

static int run(struct zhost *z, int argc, char **argv, struct error **err)
{
	CLEANUP(freep) char *zedge = NULL;
	int r = loop_init(&z->loop, err);

	if (r < 0)
		return r;
	r = begin(z, argc, argv, err);
	if (r == 0) {
		zedge = cli_address_text(&z->settings.zedge);
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
	CLEANUP(cli_run_done) struct cli_run line = {0};
	int r = cli_start(&zhost_program, argc, argv, &zhost.settings, &line);

	if (r >= 0)
		return r;
	r = settings_check(&zhost.settings, &err);
	if (r == 0)
		r = log_level_parse(zhost.settings.log_level, &level, &err);
	if (r < 0)
		return cli_refuse(&zhost_program, NULL, err);
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
	cli_settings_done(&zhost_program, &zhost.settings);
	return zhost.exit_status;
}
