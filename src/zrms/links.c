#include "zrms/links.h"

#include <sodium.h>
#include <string.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/access/identity.h"
#include "core/control/control_frames.h"

enum {
	HELLO_WAIT_MS = 10000,
	OUTPUT_MAX = 64 * 1024 * 1024, /* the core's frames: a full set of 100,000 instances */
	/* Requests of one zhost for data that wait for their answers. Past that it waits, so that it
	 * fills neither memory nor the batches of others. */
	UNANSWERED_MAX = 512,
	/* Before HELLO a link holds half a frame for up to HELLO_WAIT_MS. A certificate whose end has come
	 * can only be renewed. HELLO tells of all instances of a zhost. */
	EXPIRED_FRAME_MAX = 64 * 1024,
	HELLO_FRAME_MAX = 8 * 1024 * 1024,
	HELLO_MISSING_MAX = 4, /* links of one certified name */
	/* Of what waits to be written: a zhost asks for 32 secrets at once. */
	SECRETS_WAITING_MAX = 32 * 1024 * 1024,
};

struct refusals {
	int64_t since_ms;
	unsigned count, foreign;
};

struct zhost_link {
	UT_hash_handle hh, hh_missing;
	uint64_t id;
	struct links *links;
	struct wire_link *wire;
	struct loop_timer *hello_deadline;  /* NULL once HELLO is there */
	struct principal *who;		    /* whose it is; NULL: any zhost's */
	struct loop_timer *certificate_end; /* NULL: it was opened with a token */
	char *zhost;			    /* as its HELLO names it; NULL before */
	bool is_member, is_closing, has_left;
	uint64_t exec_starts;
	unsigned foreign;	    /* messages of others that it has sent */
	struct refusals secrets;    /* of requests for them, in this minute */
	bool has_exec, allows_exec; /* as its HELLO said */
	unsigned unanswered;
	bool has_key, is_expired; /* as its handshake said */
	bool is_missing;	  /* in links->missing */
	bool renews;		  /* and waits for the answer */
	int64_t heartbeat_us;	  /* when the last one came; 0: none has */
	uint8_t key[IDENTITY_KEY_SIZE];
	struct control_certified certified;
};

struct links {
	struct loop *loop;
	int64_t heartbeat_ms;
	const struct links_listener *listener;
	void *user;
	struct zhost_link *all;	    /* by id */
	struct zhost_link *missing; /* without HELLO, of certified names; the oldest first */
	uint64_t last_id;
	uint64_t frames_in, opened_total, refused;
	struct histogram heartbeats;
	VECTOR(char *) closed;
};

/* ---- links without HELLO ---- */

static void missing_end(struct zhost_link *l)
{
	if (l->is_missing)
		HASH_DELETE(hh_missing, l->links->missing, l);
	l->is_missing = false;
}

/* One whose certificate has expired does not push out those whose has not. */
static bool is_alike(const struct zhost_link *a, const struct zhost_link *b)
{
	return a->is_expired == b->is_expired && strcmp(a->who->name, b->who->name) == 0;
}

static void missing_begin(struct zhost_link *l)
{
	struct zhost_link *other, *next, *oldest = NULL;
	unsigned count = 0;
	if (!l->has_key)
		return;
	HASH_ITER (hh_missing, l->links->missing, other, next) {
		if (!is_alike(l, other))
			continue;
		count++;
		oldest = oldest != NULL ? oldest : other;
	}
	if (count >= HELLO_MISSING_MAX) {
		CLEANUP(error_freep) struct error *why = NULL;
		(void)error_set(&why, ERR_LIMIT, "more than %d links of %s without HELLO",
				HELLO_MISSING_MAX, l->who->name);
		missing_end(oldest);
		wire_link_close(oldest->wire, why);
	}
	l->is_missing = true;
	HASH_ADD(hh_missing, l->links->missing, id, sizeof(l->id), l);
}

/* ---- frames that come in ---- */

static int hello_take(struct zhost_link *l, const Samoza__V1__Hello *hello, struct error **err)
{
	if (l->zhost != NULL)
		return error_set(err, ERR_INVALID, "unexpected second HELLO");
	loop_timer_free(l->hello_deadline);
	l->hello_deadline = NULL;
	missing_end(l);
	wire_link_limit(l->wire, FRAME_MAX_BYTES);
	l->zhost = mem_strdup(hello->spec->name);
	l->has_exec = hello->has_exec;
	l->allows_exec = hello->exec;
	return 0;
}

