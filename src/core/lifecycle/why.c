#include "core/lifecycle/why.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/lifecycle/lifecycle.h"
#include "core/lifecycle/provider_set.h"

#define MAX_CHAIN    32
#define MAX_SENTENCE (16 * 1024)

enum joint {
	JOINT_SUBJECT, /* "web is unresolved" */
	JOINT_WHICH,   /* "app, which is unresolved" */
	JOINT_APPOSED, /* "mysql, stopped by ops" */
};

/* What has been said so far, and of what: from the subject to the slot that is described. */
struct sentence {
	struct buffer text;
	const struct slot *chain[MAX_CHAIN];
	int depth;
	enum failure_code code; /* of the subject */
};

static void describe(struct sentence *b, const struct slot *s, enum joint joint);

static void say(struct sentence *b, const char *text)
{
	(void)buffer_add_string(&b->text, text); /* a sentence past its limit ends early */
}

/* The code is that of the subject, the chain's first: it says what that one waits for. */
static void set_code(struct sentence *b, enum failure_code code)
{
	if (b->depth <= 1)
		b->code = code;
}

/* Of other topologies than that of the subject with their names. */
static void say_name(struct sentence *b, const struct slot_set *of, const char *name)
{
	if (of != b->chain[0]->set) {
		say(b, of->name);
		say(b, "/");
	}
	say(b, name);
}

static void say_join(struct sentence *b, enum joint joint, const char *verb)
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
static void say_time(struct sentence *b, int64_t wall_ms)
{
	int64_t minutes = wall_ms / 60000;
	(void)buffer_printf(&b->text, " %02d:%02d", (int)(minutes / 60 % 24),
			    (int)(minutes % 60));
}

static void say_goal(struct sentence *b, const struct slot *s, const char *was)
{
	if (s->goal_cause == NULL) {
		say(b, was);
		say(b, "never started");
		return;
	}
	say(b, was);
	say(b, s->goal_cause);
	say(b, " at");
	say_time(b, s->goal_ms);
}

static void describe_goal(struct sentence *b, const struct slot *s, enum joint joint)
{
	say_join(b, joint, "");
	say_goal(b, s, joint == JOINT_APPOSED ? "" : "was ");
}

/* ---- what it needs ---- */

/* The provider that is nearest to running: the first one that is to start. */
static const struct slot *likely_provider(const struct slot *s,
					  const struct import_decl *import)
{
	const struct slot *first = NULL;
	vector_for_each (&slot_providers(s, import)->slots, provider) {
		if (*provider == s)
			continue;
		if ((*provider)->goal == GOAL_DEPLOYED_STARTED)
			return *provider;
		if (first == NULL)
			first = *provider;
	}
	return first;
}

/* In its own topology. */
static const char *own_name(const struct import_decl *import)
{
	return import->topology != NULL ? strchr(import->from, '/') + 1 : import->from;
}

static bool declares(const struct slot_set *set, const char *name)
{
	vector_for_each (&set->declarations, d)
		if (topology_find_space((*d)->topology, name) >= 0 ||
		    topology_find_facet((*d)->topology, name) >= 0)
			return true;
	return false;
}

/* Of another topology, which nothing provides. */
static void describe_absent(struct sentence *b, const struct slot *s,
			    const struct import_decl *import)
{
	const struct slot_set *set = lifecycle_slot_set(s->set->lifecycle, import->topology);
	if (set == NULL) {
		set_code(b, FAILURE_IMPORT_ABSENT);
		say(b, ", and there is no topology ");
	} else if (declares(set, own_name(import))) {
		set_code(b, FAILURE_IMPORT_PRIVATE);
		say(b, ", which is not public in ");
	} else {
		set_code(b, FAILURE_IMPORT_UNDECLARED);
		say(b, ", which is not declared in ");
	}
	say(b, import->topology);
}

static bool is_stopped(const struct slot_set *set)
{
	vector_for_each (&set->slots, s)
		if ((*s)->goal == GOAL_DEPLOYED_STARTED)
			return false;
	return true;
}

