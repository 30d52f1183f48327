#include "zrms/exec.h"

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/text.h"
#include "port/exec.h"
#include "schema/message.h"
#include "zrms/access.h"

enum {
	SESSIONS_MAX = 256, /* whose command has not ended */
	ENDED_MAX = 256,    /* whose client has not closed yet */
	START_WAIT_MS = 10000,
	/* What zrms says itself comes in addition to the window. */
	OUTPUT_MAX = EXEC_WINDOW + EXEC_FRAME_MAX,
	LINK_WAIT_MS = 5000,   /* for the other link of a zhost */
	CLOSE_WAIT_MS = 5000,  /* of a client that was refused, or whose command is ended */
	READ_WAIT_MS = 300000, /* of one whose own output may be read slowly */
	SINCE_MAX = 2 * EXEC_WINDOW,
	PROGRAM_SHOWN = 200, /* bytes of its first word, in the event */
};

struct exec {
	UT_hash_handle hh;
	uint64_t number; /* on the link */
	struct execs *execs;
	struct wire_link *client;	   /* NULL: it has gone */
	struct loop_timer *start_deadline; /* NULL once `start` is there */
	struct asker *who;		   /* asks for it */
	struct access_watch watch;	   /* of its credential */
	char *topology, *path;
	uint64_t epoch;		      /* of the copy for which it was let in */
	Samoza__V1__ExecStart *start; /* until its zhost has answered */
	uint64_t turn;		      /* among those that its link was asked for */
	struct buffer since;	      /* what was sent after it, as frames; until then, too */
	bool has_too_much;	      /* that is not all */
	struct loop_timer *link_wait; /* NULL: it waits for no link */
	bool is_recording, is_recorded;
	bool is_denied; /* its credential has ended */
	bool has_ended; /* the client was sent the end, and is to close when it has read it */
	uint64_t ended; /* its place among those that have */
	bool is_let_go; /* too many others have ended since */
	bool is_read;	/* its client has read all: it has CLOSE_WAIT_MS from then on */
	struct loop_task look; /* whether it has, once what waits was written */
	uint64_t link_id;      /* 0: the zhost knows nothing of it, or no more */
	char *zhost;
	size_t input_credit, output_credit; /* bytes that either end may send */
};

struct execs {
	struct loop *loop;
	struct links *links;
	struct access_watches *open;
	const struct exec_control *control;
	void *user;
	struct exec *all;     /* by number */
	uint64_t last_number; /* as many were opened */
	uint64_t last_ended;
	size_t ended; /* of `all` */
	uint64_t refused, input_bytes, output_bytes;
};

/* ---- to the client ---- */

static void to_client(struct exec *x, const Samoza__V1__ExecReply *reply)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (x->client != NULL &&
	    wire_link_send(x->client, SAMOZA__V1__FRAME_TYPE__FRAME_EXEC_REPLY, &reply->base,
			   &err) < 0 &&
	    err->code != ERR_UNAVAILABLE)
		wire_link_close(x->client, err);
}

static struct exec *oldest_ended(const struct execs *execs)
{
	struct exec *x, *next, *oldest = NULL;
	HASH_ITER (hh, execs->all, x, next)
		if (x->has_ended && !x->is_let_go &&
		    (oldest == NULL || x->ended < oldest->ended))
			oldest = x;
	return oldest;
}

/* The client has still to read the end. */
static void note_end(struct exec *x)
{
	struct execs *execs = x->execs;
	if (x->has_ended)
		return;
	x->has_ended = true;
	x->ended = ++execs->last_ended;
	if (++execs->ended <= ENDED_MAX)
		return;
	struct exec *oldest = oldest_ended(execs);
	oldest->is_let_go = true;
	if (oldest->client != NULL)
		wire_link_close(oldest->client, NULL);
}

/* One that has said that it has taken all of the output needs no more time than to close. */
static void on_look(void *user)
{
	struct exec *x = user;
	if (x->client == NULL || x->is_read || x->output_credit < EXEC_WINDOW ||
	    wire_link_waiting(x->client) > 0)
		return;
	x->is_read = true;
	wire_link_close_within(x->client, CLOSE_WAIT_MS);
}

