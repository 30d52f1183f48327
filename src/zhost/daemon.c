#include "zhost/daemon.h"

#include <netinet/in.h>
#include <sodium.h>
#include <string.h>
#include <sys/utsname.h>

#include "adapter/artifact/directory.h"
#include "adapter/cli/build_metrics.h"
#include "adapter/cli/version.h"
#include "adapter/log/log.h"
#include "adapter/sqlite/kv.h"
#include "adapter/systemd/service.h"
#include "adapter/uv/stream_kinds.h"
#include "base/check.h"
#include "base/str.h"
#include "schema/message.h"
#include "zhost/artifact/artifact.h"
#include "zhost/data/data_service.h"
#include "zhost/direct/direct_service.h"
#include "zhost/direct/own_address.h"
#include "zhost/edge/edge.h"
#include "zhost/exec/exec_service.h"
#include "zhost/frames.h"
#include "zhost/log/log_service.h"
#include "zhost/mesh/hub_transport.h"
#include "zhost/mesh/mesh.h"
#include "zhost/mesh/mesh_reports.h"
#include "zhost/metrics.h"
#include "zhost/native/closed_ports.h"
#include "zhost/native/native_limits.h"
#include "zhost/native/native_runtime.h"
#include "zhost/native/offer_watch.h"
#include "zhost/native/secrets_probe.h"
#include "zhost/process/process_host.h"
#include "zhost/reconcile/reconcile.h"
#include "zhost/secret/secrets.h"
#include "zhost/sink/sinks.h"
#include "zhost/space/residents.h"
#include "zhost/space_metrics.h"
#include "zhost/space_report.h"
#include "zhost/state/machine.h"
#include "zhost/state/state_dir.h"
#include "zhost/uplink/identity.h"
#include "zhost/uplink/renewal.h"
#include "zhost/uplink/uplink.h"
#include "zhost/usage.h"

/* Until zrms says otherwise (HELLO_ACK). */
#define HEARTBEAT_MS	   10000
#define FAILURE_TIMEOUT_MS 30000
#define CLOSED_CHECK_MS	   2
#define CHANGE_WAIT_MS	   INT64_C(3600000)
#define CHANGE_LOOK_MS	   10
#define LOG_TRIM_MS	   INT64_C(60000)

struct zhost_daemon {
	struct loop loop;
	struct service *service;	    /* what systemd hears */
	struct stream_transport *transport; /* to zrms */
	struct stream_transport *to_spaces; /* to ports that spaces export */
	struct zhost_settings *settings;
	const char *config_file; /* borrowed; NULL: none */
	struct state_dir state_dir;
	Samoza__V1__ZhostSpec *spec;
	char *address; /* that instances export as `ip` */
	char *cache_path;
	struct token_source token; /* what zrms is shown */
	struct identity
		*identity; /* with which it is reached; NULL: by `transport`, with a token */
	struct renewal *renewal; /* of `identity` */
	struct cluster_timing timing;

	struct kv *kv;
	struct uplink *uplink;
	struct loop_timer *change; /* of the link, which waits for commands to end */
	int64_t change_until_ms;
	struct spacelogs *logs;
	struct sinks *sinks;
	int64_t trim_ms; /* when logs are trimmed again; monotonic */
	struct log_service *log_service;
	struct ports *ports;
	struct closed_ports closed; /* to NATIVE spaces */
	struct mesh_transport *hub;
	struct direct_service *direct;
	struct mesh *mesh;
	struct mesh_reports *mesh_reports;
	struct reconcile *reconcile;
	struct data_service *data;
	struct secrets_service *secrets;
	struct artifact_store *artifact_store; /* DIR/cache */
	struct artifacts *artifacts;
	struct process_host *process_host;
	struct zrun_processes *processes;
	struct native_runtime *native;
	struct offer_watch *offer_watch;
	struct residents *residents;
	struct exec_service *exec;
	struct edge *edge;
	struct usage *usage;
	struct metrics_sources metrics_sources;
	struct space_figures *space_figures;
	struct space_report space_report;
	struct metric_registry metrics;

