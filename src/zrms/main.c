/*
 * zrms: the resource manager. Puts the parts together, and takes them apart again.
 *
 *   start   directory and lock ─► (it stands by, until it leads) ─► store ─► records into the core and the artifacts ─► core starts
 *           ─► links and REST
 *   end     no new requests ─► submissions and decisions drain ─► streams and links close
 *           ─► store closes
 *
 * A graceful shutdown saves time, not data: a kill at any moment loses nothing that was
 * acknowledged.
 */
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "adapter/cli/version.h"
#include "adapter/log/log.h"
#include "adapter/log/log_file.h"
#include "base/check.h"
#include "base/str.h"
#include "core/control/control_frames.h"
#include "zrms/again.h"
#include "zrms/api.h"
#include "zrms/api_answer.h"
#include "zrms/api_metrics.h"
#include "zrms/api_reads.h"
#include "zrms/certain.h"
#include "zrms/cluster_file.h"
#include "zrms/descriptors.h"
#include "zrms/directory.h"
#include "zrms/first_admin.h"
#include "zrms/last_lines.h"
#include "zrms/lead.h"
#include "zrms/leading.h"
#include "zrms/member_identity.h"
#include "zrms/own_history.h"
#include "zrms/page_access.h"
#include "zrms/reach.h"
#include "zrms/recorder.h"
#include "zrms/renewals.h"
#include "zrms/secret_delivery.h"
#include "zrms/secret_keeper.h"
#include "zrms/standby.h"
#include "zrms/state_open.h"
#include "zrms/store_trust.h"
#include "zrms/store_watch.h"
#include "zrms/topology_logs.h"
#include "zrms/usage_sampler.h"
#include "zrms/zrms.h"

enum {
	TRANSLATIONS_PARALLEL = 2,
	END_CHECK_MS = 10,
	END_MAX_MS = 10000,
};

/* ---- output of durable batches ---- */

static void on_record(void *user, const struct record_change *change)
{
	struct zrms *zrms = user;
	CLEANUP(error_freep) struct error *err = NULL;
	int r = artifacts_record(zrms->artifacts, change->kind, change->id, change->data,
				 change->size, &err);
	INVARIANT(r == 0); /* the core has just written it */
	if (change->kind == RECORD_AUTHORITIES) {
		authorities_committed(zrms, change);
		listening_reload(zrms->listening);
	}
	if (change->kind == RECORD_CREDENTIAL || change->kind == RECORD_SIGN_IN)
		access_watches_look(&zrms->access.open);
	if (change->kind == RECORD_ZHOST || change->kind == RECORD_IDENTITY)
		mesh_book_changed(zrms->mesh_book, change->id);
}

static const char *text_or_null(const char *text)
{
	return str_is_empty(text) ? NULL : text;
}

/* Logs each decision on one line. */
static void on_event(void *user, const Samoza__V1__EventRecord *event)
{
	struct zrms *zrms = user;
	bool is_place = str_equal(event->kind, "placement");
	log_info(event->kind, is_place ? "place" : "state", LOG_S("subject", event->subject),
		 LOG_S("from", text_or_null(event->from)), LOG_S("to", text_or_null(event->to)),
		 LOG_S("cause", event->cause), LOG_U("seq", event->seq));
	subscribers_event(zrms->subscribers, event);
	last_lines_event(zrms->last_lines, event);
	notices_event(zrms->notices, event);
}

static void on_audit(void *user, const Samoza__V1__AuditRecord *line)
{
	struct zrms *zrms = user;
	(void)line;
	audit_feed_line(zrms->audit);
}

static void on_message(void *user, const struct link_message *message)
{
	struct zrms *zrms = user;
	struct control_input input;
	links_send(zrms->links, message);
	if (control_frame_sent(message, &input))
		commit_driver_input(zrms->commits, &input);
}

static void on_answer(void *user, const struct data_change *change, struct data_answer *answer)
{
	struct zrms *zrms = user;
	Samoza__V1__DataReply reply = control_frame_data_reply(change, answer);
	const struct link_message message = {.link_id = change->link_id,
					     .type = SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY,
					     .message = &reply.base};
	links_send(zrms->links, &message);
}

