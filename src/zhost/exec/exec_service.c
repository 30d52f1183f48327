#include "zhost/exec/exec_service.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <utlist.h>

#include "adapter/log/log.h"
#include "base/str.h"
#include "port/exec.h"
#include "schema/message.h"
#include "zhost/exec/exec_session.h"
#include "zhost/space/commands.h"

#define SESSIONS_MAX 32
#define KILL_MS	     2000
/* Bytes that may wait for zrms before a session is given up: more than all windows together. */
#define LINK_ROOM ((size_t)16 * 1024 * 1024)

struct exec_service {
	struct exec_service_parts parts;
	struct exec_session *sessions;
	unsigned count;
	uint32_t last_id;
	uint64_t started, refused;
	uint64_t starts; /* that this connection has brought */
};

/* ---- what goes to zrms ---- */

static int send_reply(struct exec_service *s, uint64_t number, Samoza__V1__ExecReply *reply)
{
	reply->session = number;
	return upstream_try_send(s->parts.upstream, SAMOZA__V1__FRAME_TYPE__FRAME_EXEC_REPLY,
				 &reply->base, LINK_ROOM);
}

static void send_end(struct exec_service *s, uint64_t number, Samoza__V1__ExecEnd *end)
{
	Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;

	reply.end = end;
	(void)send_reply(s, number, &reply);
}

static void send_error(struct exec_service *s, uint64_t number, const char *text,
		       int32_t exit_status)
{
	Samoza__V1__ExecEnd end = SAMOZA__V1__EXEC_END__INIT;

	end.error = (char *)(uintptr_t)text;
	end.has_exit_status = exit_status > 0;
	end.exit_status = (uint32_t)exit_status;
	send_end(s, number, &end);
}

static bool is_watched(const struct exec_session *s)
{
	return s->kill_timer == NULL;
}

/* ---- sessions ---- */

static void session_free(struct exec_session *s)
{
	DL_DELETE(s->service->sessions, s);
	s->service->count--;
	exec_session_close(s);
	loop_timer_free(s->kill_timer);
	samoza__v1__instance_key__free_unpacked(s->key, NULL);
	free(s);
}

static void tell(const struct exec_session *s, int signal)
{
	residents_exec_signal(s->service->parts.residents, s->key, s->id, signal);
}

static void on_kill(void *user)
{
	tell(user, 0);
}

/* Nobody waits for it any more. It stays until zrun says that it has ended. */
static void abandon(struct exec_session *s)
{
	struct loop *loop = s->service->parts.loop;

	if (!is_watched(s))
		return;
	tell(s, SIGHUP);
	exec_session_close(s);
	s->kill_timer = loop_timer_new(loop, on_kill, s);
	loop_timer_at(s->kill_timer, loop_now(loop).mono_ms + KILL_MS);
}

static int on_reply(struct exec_session *s, Samoza__V1__ExecReply *reply)
{
	int r = is_watched(s) ? send_reply(s->service, s->number, reply) : 0;

	if (r < 0)
		log_warn("exec", "output.lost", LOG_S("path", s->key->path),
			 LOG_S("why", "the connection to zrms takes no more"));
	return r;
}

static void log_end(const struct exec_session *s, const char *why)
{
	log_info("exec", "ended", LOG_S("topology", s->key->topology),
		 LOG_S("path", s->key->path), LOG_U("command", s->id), LOG_S("why", why));
}

static void on_drained(struct exec_session *s)
{
	Samoza__V1__ExecEnd end = SAMOZA__V1__EXEC_END__INIT;

	end.has_exit_status = WIFEXITED(s->status);
	end.exit_status = end.has_exit_status ? (uint32_t)WEXITSTATUS(s->status) : 0;
	end.has_signal = !end.has_exit_status;
	end.signal = end.has_signal ? (uint32_t)WTERMSIG(s->status) : 0;
	CLEANUP(freep)
	char *why = str_printf("%s %u", end.has_signal ? "signal" : "exit status",
			       end.has_signal ? end.signal : end.exit_status);
	log_end(s, why);
	send_end(s->service, s->number, &end);
	session_free(s);
}