	bool is_failing, is_tight; /* the store, when it was last looked at */
	bool is_ending;
	struct loop_timer *end_timer;
	int exit_status;
};

/* ---- the connection to zrms ---- */

static void on_connected(void *user)
{
	struct zhost_daemon *d = user;
	uint64_t mesh_sums[MESH_PARTS];
	/* With a certificate that has expired nothing else is heard. */
	if (d->renewal != NULL && renewal_connected(d->renewal))
		return;
	mesh_transport_forget(
		mesh_transport(d->mesh)); /* zrms counts its tables from the beginning */
	mesh_table_begin_link(mesh_table(d->mesh), mesh_sums);
	reconcile_link_up(d->reconcile, mesh_sums);
}

/* The old certificate is good for some time yet, and commands end with their link. */
static bool change_waits(struct zhost_daemon *d)
{
	int64_t now_ms = loop_now(&d->loop).mono_ms;
	if (exec_service_counters(d->exec).running == 0 || now_ms >= d->change_until_ms)
		return false;
	loop_timer_at(d->change, now_ms + CHANGE_LOOK_MS);
	return true;
}

static bool on_leaves(void *user, Samoza__V1__Leave *last)
{
	struct zhost_daemon *d = user;
	if (change_waits(d))
		return false;
	last->has_exec_starts = true;
	last->exec_starts = exec_service_starts(d->exec);
	return true;
}

static void on_disconnected(void *user)
{
	struct zhost_daemon *d = user;
	reconcile_link_down(d->reconcile);
	log_service_disconnected(d->log_service);
	exec_service_disconnected(d->exec);
	mesh_reports_disconnected(d->mesh_reports);
}

static int on_frame(void *user, Samoza__V1__FrameType type, ProtobufCMessage *message,
		    struct error **err)
{
	struct zhost_daemon *d = user;
	const struct frame_parts parts = {.upstream = uplink_upstream(d->uplink),
					  .reconcile = d->reconcile,
					  .mesh = d->mesh,
					  .hub = d->hub,
					  .direct = d->direct,
					  .mesh_reports = d->mesh_reports,
					  .space_report = &d->space_report,
					  .data = d->data,
					  .secrets = d->secrets,
					  .logs = d->log_service,
					  .exec = d->exec,
					  .residents = d->residents,
					  .edge = d->edge,
					  .renewal = d->renewal};
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK)
		closed_ports_told(&d->closed, uplink_peer(d->uplink),
				  (const Samoza__V1__HelloAck *)message);
	int r = frames_take(&parts, type, message, err);
	protobuf_c_message_free_unpacked(message, NULL);
	if (reconcile_is_removed(d->reconcile))
		uplink_close(d->uplink); /* all stops; it has nothing to say any more */
	return r;
}

static const struct uplink_listener uplink_listener = {.connected = on_connected,
						       .leaves = on_leaves,
						       .disconnected = on_disconnected,
						       .frame = on_frame};

/* ---- hooks and other listeners ---- */

static bool on_logs(void *user)
{
	struct zhost_daemon *d = user;
	bool any = log_service_flush(d->log_service);
	return spacelogs_flush(d->logs) || any;
}

/* Says each once, when it begins and when it ends. */
static void watch_disk(struct zhost_daemon *d)
{
	bool is_failing = kv_is_failing(d->kv), is_tight = kv_is_tight(d->kv);
	if (is_failing != d->is_failing && is_failing)
		log_error("store", "write.failed", LOG_S("dir", d->state_dir.path),
			  LOG_S("then",
				"nothing is begun until it is durable; it is tried again "
				"for 30 s, then zhost ends and its spaces continue"));
	else if (is_failing != d->is_failing)
		log_info("store", "recovered", LOG_S("dir", d->state_dir.path));
	if (is_tight != d->is_tight && is_tight)
		log_error("store", "disk.full", LOG_S("dir", d->state_dir.path),
			  LOG_S("then", "local data does not grow; what runs goes on, stop and "
					"undeploy work; free at least 8 MiB there"));
	else if (is_tight != d->is_tight)
		log_info("store", "disk.roomy", LOG_S("dir", d->state_dir.path));
	d->is_failing = is_failing;
	d->is_tight = is_tight;
}

