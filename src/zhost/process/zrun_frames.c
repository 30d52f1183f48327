/*
 * Frames to and from zrun (src/zrun/protocol/protocol.h).
 */
#include "zhost/process/zrun_frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/str.h"
#include "zhost/process/zrun_process_private.h"
#include "zhost/process/zrun_socket.h"

/* ---- orders ---- */

void process_send_stop(struct zrun_process *p)
{
	int64_t left = p->stop_by_ms - loop_now(p->owner->options.loop).mono_ms;
	struct zrun_stop stop = {.grace_ms = (uint32_t)(left > 0 ? left : 0)};
	void *body = process_frame(p, ZRUN_STOP, 0, sizeof(stop));
	if (body != NULL)
		memcpy(body, &stop, sizeof(stop));
}

void process_send_renew(struct zrun_process *p)
{
	struct zrun_renew renew = {.stop_at_ms = p->lease.stop_at_ms,
				   .end_at_ms = p->lease.end_at_ms};
	void *body = process_frame(p, ZRUN_RENEW, 0, sizeof(renew));
	if (body != NULL)
		memcpy(body, &renew, sizeof(renew));
}

static void send_secret(struct zrun_process *p, const struct secret_value *value)
{
	struct zrun_secret head = {.key_size = (uint16_t)strlen(value->key),
				   .value_size = (uint32_t)value->size};
	char *to = process_frame(p, ZRUN_SECRET, 0, sizeof(head) + head.key_size + value->size);
	INVARIANT(to != NULL);
	to = mempcpy(to, &head, sizeof(head));
	to = mempcpy(to, value->key, head.key_size);
	memcpy(to, value->data, value->size);
	p->hides_out = true;
}

/* With room for the update, too: it is never without them. */
static int send_secrets(struct zrun_process *p, const struct secret_values *secrets,
			size_t update_size, struct error **err)
{
	size_t size = update_size + sizeof(struct zrun_frame);
	if (secrets->count == 0)
		return 0;
	if (!p->is_connected)
		return error_set(err, ERR_UNAVAILABLE,
				 "its process cannot be asked just now; try again");
	if (!p->takes_secrets)
		return error_set(
			err, ERR_UNSUPPORTED,
			"it was started by an earlier version of zhost, which takes no "
			"secrets: restart the instance");
	for (size_t k = 0; k < secrets->count; k++)
		size += sizeof(struct zrun_frame) + sizeof(struct zrun_secret) +
			strlen(secrets->items[k].key) + secrets->items[k].size;
	/* At once: what grows is copied. */
	if (buffer_reserve(&p->out, size) == NULL)
		return error_set(err, ERR_UNAVAILABLE, "its process does not read; try again");
	for (size_t k = 0; k < secrets->count; k++)
		send_secret(p, &secrets->items[k]);
	return 0;
}

int zrun_process_update(struct zrun_process *p, const import_vector *imports,
			const struct secret_values *secrets, struct error **err)
{
	struct zrun_update head = {.count = (uint32_t)imports->count};
	size_t size = sizeof(head);
	vector_for_each (imports, v)
		size += sizeof(struct zrun_import) + strlen(v->name) + strlen(v->value);
	if (size <= ZRUN_BODY_MAX) {
		int r = send_secrets(p, secrets, size, err);
		if (r < 0)
			return r;
	}
	char *to = size <= ZRUN_BODY_MAX ? process_frame(p, ZRUN_UPDATE, 0, size) : NULL;
	if (to == NULL)
		return error_set(err, ERR_LIMIT, "the imports are too large");
	to = mempcpy(to, &head, sizeof(head));
	vector_for_each (imports, v) {
		struct zrun_import import = {.name_size = (uint16_t)strlen(v->name),
					     .value_size = (uint32_t)strlen(v->value)};
		to = mempcpy(to, &import, sizeof(import));
		to = mempcpy(to, v->name, import.name_size);
		to = mempcpy(to, v->value, import.value_size);
	}
	p->awaits_updated = true;
	return 0;
}

void zrun_process_cancel(struct zrun_process *p)
{
	(void)!process_frame(p, ZRUN_CANCEL, 0, 0);
}