static const struct exec_session_events session_events = {.reply = on_reply,
							  .drained = on_drained};

static struct exec_session *find_number(const struct exec_service *s, uint64_t number)
{
	struct exec_session *found;

	DL_FOREACH (s->sessions, found)
		if (found->number == number && is_watched(found))
			return found;
	return NULL;
}

/* ---- what zrun says ---- */

static void on_report(void *user, const struct command_report *report)
{
	struct exec_service *s = user;
	struct exec_session *session;

	DL_FOREACH (s->sessions, session)
		if (session->id == report->session)
			break;
	if (session == NULL)
		return;
	if (report->event == COMMAND_STARTED) {
		s->started++;
		log_info("exec", "started", LOG_S("topology", session->key->topology),
			 LOG_S("path", session->key->path), LOG_U("command", session->id));
		Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;

		reply.has_started = true;
		reply.started = true;
		(void)on_reply(session, &reply);
		return;
	}
	s->refused += report->event == COMMAND_REFUSED;
	if (report->event == COMMAND_REFUSED && is_watched(session)) {
		CLEANUP(freep) char *text = mem_strndup(report->text, report->size);
		send_error(s, session->number, text, report->status);
	}
	if (report->event == COMMAND_ENDED && !is_watched(session))
		log_end(session, "nobody waited for it");
	if (report->event == COMMAND_REFUSED || !is_watched(session))
		session_free(session);
	else
		exec_session_ended(session, report->status);
}

static bool is_of(const struct exec_session *s, const Samoza__V1__InstanceKey *key)
{
	return s->key->epoch == key->epoch && str_equal(s->key->topology, key->topology) &&
	       str_equal(s->key->path, key->path);
}

static void on_lost(void *user, const Samoza__V1__InstanceKey *key)
{
	struct exec_service *s = user;
	struct exec_session *session, *next;

	DL_FOREACH_SAFE (s->sessions, session, next) {
		if (!is_of(session, key))
			continue;
		if (session->has_ended) { /* the client has not taken all of its output */
			on_drained(session);
			continue;
		}
		if (is_watched(session))
			send_error(s, session->number,
				   "the command was ended: its instance has stopped", 0);
		log_end(session, "its instance has stopped");
		session_free(session);
	}
}

static const struct commands_listener listener = {.report = on_report, .lost = on_lost};

/* ---- what zrms says ---- */

/* The words one after the other, each with its NUL. */
static int join_words(const Samoza__V1__ExecStart *start, struct buffer *to, struct error **err)
{
	if (start->n_command == 0 || start->command[0].len == 0)
		return error_set(err, ERR_INVALID, "no command was given");
	for (size_t i = 0; i < start->n_command; i++) {
		const ProtobufCBinaryData *word = &start->command[i];

		if (memchr(word->data != NULL ? (const char *)word->data : "", '\0',
			   word->len) != NULL)
			return error_set(err, ERR_INVALID, "a word of the command has a NUL");
		if (buffer_add(to, word->data, word->len) < 0 || buffer_add(to, "", 1) < 0)
			return error_set(err, ERR_LIMIT,
					 "the command is longer than %d KiB: pass it as input",
					 EXEC_COMMAND_MAX / 1024);
	}
	return 0;
}

static int check(const struct exec_service *s, const Samoza__V1__ExecStart *start,
		 struct error **err)
{
	if (!s->parts.is_allowed)
		return error_set(err, ERR_DENIED,
				 "commands are not allowed on zhost %s: start it with "
				 "--allow-exec",
				 s->parts.zhost);
	if (s->count >= SESSIONS_MAX)
		return error_set(err, ERR_LIMIT,
				 "as many commands run on zhost %s as may at the same time "
				 "(%d): end one of them",
				 s->parts.zhost, SESSIONS_MAX);
	if (start->key == NULL)
		return error_set(err, ERR_INVALID, "no instance was given");
	return 0;
}