static void trim_logs(struct zhost_daemon *d)
{
	struct instant now = loop_now(&d->loop);
	if (now.mono_ms < d->trim_ms)
		return;
	d->trim_ms = now.mono_ms + LOG_TRIM_MS;
	spacelogs_trim(d->logs, now.wall_ms);
}

static void on_usage(void *user, Samoza__V1__Usage *usage)
{
	struct zhost_daemon *d = user;
	watch_disk(d);
	state_dir_bound_stderr(&d->state_dir);
	trim_logs(d);
	usage->has_disk_full = true;
	usage->disk_full = d->is_tight;
	data_list_full(d->data, usage);
	reconcile_usage(d->reconcile, usage);
	samoza__v1__usage__free_unpacked(usage, NULL);
}

static bool is_used(void *user, const char *file_name)
{
	struct zhost_daemon *d = user;
	return residents_has_file(d->residents, file_name);
}

/* ---- the end ---- */

static void on_end_check(void *user)
{
	struct zhost_daemon *d = user;
	if (d->kv == NULL && uplink_is_closed(d->uplink) && direct_service_is_closed(d->direct))
		loop_stop(&d->loop);
	else
		loop_timer_at(d->end_timer, loop_now(&d->loop).mono_ms + CLOSED_CHECK_MS);
}

static void on_kv_closed(void *user)
{
	struct zhost_daemon *d = user;
	d->kv = NULL;
}

static void on_end(void *user)
{
	struct zhost_daemon *d = user;
	loop_timer_free(d->end_timer);
	zrun_processes_flush(d->processes);
	uplink_close(d->uplink);
	direct_service_close(d->direct);
	usage_free(d->usage);
	d->usage = NULL;
	edge_free(d->edge);
	d->edge = NULL;
	d->kv->ops->close(d->kv, on_kv_closed, d);
	d->end_timer = loop_timer_new(&d->loop, on_end_check, d);
	loop_timer_at(d->end_timer, loop_now(&d->loop).mono_ms);
}

/* Ends the program in order. Once; later calls do nothing. */
static void end(struct zhost_daemon *d, int exit_status)
{
	if (d->is_ending)
		return;
	d->is_ending = true;
	d->exit_status = exit_status;
	reconcile_close(d->reconcile);
	residents_close(d->residents);
	/* Not from here: the caller is in the middle of something. */
	d->end_timer = loop_timer_new(&d->loop, on_end, d);
	loop_timer_at(d->end_timer, loop_now(&d->loop).mono_ms);
}

static void on_commit_failed(void *user)
{
	end(user, 1);
}

static void on_removed(void *user)
{
	end(user, 0);
}

static const struct reconcile_listener reconcile_listener = {.failed = on_commit_failed,
							     .removed = on_removed};

static void on_signal(void *user, int signum)
{
	struct zhost_daemon *d = user;
	log_info("zhost", "ending", LOG_S("signal", strsignal(signum)),
		 LOG_U("instances", residents_counters(d->residents).instances),
		 LOG_S("spaces", "they continue"));
	service_ending(d->service);
	end(d, 0);
}

static int set_sinks(struct zhost_daemon *d, struct error **err)
{
	Samoza__V1__LogSinkList *list = NULL;
	int r = settings_sinks(d->config_file, &list, err);
	if (r < 0)
		return r;
	r = sinks_set(d->sinks, list->log_sinks, list->n_log_sinks, err);
	samoza__v1__log_sink_list__free_unpacked(list, NULL);
	return r < 0 ? error_wrap(err, "log_sinks of %s", d->config_file) : 0;
}