/* The last thing that it hears. */
static void end_client(struct exec *x, const char *error)
{
	Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;
	Samoza__V1__ExecEnd end = SAMOZA__V1__EXEC_END__INIT;
	if (x->client == NULL)
		return;
	end.error = (char *)(uintptr_t)error;
	reply.end = &end;
	if (!x->has_ended)
		to_client(x, &reply);
	note_end(x);
	x->is_read = true;
	wire_link_await_close(x->client, CLOSE_WAIT_MS);
}

/* ---- to the zhost ---- */

static int to_zhost(struct exec *x, Samoza__V1__Exec *message, struct error **err)
{
	message->session = x->number;
	return links_send_frame(x->execs->links, x->link_id, SAMOZA__V1__FRAME_TYPE__FRAME_EXEC,
				&message->base, err);
}

static void cancel(struct exec *x)
{
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;
	CLEANUP(error_freep) struct error *err = NULL;
	if (x->link_id == 0)
		return;
	message.has_cancel = true;
	message.cancel = true;
	(void)!to_zhost(x, &message, &err); /* where its link is gone, the command is, too */
	x->link_id = 0;
}

/* ---- life of a session ---- */

static void exec_free(struct exec *x)
{
	HASH_DEL(x->execs->all, x);
	x->execs->ended -= x->has_ended;
	loop_defer_cancel(x->execs->loop, &x->look);
	loop_timer_free(x->start_deadline);
	loop_timer_free(x->link_wait);
	schema_message_free(x->start);
	buffer_done(&x->since);
	access_unwatch(&x->watch);
	asker_free(x->who);
	free(x->topology);
	free(x->path);
	free(x->zhost);
	free(x);
}

static void on_closed(void *user, struct wire_link *wire, const struct error *why)
{
	struct exec *x = user;
	(void)wire;
	x->client = NULL;
	if (why != NULL)
		log_info("exec", "client.lost", LOG_S("path", x->path), LOG_E(why));
	cancel(x);
	if (!x->is_recording)
		exec_free(x);
}

/* ---- start ---- */

static int send_start(struct exec *x, struct error **err)
{
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	struct control_exec found;
	int r = x->execs->control->find(x->execs->user, x->topology, x->path, &found, err);
	if (r < 0)
		return r;
	if (found.epoch != x->epoch)
		return error_set(err, ERR_CONFLICT,
				 "%s is another copy than a moment ago: run it again", x->path);
	free(x->zhost);
	x->zhost = mem_strdup(found.zhost);
	r = links_check_exec(x->execs->links, found.link_id, err);
	if (r < 0)
		return r;
	key.topology = x->topology;
	key.path = x->path;
	key.epoch = found.epoch;
	if (x->start->key != NULL)
		samoza__v1__instance_key__free_unpacked(x->start->key, NULL);
	x->start->key = &key;
	message.start = x->start;
	x->link_id = found.link_id;
	r = to_zhost(x, &message, err);
	x->start->key = NULL;
	if (r < 0)
		x->link_id = 0;
	x->turn = links_exec_starts(x->execs->links, x->link_id);
	return r;
}

static void refuse(struct exec *x, const char *why)
{
	x->execs->refused++;
	end_client(x, why);
}

/* ---- a zhost between two links ---- */

static void on_link_missing(void *user)
{
	struct exec *x = user;
	CLEANUP(freep)
	char *text = str_printf("the connection with zhost %s was lost before the command "
				"began: run it again",
				x->zhost);
	loop_timer_free(steal_ptr(&x->link_wait));
	refuse(x, text);
}

static void wait_for_link(struct exec *x)
{
	x->link_id = 0;
	if (x->client != NULL)
		wire_link_pause(x->client, true);
	x->link_wait = loop_timer_new(x->execs->loop, on_link_missing, x);
	loop_timer_at(x->link_wait, loop_now(x->execs->loop).mono_ms + LINK_WAIT_MS);
}

/* It has left one link for another, or the one that it has now is not accepted yet at its end. */
static bool will_have_link(const struct execs *execs, const struct control_exec *found)
{
	return execs->control->is_between_links(execs->user, found->zhost) ||
	       links_is_beginning(execs->links, found->link_id);
}