static int renew_take(struct zhost_link *l, const Samoza__V1__Renew *renew, struct error **err)
{
	if (!l->has_key)
		return error_set(err, ERR_DENIED,
				 "a certificate is renewed over TLS only, by the key that it "
				 "is for");
	if (l->renews)
		return 0; /* it is impatient: one answer is under way */
	l->renews = true;
	l->links->listener->renew(l->links->user, l->id, l->who->name, l->key, &l->certified,
				  renew);
	return 0;
}

/* Its frames before this one were taken; what is on the way to it is written before the link is closed. */
static int leave_take(struct zhost_link *l, const Samoza__V1__Leave *last)
{
	l->has_left = l->is_member;
	if (l->is_member)
		l->links->listener->left(l->links->user, l->id, l->zhost, last);
	l->is_member = false;
	wire_link_close_after(l->wire);
	return 0;
}

/* A zhost asks for a few of what was just taken from it; the first refusal of a minute is logged, and how many there were. */
static int secret_refused(struct zhost_link *l, const Samoza__V1__SecretAsk *ask,
			  const char *why, bool is_foreign, struct error **err)
{
	struct refusals *r = &l->secrets;
	int64_t now_ms = loop_now(l->links->loop).mono_ms;
	if (r->count == 0 || now_ms - r->since_ms >= LINKS_SECRETS_MS) {
		log_warn("secrets", "refused", LOG_S("zhost", l->zhost),
			 LOG_S("path", ask->key->path), LOG_S("secret", ask->name),
			 LOG_S("why", why), LOG_U("before", r->count > 0 ? r->count - 1 : 0));
		*r = (struct refusals){.since_ms = now_ms};
	}
	r->count++;
	r->foreign += is_foreign;
	return r->foreign < LINKS_SECRETS_MAX
		       ? 0
		       : error_set(err, ERR_DENIED, "%s has asked for %d secrets of others",
				   l->zhost, LINKS_SECRETS_MAX);
}

/* A zhost that does not read gets no more of them before it has. */
static int secret_take(struct zhost_link *l, const Samoza__V1__SecretAsk *ask,
		       struct error **err)
{
	const char *refused = NULL;
	if (!l->is_member)
		return 0;
	if (wire_link_waiting(l->wire) > SECRETS_WAITING_MAX)
		return error_set(err, ERR_LIMIT, "%s asks for secrets, and does not read them",
				 l->zhost);
	bool is_own = l->links->listener->secret_ask(l->links->user, l->id, ask, &refused);
	return refused != NULL ? secret_refused(l, ask, refused, !is_own, err) : 0;
}

/* What the core does not take: lines of logs, what commands print, renewals, who asks for others. */
static int other_take(struct zhost_link *l, Samoza__V1__FrameType type,
		      ProtobufCMessage *message, struct error **err)
{
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_RENEW)
		return renew_take(l, (const Samoza__V1__Renew *)message, err);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_LEAVE)
		return leave_take(l, (const Samoza__V1__Leave *)message);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_EXEC_REPLY) {
		l->links->listener->exec_reply(l->links->user, l->id,
					       (Samoza__V1__ExecReply *)message);
		return 0;
	}
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK) {
		if (!l->is_member)
			return 0;
		return l->links->listener->mesh_ask(l->links->user, l->id,
						    (const Samoza__V1__MeshAsk *)message, err);
	}
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_REQUEST)
		return secret_take(l, (const Samoza__V1__SecretAsk *)message, err);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ASK) {
		if (l->is_member)
			l->links->listener->page_ask(l->links->user, l->id, l->zhost,
						     (const Samoza__V1__PageAsk *)message);
		return 0;
	}
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ANSWER) {
		if (l->is_member)
			l->links->listener->mesh_answer(
				l->links->user, l->id, (const Samoza__V1__MeshAnswer *)message);
		return 0;
	}
	INVARIANT(type == SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK);
	l->links->listener->log_chunk(l->links->user, l->id,
				      (const Samoza__V1__LogChunk *)message);
	return 0;
}

/* The core answers each of them, whatever it is. */
static void count_unanswered(struct zhost_link *l, int change)
{
	l->unanswered = change < 0 && l->unanswered == 0 ? 0 : l->unanswered + (unsigned)change;
	wire_link_pause(l->wire, l->unanswered >= UNANSWERED_MAX);
}