/* Its capabilities have changed, by themselves or by its settings. */
static void offer_again(struct zhost_daemon *d, const char *why)
{
	reconcile_set_spec(d->reconcile, d->spec);
	d->change_until_ms = 0; /* it waits for no command */
	uplink_again(d->uplink, why);
}

static void on_offers(void *user)
{
	struct zhost_daemon *d = user;
	if (!d->is_ending)
		offer_again(d, "device nodes of this zhost have come, or gone");
}

/* Capacity, labels, capabilities and sinks, out of the file as it is now; other settings need a restart. */
static void reload_settings(struct zhost_daemon *d)
{
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__ZhostSpec *spec = NULL;
	if (d->is_ending)
		return;
	int r = set_sinks(d, &err);
	if (r == 0)
		r = settings_spec(d->config_file, d->settings->name, &spec, &err);
	if (r < 0) {
		CLEANUP(freep) char *text = error_text(err); /* with its place */
		log_error("zhost", "settings.refused", LOG_S("error", text),
			  LOG_S("then", "those of before stay"));
		return;
	}
	offer_watch_set(d->offer_watch, spec);
	native_runtime_offer(d->native, spec);
	bool is_other = !schema_message_equal(&spec->base, &d->spec->base);
	samoza__v1__zhost_spec__free_unpacked(d->spec, NULL);
	d->spec = spec;
	log_info("zhost", "settings.read", LOG_S("changed", is_other ? "yes" : "no"));
	if (!is_other)
		return;
	offer_again(d, "the settings of this zhost have changed");
}

/* ---- the parts ---- */

static const struct kv_scheme kvs[] = {
	{"sqlite", "sqlite:DIR", sqlite_kv_open_dir},
};

