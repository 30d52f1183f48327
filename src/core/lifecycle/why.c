/*
 * Why an instance does not run, through the whole chain, in one sentence:
 *
 *   web is unresolved: needs app, which waits for its ancestor tomcat, which is unresolved:
 *   needs database, provided by mysql, stopped by ops at 10:31
 */
#include <stdlib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/lifecycle/lifecycle.h"

#define MAX_CHAIN    32
#define MAX_SENTENCE (16 * 1024)

enum joint {
	JOINT_SUBJECT, /* "web is unresolved" */
	JOINT_WHICH,   /* "app, which is unresolved" */
	JOINT_APPOSED, /* "mysql, stopped by ops" */
};

static void describe(struct buffer *b, const struct instance *i, enum joint joint, int depth);

static void say(struct buffer *b, const char *text)
{
	(void)buffer_add_string(b, text); /* a sentence past its limit ends early */
}

static void say_join(struct buffer *b, enum joint joint, const char *verb)
{
	switch (joint) {
	case JOINT_SUBJECT:
		say(b, " ");
		say(b, verb);
		break;
	case JOINT_WHICH:
		say(b, ", which ");
		say(b, verb);
		break;
	case JOINT_APPOSED:
		say(b, ", ");
		say(b, verb);
		break;
	}
}

/* "14:05" of a wall clock, in UTC. */
static void say_time(struct buffer *b, int64_t wall_ms)
{
	int64_t minutes = wall_ms / 60000;
	(void)buffer_printf(b, " at %02d:%02d", (int)(minutes / 60 % 24), (int)(minutes % 60));
}

static void describe_goal(struct buffer *b, const struct instance *i, enum joint joint)
{
	bool apposed = joint == JOINT_APPOSED;
	if (i->goal_cause == NULL) {
		say_join(b, joint, apposed ? "never started" : "was never started");
		return;
	}
	say_join(b, joint, apposed ? "" : "was ");
	say(b, i->goal_cause);
	say_time(b, i->goal_ms);
}

/* The provider that is nearest to running: the first one that somebody wants. */
static const struct instance *likely_provider(const struct instance *i,
					      const struct import_decl *import)
{
	const struct topology *t = i->app->topology;
	const struct instance *first = NULL;
	for (unsigned p = 0; p < import->provider_count; p++) {
		const struct space *space = &t->spaces[import->providers[p]];
		for (unsigned k = 0; k < space->instance_count; k++) {
			const struct instance *provider =
				&i->app->instances[space->instances[k]];
			if (provider == i)
				continue;
			if (provider->goal == GOAL_DEPLOYED_STARTED)
				return provider;
			if (first == NULL)
				first = provider;
		}
	}
	return first;
}

static void describe_missing(struct buffer *b, const struct instance *i, int depth)
{
	const struct import_decl *import = instance_missing_import(i);
	if (import == NULL)
		return;
	(void)buffer_printf(b, ": needs %s", import->from);
	const struct instance *provider = likely_provider(i, import);
	if (provider == NULL)
		return;
	enum joint joint =
		provider->goal == GOAL_DEPLOYED_STARTED ? JOINT_WHICH : JOINT_APPOSED;
	/* A space of one instance goes by its name; of a facet or of several, one is named. */
	if (import->is_facet || instance_space_of(provider)->instance_count > 1)
		(void)buffer_printf(b, ", provided by %s", instance_decl(provider)->path);
	describe(b, provider, joint, depth + 1);
}

static void describe_failure(struct buffer *b, const struct instance *i, enum joint joint)
{
	if (i->gave_up)
		say_join(b, joint, "has used up its attempts");
	else if (i->retry_at_ms > i->app->lifecycle->now.mono_ms)
		say_join(b, joint, "failed and is tried again soon");
	else
		say_join(b, joint,
			 joint == JOINT_APPOSED ? "not started yet" : "is not started yet");
	if (i->last_error != NULL && i->failures > 0)
		(void)buffer_printf(b, " (%s)", i->last_error);
}

static void describe(struct buffer *b, const struct instance *i, enum joint joint, int depth)
{
	const char *is = joint == JOINT_APPOSED ? "" : "is ";
	CLEANUP(freep) char *verb = str_printf("%s%s", is, state_label(i->state));
	if (depth > MAX_CHAIN) {
		say(b, ", and so on");
		return;
	}
	if (i->goal != GOAL_DEPLOYED_STARTED) {
		describe_goal(b, i, joint);
		return;
	}
	switch (i->state) {
	case STATE_WAITING_FOR_ANCESTOR: {
		const struct instance *parent = instance_parent(i);
		say_join(b, joint, "waits for its ancestor ");
		say(b, instance_decl(parent)->path);
		if (parent->state != STATE_DEPLOYED_STARTED)
			describe(b, parent, JOINT_WHICH, depth + 1);
		break;
	}
	case STATE_UNRESOLVED:
		say_join(b, joint, verb);
		describe_missing(b, i, depth);
		break;
	case STATE_NOT_DEPLOYED:
		if (i->no_place || i->zhost == NULL)
			say_join(b, joint, "has no place");
		else if (i->lost)
			say_join(b, joint, "was lost with its zhost");
		else
			describe_failure(b, i, joint);
		break;
	case STATE_DEPLOYED_STOPPED:
		if (i->hold_until_ms > i->app->lifecycle->now.mono_ms)
			say_join(b, joint,
				 "is exclusive and waits until its lost copy has surely ended");
		else
			describe_failure(b, i, joint);
		break;
	case STATE_DEPLOYING:
	case STATE_STARTING:
	case STATE_DEPLOYED_STARTED:
	case STATE_STOPPING:
	case STATE_UNDEPLOYING:
	case STATE_PROBLEM:
		say_join(b, joint, verb);
		break;
	}
}

/* Of one that is not asked to run. */
static void say_unmet(struct buffer *b, const struct instance *i)
{
	if (i->state == STATE_NOT_DEPLOYED && i->zhost == NULL)
		say(b, " has no place");
	else
		(void)buffer_printf(b, " is %s", state_label(i->state));
}

char *instance_why(const struct instance *i)
{
	static const enum instance_state wanted[] = {
		[GOAL_NOT_DEPLOYED] = STATE_NOT_DEPLOYED,
		[GOAL_DEPLOYED_STOPPED] = STATE_DEPLOYED_STOPPED,
		[GOAL_DEPLOYED_STARTED] = STATE_DEPLOYED_STARTED,
	};
	if (i->state == wanted[i->goal])
		return NULL;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(MAX_SENTENCE);
	say(&b, instance_decl(i)->path);
	if (i->goal == GOAL_DEPLOYED_STARTED)
		describe(&b, i, JOINT_SUBJECT, 0);
	else
		say_unmet(&b, i);
	if (i->undeploy_failed && i->last_error != NULL)
		(void)buffer_printf(&b, ": %s", i->last_error);
	return buffer_steal(&b);
}