static void on_reply(void *user, const struct reply *reply)
{
	struct zrms *zrms = user;
	api_reply(zrms->api, reply);
}

static void on_decided(void *user, const struct reply *reply)
{
	struct zrms *zrms = user;
	api_decided(zrms->api, reply);
}

static void on_step(void *user, enum commit_step step)
{
	struct zrms *zrms = user;
	commit_driver_step(zrms->commits, step);
}

/* What was acknowledged is on disk; memory is ahead of it. The only sound reaction is to exit at
 * once, and to start again from the disk. */
static void on_stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	const struct zrms *zrms = user;
	if (outcome == COMMIT_LOST_LEADERSHIP) {
		log_error("store", "leadership.lost", LOG_E(why),
			  LOG_S("then", "standing by again: another zrms leads; no "
					"acknowledged change is lost"));
		again(zrms);
	}
	log_error("store", "failed", LOG_E(why),
		  LOG_S("then", "exiting: no acknowledged change is lost; start zrms again "
				"after the repair"));
	_exit(1);
}

static void on_call(void *user, const struct driver_call *call)
{
	struct zrms *zrms = user;
	drivers_call(zrms->drivers, call);
}

static const struct control_loop_listener commit_listener = {
	.on_record = on_record,
	.on_event = on_event,
	.on_message = on_message,
	.on_answer = on_answer,
	.on_reply = on_reply,
	.on_stopped = on_stopped,
	.on_step = on_step,
	.on_audit = on_audit,
	.on_call = on_call,
	.on_decided = on_decided,
};

/* ---- frames from zhosts ---- */

static void on_input(void *user, const struct control_input *input)
{
	struct zrms *zrms = user;
	commit_driver_input(zrms->commits, input);
}

static void on_log_chunk(void *user, uint64_t link_id, const Samoza__V1__LogChunk *chunk)
{
	struct zrms *zrms = user;
	logs_chunk(zrms->logs, link_id, chunk);
}

static void on_exec_reply(void *user, uint64_t link_id, Samoza__V1__ExecReply *reply)
{
	struct zrms *zrms = user;
	execs_reply(zrms->execs, link_id, reply);
}

static int on_mesh_ask(void *user, uint64_t link_id, const Samoza__V1__MeshAsk *ask,
		       struct error **err)
{
	struct zrms *zrms = user;
	return mesh_book_ask(zrms->mesh_book, link_id, ask, err);
}

static void on_mesh_answer(void *user, uint64_t link_id, const Samoza__V1__MeshAnswer *answer)
{
	struct zrms *zrms = user;
	mesh_queries_answer(zrms->mesh_queries, link_id, answer);
}

static void on_page_ask(void *user, uint64_t link_id, const char *zhost,
			const Samoza__V1__PageAsk *ask)
{
	page_access_ask(user, link_id, zhost, ask);
}

static bool on_secret_ask(void *user, uint64_t link_id, const Samoza__V1__SecretAsk *ask,
			  const char **ret_refused)
{
	return secret_delivery_ask(user, link_id, ask, ret_refused);
}

static int on_mesh_frame(void *user, const char *member, const struct frame *frame,
			 struct error **err)
{
	struct zrms *zrms = user;
	return hub_forward(zrms->hub, member, frame, err);
}

static void on_link_closed(void *user, uint64_t link_id, bool had_hello)
{
	struct zrms *zrms = user;
	logs_link_gone(zrms->logs, link_id);
	execs_link_gone(zrms->execs, link_id);
	mesh_book_link_gone(zrms->mesh_book, link_id);
	mesh_queries_link_gone(zrms->mesh_queries, link_id);
	if (!had_hello)
		return; /* unknown to the core */
	const struct control_input input = {.type = CONTROL_CLOSED,
					    .closed = {.link_id = link_id}};
	commit_driver_input(zrms->commits, &input);
}

static void on_renew(void *user, uint64_t link_id, const char *name, const uint8_t *key,
		     const struct control_certified *certified, const Samoza__V1__Renew *renew)
{
	renewals_take(user, link_id, name, key, certified, renew);
}