/* How much later than it was due: a zhost that is slow, a network that is, or this program. */
static void time_heartbeat(struct zhost_link *l)
{
	int64_t now_us = loop_mono_us(l->links->loop);
	if (l->heartbeat_us != 0)
		histogram_add(&l->links->heartbeats,
			      now_us - l->heartbeat_us - l->links->heartbeat_ms * 1000);
	l->heartbeat_us = now_us;
}

static int message_take(struct zhost_link *l, Samoza__V1__FrameType type,
			ProtobufCMessage *message, struct error **err)
{
	struct control_input input;
	int r = control_frame_input(l->id, type, message, &input, err);
	if (r < 0)
		return r;
	if (r == 0)
		return other_take(l, type, message, err);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST ||
	    type == SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN)
		count_unanswered(l, 1);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT)
		time_heartbeat(l);
	if (input.type == CONTROL_HELLO) {
		r = hello_take(l, input.hello.message, err);
		input.hello.key = l->has_key ? l->key : NULL;
		input.hello.certified = l->certified;
	}
	if (r < 0)
		return r;
	input.principal = l->who;
	l->links->listener->input(l->links->user, &input);
	return 0;
}

static int mesh_take(struct zhost_link *l, const struct frame *frame, struct error **err)
{
	int r = l->links->listener->mesh_frame(l->links->user, l->is_member ? l->zhost : NULL,
					       frame, err);
	if (r <= 0)
		return r;
	l->foreign++;
	return l->foreign < LINKS_FOREIGN_MAX
		       ? 0
		       : error_set(err, ERR_DENIED, "%s has sent %d messages of other zhosts",
				   l->zhost, LINKS_FOREIGN_MAX);
}

