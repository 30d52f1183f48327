#include "core/control/machine/making.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/machine/driver_calls.h"
#include "core/control/machine/driver_lists.h"
#include "core/control/relocate/drains.h"
#include "core/control/state/drain.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/zhost_event.h"
#include "core/control/zhost/machine_identity.h"
#include "core/control/zhost/rotation.h"
#include "core/control/zhost/zhosts.h"
#include "schema/message.h"

/* ---- states ---- */

static struct control_zhost *zhost_of(const struct control *c, const struct made_zhost *m)
{
	struct control_zhost *z = zhost_find(&c->zhosts, m->record->name);
	return z != NULL && !z->removed ? z : NULL;
}

static const char *shown(const struct control *c, const struct made_zhost *m)
{
	const struct control_zhost *z = zhost_of(c, m);
	return state_name(z != NULL ? zhost_shown(c, z) : made_zhost_shown(m));
}

void making_event(struct control *c, const struct made_zhost *m, const char *from,
		  const char *to, const char *cause)
{
	const struct control_zhost *z = zhost_find(&c->zhosts, m->record->name);
	if (z != NULL) /* those who have, or had, something there hear it, too */
		zhost_event(c, z, from, to, cause);
	else
		emit_event(&c->emitter, "zhost", m->record->name, from, to, NULL, cause);
}

/* The only writer of the state. `cause` NULL: no event. */
static void enter(struct control *c, struct made_zhost *m, enum made_state to,
		  const char *cause)
{
	const char *from = shown(c, m);
	state_machine_move(&made_machine, m, &m->state, to);
	m->record->state = (Samoza__V1__MadeState)(to + 1);
	m->record->since_ms = c->now.wall_ms;
	m->deadline_ms = m->ask_ms = NEVER_MS;
	m->changed = true;
	if (cause != NULL)
		making_event(c, m, from, shown(c, m), cause);
}

static void set_error(struct made_zhost *m, const char *error)
{
	schema_set_string(&m->record->error, NULL, error);
	m->changed = true;
}

/* An attempt is over: `stage` is how the error begins, as one of an instance. */
static void fail(struct control *c, struct made_zhost *m, enum made_state to, const char *stage,
		 const char *why)
{
	CLEANUP(freep) char *error = str_printf("%s: %s", stage, why);
	set_error(m, error);
	enter(c, m, to, error);
}

static bool fail_without_driver(struct control *c, struct made_zhost *m, enum made_state to,
				const char *stage)
{
	if (driver_find(c, m->record->driver) >= 0)
		return false;
	CLEANUP(freep)
	char *why = str_printf("the settings of zrms name no driver %s", m->record->driver);
	fail(c, m, to, stage, why);
	return true;
}

/* ---- made ---- */

void making_create(struct control *c, struct made_zhost *m,
		   const Samoza__V1__JoinTokenRecord *token)
{
	m->deadline_ms = c->now.mono_ms + MAKING_MS;
	driver_call_create(c, m, token);
}

void making_create_again(struct control *c, struct made_zhost *m, const char *cause,
			 const Samoza__V1__JoinTokenRecord *token)
{
	set_error(m, NULL);
	enter(c, m, MADE_CREATING, cause);
	m->deadline_ms = c->now.mono_ms + MAKING_MS;
	if (m->call == 0) /* else that one is answered first */
		driver_call_create(c, m, token);
}

static void created(struct control *c, struct made_zhost *m, enum driver_operation operation,
		    const struct control_input *input)
{
	switch (input->driver.state) {
	case DRIVER_READY:
		enter(c, m, MADE_AWAITED,
		      "the driver has made it; its first heartbeat is awaited");
		m->deadline_ms = c->now.mono_ms + MAKING_HEARTBEAT_MS;
		return;
	case DRIVER_CHANGING:
		m->ask_ms = c->now.mono_ms + MAKING_ASK_MS;
		return;
	case DRIVER_ABSENT:
		if (operation == DRIVER_CREATE)
			fail(c, m, MADE_FAILED, "create",
			     "the driver ended well, and made nothing");
		else
			driver_call_create(c, m, input->driver.token);
		return;
	case DRIVER_FAILED:
		fail(c, m, MADE_FAILED, operation == DRIVER_CREATE ? "create" : "status",
		     input->driver.error);
		return;
	}
	IMPOSSIBLE("no such outcome");
}

/* ---- destroyed ---- */

static void drop(struct control *c, struct made_zhost *m)
{
	driver_tokens_drop(c, m);
	records_delete_made_zhost(c, m);
	made_zhost_free(&c->made, m);
}