static int open_state(struct zhost_daemon *d, struct error **err)
{
	int r = state_dir_open(&d->state_dir, d->settings->dir, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *url = str_printf("sqlite:%s", d->state_dir.path);
	d->cache_path = str_printf("%s/cache", d->state_dir.path);
	/* First: on a full disk it makes room for the rest. */
	r = kv_open(kvs, ARRAY_SIZE(kvs), &d->loop, url, &d->kv, err);
	return r == 0 ? state_dir_begin(&d->state_dir, err) : r;
}

/* "x86_64": what native artifacts must be for. */
static const char *machine(void)
{
	static struct utsname name;
	return uname(&name) == 0 ? name.machine : "unknown";
}

static struct stream_transport *to_zrms(struct zhost_daemon *d)
{
	return d->identity != NULL ? identity_transport(d->identity) : d->transport;
}

/* A certificate says who it is already. */
static struct token_source *token_of(struct zhost_daemon *d)
{
	return d->identity != NULL ? NULL : &d->token;
}

static void change_link(void *user)
{
	struct zhost_daemon *d = user;
	if (!change_waits(d))
		uplink_again(d->uplink, "the credentials of this zhost have changed");
}

static void make_uplink(struct zhost_daemon *d)
{
	d->token = (struct token_source){.file = d->settings->token_file,
					 .dir = d->settings->dir,
					 .zrms_url = d->settings->addresses.text};
	struct uplink_options options = {.loop = &d->loop,
					 .transport = to_zrms(d),
					 .zrms = &d->settings->addresses,
					 .token = token_of(d),
					 .timing = &d->timing,
					 .draw = randombytes_uniform};
	d->uplink = uplink_new(&options, &uplink_listener, d);
	d->change = loop_timer_new(&d->loop, change_link, d);
	if (d->identity != NULL)
		d->renewal = renewal_new(&d->loop, d->identity, uplink_upstream(d->uplink));
}

/* To other zhosts. */
static int make_direct(struct zhost_daemon *d, struct error **err)
{
	const struct stream_address zrms = zrms_addresses_now(&d->settings->addresses);
	d->hub = hub_transport_new(uplink_upstream(d->uplink));
	const struct direct_service_options options = {
		.loop = &d->loop,
		.upstream = uplink_upstream(d->uplink),
		.hub = d->hub,
		.dir = d->identity != NULL ? d->settings->dir : NULL,
		.zhost = d->settings->name,
		.identity = d->state_dir.identity,
		.incarnation = d->state_dir.incarnation,
		.listen = &d->settings->mesh,
		.zrms = &zrms};
	return direct_service_new(&options, &d->direct, err);
}

/* The address under which others reach this machine. The caller frees. */
static char *address_of(const struct zhost_daemon *d)
{
	const struct stream_address zrms = zrms_addresses_now(&d->settings->addresses);
	char host[INET6_ADDRSTRLEN];
	if (d->settings->address != NULL)
		return mem_strdup(d->settings->address);
	if (own_address_towards(&zrms, host, sizeof(host)))
		return mem_strdup(host);
	if (d->identity != NULL)
		log_warn("zhost", "address.unknown", LOG_S("zrms", d->settings->addresses.text),
			 LOG_S("exported", "127.0.0.1"),
			 LOG_S("do",
			       "say by which address others reach this machine: --address"));
	return mem_strdup("127.0.0.1");
}

/* The parts that cannot fail. */
static void make_parts(struct zhost_daemon *d)
{
	struct upstream *upstream = uplink_upstream(d->uplink);
	d->address = address_of(d);
	d->logs = spacelogs_new(d->state_dir.log_fd);
	d->log_service = log_service_new(&d->loop, d->logs, upstream);
	d->sinks = sinks_new(&d->loop, d->settings->name);
	spacelogs_set_sink(d->logs, sinks_take, d->sinks);
	d->ports = ports_new(d->address, str_hash(d->settings->name), ports_is_free);
	d->mesh = mesh_new(&d->loop, d->settings->name, direct_service_mesh(d->direct));
	d->mesh_reports = mesh_reports_new(&d->loop, d->mesh, upstream);
	struct reconcile_parts parts = {.loop = &d->loop,
					.kv = d->kv,
					.ports = d->ports,
					.upstream = upstream,
					.transport = d->to_spaces};
	d->reconcile = reconcile_new(&parts, &reconcile_listener, d);
	d->data = data_service_new(&d->loop, upstream, &reconcile_local_data, d->reconcile);
	d->secrets = secrets_service_new(&d->loop, upstream);
}

static int make_artifacts(struct zhost_daemon *d, struct error **err)
{
	const struct artifact_directory_options directory = {.files = d->cache_path,
							     .temporary = d->cache_path,
							     .prefix = "new-",
							     .mode = 0444};
	int r = artifact_directory_open(&directory, &d->artifact_store, err);
	if (r < 0)
		return r;
	struct artifacts_options options = {.loop = &d->loop,
					    .transport = to_zrms(d),
					    .store = d->artifact_store,
					    .zrms = &d->settings->addresses,
					    .token = token_of(d),
					    .cache_path = d->cache_path,
					    .cache_bytes = d->settings->cache_bytes,
					    .machine = machine()};
	return artifacts_new(&options, &d->artifacts, err);
}

static int make_processes(struct zhost_daemon *d, struct error **err)
{
	struct process_host_options host = {.loop = &d->loop,
					    .zrun_path = d->settings->zrun,
					    .without_zygote = d->settings->no_zygote};
	int r = process_host_new(&host, &d->process_host, err);
	if (r < 0)
		return r;
	struct zrun_processes_options options = {.loop = &d->loop,
						 .host = d->process_host,
						 .run_fd = d->state_dir.run_fd,
						 .stderr_fd = d->state_dir.stderr_fd,
						 .watchdog_ms = d->settings->watchdog_ms,
						 .orphan_ms = d->settings->orphan_ms};
	d->processes = zrun_processes_new(&options);
	return 0;
}

static void make_residents(struct zhost_daemon *d)
{
	struct residents_parts parts = {.loop = &d->loop,
					.zhost = d->settings->name,
					.starts_at_once = d->settings->starts_at_once,
					.artifacts = d->artifacts,
					.data = d->data,
					.secrets = d->secrets,
					.mesh = d->mesh,
					.native = d->native,
					.ports = d->ports,
					.logs = d->logs,
					.processes = d->processes,
					.upstream = uplink_upstream(d->uplink),
					.run_fd = d->state_dir.run_fd};
	d->residents = residents_new(&parts, &reconcile_residents, d->reconcile);
	const struct exec_service_parts exec = {.loop = &d->loop,
						.residents = d->residents,
						.upstream = uplink_upstream(d->uplink),
						.zhost = d->settings->name,
						.is_allowed = d->settings->allow_exec};
	d->exec = exec_service_new(&exec);
}

static int make_edge(struct zhost_daemon *d, struct error **err)
{
	const struct zhost_settings *s = d->settings;
	const struct edge_public public = {.certificate = s->zedge_certificate,
					   .key = s->zedge_key,
					   .proxies = s->zedge_proxies,
					   .url = s->zedge_url,
					   .connections = s->zedge_connections,
					   .rates = {s->zedge_requests, s->zedge_bytes}};
	struct edge_options options = {.loop = &d->loop,
				       .listen = s->zedge,
				       .public = &public,
				       .artifacts = d->artifacts,
				       .mesh = d->mesh,
				       .upstream = uplink_upstream(d->uplink),
				       .metrics = &d->metrics};
	return edge_new(&options, &d->edge, err);
}

/* Where browsers find zedge, with the port that was found; the caller frees. */
static char *zedge_address(const struct zhost_daemon *d)
{
	const struct zhost_settings *s = d->settings;
	struct cli_address address = s->zedge;
	if (s->zedge_url != NULL)
		return mem_strdup(s->zedge_url);
	address.port = edge_port(d->edge);
	if (cli_address_is_any(&address))
		(void)snprintf(address.host, sizeof(address.host), "%s", d->address);
	CLEANUP(freep) char *text = cli_address_text(&address);
	return s->zedge_certificate == NULL ? steal_ptr(&text) : str_printf("https://%s", text);
}

static int make_native(struct zhost_daemon *d, struct error **err)
{
	CLEANUP(freep) char *direct = direct_service_address(d->direct);
	closed_ports_add_zrms(&d->closed, &d->settings->addresses);
	closed_ports_add(&d->closed, direct);
	int r = native_runtime_new(&d->loop, &d->state_dir, d->settings->name, &d->closed,
				   &d->settings->addresses, &d->native, err);
	if (r < 0)
		return r;
	d->offer_watch = offer_watch_new(&d->loop, on_offers, d);
	offer_watch_set(d->offer_watch, d->spec);
	native_runtime_offer(d->native, d->spec);
	return 0;
}

static int begin_reconcile(struct zhost_daemon *d, struct error **err)
{
	CLEANUP(freep) char *zedge = zedge_address(d);
	CLEANUP(freep) char *mesh = direct_service_address(d->direct);
	struct native_limits limits;
	native_limits_probe(&limits);
	CLEANUP(freep)
	char *machine_text = machine_digest(&machine_files, d->state_dir.lock_fd);
	struct agent_config config = {
		.machine = machine_text,
		.limits = &limits.message,
		.allows_exec = d->settings->allow_exec,
		.gives_secrets = secrets_probe(),
		.identity = d->state_dir.identity,
		.incarnation = d->state_dir.incarnation,
		.spec = d->spec,
		.zedge = zedge,
		.mesh = mesh,
		.platform = machine(),
		.version = SAMOZA_VERSION,
		.address = d->address,
		.heartbeat_ms = d->timing.heartbeat_ms,
		.failure_timeout_ms = d->timing.failure_timeout_ms,
	};
	int r = reconcile_begin(d->reconcile, d->residents, &config, err);
	if (r == 0)
		artifacts_keep(d->artifacts, residents_name_needed, d->residents);
	/* So that it is back within a failure timeout when zrms is. */
	if (r == 0)
		d->timing.heartbeat_ms = reconcile_heartbeat_ms(d->reconcile);
	return r;
}

/* zedge, which serves them, adds its own. */
static void register_metrics(struct zhost_daemon *d)
{
	d->metrics_sources = (struct metrics_sources){.artifacts = d->artifacts,
						      .data = d->data,
						      .exec = d->exec,
						      .kv = d->kv,
						      .mesh = d->mesh,
						      .reconcile = d->reconcile,
						      .residents = d->residents,
						      .uplink = d->uplink,
						      .turns = loop_turns(&d->loop)};
	d->space_figures = space_figures_new(d->residents);
	d->space_report = (struct space_report){.loop = &d->loop,
						.figures = d->space_figures,
						.upstream = uplink_upstream(d->uplink)};
	metric_registry_add(&d->metrics, &cli_build_metrics, "zhost");
	metric_registry_add(&d->metrics, &zhost_metrics, &d->metrics_sources);
	metric_registry_add(&d->metrics, &space_metrics, d->space_figures);
	metric_registry_add(&d->metrics, &direct_metrics, d->direct);
	metric_registry_add(&d->metrics, &sinks_metrics, d->sinks);
}

static void on_new_identity(void *user)
{
	struct zhost_daemon *d = user;
	renewal_plan(d->renewal);
	d->change_until_ms = loop_now(&d->loop).mono_ms + CHANGE_WAIT_MS;
	change_link(d);
	direct_service_reload(d->direct);
}

static void on_reload_signal(void *user, int signum)
{
	struct zhost_daemon *d = user;
	(void)signum;
	if (d->identity != NULL)
		identity_reload(d->identity);
	reload_settings(d);
}

/* To zrms. */
static int open_way(struct zhost_daemon *d, struct error **err)
{
	if (!d->settings->addresses.is_secure)
		return stream_transport_open(&d->loop, "plain", NULL, &d->transport, err);
	return identity_open(&d->loop, d->settings->dir, d->settings->name, on_new_identity, d,
			     &d->identity, err);
}

static void forget_again(void *user, const char *name, uint64_t epoch)
{
	struct zhost_daemon *d = user;
	native_forget(d->native, name, epoch);
}

/* One that was removed, and died before all had stopped, has to end first. */
static void start_uplink(struct zhost_daemon *d)
{
	if (!reconcile_is_removed(d->reconcile)) {
		uplink_start(d->uplink);
		return;
	}
	log_warn("zhost", "removed",
		 LOG_S("why", "removed from the cluster while it ran last; it died before all "
			      "its spaces had stopped"),
		 LOG_S("then", "they are stopped, and this zhost ends; start it once more to "
			       "let it join again"));
	uplink_close(d->uplink);
}

static int begin(struct zhost_daemon *d, const char *config_file, struct error **err)
{
	int r = settings_spec(config_file, d->settings->name, &d->spec, err);
	if (r == 0)
		r = open_state(d, err);
	if (r == 0)
		r = open_way(d, err);
	if (r == 0)
		r = stream_transport_open(&d->loop, "plain", NULL, &d->to_spaces, err);
	if (r < 0)
		return r;
	make_uplink(d);
	r = make_direct(d, err);
	if (r < 0)
		return r;
	make_parts(d);
	r = set_sinks(d, err);
	if (r == 0)
		r = data_service_load(d->data, d->kv, err);
	if (r == 0)
		r = make_artifacts(d, err);
	if (r == 0)
		r = make_processes(d, err);
	if (r == 0)
		r = make_native(d, err);
	if (r < 0)
		return r;
	make_residents(d);
	register_metrics(d);
	r = make_edge(d, err);
	if (r == 0)
		r = begin_reconcile(d, err);
	if (r == 0)
		r = loop_on_signal(&d->loop, SIGTERM, on_signal, d, err);
	if (r == 0)
		r = loop_on_signal(&d->loop, SIGINT, on_signal, d, err);
	if (r == 0)
		r = loop_on_signal(&d->loop, SIGHUP, on_reload_signal, d, err);
	if (r == 0)
		r = loop_start_threads(&d->loop, err);
	if (r < 0)
		return r;
	native_sweep(d->native, is_used, d);
	data_each_forgotten(d->data, forget_again, d);
	trim_logs(d);
	start_uplink(d);
	d->usage = usage_new(&d->loop, d->residents, d->state_dir.dir_fd, on_usage, d);
	loop_before_poll(&d->loop, on_logs, d);
	return 0;
}

static void finish(struct zhost_daemon *d)
{
	service_free(d->service);
	loop_timer_free(d->end_timer);
	loop_timer_free(d->change);
	edge_free(d->edge);
	metric_registry_done(&d->metrics);
	space_figures_free(d->space_figures);
	usage_free(d->usage);
	exec_service_free(d->exec);
	residents_free(d->residents);
	zrun_processes_free(d->processes);
	process_host_free(d->process_host);
	offer_watch_free(d->offer_watch);
	native_runtime_free(d->native);
	closed_ports_done(&d->closed);
	artifacts_free(d->artifacts);
	data_service_free(d->data);
	secrets_service_free(d->secrets);
	reconcile_free(d->reconcile);
	log_service_free(d->log_service);
	mesh_reports_free(d->mesh_reports);
	mesh_free(d->mesh);
	direct_service_free(d->direct);
	mesh_transport_free(d->hub);
	ports_free(d->ports);
	uplink_free(d->uplink);
	stream_transport_free(d->transport);
	renewal_free(d->renewal);
	identity_free(d->identity);
	stream_transport_free(d->to_spaces);
	if (d->kv != NULL) /* it never began */
		d->kv->ops->close(d->kv, on_kv_closed, d);
	sinks_free(d->sinks);
	loop_done(&d->loop);
	artifact_store_free(
		d->artifact_store); /* a worker thread may have placed a file until now */
	if (d->logs != NULL)
		spacelogs_set_sink(d->logs, NULL, NULL);
	spacelogs_free(d->logs);
	state_dir_close(&d->state_dir);
	samoza__v1__zhost_spec__free_unpacked(d->spec, NULL);
	free(d->address);
	free(d->cache_path);
}

int zhost_daemon_run(struct zhost_settings *settings, const char *config_file,
		     struct error **err)
{
	struct zhost_daemon d = {.settings = settings,
				 .config_file = config_file,
				 .timing = {HEARTBEAT_MS, FAILURE_TIMEOUT_MS}};
	int r = loop_init(&d.loop, err);
	if (r < 0)
		return r;
	d.service = service_new(&d.loop);
	r = begin(&d, config_file, err);
	if (r == 0) {
		CLEANUP(freep) char *zedge = zedge_address(&d);
		log_info("zhost", "started", LOG_S("name", settings->name),
			 LOG_S("version", SAMOZA_VERSION),
			 LOG_S("zrms", settings->addresses.text), LOG_S("zedge", zedge),
			 LOG_S("dir", d.state_dir.path),
			 LOG_U("incarnation", d.state_dir.incarnation));
		service_ready(d.service);
		loop_run(&d.loop);
		log_info("zhost", "ended", LOG_S("name", settings->name));
	}
	finish(&d);
	return r < 0 ? r : d.exit_status;
}
