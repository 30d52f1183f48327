#include "core/agent/alone.h"

#include "core/agent/import_list.h"
#include "core/agent/known_imports.h"
#include "core/agent/lease_times.h"
#include "core/agent/message.h"
#include "core/agent/slot.h"

#define STARTED	     SAMOZA__V1__TARGET__TARGET_STARTED

#define TRY_FIRST_MS 200
#define TRY_MOST_MS  5000

enum trial_state {
	TRIAL_RUNS, /* its first answer is to come */
	TRIAL_ANSWERS,
	TRIAL_SILENT, /* it is tried again */
};

/* Of one address that providers elsewhere export. */
struct alone_trial {
	char *address; /* "10.0.0.2:5432" */
	enum trial_state state;
	int64_t wait_ms, next_ms; /* silent: until the next one, and when that is */
	bool is_ordered;
	UT_hash_handle hh;
};

/* ---- the mode ---- */

static bool is_of_another_machine(const struct agent *agent)
{
	const Samoza__V1__LinkRecord *r = agent->link_record;
	return r != NULL && r->machine != NULL && agent->machine != NULL &&
	       !str_equal(r->machine, agent->machine);
}

void alone_watch(struct agent *agent)
{
	if (agent->synced || agent->alone || agent->refused || agent->removed ||
	    agent->offline_starts == 0 || is_of_another_machine(agent))
		return;
	heap_set(&agent->timers, &agent->alone_timer.node,
		 agent->now.mono_ms + agent->failure_timeout_ms);
}

void alone_end(struct agent *agent)
{
	heap_remove(&agent->timers, &agent->alone_timer.node);
	heap_remove(&agent->timers, &agent->try_timer.node);
	agent->alone = false;
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next) {
		free(steal_ptr(&copy->waited));
		copy->starts_alone = false;
	}
	alone_free(agent);
}

void alone_wait(struct agent *agent, struct agent_copy *copy, char *why)
{
	if (str_equal(copy->waited, why)) {
		free(why);
		return;
	}
	free(copy->waited);
	copy->waited = why;
	vector_push(&agent->outbox->orders, ((struct agent_order){.type = ORDER_WAITS,
								  .key = copy->key,
								  .spec = copy->spec,
								  .parent = copy->spec->parent,
								  .text = why,
								  .stop_ms = NEVER_MS,
								  .deadline_ms = NEVER_MS}));
}

/* ---- trials ---- */

static void order_trial(struct agent *agent, struct alone_trial *trial)
{
	trial->is_ordered = true;
	vector_push(&agent->outbox->orders, ((struct agent_order){.type = ORDER_TRY,
								  .text = trial->address,
								  .stop_ms = NEVER_MS,
								  .deadline_ms = NEVER_MS}));
}

static enum trial_state try_address(struct agent *agent, const char *address)
{
	struct alone_trial *trial = NULL;
	HASH_FIND_STR(agent->trials, address, trial);
	if (trial != NULL)
		return trial->state;
	trial = mem_new(struct alone_trial);
	trial->address = mem_strdup(address);
	trial->wait_ms = TRY_FIRST_MS;
	HASH_ADD_KEYPTR(hh, agent->trials, trial->address, strlen(trial->address), trial);
	order_trial(agent, trial);
	return TRIAL_RUNS;
}

static void plan_trials(struct agent *agent)
{
	int64_t next = NEVER_MS;
	for (const struct alone_trial *t = agent->trials; t != NULL; t = t->hh.next)
		if (!t->is_ordered && t->state == TRIAL_SILENT && t->next_ms < next)
			next = t->next_ms;
	if (next != NEVER_MS)
		heap_set(&agent->timers, &agent->try_timer.node, next);
}

bool alone_take_answer(struct agent *agent, const char *address, bool answers)
{
	struct alone_trial *trial = NULL;
	HASH_FIND_STR(agent->trials, address, trial);
	if (!agent->alone || trial == NULL || !trial->is_ordered)
		return false;
	bool is_new = answers || trial->state == TRIAL_RUNS;
	trial->is_ordered = false;
	trial->state = answers ? TRIAL_ANSWERS : TRIAL_SILENT;
	if (!answers) {
		trial->next_ms = agent->now.mono_ms + trial->wait_ms;
		trial->wait_ms =
			trial->wait_ms * 2 < TRY_MOST_MS ? trial->wait_ms * 2 : TRY_MOST_MS;
	}
	plan_trials(agent);
	return is_new;
}

void alone_try_again(struct agent *agent)
{
	for (struct alone_trial *t = agent->trials; t != NULL; t = t->hh.next)
		if (!t->is_ordered && t->state == TRIAL_SILENT &&
		    t->next_ms <= agent->now.mono_ms)
			order_trial(agent, t);
	plan_trials(agent);
}

