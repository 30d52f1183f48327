/* One record for each copy that is or may be on this machine. */
#include "core/agent/record.h"

#include "core/agent/copy.h"
#include "core/agent/family.h"
#include "core/agent/known_imports.h"
#include "core/agent/slot.h"

/* What a restart must know: a stop in progress may still have a process, and that one may never have
 * started. */
static Samoza__V1__Phase class_of(const struct agent_copy *copy)
{
	enum agent_phase phase = copy->phase;
	if (phase == PHASE_STOPPING)
		phase = copy->start_unknown ? PHASE_STARTING : PHASE_STARTED;
	return (Samoza__V1__Phase)phase;
}

static void encode_attempts(const struct agent *agent, const struct agent_copy *copy,
			    Samoza__V1__AgentRecord *r)
{
	r->has_next_start_is_restart = r->next_start_is_restart = copy->next_start_is_restart;
	if (copy->failures.count == 0)
		return;
	r->failure_mono_ms = copy->failures.items;
	r->n_failure_mono_ms = copy->failures.count;
	r->has_retry_mono_ms = r->has_clock_mono_ms = r->has_clock_wall_ms = true;
	r->retry_mono_ms = copy->retry_not_before_ms;
	r->clock_mono_ms = agent->now.mono_ms;
	r->clock_wall_ms = agent->now.wall_ms;
	r->error = copy->error;
	r->has_failed_action = r->has_error_wall_ms = copy->error != NULL;
	r->failed_action = copy->failed_action;
	r->error_wall_ms = copy->error_wall_ms;
}

static void load_attempts(const struct agent *agent, struct agent_copy *copy,
			  const Samoza__V1__AgentRecord *r)
{
	copy->next_start_is_restart = r->next_start_is_restart;
	for (size_t n = 0; n < r->n_failure_mono_ms; n++)
		vector_push(&copy->failures, r->failure_mono_ms[n]);
	if (r->error != NULL) {
		copy->error = mem_strdup(r->error);
		copy->failed_action = r->failed_action;
		copy->error_wall_ms = r->error_wall_ms;
	}
	copy->retry_not_before_ms = r->retry_mono_ms;
	copy->loaded_mono_ms = r->clock_mono_ms;
	copy->loaded_wall_ms = r->clock_wall_ms;
	copy->same_boot =
		r->boot != NULL && agent->boot != NULL && str_equal(r->boot, agent->boot);
}

static struct agent_record encode(const struct agent *agent, const struct agent_copy *copy)
{
	Samoza__V1__DesiredInstance desired = *copy->desired;
	desired.spec = copy->spec;
	desired.n_imports = 0; /* a start or update waits for the first set of zrms */
	if (copy_is_unwanted(agent, copy))
		desired.target = SAMOZA__V1__TARGET__TARGET_NONE;
	Samoza__V1__AgentRecord r = SAMOZA__V1__AGENT_RECORD__INIT;
	r.desired = &desired;
	r.has_phase = true;
	r.phase = class_of(copy);
	r.exports = copy->exports;
	r.n_exports = copy->n_exports;
	r.has_imports_version = r.has_imports_hash = r.has_restarts = true;
	r.imports_hash = copy->imports_hash;
	r.imports_version = copy->imports_version;
	r.has_settings = copy->settings.sum != 0;
	r.settings = copy->settings.sum;
	r.has_settings_unset = copy->settings.unset != 0;
	r.settings_unset = copy->settings.unset;
	r.has_settings_unsure = r.settings_unsure = copy->settings_unsure;
	r.restarts = copy->restarts;
	r.boot = agent->boot;
	encode_attempts(agent, copy, &r);
	CLEANUP(freep) Samoza__V1__Provider **known = known_imports_list(copy);
	r.known_imports = known;
	r.n_known_imports = copy->known.count;
	size_t size = samoza__v1__agent_record__get_packed_size(&r);
	struct agent_record record = {AGENT_RECORDS, mem_strdup(copy->id), mem_calloc(1, size),
				      size};
	samoza__v1__agent_record__pack(&r, record.data);
	return record;
}

void record_write(struct agent *agent, struct agent_copy *copy)
{
	/* Without its record a failed deploy would be tried at once after each restart. */
	bool is_here = copy->phase != PHASE_ABSENT ||
		       (copy->failures.count > 0 && !copy_is_unwanted(agent, copy));
	if (copy->outdated)
		vector_push(&agent->outbox->records,
			    ((struct agent_record){.owner = AGENT_RECORDS,
						   .id = mem_strdup(copy->slot->id)}));
	copy->outdated = false;
	if (is_here)
		vector_push(&agent->outbox->records, encode(agent, copy));
	else if (copy->recorded)
		vector_push(&agent->outbox->records,
			    ((struct agent_record){.owner = AGENT_RECORDS,
						   .id = mem_strdup(copy->id)}));
	copy->recorded = is_here;
}

static Samoza__V1__AgentRecord *unpack(const void *data, size_t size, struct error **err)
{
	Samoza__V1__AgentRecord *r = samoza__v1__agent_record__unpack(NULL, size, data);
	if (r == NULL || r->desired->spec == NULL ||
	    !(r->has_phase || r->has_phase_of_format_1)) {
		samoza__v1__agent_record__free_unpacked(r, NULL);
		error_set(err, ERR_INVALID, "the record of an instance cannot be read");
		return NULL;
	}
	return r;
}