static bool is_in_chain(const struct sentence *b, const struct slot *s)
{
	for (int k = 0; k < b->depth; k++)
		if (b->chain[k] == s)
			return true;
	return false;
}

static void describe_provider(struct sentence *b, const struct slot *s,
			      const struct import_decl *import, const struct slot *provider)
{
	enum joint joint =
		provider->goal == GOAL_DEPLOYED_STARTED ? JOINT_WHICH : JOINT_APPOSED;
	/* A space of one instance goes by its name; of a facet or of several, one is named. */
	if (!str_equal(own_name(import), slot_declared_space(provider)->name) ||
	    provider->set->spaces.items[provider->space]->slots.count > 1) {
		say(b, ", provided by ");
		say_name(b, provider->set, provider->path);
	}
	if (is_in_chain(b, provider)) {
		/* Wherever it is, what leads into it does not start. */
		b->code = FAILURE_IMPORT_CYCLE;
		say(b, ": a cycle, in which each waits for the next; make one of these imports "
		       "optional");
	} else {
		describe(b, provider, joint);
	}
}

static void describe_missing(struct sentence *b, const struct slot *s)
{
	const struct import_decl *import = slot_missing_import(s);
	if (import == NULL && s->serving.missing_secret != NULL) {
		set_code(b, FAILURE_SECRET_MISSING);
		(void)buffer_printf(&b->text, ": the secret %s is not set for %s",
				    s->serving.missing_secret, s->set->name);
		return;
	}
	set_code(b, FAILURE_IMPORT);
	if (import == NULL)
		return;
	say(b, ": needs ");
	if (import->topology != NULL)
		say(b, import->from);
	else
		say_name(b, s->set, import->from);
	const struct slot *provider = likely_provider(s, import);
	bool across = import->topology != NULL;
	if (across &&
	    (provider == NULL || !slot_can_provide(provider, slot_providers(s, import))))
		describe_absent(b, s, import);
	else if (across && is_stopped(provider->set)) {
		set_code(b, FAILURE_IMPORT_STOPPED);
		say(b, ", whose topology ");
		say_goal(b, provider, "was ");
	} else if (provider != NULL)
		describe_provider(b, s, import, provider);
}

/* ---- what it is ---- */

/* Not even one that is kept for adoption. */
static bool has_no_place(const struct slot *s)
{
	return !s->serving.placed && !s->serving.zhost_lost;
}

/* Whether it could be placed, but another one of its topology cannot. */
static bool waits_for_the_whole(const struct slot *s)
{
	const struct slot *blocker = s->set->blocker;
	return blocker != NULL && has_no_place(s) && s->serving.no_place &&
	       blocker->root != s->root;
}

static void describe_failure(struct sentence *b, const struct slot *s, enum joint joint)
{
	if (s->serving.exhausted) {
		set_code(b, FAILURE_ATTEMPTS);
		say_join(b, joint, "has used up its attempts");
	} else if (s->serving.retry_at_ms > s->set->lifecycle->now.mono_ms) {
		set_code(b, FAILURE_RETRY);
		say_join(b, joint, "failed and will be retried soon");
	} else {
		set_code(b, FAILURE_START);
		say_join(b, joint,
			 joint == JOINT_APPOSED ? "not started yet" : "is not started yet");
	}
	if (s->serving.last_error != NULL && s->serving.failed)
		(void)buffer_printf(&b->text, " (%s)", s->serving.last_error);
}

/* "waits for its zhost edge-1, silent since 14:05, and is placed again at 14:35" */
static void describe_wait(struct sentence *b, const struct slot *s, enum joint joint)
{
	set_code(b, FAILURE_ZHOST_SILENT);
	say_join(b, joint, "waits for its zhost ");
	(void)buffer_printf(&b->text, "%s, silent since", s->serving.waits_for);
	say_time(b, s->serving.silent_ms);
	if (s->serving.replace_ms == 0)
		return;
	say(b, ", and is placed again at");
	say_time(b, s->serving.replace_ms);
}