void alone_free(struct agent *agent)
{
	struct alone_trial *t = NULL, *next = NULL;
	HASH_ITER (hh, agent->trials, t, next) {
		HASH_DELETE(hh, agent->trials, t);
		free(t->address);
		free(t);
	}
}

/* ---- providers ---- */

static const struct agent_copy *local_provider(const struct agent *agent,
					       const struct agent_copy *importer,
					       const struct known_provider *known,
					       bool *ret_is_here)
{
	CLEANUP(freep) char *id = known_provider_slot(importer, known);
	const struct agent_copy *copy = slot_copies_of_path(agent, id);
	*ret_is_here = copy != NULL;
	for (; copy != NULL; copy = copy->slot_next)
		if (copy->phase == PHASE_STARTED && copy->desired->serves &&
		    !copy_is_unwanted(agent, copy))
			return copy;
	return NULL;
}

/* What is known of a provider now; the text says why it is not up. */
static enum trial_state look(struct agent *agent, const struct agent_copy *importer,
			     struct known_provider *known, char **ret_why)
{
	const Samoza__V1__Provider *p = known->provider;
	bool is_here = false;
	const struct agent_copy *local = local_provider(agent, importer, known, &is_here);
	if (local != NULL) {
		known_provider_refresh(known, local);
		return TRIAL_ANSWERS;
	}
	if (is_here) {
		*ret_why = str_printf("%s is not started yet", p->path);
		return TRIAL_SILENT;
	}
	CLEANUP(freep) char *address = known_provider_address(known);
	if (address == NULL) {
		*ret_why = str_printf("%s is on another zhost, and its ip and port are not "
				      "imported: it cannot be tried",
				      p->path);
		return TRIAL_SILENT;
	}
	enum trial_state state = try_address(agent, address);
	if (state != TRIAL_ANSWERS)
		*ret_why = str_printf("%s on another zhost does not answer at %s", p->path,
				      address);
	return state;
}

/* All providers are looked at, so that those elsewhere are tried at the same time. False: an answer is to
 * come. *ret_why: of a mandatory import without a provider. */
static bool look_at_imports(struct agent *agent, struct agent_copy *copy, char **ret_why)
{
	bool is_complete = true;
	vector_for_each (&copy->known, known) {
		CLEANUP(freep) char *why = NULL;
		enum trial_state state = look(agent, copy, known, &why);
		known->is_up |= state == TRIAL_ANSWERS;
		is_complete &= state != TRIAL_RUNS;
	}
	for (size_t n = 0; n < copy->spec->n_mandatory_imports; n++) {
		const char *name = copy->spec->mandatory_imports[n];
		CLEANUP(freep) char *why = NULL;
		bool is_provided = false;
		vector_for_each (&copy->known, known) {
			if (!str_equal(known->provider->import, name))
				continue;
			is_provided |= known->is_up;
			if (!known->is_up && why == NULL)
				(void)look(agent, copy, known, &why);
		}
		if (is_provided)
			continue;
		free(*ret_why);
		*ret_why = str_printf("needs '%s': %s", name,
				      why != NULL ? why : "no provider of it is known here");
	}
	return is_complete;
}

bool alone_may_start(struct agent *agent, struct agent_copy *copy)
{
	if (!agent->alone)
		return false;
	if (copy->spec->exclusive || !copy->spec->offline_start) {
		alone_wait(
			agent, copy,
			mem_strdup(copy->spec->exclusive
					   ? "exclusive: only zrms knows that it runs nowhere "
					     "else"
					   : "loss.offline_start is false"));
		return false;
	}
	CLEANUP(freep) char *why = NULL;
	known_imports_set_up(copy, false);
	bool is_complete = look_at_imports(agent, copy, &why);
	if (!is_complete) { /* the answers come soon, and are no news for people */
		free(copy->waited);
		copy->waited = mem_strdup("its providers on other zhosts are being tried");
		return false;
	}
	if (why == NULL && lease_holds_start(agent, copy))
		why = mem_strdup("loss.stop_after: zrms was heard too long ago");
	if (why != NULL) {
		alone_wait(agent, copy, steal_ptr(&why));
		return false;
	}
	free(steal_ptr(&copy->waited));
	copy->starts_alone = true;
	return true;
}

bool alone_wants_update(struct agent *agent, struct agent_copy *copy)
{
	if (!agent->alone || !copy->starts_alone)
		return false;
	CLEANUP(freep) char *why = NULL;
	(void)look_at_imports(agent, copy, &why);
	return copy_hash_imports(copy) != copy->imports_hash;
}