int agent_record_read(const void *data, size_t size, Samoza__V1__DesiredInstance **ret_desired,
		      struct error **err)
{
	Samoza__V1__AgentRecord *r = unpack(data, size, err);
	if (r == NULL)
		return ERR_INVALID;
	*ret_desired = steal_ptr(&r->desired);
	samoza__v1__agent_record__free_unpacked(r, NULL);
	return 0;
}

/* The phase that the record stands for, now that it is known whether a process lives. */
static enum agent_phase found_phase(struct agent_copy *copy, const Samoza__V1__AgentRecord *r,
				    enum agent_found found)
{
	bool is_alive = found == FOUND_ALIVE;
	switch (r->has_phase ? r->phase : r->phase_of_format_1) {
	case SAMOZA__V1__PHASE__PHASE_STARTED:
	case SAMOZA__V1__PHASE__PHASE_STOPPING:
		if (is_alive)
			return PHASE_STARTED;
		copy->exited_while_away =
			found == FOUND_NOTHING &&
			copy->desired->target == SAMOZA__V1__TARGET__TARGET_STARTED;
		return copy->exited_while_away ? PHASE_STARTED : PHASE_DEPLOYED;
	case SAMOZA__V1__PHASE__PHASE_STARTING:
		copy->orphan = copy->start_unknown = is_alive;
		return is_alive ? PHASE_STARTING : PHASE_DEPLOYED;
	case SAMOZA__V1__PHASE__PHASE_DEPLOYED:
	case SAMOZA__V1__PHASE__PHASE_UNDEPLOYING:
		return PHASE_DEPLOYED;
	case SAMOZA__V1__PHASE__PHASE_ABSENT:
	case SAMOZA__V1__PHASE__PHASE_DEPLOYING:
	case _SAMOZA__V1__PHASE_IS_INT_SIZE:
		break;
	}
	return PHASE_ABSENT; /* partly deployed: it is deployed again */
}

static void load_phase(struct agent_copy *copy, Samoza__V1__AgentRecord *r,
		       enum agent_found found)
{
	enum agent_phase phase = found_phase(copy, r, found);
	if (phase == PHASE_ABSENT)
		return;
	if (phase == PHASE_STARTED && found == FOUND_ALIVE) {
		copy->exports = steal_ptr(&r->exports);
		copy->n_exports = r->n_exports;
		r->n_exports = 0;
		copy->imports_version = r->imports_version;
		copy->imports_hash = r->imports_hash;
		copy->settings = (struct settings_sum){r->settings, r->settings_unset};
		copy->settings_unsure = r->settings_unsure;
	}
	copy_adopt(copy, phase);
}

/* Format 1 had one copy for each instance, and did not say which were placed together: those below
 * one root. 0: the root is not here. */
static uint64_t placement_of_format_1(const struct agent *agent, const struct agent_copy *copy)
{
	while (copy != NULL && !str_is_empty(copy->spec->parent)) {
		CLEANUP(freep)
		char *id = str_printf("%s/%s", copy->key->topology, copy->spec->parent);
		copy = slot_copies(agent, id);
	}
	return copy != NULL ? copy->key->epoch : 0;
}

void records_convert(struct agent *agent)
{
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next) {
		if (!copy->outdated)
			continue;
		family_leave(agent, copy);
		copy->spec->has_placement = true;
		copy->spec->placement = placement_of_format_1(agent, copy);
		family_join(agent, copy);
		copy_touch(agent, copy, true);
	}
}

int agent_load(struct agent *agent, const void *data, size_t size, enum agent_found found,
	       struct error **err)
{
	PRE(!agent->begun);
	Samoza__V1__AgentRecord *r = unpack(data, size, err);
	if (r == NULL)
		return ERR_INVALID;
	CLEANUP(freep) char *id = agent_copy_id(r->desired->key);
	struct agent_copy *copy = NULL;
	HASH_FIND_STR(agent->copies, id, copy);
	if (copy != NULL) {
		samoza__v1__agent_record__free_unpacked(r, NULL);
		return error_set(err, ERR_INVALID, "two records of %s", id);
	}
	copy = copy_new(agent, r->desired->key, r->desired->spec);
	samoza__v1__instance_spec__free_unpacked(steal_ptr(&r->desired->spec), NULL);
	samoza__v1__desired_instance__free_unpacked(copy->desired, NULL);
	copy->desired = steal_ptr(&r->desired);
	load_phase(copy, r, found);
	copy->rebooted =
		r->boot != NULL && agent->boot != NULL && !str_equal(r->boot, agent->boot);
	copy->restarts = r->restarts;
	load_attempts(agent, copy, r);
	known_imports_load(copy, r);
	copy->outdated = !r->has_phase;
	copy->recorded = r->has_phase;
	copy->desired->generation = 0; /* generations count from each HELLO */
	samoza__v1__agent_record__free_unpacked(r, NULL);
	return 0;
}
