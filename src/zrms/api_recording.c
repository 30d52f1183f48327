/*
 * GET /v1/cluster/recording: a piece of what was recorded (adapter/recorder/piece.h), of all zrms of the cluster: each has the
 * recording of its own terms.
 *
 *     audit ─► cut out of DIR/recorder, in a thread ───────────────────┐
 *          └─► the same of each other zrms, by its certificate ────────┴─► joined, in a thread ─► the answer
 *
 * Everything is made whole first, in files of DIR/spool, so that it has a size, and what is cut is noticed. Who cannot be
 * asked is named as a gap.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/cli/address.h"
#include "adapter/cli/version.h"
#include "adapter/http/client.h"
#include "adapter/log/log.h"
#include "adapter/recorder/piece.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/artifact/fetch.h"
#include "zrms/lead.h"
#include "zrms/standby.h"

#define CONNECT_MS 3000
#define IDLE_MS	   60000 /* while another one puts its piece together */
#define SAID_MAX   ((size_t)4096)
/* What comes is in the file a second or two later. */
#define LATE_MS 2000

struct gathering {
	struct zrms *zrms;
	struct http_request *request;
	char *directory, *name;
	struct piece piece;
	VECTOR(char *) paths; /* pieces; the first is that of this zrms */
	char *joined;	      /* path */
	VECTOR(Samoza__V1__RecordedGap *) gaps;
	unsigned waits_for; /* the thread, and others */
	bool is_joined;
	uv_work_t work;
	struct error *err;
};

struct member {
	struct gathering *gathering;
	char *name, *path;
	struct http_call *call;
	int fd, status;
	struct buffer said; /* of a refusal */
};

static void gathering_free(struct gathering *g)
{
	g->zrms->pieces--;
	vector_for_each (&g->paths, path) {
		(void)unlink(*path);
		free(*path);
	}
	if (g->joined != NULL)
		(void)unlink(g->joined);
	vector_for_each (&g->gaps, gap)
		schema_message_free(*gap);
	vector_done(&g->paths);
	vector_done(&g->gaps);
	error_free(g->err);
	free(g->joined);
	free(g->directory);
	free(g->name);
	free(g);
}

/* Of one that was cut off there may be something of that name. */
static char *spool_path(const struct zrms *zrms, unsigned number, size_t part)
{
	char *path = str_printf("%s/spool/recording-%u-%zu", zrms->settings.dir, number, part);
	(void)unlink(path);
	return path;
}

/* ---- the end ---- */

static void answer(struct gathering *g)
{
	const char *path = g->joined != NULL ? g->joined : g->paths.items[0];
	struct stat st;
	int fd = g->err == NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (g->err == NULL && (fd < 0 || fstat(fd, &st) < 0))
		(void)error_errno(&g->err, "cannot read %s", path);
	if (g->err != NULL) {
		closep(&fd);
		(void)error_wrap(&g->err, "cannot make a piece of the recording");
		api_refuse(g->request, steal_ptr(&g->err));
	} else {
		http_reply_file(g->request, 200, "application/octet-stream", fd,
				(uint64_t)st.st_size);
	}
	gathering_free(g);
}

static void do_join(uv_work_t *work)
{
	struct gathering *g = container_of(work, struct gathering, work);
	(void)!piece_join(g->paths.items, g->paths.count, &g->piece, g->gaps.items,
			  g->gaps.count, g->joined, &g->err);
}

static void on_joined(uv_work_t *work, int status)
{
	(void)status;
	answer(container_of(work, struct gathering, work));
}

static void in_thread(struct gathering *g, void (*work)(uv_work_t *),
		      void (*after)(uv_work_t *, int))
{
	if (uv_queue_work(loop_uv(&g->zrms->loop), &g->work, work, after) < 0)
		IMPOSSIBLE("libuv's threads were made at the start");
}

static void one_less(struct gathering *g)
{
	if (--g->waits_for > 0)
		return;
	if (g->err != NULL || g->joined == NULL)
		answer(g);
	else
		in_thread(g, do_join, on_joined);
}

/* ---- this zrms ---- */

static void do_cut(uv_work_t *work)
{
	struct gathering *g = container_of(work, struct gathering, work);
	(void)!piece_cut(g->directory, &g->piece, g->paths.items[0], &g->err);
}

static void on_cut(uv_work_t *work, int status)
{
	(void)status;
	one_less(container_of(work, struct gathering, work));
}

/* ---- the others ---- */

static void add_gap(struct gathering *g, const char *name, const char *why)
{
	Samoza__V1__RecordedGap *gap = (Samoza__V1__RecordedGap *)schema_message_new(
		&samoza__v1__recorded_gap__descriptor);
	gap->from_ms = g->piece.from_ms;
	gap->to_ms = g->piece.to_ms;
	gap->zrms = mem_strdup(name);
	gap->why = str_printf("it could not be asked: %s", why);
	log_warn("recorder", "not.gathered", LOG_S("from", name), LOG_S("why", why));
	vector_push(&g->gaps, gap);
}

static int on_head(void *user, const struct http_response *response, struct error **err)
{
	struct member *m = user;
	(void)err;
	m->status = response->status;
	return 0;
}

static int on_body(void *user, const void *data, size_t size, struct error **err)
{
	struct member *m = user;
	if (m->status != 200)
		return buffer_add(&m->said, data, size) == 0
			       ? 0
			       : error_set(err, ERR_LIMIT, "the answer is too long");
	for (size_t done = 0; done < size;) {
		ssize_t n = write(m->fd, (const char *)data + done, size - done);
		if (n <= 0)
			return error_errno(err, "cannot write %s", m->path);
		done += (size_t)n;
	}
	return 0;
}