static int take_frame(void *user, struct wire_link *wire, const struct frame *frame,
		      struct error **err)
{
	(void)wire;
	struct zhost_link *l = user;
	l->links->frames_in++;
	bool renews = frame->type == SAMOZA__V1__FRAME_TYPE__FRAME_RENEW;
	if (l->is_expired && !renews)
		return error_set(err, ERR_DENIED,
				 "the certificate of %s has expired: it can only be renewed",
				 l->who->name);
	if (frame->type != SAMOZA__V1__FRAME_TYPE__FRAME_HELLO && !renews && l->zhost == NULL)
		return error_set(err, ERR_INVALID, "unexpected %s before HELLO",
				 frame_type_name(frame->type));
	if (frame->type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE)
		return mesh_take(l, frame, err);
	ProtobufCMessage *message = NULL;
	int r = frame_decode(frame, &message, err);
	if (r < 0)
		return r;
	r = message_take(l, (Samoza__V1__FrameType)frame->type, message, err);
	protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

/* The link ends with what it refuses. */
static int on_frame(void *user, struct wire_link *wire, const struct frame *frame,
		    struct error **err)
{
	const struct zhost_link *l = user;
	int r = take_frame(user, wire, frame, err);
	l->links->refused += r < 0;
	return r;
}

/* ---- life of a link ---- */

static void on_closed(void *user, struct wire_link *wire, const struct error *why)
{
	(void)wire;
	struct zhost_link *l = user;
	struct links *links = l->links;
	HASH_DEL(links->all, l);
	missing_end(l);
	if (why != NULL)
		log_warn("link", "closed", LOG_U("link", l->id), LOG_S("zhost", l->zhost),
			 LOG_E(why));
	else
		log_info("link", "closed", LOG_U("link", l->id), LOG_S("zhost", l->zhost));
	links->listener->closed(links->user, l->id, l->zhost != NULL);
	loop_timer_free(l->hello_deadline);
	loop_timer_free(l->certificate_end);
	access_principal_free(l->who);
	free(l->zhost);
	free(l);
}

static const struct wire_link_handler wire_handler = {.frame = on_frame, .closed = on_closed};

static void on_hello_missing(void *user)
{
	struct zhost_link *l = user;
	CLEANUP(error_freep) struct error *why = NULL;
	(void)error_set(&why, ERR_TIMEOUT, "no HELLO within 10 s");
	wire_link_close(l->wire, why);
}

/* It has shown another one in time on a new link, or does not any more. */
static void on_certificate_end(void *user)
{
	struct zhost_link *l = user;
	CLEANUP(error_freep) struct error *why = NULL;
	(void)error_set(&why, ERR_DENIED, "its certificate has run out");
	wire_link_close(l->wire, why);
}

static void watch_certificate(struct zhost_link *l, int64_t end_wall_ms)
{
	struct instant now = loop_now(l->links->loop);
	if (end_wall_ms == 0 || l->is_expired)
		return;
	l->certificate_end = loop_timer_new(l->links->loop, on_certificate_end, l);
	loop_timer_at(l->certificate_end, now.mono_ms + end_wall_ms - now.wall_ms);
}

static void note_peer(struct zhost_link *l, const struct stream_peer *peer)
{
	size_t size = 0;
	if (peer->key_hash == NULL || l->who == NULL)
		return;
	l->has_key = sodium_hex2bin(l->key, sizeof(l->key), peer->key_hash,
				    strlen(peer->key_hash), NULL, &size, NULL) == 0 &&
		     size == sizeof(l->key);
	l->certified = (struct control_certified){peer->issued_wall_ms, peer->expires_wall_ms};
	l->is_expired = peer->expires_wall_ms <= loop_now(l->links->loop).wall_ms;
}

void links_add(struct links *links, struct principal *take_who, struct stream *stream)
{
	struct zhost_link *l = mem_new(struct zhost_link);
	l->links = links;
	l->who = take_who;
	l->id = ++links->last_id;
	note_peer(l, stream_peer(stream));
	links->opened_total++;
	HASH_ADD(hh, links->all, id, sizeof(l->id), l);
	watch_certificate(l, stream_peer(stream)->expires_wall_ms);
	l->wire = wire_link_new(stream, OUTPUT_MAX, &wire_handler, l);
	wire_link_limit(l->wire, l->is_expired ? EXPIRED_FRAME_MAX : HELLO_FRAME_MAX);
	missing_begin(l);
	l->hello_deadline = loop_timer_new(links->loop, on_hello_missing, l);
	loop_timer_at(l->hello_deadline, loop_now(links->loop).mono_ms + HELLO_WAIT_MS);
	log_info("link", "opened", LOG_U("link", l->id));
}

/* ---- frames that go out ---- */

static struct zhost_link *link_find(struct links *links, uint64_t link_id)
{
	struct zhost_link *l = NULL;
	HASH_FIND(hh, links->all, &link_id, sizeof(link_id), l);
	return l;
}

static bool is_accepted(const struct link_message *message)
{
	return message->type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK &&
	       ((const Samoza__V1__HelloAck *)message->message)->verdict ==
		       SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
}

/* What the core does not know: where this program listens, and that it opens secrets. */
static int ack_send(struct zhost_link *l, const struct link_message *message,
		    struct error **err)
{
	Samoza__V1__HelloAck *ack = (Samoza__V1__HelloAck *)message->message;
	ack->closed = l->links->closed.items;
	ack->n_closed = l->links->closed.count;
	ack->has_secrets = ack->secrets = true;
	int r = wire_link_send(l->wire, message->type, message->message, err);
	ack->closed = NULL;
	ack->n_closed = 0;
	return r;
}

static void member_begin(struct zhost_link *l)
{
	l->is_member = true;
	l->links->listener->accepted(l->links->user, l->id, l->zhost);
}

void links_send(struct links *links, const struct link_message *message)
{
	struct zhost_link *l = link_find(links, message->link_id);
	if (l == NULL)
		return; /* it closed meanwhile: the core knows, or will */
	if (message->message != NULL) {
		CLEANUP(error_freep) struct error *why = NULL;
		if (message->type == SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY ||
		    message->type == SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN_TAKEN)
			count_unanswered(l, -1);
		int r = is_accepted(message) ? ack_send(l, message, &why)
					     : wire_link_send(l->wire, message->type,
							      message->message, &why);
		if (r < 0 && why->code != ERR_UNAVAILABLE)
			wire_link_close(l->wire, why);
		if (is_accepted(message))
			member_begin(l);
	}
	if (message->close) {
		l->is_member = false; /* at once: its peer may take 5 s to read what waits */
		l->is_closing = true;
		wire_link_close_after(l->wire);
	}
}

int links_send_frame(struct links *links, uint64_t link_id, Samoza__V1__FrameType type,
		     const ProtobufCMessage *message, struct error **err)
{
	struct zhost_link *l = link_find(links, link_id);
	if (l == NULL)
		return error_set(err, ERR_UNAVAILABLE, "the zhost is not connected");
	/* A certificate may be renewed before HELLO; all else is for those that know that they are accepted. */
	if (!l->is_member && type != SAMOZA__V1__FRAME_TYPE__FRAME_RENEWED)
		return error_set(err, ERR_UNAVAILABLE,
				 "the zhost is not accepted on its link yet, or no more");
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_RENEWED)
		l->renews = false;
	int r = wire_link_send(l->wire, type, message, err);
	if (r == 0 && type == SAMOZA__V1__FRAME_TYPE__FRAME_EXEC &&
	    ((const Samoza__V1__Exec *)message)->start != NULL)
		l->exec_starts++;
	return r;
}