static int run(struct exec_service *s, struct exec_session *session,
	       const Samoza__V1__ExecStart *start, struct error **err)
{
	CLEANUP(buffer_done) struct buffer words = BUFFER_INIT(EXEC_COMMAND_MAX);
	int fds[ZRUN_EXEC_FDS];
	int r = join_words(start, &words, err);

	if (r == 0)
		r = exec_session_open(session, s->parts.loop, start->size, fds, err);
	if (r < 0)
		return r;
	const struct zrun_command command = {.session = session->id,
					     .words = words.data,
					     .words_size = words.size,
					     .words_count = (uint32_t)start->n_command,
					     .term = start->term != NULL ? start->term : "",
					     .is_terminal = session->is_terminal};
	return residents_exec(s->parts.residents, session->key, &command, fds, err);
}

static void take_start(struct exec_service *s, uint64_t number,
		       const Samoza__V1__ExecStart *start)
{
	CLEANUP(error_freep) struct error *err = NULL;
	struct exec_session *session;

	if (check(s, start, &err) < 0) {
		s->refused++;
		send_error(s, number, err->message, 0);
		return;
	}
	session = mem_new(struct exec_session);
	session->service = s;
	session->events = &session_events;
	session->number = number;
	session->id = ++s->last_id;
	session->key = (Samoza__V1__InstanceKey *)schema_message_copy(&start->key->base);
	session->is_terminal = start->has_terminal && start->terminal;
	session->input.fd = session->output.fd = session->errors.fd = -1;
	DL_APPEND(s->sessions, session);
	s->count++;
	if (run(s, session, start, &err) < 0) {
		s->refused++;
		send_error(s, number, err->message, 0);
		session_free(session);
	}
}

static bool take_data(struct exec_session *s, const Samoza__V1__Exec *m)
{
	if (m->has_input && !exec_session_input(s, m->input.data, m->input.len))
		return false;
	if (m->has_input_end && m->input_end)
		exec_session_input_end(s);
	if (m->has_signal && m->signal > 0 && m->signal < NSIG)
		tell(s, (int)m->signal);
	if (m->size != NULL)
		exec_session_resize(s, m->size);
	/* Last: it may end the session. */
	return !m->has_credit || exec_session_credit(s, m->credit);
}

void exec_service_take(struct exec_service *s, const Samoza__V1__Exec *m)
{
	struct exec_session *session = find_number(s, m->session);

	/* While the link is left for another one zrms asks again on that. */
	if (m->start != NULL && !upstream_is_up(s->parts.upstream))
		return;
	s->starts += m->start != NULL;
	if (m->start != NULL && session == NULL)
		take_start(s, m->session, m->start);
	else if (session == NULL)
		return; /* it has ended meanwhile */
	else if (m->has_cancel && m->cancel)
		abandon(session);
	else if (!take_data(session, m)) {
		send_error(s, m->session,
			   "the command was ended: more was sent than its "
			   "window allows",
			   0);
		abandon(session);
	}
}

void exec_service_disconnected(struct exec_service *s)
{
	struct exec_session *session;

	s->starts = 0;
	DL_FOREACH (s->sessions, session)
		abandon(session);
}

uint64_t exec_service_starts(const struct exec_service *s)
{
	return s->starts;
}

struct exec_counters exec_service_counters(const struct exec_service *s)
{
	return (struct exec_counters){
		.started = s->started, .refused = s->refused, .running = s->count};
}

/* ---- life ---- */

struct exec_service *exec_service_new(const struct exec_service_parts *parts)
{
	struct exec_service *s = mem_new(struct exec_service);

	s->parts = *parts;
	residents_listen_commands(parts->residents, &listener, s);
	return s;
}

void exec_service_free(struct exec_service *s)
{
	struct exec_session *session, *next;

	if (s == NULL)
		return;
	residents_listen_commands(s->parts.residents, NULL, NULL);
	DL_FOREACH_SAFE (s->sessions, session, next)
		session_free(session);
	free(s);
}