static void on_left(void *user, uint64_t link_id, const char *zhost,
		    const Samoza__V1__Leave *last)
{
	const struct zrms *zrms = user;
	hub_keep(zrms->hub, zhost);
	logs_link_left(zrms->logs, link_id);
	if (last->has_exec_starts)
		execs_link_left(zrms->execs, link_id, last->exec_starts);
}

static void on_accepted(void *user, uint64_t link_id, const char *zhost)
{
	const struct zrms *zrms = user;
	hub_pass_kept(zrms->hub, zhost, link_id);
	logs_link_accepted(zrms->logs, link_id, zhost);
	execs_link_accepted(zrms->execs, zhost);
}

static const struct links_listener links_listener = {
	.input = on_input,
	.log_chunk = on_log_chunk,
	.exec_reply = on_exec_reply,
	.renew = on_renew,
	.mesh_ask = on_mesh_ask,
	.mesh_answer = on_mesh_answer,
	.page_ask = on_page_ask,
	.secret_ask = on_secret_ask,
	.mesh_frame = on_mesh_frame,
	.left = on_left,
	.accepted = on_accepted,
	.closed = on_link_closed,
};

/* The event of a command, before it is run. */
static void on_exec_record(void *user, const struct asker *who, const char *topology,
			   const char *path, const char *program, exec_recorded_fn *done,
			   void *waiting)
{
	struct control_input input = {
		.type = CONTROL_EXEC,
		.principal = who->principal,
		.actor = who->principal->name,
		.origin = {.address = who->address, .request = who->request},
		.exec = {.id = topology, .path = path, .program = program}};
	api_ask(user, &input, done, waiting);
}

static int on_exec_find(void *user, const char *topology, const char *path,
			struct control_exec *ret, struct error **err)
{
	const struct zrms *zrms = user;
	return control_exec_find(zrms->control, topology, path, ret, err);
}

static bool on_is_between_links(void *user, const char *zhost)
{
	const struct zrms *zrms = user;
	return hub_keeps(zrms->hub, zhost);
}

static const struct exec_control exec_recorder = {.find = on_exec_find,
						  .record = on_exec_record,
						  .is_between_links = on_is_between_links};

static uint64_t on_link_of(void *user, const char *zhost)
{
	const struct zrms *zrms = user;
	return control_link_of(zrms->control, zhost);
}

/* ---- parts ---- */

/* Without the programs that translate, everything works but submitting modules that are not in
 * the cache; the refusal names what is missing. */
static void translations_open(struct zrms *zrms)
{
	CLEANUP(freep) char *cache = str_printf("%s/cache/native", zrms->settings.dir);
	const struct translator_options options = {.cache_directory = cache};
	if (translator_new(&options, &zrms->translator, &zrms->translator_error) < 0) {
		log_warn("module", "translator.missing", LOG_E(zrms->translator_error));
		return;
	}
	zrms->translations =
		translations_new(&zrms->loop, zrms->translator, TRANSLATIONS_PARALLEL);
}

static int submissions_open(struct zrms *zrms, const char *trust, struct error **err)
{
	const struct submit_options options = {.trust_directory = trust,
					       .trust_files = zrms->settings.trust,
					       .allow_unsigned = zrms->settings.allow_unsigned};
	const char *platform =
		zrms->translator != NULL ? translator_description(zrms->translator) : NULL;
	const char *missing =
		zrms->translator_error != NULL ? zrms->translator_error->message : NULL;
	return submissions_new(&zrms->loop, zrms->artifacts, zrms->translations, platform,
			       missing, &options, &api_submit_listener, zrms,
			       &zrms->submissions, err);
}

/* ---- end ---- */

static void history_closed(void *user)
{
	struct zrms *zrms = user;
	loop_stop(&zrms->loop);
}

static void resigned(void *user)
{
	struct zrms *zrms = user;
	zrms->lead = NULL; /* it has freed itself */
	if (zrms->own_history != NULL)
		own_history_close(steal_ptr(&zrms->own_history), history_closed, zrms);
	else
		loop_stop(&zrms->loop);
}