uint64_t links_exec_starts(struct links *links, uint64_t link_id)
{
	const struct zhost_link *l = link_find(links, link_id);
	return l != NULL ? l->exec_starts : 0;
}

bool links_is_beginning(struct links *links, uint64_t link_id)
{
	const struct zhost_link *l = link_find(links, link_id);
	return l != NULL && l->zhost != NULL && !l->is_member && !l->is_closing;
}

bool links_has_left(struct links *links, uint64_t link_id)
{
	const struct zhost_link *l = link_find(links, link_id);
	return l != NULL && l->has_left;
}

int links_check_exec(struct links *links, uint64_t link_id, struct error **err)
{
	const struct zhost_link *l = link_find(links, link_id);
	if (l == NULL)
		return error_set(err, ERR_UNAVAILABLE, "the zhost is not connected");
	if (!l->has_exec)
		return error_set(err, ERR_UNSUPPORTED,
				 "zhost %s is of an earlier version, which runs no commands: "
				 "update it",
				 l->zhost);
	if (!l->allows_exec)
		return error_set(err, ERR_DENIED,
				 "commands are not allowed on zhost %s: start it with "
				 "--allow-exec",
				 l->zhost);
	return 0;
}

const char *links_zhost(struct links *links, uint64_t link_id)
{
	const struct zhost_link *l = link_find(links, link_id);
	return l != NULL ? l->zhost : NULL;
}

int links_forward(struct links *links, uint64_t link_id, const struct frame *frame, size_t room,
		  struct error **err)
{
	struct zhost_link *l = link_find(links, link_id);
	if (l == NULL)
		return error_set(err, ERR_UNAVAILABLE, "the zhost is not connected");
	return wire_link_forward(l->wire, frame, room, err);
}

/* ---- life of all ---- */

struct links *links_new(struct loop *loop, int64_t heartbeat_ms,
			const struct links_listener *listener, void *user)
{
	struct links *links = mem_new(struct links);
	links->loop = loop;
	links->heartbeat_ms = heartbeat_ms;
	links->listener = listener;
	links->user = user;
	return links;
}

void links_free(struct links *links)
{
	if (links == NULL)
		return;
	PRE(links_is_empty(links));
	links_set_closed(links, NULL, 0);
	vector_done(&links->closed);
	free(links);
}

void links_set_closed(struct links *links, char *const *texts, size_t count)
{
	vector_for_each (&links->closed, text)
		free(*text);
	vector_clear(&links->closed);
	for (size_t i = 0; i < count; i++)
		vector_push(&links->closed, mem_strdup(texts[i]));
}

void links_close_all(struct links *links)
{
	struct zhost_link *l, *next;
	HASH_ITER (hh, links->all, l, next)
		wire_link_close_after(l->wire);
}

bool links_is_empty(const struct links *links)
{
	return links->all == NULL;
}

uint64_t links_refused(const struct links *links)
{
	return links->refused;
}

/* ---- metrics ---- */

enum { OPEN, OPENED, FRAMES, HEARTBEATS };
static const struct metric metrics[] = {
	[OPEN] = {"zrms_links", METRIC_GAUGE, "Open links of zhosts."},
	[OPENED] = {"zrms_links_opened_total", METRIC_COUNTER, "Links that were opened."},
	[FRAMES] = {"zrms_link_frames_total", METRIC_COUNTER, "Frames received."},
	[HEARTBEATS] = {"zrms_heartbeat_delay_seconds", METRIC_HISTOGRAM,
			"How much later than it was due each heartbeat of a zhost came."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct links *links = part;

	metric_set(to, OPEN, HASH_COUNT(links->all));
	metric_set(to, OPENED, links->opened_total);
	metric_set(to, FRAMES, links->frames_in);
	metric_add_histogram(to, HEARTBEATS, NULL, &links->heartbeats);
}

const struct metric_source links_metrics = METRIC_SOURCE(metrics, read_metrics);