/* Its zhost, and what it could join with, go with it. Refused: what is placed there has still to leave. */
static int end(struct control *c, struct made_zhost *m, const char *cause, struct error **err)
{
	struct control_zhost *z = zhost_of(c, m);
	if (z != NULL) {
		int r = zhost_remove(c, z, cause, err);
		if (r < 0)
			return r;
	} else {
		const char *from = shown(c, m);
		(void)machine_identity_revoke(c, m->record->name);
		if (!str_equal(from, state_name(STATE_NOT_DEPLOYED)))
			making_event(c, m, from, state_name(STATE_NOT_DEPLOYED), cause);
	}
	drop(c, m);
	rotation_look(c); /* which may have waited for it */
	return 0;
}

static bool is_heard(const struct control_zhost *z)
{
	return z != NULL && z->state == ZHOST_STARTED;
}

/* The driver says that it is gone. */
static void gone(struct control *c, struct made_zhost *m)
{
	enter(c, m, MADE_ENDING, NULL);
	m->deadline_ms = c->now.mono_ms + 2 * c->config.failure_timeout_ms;
}

static void destroyed(struct control *c, struct made_zhost *m, enum driver_operation operation,
		      const struct control_input *input)
{
	if (operation == DRIVER_CREATE) { /* it was asked for meanwhile */
		driver_call(c, m, DRIVER_DESTROY);
		return;
	}
	switch (input->driver.state) {
	case DRIVER_READY:
		if (operation == DRIVER_DESTROY)
			fail(c, m, MADE_STUCK, "destroy",
			     "the driver ended well, and the machine is there");
		else
			driver_call(c, m, DRIVER_DESTROY);
		return;
	case DRIVER_CHANGING:
		m->ask_ms = c->now.mono_ms + MAKING_ASK_MS;
		return;
	case DRIVER_ABSENT:
		gone(c, m);
		return;
	case DRIVER_FAILED:
		fail(c, m, MADE_STUCK, operation == DRIVER_DESTROY ? "destroy" : "status",
		     input->driver.error);
		return;
	}
	IMPOSSIBLE("no such outcome");
}

static void begin_destroying(struct control *c, struct made_zhost *m, const char *cause)
{
	struct control_zhost *z = zhost_of(c, m);
	enter(c, m, MADE_DESTROYING, cause);
	if (z != NULL && !z->cordoned)
		zhost_set_cordon(c, z, true);
	m->deadline_ms = c->now.mono_ms + MAKING_MS;
	if (!fail_without_driver(c, m, MADE_STUCK, "destroy") && m->call == 0)
		driver_call(c, m, DRIVER_DESTROY);
}

void making_destroy(struct control *c, struct made_zhost *m, bool drains, const char *cause)
{
	struct control_zhost *z = zhost_of(c, m);
	set_error(m, NULL);
	if (z == NULL || !drains || m->state != MADE_STANDING) {
		begin_destroying(c, m, cause);
		return;
	}
	enter(c, m, MADE_DRAINING, cause);
	zhost_set_cordon(c, z, true);
	drain_begin(c, z, 0, false);
}

int making_forget(struct control *c, struct made_zhost *m, const char *cause,
		  struct error **err)
{
	return end(c, m, cause, err);
}

/* ---- outcomes ---- */

/* Also where its zhost is heard before the driver has answered. */
static void tell_note(struct control *c, const struct made_zhost *m, const char *note)
{
	const char *state = shown(c, m);
	CLEANUP(freep) char *cause = str_printf("the driver says: %s", note);
	making_event(c, m, state, state, cause);
}

void making_outcome(struct control *c, const struct control_input *input)
{
	uint64_t call = input->driver.call;
	if (driver_lists_take(c, input))
		return;
	made_zhost_for_each(&c->made, m)
	{
		if (m->call != call)
			continue;
		enum driver_operation operation = m->operation;
		m->call = 0;
		if (input->driver.note != NULL)
			tell_note(c, m, input->driver.note);
		if (m->state == MADE_CREATING)
			created(c, m, operation, input);
		else if (m->state == MADE_DESTROYING)
			destroyed(c, m, operation, input);
		return;
	}
}

/* ---- what zhosts do ---- */

void making_heard(struct control *c)
{
	made_zhost_for_each(&c->made,
			    m) if (made_zhost_is_deploying(m) && is_heard(zhost_of(c, m)))
	{
		set_error(m, NULL);
		enter(c, m, MADE_STANDING, NULL); /* the zhost has its event */
	}
}