/* Everything is durable: the next one may lead. */
static void store_closed(void *user)
{
	struct zrms *zrms = user;
	zrms->store = NULL;
	if (zrms->lead != NULL)
		lead_resign(zrms->lead, resigned, zrms);
	else
		loop_stop(&zrms->loop);
}

/* Nothing is awaited any more: closes what zrms listens on and sends to. */
static void close_listeners(struct zrms *zrms)
{
	subscribers_end_all(zrms->subscribers);
	audit_feed_end_all(zrms->audit);
	topology_logs_end_all(zrms->topology_logs);
	last_lines_free(steal_ptr(&zrms->last_lines));
	logs_end_all(zrms->logs);
	execs_end_all(zrms->execs);
	mesh_queries_end_all(zrms->mesh_queries);
	links_close_all(zrms->links);
}

static void end_check(void *user)
{
	struct zrms *zrms = user;
	int64_t now_ms = loop_now(&zrms->loop).mono_ms;
	if (now_ms > zrms->end_ms) {
		log_warn("zrms", "shutdown.forced", LOG_S("reason", "drain timed out"));
		if (zrms->is_yielding)
			again(zrms);
		_exit(1);
	}
	bool idle = submissions_is_idle(zrms->submissions) && api_waiting(zrms->api) == 0 &&
		    plans_are_idle(zrms->plans) && notices_are_idle(zrms->notices) &&
		    store_trust_is_idle(zrms->store_trust) && backups_are_idle(zrms->backups) &&
		    zrms->pieces == 0 &&
		    (zrms->translations == NULL || translations_is_idle(zrms->translations));
	if (idle) {
		notices_end(zrms->notices);
		close_listeners(zrms);
	}
	if (idle && links_is_empty(zrms->links) && execs_is_empty(zrms->execs) &&
	    commit_driver_is_idle(zrms->commits) &&
	    http_server_counters(zrms->http).waiting == 0) {
		commit_driver_end(zrms->commits);
		http_server_free(zrms->http);
		zrms->http = NULL;
		api_reads_end(zrms);
		zrms->store->ops->close(zrms->store, store_closed, zrms);
		return;
	}
	loop_timer_at(zrms->ending, now_ms + END_CHECK_MS);
}

static void end_begin(struct zrms *zrms)
{
	zrms->stopping = true;
	if (!zrms->is_yielding)
		service_ending(zrms->service);
	if (zrms->translations != NULL)
		translations_stop(zrms->translations);
	http_server_drain(zrms->http);
	listening_drain(zrms->listening);
	notices_stop(zrms->notices);
	secret_keeper_wake(zrms->secret_keeper); /* what waits there is answered */
	zrms->end_ms = loop_now(&zrms->loop).mono_ms + END_MAX_MS;
	loop_timer_at(zrms->ending, 0);
}

static void yield(struct zrms *zrms)
{
	if (zrms->stopping)
		return;
	zrms->is_yielding = true;
	end_begin(zrms);
}

static void left(void *user)
{
	(void)user;
	_exit(0);
}

static void on_end_signal(void *user, int signum)
{
	struct zrms *zrms = user;
	if (zrms->is_yielding) { /* it is to end now, and not to stand by */
		zrms->is_yielding = false;
		service_ending(zrms->service);
		return;
	}
	if (zrms->stopping) { /* the second signal: nothing acknowledged is lost */
		log_warn("zrms", "shutdown.forced", LOG_S("reason", "second signal"));
		_exit(1);
	}
	log_info("zrms", "ending", LOG_S("signal", strsignal(signum)));
	if (zrms->store != NULL) {
		end_begin(zrms);
	} else { /* it does not lead: nothing was begun, and the others no longer count on it */
		zrms->stopping = true;
		lead_resign(zrms->lead, left, zrms); /* until then it is asked who leads */
	}
}

static void on_reload_signal(void *user, int signum)
{
	struct zrms *zrms = user;
	(void)signum;
	if (!zrms->stopping)
		listening_reload(zrms->listening);
}

/* ---- all together ---- */