/* What a new connection must know: lease, and a stop that was asked for. */
static void resend(struct zrun_process *p)
{
	if (p->lease.end_at_ms != 0)
		process_send_renew(p);
	if (p->stop_asked)
		process_send_stop(p);
}

/* ---- what zrun reports ---- */

static bool is_text(const char *text, const char *bytes, size_t size)
{
	return strlen(text) == size && memcmp(text, bytes, size) == 0;
}

bool process_hello_matches(const struct zrun_process *p, const uint8_t *body, size_t size,
			   struct zrun_hello *ret_hello)
{
	struct zrun_cursor c = {body, size};
	const char *topology, *instance;

	return zrun_take(&c, ret_hello, sizeof(*ret_hello)) &&
	       ret_hello->version == ZRUN_PROTOCOL_VERSION &&
	       zrun_take_bytes(&c, &topology, ret_hello->topology_size) &&
	       zrun_take_bytes(&c, &instance, ret_hello->instance_size) &&
	       ret_hello->epoch == p->identity.epoch &&
	       is_text(p->identity.topology, topology, ret_hello->topology_size) &&
	       is_text(p->identity.path, instance, ret_hello->instance_size);
}

static bool take_hello(struct zrun_process *p, uint16_t flags, const uint8_t *body, size_t size)
{
	struct zrun_hello hello;

	if (p->is_connected || !process_hello_matches(p, body, size, &hello))
		return false;
	p->is_connected = true;
	p->takes_exec = (flags & ZRUN_FLAG_EXEC) != 0;
	p->takes_secrets = (flags & ZRUN_FLAG_SECRETS) != 0;
	p->window_messages = hello.queued_messages;
	p->window_bytes = hello.queued_bytes;
	p->updates_ignored = hello.update_pending;
	log_debug("spaces", "process.hello", LOG_S("path", p->identity.path),
		  LOG_U("pid", hello.pid), LOG_U("phase", hello.phase),
		  LOG_U("sandbox", hello.sandbox));
	resend(p);
	p->listener->commands_lost(p->user);
	p->listener->connected(p->user, hello.phase == ZRUN_PHASE_STARTED);
	if (p->update_lost) {
		p->update_lost = false;
		p->listener->update_lost(p->user);
	}
	return true;
}

static bool take_log(struct zrun_process *p, const uint8_t *body, size_t size)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	struct zrun_cursor c = {body, size};
	struct zrun_log line;

	if (!zrun_take(&c, &line, sizeof(line)) || line.level >= ARRAY_SIZE(levels) ||
	    c.left > ZRUN_LOG_MAX || line.wall_ms > INT64_MAX / 2)
		return false;
	p->listener->log(p->user, (int64_t)line.wall_ms, levels[line.level], (const char *)c.at,
			 c.left);
	return true;
}

static bool take_credit(struct zrun_process *p, const uint8_t *body, size_t size)
{
	struct zrun_cursor c = {body, size};
	struct zrun_credit credit;

	if (!zrun_take(&c, &credit, sizeof(credit)) || credit.messages > p->window_messages ||
	    credit.bytes > p->window_bytes)
		return false;
	p->window_messages -= credit.messages;
	p->window_bytes -= credit.bytes;
	return true;
}

static bool take_health(struct zrun_process *p, const uint8_t *body, size_t size)
{
	struct zrun_cursor c = {body, size};
	struct zrun_health health;

	if (!zrun_take(&c, &health, sizeof(health)))
		return false;
	p->listener->health(p->user, health.is_healthy != 0);
	return true;
}

static bool take_updated(struct zrun_process *p, const uint8_t *body, size_t size)
{
	struct zrun_cursor c = {body, size};
	struct zrun_updated updated;

	if (!zrun_take(&c, &updated, sizeof(updated)))
		return false;
	if (p->updates_ignored > 0) {
		p->updates_ignored--;
		return true;
	}
	p->awaits_updated = false;
	p->listener->updated(p->user, updated.result, (const char *)c.at, c.left);
	return true;
}