static bool run_draining(struct control *c, struct made_zhost *m)
{
	const struct control_zhost *z = zhost_of(c, m);
	if (z != NULL && z->drain == NULL)
		enter(c, m, MADE_STANDING, "uncordoned: it is not destroyed");
	else if (z == NULL || z->copy_count == 0 || z->state == ZHOST_PROBLEM)
		begin_destroying(c, m,
				 z != NULL && z->copy_count == 0 ? "it is empty"
								 : "it is in state problem");
	else
		return false;
	return true;
}

/* Whether it is gone: what has lost its zhost, or never had one, or is silent without a link. */
static bool run_ending(struct control *c, struct made_zhost *m)
{
	const struct control_zhost *z = zhost_of(c, m);
	bool is_silent = z != NULL && z->link_id == 0 && z->copy_count == 0 &&
			 c->now.mono_ms - z->heard_ms > c->config.heartbeat_ms;
	if (is_heard(z) && !is_silent) {
		int64_t due_ms = z->heard_ms + c->config.heartbeat_ms + 1;
		bool waits = z->link_id == 0 && due_ms > c->now.mono_ms;
		m->ask_ms = waits ? due_ms : NEVER_MS;
		return false;
	}
	CLEANUP(error_freep) struct error *err = NULL;
	return end(c, m, "the driver has destroyed it", &err) == 0;
}

bool making_run(struct control *c)
{
	bool begun = false;
	for (struct made_zhost *m = c->made.by_name, *next; m != NULL; m = next) {
		next = m->hh.next;
		if (m->state == MADE_DRAINING)
			begun = run_draining(c, m) || begun;
		else if (m->state == MADE_ENDING)
			begun = run_ending(c, m) || begun;
	}
	return begun;
}

/* ---- time ---- */

static void start_one(struct control *c, struct made_zhost *m)
{
	bool destroys = m->state == MADE_DESTROYING;
	if (m->state == MADE_AWAITED)
		m->deadline_ms = c->now.mono_ms + MAKING_HEARTBEAT_MS;
	if (m->state == MADE_ENDING)
		m->deadline_ms = c->now.mono_ms + 2 * c->config.failure_timeout_ms;
	if (m->state != MADE_CREATING && !destroys)
		return;
	m->deadline_ms = c->now.mono_ms + MAKING_MS;
	if (!fail_without_driver(c, m, destroys ? MADE_STUCK : MADE_FAILED,
				 destroys ? "destroy" : "create"))
		driver_call(c, m, DRIVER_STATUS);
}

void making_start(struct control *c)
{
	driver_lists_start(c);
	made_zhost_for_each(&c->made, m) start_one(c, m);
}

static void deadline_over(struct control *c, struct made_zhost *m)
{
	switch (m->state) {
	case MADE_CREATING:
		fail(c, m, MADE_FAILED, "create", "the driver has not made it in 30 minutes");
		return;
	case MADE_AWAITED:
		fail(c, m, MADE_FAILED, "create",
		     "the driver says that it is ready, and no heartbeat has come in 5 "
		     "minutes");
		return;
	case MADE_DESTROYING:
		fail(c, m, MADE_STUCK, "destroy",
		     "the driver has not destroyed it in 30 minutes");
		return;
	case MADE_ENDING:
		fail(c, m, MADE_STUCK, "destroy",
		     "the driver says that it is gone, and its zhost still sends heartbeats");
		return;
	case MADE_STANDING:
	case MADE_FAILED:
	case MADE_DRAINING:
	case MADE_STUCK:
		break;
	}
	IMPOSSIBLE("a deadline in a state without one");
}

void making_tick(struct control *c)
{
	driver_lists_tick(c);
	made_zhost_for_each(&c->made, m)
	{
		if (c->now.mono_ms >= m->deadline_ms)
			deadline_over(c, m);
		else if (c->now.mono_ms >= m->ask_ms && m->state != MADE_ENDING)
			driver_call(c, m, DRIVER_STATUS);
		else if (c->now.mono_ms >= m->ask_ms)
			m->ask_ms = NEVER_MS; /* making_run() looks at it */
	}
}

int64_t making_next_ms(const struct control *c)
{
	int64_t next = driver_lists_next_ms(c);
	made_zhost_for_each(&c->made, m)
	{
		if (m->deadline_ms < next)
			next = m->deadline_ms;
		if (m->ask_ms < next)
			next = m->ask_ms;
	}
	return next;
}
