#include "zrun/native/native_exec.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "zrun/native/native_programs.h"
#include "zrun/native/native_settings.h"

static void report(const struct native *n, enum zrun_frame_type type, uint32_t session,
		   int32_t status, const char *text)
{
	struct zrun_exec_report r = {.session = session, .status = status};

	(void)connection_send(n->instance, type, 0, &r, sizeof(r), text, strlen(text));
}

/* The job of a slot, as the keeper knows it. */
static uint32_t job_of(const struct native *n, const struct native_exec *e)
{
	return (uint32_t)(JOB_COUNT + (e - n->execs));
}

static struct native_exec *find_free(struct native *n)
{
	for (unsigned k = 0; k < ZRUN_EXEC_MAX; k++)
		if (!n->execs[k].is_used)
			return &n->execs[k];
	return NULL;
}

/* Why nothing can be run now; NULL: it can. */
static const char *refusal(const struct native *n, const struct native_exec *free)
{
	if (n->instance->phase != ZRUN_PHASE_STARTED || runner_stopping(n->instance) ||
	    n->keeper == 0)
		return "the instance is not running";
	if (free == NULL)
		return "as many commands run in this instance as may at the same time (8): end "
		       "one of them";
	return NULL;
}

static bool start(struct native *n, struct native_exec *e, const struct zrun_exec *exec,
		  const char *words, const char *term, const int *fds)
{
	const struct keeper_order order = {.type = KEEPER_RUN,
					   .id = job_of(n, e),
					   .is_guarded = 1,
					   .is_terminal = exec->is_terminal,
					   .is_searched = 1};
	struct strings arguments = {0};
	const struct native_program program = {words, &arguments, "exec",
					       term[0] != '\0' ? term : NULL};
	const int files[3] = {fds[1], fds[2], fds[0]};
	bool is_sent;

	for (const char *at = words; at < words + exec->words_size; at += strlen(at) + 1)
		strings_add_text(&arguments, at, strlen(at));
	is_sent = native_send_program(n, &order, &program, files, 3);
	strings_done(&arguments);
	return is_sent;
}

void native_exec_begin(struct runner *i, const struct zrun_exec *exec, const char *words,
		       const char *term, const int fds[ZRUN_EXEC_FDS])
{
	struct native *n = i->kind_state;
	struct native_exec *e = find_free(n);
	const char *why = refusal(n, e);

	if (why == NULL && !start(n, e, exec, words, term, fds))
		why = strerror(errno);
	if (why != NULL)
		report(n, ZRUN_EXEC_REFUSED, exec->session, 0, why);
	else
		*e = (struct native_exec){.session = exec->session,
					  .generation = i->connection.generation,
					  .is_used = true};
	for (unsigned f = 0; f < ZRUN_EXEC_FDS; f++)
		close(fds[f]);
}

void native_exec_signal(struct runner *i, uint32_t session, int signal)
{
	struct native *n = i->kind_state;

	for (unsigned k = 0; k < ZRUN_EXEC_MAX; k++) {
		const struct native_exec *e = &n->execs[k];

		if (e->is_used && e->session == session &&
		    e->generation == i->connection.generation)
			native_signal(n, job_of(n, e), signal > 0 ? signal : SIGKILL,
				      signal > 0);
	}
}

void native_exec_event(struct native *n, const struct keeper_event *event)
{
	struct native_exec *e;
	bool is_known;

	if (event->id < JOB_COUNT || event->id >= JOB_COUNT + ZRUN_EXEC_MAX)
		return;
	e = &n->execs[event->id - JOB_COUNT];
	is_known = e->is_used && e->generation == n->instance->connection.generation;
	if (event->type != KEEPER_STARTED)
		e->is_used = false;
	if (!is_known)
		return; /* of a zhost that is no more */
	if (event->type == KEEPER_STARTED)
		report(n, ZRUN_EXEC_STARTED, e->session, 0, "");
	else if (event->type == KEEPER_REFUSED)
		report(n, ZRUN_EXEC_REFUSED, e->session, event->status == ENOENT ? 127 : 126,
		       event->text);
	else
		report(n, ZRUN_EXEC_ENDED, e->session, event->status, "");
}

void native_exec_gone(struct native *n)
{
	struct keeper_event event = {.type = KEEPER_ENDED, .status = SIGKILL};

	for (unsigned k = 0; k < ZRUN_EXEC_MAX; k++) {
		event.id = JOB_COUNT + k;
		if (n->execs[k].is_used)
			native_exec_event(n, &event);
	}
}

void native_exec_check(struct native *n)
{
	uint32_t generation = n->instance->connection.generation;

	if (n->exec_generation == generation)
		return;
	n->exec_generation = generation;
	for (unsigned k = 0; k < ZRUN_EXEC_MAX; k++)
		if (n->execs[k].is_used && n->execs[k].generation != generation)
			native_signal(n, job_of(n, &n->execs[k]), SIGKILL, false);
}