static void parts_free(struct zrms *zrms)
{
	loop_before_poll_remove(&zrms->loop, store_watch, zrms);
	drivers_free(zrms->drivers);
	store_trust_free(zrms->store_trust);
	notices_free(zrms->notices);
	secret_keeper_free(zrms->secret_keeper);
	secret_vault_free(zrms->vault);
	recorder_free(zrms->recorder);
	commit_driver_free(zrms->commits);
	submissions_free(zrms->submissions);
	plans_free(zrms->plans);
	backups_free(zrms->backups);
	translations_free(zrms->translations);
	if (zrms->translator != NULL)
		translator_free(zrms->translator);
	subscribers_free(zrms->subscribers);
	audit_feed_free(zrms->audit);
	topology_logs_free(zrms->topology_logs);
	logs_free(zrms->logs);
	execs_free(zrms->execs);
	hub_free(zrms->hub);
	usage_sampler_free(zrms->usage);
	mesh_book_free(zrms->mesh_book);
	mesh_queries_free(zrms->mesh_queries);
	links_free(zrms->links);
	standby_free(zrms->standby);
	certain_free(zrms->certain);
	api_free(zrms->api);
	committed_free(zrms->committed);
	control_free(zrms->control);
	copies_free(zrms->copies);
	member_identity_free(zrms->member_identity);
	looks_free(zrms->looks);
	artifacts_free(zrms->artifacts);
	artifact_store_free(zrms->artifact_store);
	listening_free(zrms->listening);
	free(zrms->spool);
	free(zrms->socket);
	cluster_file_free(zrms->cluster);
	loop_timer_free(zrms->ending);
	service_free(zrms->service);
	access_close(&zrms->access);
	authorities_free(zrms);
	error_free(zrms->translator_error);
	loop_done(&zrms->loop);
	notice_settings_done(&zrms->notice_settings); /* threads had it until now */
}

static int parts_open(struct zrms *zrms, const char *trust, struct error **err)
{
	int r = drivers_new(zrms, zrms->settings.drivers, zrms->settings.driver_timeout_ms,
			    &zrms->drivers, err);
	if (r == 0)
		r = notice_settings_read(zrms->config_file, &zrms->notice_settings, err);
	if (r == 0)
		r = leading_wait(zrms, err);
	if (r == 0)
		r = state_open(zrms, err);
	if (r < 0)
		return r;
	translations_open(zrms);
	zrms->commits = commit_driver_new(&zrms->loop, zrms->control, zrms->store,
					  &commit_listener, zrms);
	zrms->links = links_new(&zrms->loop, zrms->settings.interval_ms, &links_listener, zrms);
	zrms->hub = hub_new(&zrms->loop, zrms->links, on_link_of, zrms);
	zrms->mesh_book = mesh_book_new(zrms->links, zrms->control);
	zrms->usage = usage_sampler_new(&zrms->loop, zrms->control);
	zrms->mesh_queries = mesh_queries_new(&zrms->loop, zrms->links);
	zrms->logs = logs_new(&zrms->loop, zrms->links, &zrms->access.open);
	zrms->topology_logs = topology_logs_new(zrms);
	zrms->last_lines = last_lines_new(zrms);
	zrms->execs =
		execs_new(&zrms->loop, zrms->links, &zrms->access.open, &exec_recorder, zrms);
	zrms->subscribers =
		subscribers_new(zrms->store, &zrms->access.open, api_event_view, zrms);
	zrms->audit = audit_feed_new(zrms->store, &zrms->access.open);
	zrms->plans = plans_new(zrms);
	const struct backups_options backups = {
		.loop = &zrms->loop,
		.store = zrms->store,
		.dir = zrms->settings.dir,
		.every_ms = zrms->settings.backup_every_ms,
		.old_after_ms = zrms->settings.backup_old_after_ms,
		.target = zrms->settings.backup_dir,
		.keep = zrms->settings.backup_keep,
		.passphrase_file = zrms->settings.backup_passphrase_file};
	zrms->backups = backups_new(&backups);
	zrms->api = api_new(zrms);
	r = access_open(&zrms->access, zrms, zrms->settings.dir, err);
	if (r == 0)
		r = secret_keeper_open(zrms, err);
	if (r == 0)
		r = submissions_open(zrms, trust, err);
	if (r == 0)
		r = commit_driver_start(zrms->commits, err);
	if (r == 0)
		r = submissions_look_at_keys(zrms->submissions, err);
	if (r == 0)
		r = reach_open(zrms, err);
	if (r == 0)
		r = backups_start(zrms->backups, err);
	if (r == 0)
		r = notices_new(zrms, &zrms->notices, err);
	if (r == 0) {
		first_admin_take(zrms);
		loop_before_poll(&zrms->loop, store_watch, zrms);
		state_opened(zrms);
		secret_keeper_start(zrms->secret_keeper);
		notices_start(zrms->notices);
		zrms->store_trust = store_trust_new(zrms);
		api_register_metrics(zrms);
		if (zrms->standby == NULL)
			r = directory_write_address(zrms, err);
	}
	standby_end(zrms->standby);
	return r;
}