static bool take_emit(struct zrun_process *p, uint32_t correlation, const uint8_t *body,
		      size_t size)
{
	struct zrun_cursor c = {body, size};
	struct zrun_emit emit;
	struct zrun_result result;
	const char *address;
	void *answer;

	if (!zrun_take(&c, &emit, sizeof(emit)) ||
	    !zrun_take_bytes(&c, &address, emit.address_size) || correlation == 0)
		return false;
	result.status = p->listener->emit(p->user, address, emit.address_size, c.at, c.left);
	answer = process_frame(p, ZRUN_EMIT_RESULT, correlation, sizeof(result));
	if (answer == NULL)
		return false;
	memcpy(answer, &result, sizeof(result));
	return true;
}

static bool take_command(struct zrun_process *p, uint16_t type, const uint8_t *body,
			 size_t size)
{
	struct zrun_cursor c = {body, size};
	struct zrun_exec_report said;

	if (!zrun_take(&c, &said, sizeof(said)))
		return false;
	const struct command_report report = {
		.event = type == ZRUN_EXEC_STARTED   ? COMMAND_STARTED
			 : type == ZRUN_EXEC_REFUSED ? COMMAND_REFUSED
						     : COMMAND_ENDED,
		.session = said.session,
		.status = said.status,
		.text = (const char *)c.at,
		.size = c.left};
	p->listener->command(p->user, &report);
	return true;
}

bool process_take_exit_report(struct zrun_process *p, uint16_t type, const uint8_t *body,
			      size_t size)
{
	struct zrun_cursor c = {body, size};
	struct zrun_stopped stopped;
	struct zrun_failed failed;

	if (p->report.is_known)
		return true;
	if (type == ZRUN_FAILED && zrun_take(&c, &failed, sizeof(failed))) {
		p->report.is_ended = failed.kind == ZRUN_FAILED_ENDED;
		p->report.not_renewed = failed.kind == ZRUN_FAILED_NOT_RENEWED;
		p->report.error = c.left > 0 ? mem_strndup((const char *)c.at, c.left)
					     : str_printf("failed (kind %u, code %d)",
							  (unsigned)failed.kind, failed.code);
	} else if (type == ZRUN_STOPPED && zrun_take(&c, &stopped, sizeof(stopped))) {
		p->report.is_finished = stopped.cause == ZRUN_STOPPED_FINISHED;
		p->report.is_asked = !p->report.is_finished;
		p->report.not_renewed = stopped.cause == ZRUN_STOPPED_NOT_RENEWED ||
					stopped.cause == ZRUN_STOPPED_ORPHAN;
		p->report.error =
			mem_strdup(stopped.cause == ZRUN_STOPPED_ORPHAN
					   ? "stopped by itself: no zhost for too long"
				   : stopped.cause == ZRUN_STOPPED_NOT_RENEWED
					   ? "stopped by itself: exclusive, and zrms "
					     "was silent for too long"
					   : "");
	} else {
		return false;
	}
	p->report.is_known = true;
	return true;
}

bool process_take_frame(struct zrun_process *p, const struct zrun_frame *frame,
			const uint8_t *body)
{
	if (!p->is_connected && frame->type != ZRUN_HELLO)
		return false;
	switch (frame->type) {
	case ZRUN_HELLO:
		return take_hello(p, frame->flags, body, frame->size);
	case ZRUN_STARTED:
		p->listener->started(p->user);
		return true;
	case ZRUN_HEALTH:
		return take_health(p, body, frame->size);
	case ZRUN_LOG:
		return take_log(p, body, frame->size);
	case ZRUN_CREDIT:
		return take_credit(p, body, frame->size);
	case ZRUN_UPDATED:
		return take_updated(p, body, frame->size);
	case ZRUN_EMIT:
		return take_emit(p, frame->correlation, body, frame->size);
	case ZRUN_DATA_GET:
	case ZRUN_DATA_PUT:
	case ZRUN_DATA_DELETE:
	case ZRUN_DATA_LIST:
		p->unanswered++;
		return p->listener->data(p->user, frame->type, frame->correlation, body,
					 frame->size);
	case ZRUN_EXEC_STARTED:
	case ZRUN_EXEC_REFUSED:
	case ZRUN_EXEC_ENDED:
		return take_command(p, frame->type, body, frame->size);
	case ZRUN_STOPPED:
	case ZRUN_FAILED:
		return process_take_exit_report(p, frame->type, body, frame->size);
	default:
		return false;
	}
}

/* ---- commands ---- */