static void describe_other_copy(struct sentence *b, const struct slot *s, enum joint joint)
{
	const char *zhost = s->serving.may_run_on;
	if (s->serving.devices_on != NULL) {
		set_code(b, FAILURE_EXCLUSIVE);
		say_join(b, joint,
			 "waits until what was removed while it ran, and may have its devices, "
			 "has stopped on zhost ");
		say(b, s->serving.devices_on);
		return;
	}
	set_code(b, zhost == NULL ? FAILURE_EXCLUSIVE : FAILURE_EXCLUSIVE_REMOVED);
	if (zhost == NULL) {
		say_join(b, joint, "waits until its other copy must have stopped (exclusive)");
		return;
	}
	CLEANUP(freep)
	char *text = str_printf(
		"waits for zhost %s, where a topology that was removed may still run it "
		"(exclusive); if %s will not come back, `cluster rm %s` ends the wait",
		zhost, zhost, zhost);
	say_join(b, joint, text);
}

static void describe(struct sentence *b, const struct slot *s, enum joint joint)
{
	const char *is = joint == JOINT_APPOSED ? "" : "is ";
	CLEANUP(freep) char *verb = str_printf("%s%s", is, state_label(s->state));
	if (b->depth == MAX_CHAIN) {
		say(b, ", and so on");
		return;
	}
	b->chain[b->depth++] = s;
	if (s->goal != GOAL_DEPLOYED_STARTED) {
		describe_goal(b, s, joint);
		return;
	}
	switch (s->state) {
	case STATE_WAITING_FOR_ANCESTOR: {
		const struct slot *parent = s->parent;
		set_code(b, FAILURE_PARENT);
		say_join(b, joint, "waits for its ancestor ");
		say_name(b, s->set, parent->path);
		if (parent->state != STATE_DEPLOYED_STARTED)
			describe(b, parent, JOINT_WHICH);
		break;
	}
	case STATE_UNRESOLVED:
		say_join(b, joint, verb);
		describe_missing(b, s);
		break;
	case STATE_NOT_DEPLOYED:
		if (waits_for_the_whole(s)) {
			set_code(b, FAILURE_WHOLE);
			say_join(b, joint, "waits for ");
			say_name(b, s->set, s->set->blocker->path);
			say(b, ": a topology is placed as a whole");
		} else if (s->serving.no_place || has_no_place(s)) {
			set_code(b, FAILURE_NO_PLACE);
			say_join(b, joint, "has no place");
		} else if (s->serving.waits_for != NULL) {
			describe_wait(b, s, joint);
		} else if (s->serving.zhost_lost) {
			set_code(b, FAILURE_ZHOST_LOST);
			say_join(b, joint, "was lost with its zhost");
		} else {
			describe_failure(b, s, joint);
		}
		break;
	case STATE_DEPLOYED_STOPPED:
		if (s->serving.may_run_at_ms > s->set->lifecycle->now.mono_ms)
			describe_other_copy(b, s, joint);
		else
			describe_failure(b, s, joint);
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
static void say_unmet(struct sentence *b, const struct slot *s)
{
	if (s->state == STATE_NOT_DEPLOYED && has_no_place(s))
		say(b, " has no place");
	else
		(void)buffer_printf(&b->text, " is %s", state_label(s->state));
}

struct failure_reason slot_why(const struct slot *s)
{
	static const enum instance_state wanted[] = {
		[GOAL_NOT_DEPLOYED] = STATE_NOT_DEPLOYED,
		[GOAL_DEPLOYED_STOPPED] = STATE_DEPLOYED_STOPPED,
		[GOAL_DEPLOYED_STARTED] = STATE_DEPLOYED_STARTED,
	};
	if (s->state == wanted[s->goal])
		return (struct failure_reason){0};
	struct sentence b = {.text = BUFFER_INIT(MAX_SENTENCE), .code = FAILURE_TRANSITION};
	say(&b, s->path);
	if (s->goal == GOAL_DEPLOYED_STARTED)
		describe(&b, s, JOINT_SUBJECT);
	else
		say_unmet(&b, s);
	if (s->serving.undeploy_failed && s->serving.last_error != NULL) {
		b.code = FAILURE_UNDEPLOY;
		(void)buffer_printf(&b.text, ": %s", s->serving.last_error);
	}
	return failure_take(b.code, buffer_steal(&b.text));
}