static void member_end(struct member *m, const char *why)
{
	struct gathering *g = m->gathering;
	closep(&m->fd);
	if (why != NULL) {
		add_gap(g, m->name, why);
		(void)unlink(m->path);
	} else {
		vector_push(&g->paths, steal_ptr(&m->path));
	}
	buffer_done(&m->said);
	free(m->name);
	free(m->path);
	free(m);
	one_less(g);
}

static void on_done(void *user, const struct error *why)
{
	struct member *m = user;
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(schema_message_freep) Samoza__V1__RecordedAbout *about = NULL;
	if (why == NULL && m->status == 200) {
		(void)!piece_about(m->path, &about, &err); /* what it sent is looked at */
		member_end(m, err != NULL ? err->message : NULL);
	} else {
		CLEANUP(freep)
		char *said = why == NULL ? fetch_refusal(m->status, &m->said)
					 : mem_strdup(why->message);
		member_end(m, said);
	}
}

static const struct http_call_handler member_handler = {
	.head = on_head, .body = on_body, .done = on_done};

static void ask(struct gathering *g, const struct election_member *of, size_t part,
		unsigned number)
{
	struct stream_transport *transport = listening_transport(g->zrms->listening);
	struct cli_address at;
	struct member *m = mem_new(struct member);
	CLEANUP(freep)
	char *target = str_printf("/v1/cluster/recording?own=1&from=%lld&to=%lld",
				  (long long)g->piece.from_ms, (long long)g->piece.to_ms);
	m->gathering = g;
	m->name = mem_strdup(of->name);
	m->path = spool_path(g->zrms, number, part);
	m->said = BUFFER_INIT(SAID_MAX);
	m->fd = open(m->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	g->waits_for++;
	if (m->fd < 0 || transport == NULL ||
	    cli_address_parse_any(of->address, &at, NULL) < 0) {
		member_end(m, m->fd < 0 ? "no file can be made for what it sends"
					: "it has said no address at which it is reached");
		return;
	}
	const struct http_call_options options = {.target = target,
						  .to = {at.host, at.port},
						  .connect_ms = CONNECT_MS,
						  .idle_ms = IDLE_MS,
						  .body_max = UINT64_MAX,
						  .peer_role = "zrms"};
	m->call = http_call_new(&g->zrms->loop, transport, &options, &member_handler, m);
}

static void ask_others(struct gathering *g, unsigned number)
{
	size_t count = 0;
	const struct leader *seen = lead_seen(g->zrms->lead);
	const struct election_member *all = leader_everybody(seen, &count);
	g->joined = spool_path(g->zrms, number, count + 1);
	for (size_t k = 0; k < count; k++)
		if (!str_equal(all[k].name, leader_name(seen)))
			ask(g, &all[k], k + 1, number);
}

/* ---- the beginning ---- */

static const char *name_of(const struct zrms *zrms)
{
	if (zrms->lead != NULL)
		return leader_name(lead_seen(zrms->lead));
	return str_is_empty(zrms->settings.name) ? "zrms" : zrms->settings.name;
}

static void gather(struct zrms *zrms, struct http_request *request, int64_t from_ms,
		   int64_t to_ms, bool own)
{
	struct gathering *g = mem_new(struct gathering);
	unsigned number = zrms->pieces_made++;
	bool leads = !stands_by(zrms);
	zrms->pieces++;
	g->zrms = zrms;
	g->request = request;
	g->directory = str_printf("%s/recorder", zrms->settings.dir);
	g->name = mem_strdup(name_of(zrms));
	g->piece = (struct piece){
		.zrms = g->name,
		.program = SAMOZA_VERSION,
		.from_ms = from_ms,
		.to_ms = to_ms,
		.lives_ms = leads && zrms->recorder != NULL
				    ? loop_now(&zrms->loop).wall_ms - LATE_MS
				    : 0,
	};
	vector_push(&g->paths, spool_path(zrms, number, 0));
	g->waits_for = 1;
	if (leads && !own && zrms->lead != NULL)
		ask_others(g, number);
	in_thread(g, do_cut, on_cut);
}

struct asked {
	struct zrms *zrms;
	struct http_request *request;
	int64_t from_ms, to_ms;
	bool own;
};

static void on_told(void *user, const struct reply *reply)
{
	struct asked *a = user;
	struct error *err = NULL;
	if (reply->code < 0) {
		(void)error_set(&err, (enum error_code)reply->code, "%s", reply->message);
		api_refuse(a->request, err);
	} else {
		gather(a->zrms, a->request, a->from_ms, a->to_ms, a->own);
	}
	free(a);
}

void api_recording(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	uint64_t from = 0, to = 0;
	bool own = false;
	uint64_t now = (uint64_t)loop_now(&zrms->loop).wall_ms;
	if (!api_query_u64(request, "from", 0, INT64_MAX, &from) ||
	    !api_query_u64(request, "to", now, INT64_MAX, &to) ||
	    !api_query_bool(request, "own", false, &own))
		return;
	if (from == 0 || from > to) {
		struct error *err = NULL;
		(void)error_set(&err, ERR_INVALID,
				from == 0 ? "from=MS is needed: milliseconds since 1970"
					  : "`from` is later than `to`");
		api_refuse(request, err);
		return;
	}
	/* A standby lets in nobody else. */
	if (stands_by(zrms) || access_asker(request)->is_member) {
		gather(zrms, request, (int64_t)from, (int64_t)to, true);
		return;
	}
	if (api_refuse_while_failing(zrms, request))
		return;
	struct asked *a = mem_new(struct asked);
	*a = (struct asked){zrms, request, (int64_t)from, (int64_t)to, own};
	struct control_input input = {.type = CONTROL_BACKUP, .backup = {.recording = true}};
	access_ask(request, &input);
	api_ask(zrms, &input, on_told, a);
}