static int command_check(const struct zrun_process *p, const struct zrun_command *command,
			 size_t size, struct error **err)
{
	if (!p->is_connected)
		return error_set(err, ERR_UNAVAILABLE,
				 "its process cannot be asked just now; try again");
	if (!p->takes_exec)
		return error_set(err, ERR_UNSUPPORTED,
				 "it was started by an earlier version of zhost, which runs no "
				 "commands: restart the instance");
	if (size > ZRUN_BODY_MAX || strlen(command->term) > ZRUN_TERM_MAX)
		return error_set(err, ERR_LIMIT, "the command is too long");
	return 0;
}

int zrun_process_exec(struct zrun_process *p, const struct zrun_command *command,
		      const int *fds, struct error **err)
{
	struct zrun_exec head = {.session = command->session,
				 .words_size = (uint32_t)command->words_size,
				 .words_count = command->words_count,
				 .term_size = (uint16_t)strlen(command->term),
				 .is_terminal = command->is_terminal};
	size_t size = sizeof(head) + command->words_size + strlen(command->term);
	int r = command_check(p, command, size, err);
	if (r == 0 && PROCESS_OUT_MAX - p->out.size < size + sizeof(struct zrun_frame))
		r = error_set(err, ERR_UNAVAILABLE, "its process does not read; try again");
	if (r < 0) {
		for (unsigned f = 0; f < ZRUN_EXEC_FDS; f++)
			close(fds[f]);
		return r;
	}
	process_pass(p, fds);
	char *to = process_frame(p, ZRUN_EXEC, 0, size);
	INVARIANT(to != NULL);
	to = mempcpy(to, &head, sizeof(head));
	to = mempcpy(to, command->words, command->words_size);
	memcpy(to, command->term, head.term_size);
	return 0;
}

void zrun_process_exec_signal(struct zrun_process *p, uint32_t session, int signal)
{
	struct zrun_exec_signal order = {.session = session, .signal = signal};
	void *body = p->fd >= 0 && p->is_connected && p->takes_exec
			     ? process_frame(p, ZRUN_EXEC_SIGNAL, 0, sizeof(order))
			     : NULL;
	if (body != NULL)
		memcpy(body, &order, sizeof(order));
}

/* ---- messages and data ---- */

uint32_t zrun_process_untaken(const struct zrun_process *p)
{
	return p->window_messages;
}

int zrun_process_deliver(struct zrun_process *p, const char *name, const char *sender,
			 const char *sender_suffix, size_t sender_suffix_size,
			 const void *payload, size_t size)
{
	size_t name_size = strlen(name), sender_size = strlen(sender);
	size_t from_size = name_size + 1 + sender_size + sender_suffix_size;
	uint32_t cost = zrun_message_cost(from_size, size);
	struct zrun_message head = {.from_size = (uint16_t)from_size};
	char *to;

	if (from_size > ZRUN_ADDRESS_MAX)
		return -EINVAL;
	if (!p->is_connected || p->window_messages >= ZRUN_WINDOW_MESSAGES ||
	    p->window_bytes + cost > ZRUN_WINDOW_BYTES)
		return -EAGAIN;
	to = process_frame(p, ZRUN_MESSAGE, 0, sizeof(head) + from_size + size);
	if (to == NULL)
		return -EAGAIN;
	p->window_messages++;
	p->window_bytes += cost;
	to = mempcpy(to, &head, sizeof(head));
	to = mempcpy(to, name, name_size);
	*to++ = '#';
	to = mempcpy(to, sender, sender_size);
	if (sender_suffix_size > 0)
		to = mempcpy(to, sender_suffix, sender_suffix_size);
	memcpy(to, payload, size);
	return 0;
}

void zrun_process_data_result(struct zrun_process *p, uint32_t correlation, int32_t status,
			      const void *content, size_t size)
{
	struct zrun_result result = {.status = status};
	char *to;

	if (p->unanswered > 0)
		p->unanswered--;
	if (p->fd < 0)
		return; /* zrun repeats the request, or gives up, by itself */
	to = process_frame(p, ZRUN_DATA_RESULT, correlation, sizeof(result) + size);
	if (to == NULL) {
		p->events->broken(p, "it does not read its answers");
		return;
	}
	to = mempcpy(to, &result, sizeof(result));
	if (size > 0)
		memcpy(to, content, size);
}