/* Then x->zhost says which zhost that is. */
static bool is_between_links(struct exec *x)
{
	struct control_exec found;
	int r = x->execs->control->find(x->execs->user, x->topology, x->path, &found, NULL);
	if (r < 0 && r != ERR_UNAVAILABLE)
		return false;
	free(x->zhost);
	x->zhost = mem_strdup(found.zhost);
	return will_have_link(x->execs, &found);
}

/* In order, after its start. */
static int send_since(struct exec *x, struct error **err)
{
	struct frame frame;
	for (size_t at = 0; at < x->since.size; at += frame.whole_size) {
		int r = frame_next(x->since.data + at, x->since.size - at, &frame, NULL);
		INVARIANT(r == 1); /* we have written it */
		r = links_forward(x->execs->links, x->link_id, &frame, SIZE_MAX, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void send_or_wait(struct exec *x)
{
	CLEANUP(error_freep) struct error *err = NULL;
	int r = send_start(x, &err);
	if (r == 0)
		r = send_since(x, &err);
	if (r == 0)
		wire_link_pause(x->client, false);
	else if (r == ERR_UNAVAILABLE && is_between_links(x))
		wait_for_link(x);
	else
		refuse(x, err->message);
}

static void has_begun(struct exec *x)
{
	schema_message_free(steal_ptr(&x->start));
	buffer_done(&x->since);
}

static void record(struct exec *x);

void execs_link_left(struct execs *execs, uint64_t link_id, uint64_t taken)
{
	struct exec *x, *next;
	HASH_ITER (hh, execs->all, x, next)
		if (x->link_id == link_id && x->start != NULL && x->turn > taken &&
		    !x->has_too_much)
			wait_for_link(x);
}

void execs_link_accepted(struct execs *execs, const char *zhost)
{
	struct exec *x, *next;
	HASH_ITER (hh, execs->all, x, next) {
		if (x->link_wait == NULL || !str_equal(x->zhost, zhost))
			continue;
		loop_timer_free(steal_ptr(&x->link_wait));
		if (x->client == NULL || x->is_denied)
			continue;
		if (x->is_recorded)
			send_or_wait(x);
		else
			record(x);
	}
}

/* ---- recorded ---- */

static void on_recorded(void *waiting, const struct reply *reply)
{
	struct exec *x = waiting;
	x->is_recording = false;
	if (x->client == NULL) {
		exec_free(x);
		return;
	}
	if (x->is_denied)
		return; /* it has been told */
	if (reply->code == ERR_UNAVAILABLE && is_between_links(x)) {
		wait_for_link(x);
		return;
	}
	if (reply->code < 0) {
		refuse(x, reply->message != NULL ? reply->message : "refused");
		return;
	}
	x->is_recorded = true;
	send_or_wait(x);
}

static void record(struct exec *x)
{
	const ProtobufCBinaryData *word = &x->start->command[0];
	CLEANUP(freep)
	char *whole = mem_strndup(word->len > 0 ? (const char *)word->data : "",
				  word->len < PROGRAM_SHOWN ? word->len : PROGRAM_SHOWN);
	CLEANUP(freep) char *program = text_escaped(whole);
	x->is_recording = true;
	x->execs->control->record(x->execs->user, x->who, x->topology, x->path, program,
				  on_recorded, x);
}

static int take_start(struct exec *x, Samoza__V1__Exec *m, struct error **err)
{
	if (x->start_deadline == NULL || m->start == NULL || m->start->n_command == 0)
		return error_set(err, ERR_INVALID,
				 "expected `start` first, once, and a command");
	loop_timer_free(steal_ptr(&x->start_deadline));
	x->start = steal_ptr(&m->start);
	/* What follows is read when the zhost knows of it. */
	wire_link_pause(x->client, true);
	struct control_exec found;
	int r = x->execs->control->find(x->execs->user, x->topology, x->path, &found, NULL);
	if (r == 0 || r == ERR_UNAVAILABLE)
		x->epoch = found.epoch;
	/* The core would refuse it in between, and its audit say so. */
	if (r == ERR_UNAVAILABLE && is_between_links(x))
		wait_for_link(x);
	else
		record(x);
	return 0;
}

/* ---- from the client ---- */

static int take_more(struct exec *x, Samoza__V1__Exec *m, struct error **err)
{
	size_t input = m->has_input ? m->input.len : 0, credit = m->has_credit ? m->credit : 0;
	if (input > x->input_credit || credit > EXEC_WINDOW - x->output_credit)
		return error_set(err, ERR_INVALID, "it sent more than its window allows");
	x->output_credit += credit;
	if (x->has_ended)
		loop_defer(x->execs->loop, &x->look);
	if (x->link_id == 0)
		return 0; /* the command has ended */
	x->execs->input_bytes += input;
	x->input_credit -= input;
	m->session = x->number;
	if (x->start != NULL &&
	    frame_encode(&x->since, SAMOZA__V1__FRAME_TYPE__FRAME_EXEC, &m->base, NULL) < 0)
		x->has_too_much = true;
	/* Where the link is closing, execs_link_gone() tells the client in this turn. */
	CLEANUP(error_freep) struct error *why = NULL;
	if (to_zhost(x, m, &why) == 0 || why->code == ERR_UNAVAILABLE)
		return 0;
	end_client(x, why->message);
	cancel(x);
	return 0;
}

static int on_frame(void *user, struct wire_link *wire, const struct frame *frame,
		    struct error **err)
{
	struct exec *x = user;
	ProtobufCMessage *message = NULL;
	(void)wire;
	if (frame->type != SAMOZA__V1__FRAME_TYPE__FRAME_EXEC)
		return error_set(err, ERR_INVALID, "expected exec, not a frame of the type %u",
				 frame->type);
	int r = frame_decode(frame, &message, err);
	if (r < 0)
		return r;
	Samoza__V1__Exec *m = (Samoza__V1__Exec *)message;
	r = x->start_deadline != NULL || m->start != NULL ? take_start(x, m, err)
							  : take_more(x, m, err);
	protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

static const struct wire_link_handler handler = {.frame = on_frame, .closed = on_closed};

static void on_start_missing(void *user)
{
	end_client(user, "no command came within 10 s");
}

static void on_credential_ended(void *user)
{
	struct exec *x = user;
	if (x->is_denied)
		return;
	x->is_denied = true;
	loop_timer_free(steal_ptr(&x->link_wait));
	end_client(x, "the command was ended: the token with which it was asked for is void");
	cancel(x);
}

void execs_add(struct execs *execs, struct asker *take_who, const char *topology,
	       const char *path, struct stream *stream)
{
	struct exec *x = mem_new(struct exec);
	x->execs = execs;
	x->number = ++execs->last_number;
	x->look = (struct loop_task){.fn = on_look, .user = x};
	x->who = take_who;
	if (take_who != NULL)
		access_watch(execs->open, &x->watch, asker_hash(take_who), on_credential_ended,
			     x);
	x->topology = mem_strdup(topology);
	x->path = mem_strdup(path);
	x->input_credit = x->output_credit = EXEC_WINDOW;
	x->since = BUFFER_INIT(SINCE_MAX);
	HASH_ADD(hh, execs->all, number, sizeof(x->number), x);
	x->client = wire_link_new(stream, OUTPUT_MAX, &handler, x);
	wire_link_limit(x->client, EXEC_FRAME_MAX);
	x->start_deadline = loop_timer_new(execs->loop, on_start_missing, x);
	loop_timer_at(x->start_deadline, loop_now(execs->loop).mono_ms + START_WAIT_MS);
}

int execs_check(struct execs *execs, const char *topology, const char *path, struct error **err)
{
	struct control_exec found;
	CLEANUP(error_freep) struct error *why = NULL;
	int r = execs->control->find(execs->user, topology, path, &found, &why);
	if (r == 0 && !will_have_link(execs, &found))
		r = links_check_exec(execs->links, found.link_id, &why);
	else if (r == ERR_UNAVAILABLE && will_have_link(execs, &found))
		r = 0;
	if (r < 0)
		return error_move(err, steal_ptr(&why));
	if (r == 0 && HASH_COUNT(execs->all) - execs->ended >= SESSIONS_MAX)
		r = error_set(err, ERR_TIMEOUT,
			      "as many commands run as may at the same time (%d): end one of "
			      "them",
			      SESSIONS_MAX);
	return r;
}

/* ---- from the zhost ---- */

static bool is_within_windows(const struct exec *x, const Samoza__V1__ExecReply *reply)
{
	size_t output = (reply->has_output ? reply->output.len : 0) +
			(reply->has_errors ? reply->errors.len : 0);
	size_t credit = reply->has_credit ? reply->credit : 0;
	return output <= x->output_credit && credit <= EXEC_WINDOW - x->input_credit;
}

void execs_reply(struct execs *execs, uint64_t link_id, Samoza__V1__ExecReply *reply)
{
	struct exec *x = NULL;
	HASH_FIND(hh, execs->all, &reply->session, sizeof(reply->session), x);
	if (x == NULL || x->link_id != link_id)
		return; /* late, or not asked */
	if (!is_within_windows(x, reply)) {
		end_client(x, "its zhost sent more than the window allows");
		cancel(x);
		return;
	}
	size_t output = (reply->has_output ? reply->output.len : 0) +
			(reply->has_errors ? reply->errors.len : 0);
	execs->output_bytes += output;
	has_begun(x);
	x->output_credit -= output;
	x->input_credit += reply->has_credit ? reply->credit : 0;
	reply->session = 0;
	to_client(x, reply);
	if (reply->end == NULL)
		return;
	x->link_id = 0;
	note_end(x);
	if (x->client == NULL)
		return;
	wire_link_close_within(x->client, READ_WAIT_MS);
	loop_defer(execs->loop, &x->look);
}

void execs_link_gone(struct execs *execs, uint64_t link_id)
{
	struct exec *x, *next;
	HASH_ITER (hh, execs->all, x, next) {
		if (x->link_id != link_id)
			continue;
		CLEANUP(freep)
		char *text = str_printf("the command was ended: the connection with zhost %s "
					"was lost",
					x->zhost);
		x->link_id = 0;
		end_client(x, text);
	}
}

/* ---- counted ---- */

enum { SESSIONS, OPENED, REFUSED, INPUT, OUTPUT };
static const struct metric metrics[] = {
	[SESSIONS] = {"zrms_exec_sessions", METRIC_GAUGE, "Open sessions of `spaces exec`."},
	[OPENED] = {"zrms_exec_opened_total", METRIC_COUNTER,
		    "Sessions of `spaces exec` that were opened."},
	[REFUSED] = {"zrms_exec_refused_total", METRIC_COUNTER,
		     "Commands that zrms refused after their session was opened."},
	[INPUT] = {"zrms_exec_input_bytes_total", METRIC_COUNTER, "Bytes sent to commands."},
	[OUTPUT] = {"zrms_exec_output_bytes_total", METRIC_COUNTER,
		    "Bytes that commands printed."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct execs *execs = part;
	metric_set(to, SESSIONS, HASH_COUNT(execs->all));
	metric_set(to, OPENED, execs->last_number);
	metric_set(to, REFUSED, execs->refused);
	metric_set(to, INPUT, execs->input_bytes);
	metric_set(to, OUTPUT, execs->output_bytes);
}

const struct metric_source execs_metrics = METRIC_SOURCE(metrics, read_metrics);

/* ---- life of all ---- */

void execs_end_all(struct execs *execs)
{
	struct exec *x, *next;
	HASH_ITER (hh, execs->all, x, next) {
		if (x->client == NULL)
			continue;
		if (x->has_ended || x->link_id != 0 || x->start_deadline != NULL ||
		    x->link_wait != NULL)
			end_client(x, "the command was ended: zrms is shutting down");
		loop_timer_free(steal_ptr(&x->link_wait));
		cancel(x);
	}
}

bool execs_is_empty(const struct execs *execs)
{
	return execs->all == NULL;
}

struct execs *execs_new(struct loop *loop, struct links *links, struct access_watches *open,
			const struct exec_control *control, void *user)
{
	struct execs *execs = mem_new(struct execs);
	execs->loop = loop;
	execs->links = links;
	execs->open = open;
	execs->control = control;
	execs->user = user;
	return execs;
}

void execs_free(struct execs *execs)
{
	if (execs == NULL)
		return;
	PRE(execs_is_empty(execs));
	free(execs);
}
