#include "zrms/notice_sender.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "adapter/log/log.h"
#include "adapter/webhook/webhook.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/json.h"
#include "zrms/driver_process.h"

enum {
	BODY_MAX = 256 * 1024,
	OUTPUT_SHOWN = 1000, /* bytes of what a command writes, in the log */
};

struct notice_sender {
	struct loop *loop;
	const struct notice_target *target;
	const char *dir;
	notice_sent_fn *done;
	void *user;
	struct webhook *webhook;	/* NULL: a command */
	struct driver_process *process; /* of the command that runs */
	bool is_sending;
	struct loop_timer *late; /* ends a call that could not begin, from the loop */
	char *why;
};

static void end(struct notice_sender *s, const struct notice_outcome *outcome)
{
	s->is_sending = false;
	s->done(s->user, outcome);
}

/* ---- a webhook ---- */

static void on_posted(void *user, const struct webhook_outcome *posted)
{
	const struct notice_outcome outcome = {.is_delivered = posted->is_delivered,
					       .why = posted->why,
					       .after_ms = posted->after_ms};
	end(user, &outcome);
}

static int webhook_open(struct notice_sender *s, struct error **err)
{
	const struct notice_target *t = s->target;
	const struct webhook_options options = {.url = t->url,
						.where = t->where,
						.timeout_ms = t->timeout_ms,
						.timeout = t->said->timeout,
						.authorities = t->said->ca_file,
						.secret = t->secret,
						.secret_size = t->secret_size};
	return webhook_new(s->loop, &options, on_posted, s, &s->webhook, err);
}

/* ---- a command ---- */

/* The caller frees. NULL: it has done what it should. */
static char *ended_badly(const struct notice_sender *s, const struct driver_end *e)
{
	const char *program = s->target->where;
	if (e->is_late)
		return str_printf("%s was ended: it took longer than %s", program,
				  s->target->said->timeout);
	if (WIFSIGNALED(e->status))
		return str_printf("%s was ended by signal %d", program, WTERMSIG(e->status));
	if (WEXITSTATUS(e->status) != 0)
		return str_printf("%s ended with status %d", program, WEXITSTATUS(e->status));
	return NULL;
}

static void on_ended(void *user, const struct driver_end *e)
{
	struct notice_sender *s = user;
	CLEANUP(freep) char *why = ended_badly(s, e);
	CLEANUP(freep)
	char *output = mem_strndup(e->err[0] != '\0' ? e->err : e->out, OUTPUT_SHOWN);
	driver_process_free(steal_ptr(&s->process));
	if (why != NULL)
		log_warn("notices", "command.failed", LOG_S("target", s->target->said->name),
			 LOG_S("reason", why), LOG_S("output", output));
	const struct notice_outcome outcome = {.is_delivered = why == NULL, .why = why};
	end(s, &outcome);
}

static void on_not_begun(void *user)
{
	struct notice_sender *s = user;
	CLEANUP(freep) char *why = steal_ptr(&s->why);
	const struct notice_outcome outcome = {.why = why};
	end(s, &outcome);
}

static void run_command(struct notice_sender *s, const char *body)
{
	CLEANUP(error_freep) struct error *err = NULL;
	const struct driver_program program = {.path = s->target->said->command[0],
					       .arguments = s->target->said->command,
					       .argument_count = s->target->said->n_command,
					       .directory = s->dir};
	int r = driver_process_run(s->loop, &program, body, strlen(body), s->target->timeout_ms,
				   on_ended, s, &s->process, &err);
	if (r == 0)
		return;
	s->why = mem_strdup(err->message);
	loop_timer_at(s->late, 0);
}

/* ---- either ---- */

void notice_send(struct notice_sender *s, const Samoza__V1__NoticeView *notice)
{
	struct buffer text = BUFFER_INIT(BODY_MAX);
	s->is_sending = true;
	if (schema_add_json(&text, &notice->base, SCHEMA_JSON_COMPACT) < 0) {
		buffer_done(&text);
		s->why = mem_strdup("it is too large");
		loop_timer_at(s->late, 0);
		return;
	}
	CLEANUP(freep) char *body = buffer_steal(&text);
	if (s->webhook != NULL)
		webhook_send(s->webhook, notice->id, notice->notice, steal_ptr(&body));
	else
		run_command(s, body);
}

bool notice_sender_is_idle(const struct notice_sender *s)
{
	return !s->is_sending;
}

int notice_sender_new(struct loop *loop, const struct notice_target *target, const char *dir,
		      notice_sent_fn *done, void *user, struct notice_sender **ret_sender,
		      struct error **err)
{
	struct notice_sender *s = mem_new(struct notice_sender);
	int r = 0;
	*s = (struct notice_sender){
		.loop = loop, .target = target, .dir = dir, .done = done, .user = user};
	if (target->said->to == SAMOZA__V1__NOTICE_MEANS__NOTICE_WEBHOOK)
		r = webhook_open(s, err);
	if (r < 0) {
		free(s);
		return r;
	}
	s->late = loop_timer_new(loop, on_not_begun, s);
	*ret_sender = s;
	return 0;
}

void notice_sender_close(struct notice_sender *s)
{
	if (s == NULL)
		return;
	if (s->webhook != NULL)
		webhook_close(s->webhook);
	driver_process_free(s->process);
	loop_timer_free(s->late);
	free(s->why);
	free(s);
}