static int zrms_run(struct zrms *zrms, struct error **err)
{
	CLEANUP(freep) char *trust = str_printf("%s/trust", zrms->settings.dir);
	int r = directory_open(zrms, err);
	if (r == 0)
		r = listening_settle(zrms, err);
	if (r == 0)
		r = loop_init(&zrms->loop, err);
	if (r < 0)
		return r;
	zrms->service = service_new(&zrms->loop);
	zrms->ending = loop_timer_new(&zrms->loop, end_check, zrms);
	zrms->started_ms = loop_now(&zrms->loop).mono_ms;
	r = loop_on_signal(&zrms->loop, SIGTERM, on_end_signal, zrms, err);
	if (r == 0)
		r = loop_on_signal(&zrms->loop, SIGINT, on_end_signal, zrms, err);
	if (r == 0)
		r = loop_on_signal(&zrms->loop, SIGHUP, on_reload_signal, zrms, err);
	if (r == 0)
		r = loop_start_threads(&zrms->loop, err);
	if (r == 0)
		r = parts_open(zrms, trust, err);
	if (r < 0)
		return r; /* main() ends the process at once */
	service_ready(zrms->service);
	loop_run(&zrms->loop);
	metric_registry_done(&zrms->metrics);
	if (zrms->is_yielding)
		again(zrms);
	parts_free(zrms);
	log_info("zrms", "ended");
	return 0;
}

int main(int argc, char **argv)
{
	struct zrms zrms = {.lock_fd = -1, .yield = yield, .arguments = argv};
	struct error *err = NULL;
	CLEANUP(cli_run_done) struct cli_run line = {0};
	zrms.config_file = cli_file_path(argc, argv);
	int r = cli_start(&settings_program, argc, argv, &zrms.settings, &line);
	if (r >= 0) {
		cli_settings_done(&settings_program, &zrms.settings);
		return r;
	}
	if (line.command != NULL) {
		r = cli_finish(&settings_program, cli_run_command(&line, &zrms.settings));
		cli_settings_done(&settings_program, &zrms.settings);
		return r;
	}
	if (log_start(zrms.settings.log_level, zrms.settings.log_file, &err) < 0) {
		log_error("zrms", "cannot.start", LOG_E(err));
		_exit(1);
	}
	if (sodium_init() < 0)
		IMPOSSIBLE("libsodium needs only getrandom()");
	descriptors_raise();
	/* With an arena for each of libuv's threads, each would keep its peak. */
	(void)mallopt(M_ARENA_MAX, 2);
	/* What a batch frees is joined at once: with lists of free small pieces, each large piece that comes or goes
	 * makes malloc() go through all of them. */
	(void)mallopt(M_MXFAST, 0);
	log_info("zrms", "starting", LOG_S("version", SAMOZA_VERSION));
	r = zrms_run(&zrms, &err);
	if (r < 0) {
		log_error("zrms", "cannot.start", LOG_E(err));
		_exit(1); /* the kernel takes back what is half made */
	}
	cli_settings_done(&settings_program, &zrms.settings);
	closep(&zrms.lock_fd);
	return 0;
}
