/* The sets that zrms sends: full ones and changes, fenced by epoch and generation. */
#include "core/agent/desired.h"

#include "core/agent/attempts.h"
#include "core/agent/copy.h"
#include "core/agent/family.h"
#include "core/agent/import_list.h"
#include "core/agent/lease.h"
#include "core/agent/link_record.h"
#include "core/agent/message.h"
#include "core/agent/reconcile.h"
#include "core/agent/slot.h"

#define NONE SAMOZA__V1__TARGET__TARGET_NONE

static struct agent_copy *find(struct agent *agent, const Samoza__V1__InstanceKey *key)
{
	CLEANUP(freep) char *id = agent_copy_id(key);
	struct agent_copy *copy = NULL;
	HASH_FIND_STR(agent->copies, id, copy);
	return copy;
}

/* The copy takes over the entry: its spec and the lists of its imports are kept beside it. */
static void copy_set_desired(struct agent *agent, struct agent_copy *copy,
			     const Samoza__V1__DesiredInstance *entry)
{
	Samoza__V1__DesiredInstance shallow = *entry;
	shallow.spec = NULL;
	shallow.n_import_lists = 0;
	copy_name_lists(agent, copy, entry);
	samoza__v1__desired_instance__free_unpacked(copy->desired, NULL);
	copy->desired = message_copy(&shallow);
}

/* A finished copy starts again when it is asked again: by a new generation that changes more than
 * its providers, or by a target that was lower meanwhile. */
static bool asks_again(const Samoza__V1__DesiredInstance *old,
		       const Samoza__V1__DesiredInstance *new)
{
	if (old->target != new->target)
		return true;
	return new->generation > old->generation &&new->imports_version == old->imports_version;
}

static void swap_secrets(Samoza__V1__InstanceSpec *a, Samoza__V1__InstanceSpec *b)
{
	size_t count = a->n_secrets;
	Samoza__V1__SecretGrant **secrets = a->secrets;
	a->n_secrets = b->n_secrets;
	a->secrets = b->secrets;
	b->n_secrets = count;
	b->secrets = secrets;
}

/* Which versions there are is no matter of its revision. */
static void take_secrets(struct agent *agent, struct agent_copy *copy,
			 const Samoza__V1__InstanceSpec *spec)
{
	if (spec->n_secrets == 0 || spec->revision != copy->spec->revision)
		return;
	Samoza__V1__InstanceSpec *other = message_copy(spec);
	swap_secrets(copy->spec, other);
	samoza__v1__instance_spec__free_unpacked(other, NULL);
	copy_touch(agent, copy, true);
}

/* A spec that is sent again: its fields are adjusted where its revision is higher. Which copies it
 * belongs to, a record of format 1 did not say. */
static void adjust(struct agent *agent, struct agent_copy *copy,
		   const Samoza__V1__InstanceSpec *spec)
{
	bool is_newer = spec->revision > copy->spec->revision;
	take_secrets(agent, copy, spec);
	if (!is_newer && spec->placement == copy->spec->placement)
		return;
	bool had_lease = copy_has_lease(copy);
	family_leave(agent, copy);
	if (is_newer) {
		bool exclusive = copy->spec->exclusive; /* this cannot be adjusted */
		agent->offline_starts -= copy->spec->offline_start;
		copy->settings.unset =
			settings_unset_of(copy->settings.unset, copy->spec, spec);
		copy->action_settings.unset =
			settings_unset_of(copy->action_settings.unset, copy->spec, spec);
		samoza__v1__instance_spec__free_unpacked(copy->spec, NULL);
		copy->spec = message_copy(spec);
		agent->offline_starts += copy->spec->offline_start;
		copy->spec->has_exclusive = true;
		copy->spec->exclusive = exclusive;
		/* Whose data it has is said again, where an older zhost program did not know it. */
		slot_leave(agent, copy);
		slot_join(agent, copy);
	}
	copy->spec->has_placement = true;
	copy->spec->placement = spec->placement;
	family_join(agent, copy);
	lease_adjust(agent, copy, had_lease);
	copy_touch(agent, copy, true);
}

static void order_rights(struct agent *agent, struct agent_copy *copy,
			 const Samoza__V1__DesiredInstance *entry)
{
	vector_push(&agent->outbox->orders, ((struct agent_order){.type = ORDER_RIGHTS,
								  .key = copy->key,
								  .spec = copy->spec,
								  .parent = copy->spec->parent,
								  .writes = entry->writes,
								  .serves = entry->serves,
								  .stop_ms = NEVER_MS,
								  .deadline_ms = NEVER_MS}));
}

/* What zrms asks of a copy that is held changes. */
static void change(struct agent *agent, struct agent_copy *copy,
		   const Samoza__V1__DesiredInstance *entry)
{
	const Samoza__V1__DesiredInstance *old = copy->desired;
	if (entry->generation < old->generation)
		return;
	if (entry->spec != NULL)
		adjust(agent, copy, entry->spec);
	bool rights_change = entry->writes != old->writes || entry->serves != old->serves;
	bool is_durable = entry->target != old->target || rights_change ||
			  entry->retry_generation != old->retry_generation;
	if (entry->retry_generation > old->retry_generation)
		attempts_reset(agent, copy);
	if (copy->finished && asks_again(old, entry))
		copy->finished = false;
	if (rights_change && copy->phase != PHASE_ABSENT)
		order_rights(agent, copy, entry);
	if (entry->generation > old->generation || entry->target != NONE)
		copy->undeploy_failed = false;
	copy_set_desired(agent, copy, entry);
	copy->update_not_before_ms = 0; /* zrms can be reached, or the update is another one */
	copy_touch(agent, copy, is_durable);
	vector_push(&agent->changed, copy);
}

static void add(struct agent *agent, const Samoza__V1__DesiredInstance *entry)
{
	if (entry->target == NONE) {
		report_add_absent(agent, entry, SAMOZA__V1__FAILED_ACTION__FAILED_NONE, NULL);
		return;
	}
	if (entry->spec == NULL) {
		report_add_absent(agent, entry, SAMOZA__V1__FAILED_ACTION__FAILED_DEPLOY,
				  "deploy: zrms sent no description of the instance");
		return;
	}
	struct agent_copy *copy = copy_new(agent, entry->key, entry->spec);
	copy->listed = agent->full_sets;
	copy_set_desired(agent, copy, entry);
	copy_touch(agent, copy, true);
	vector_push(&agent->changed, copy);
}

static void apply(struct agent *agent, const Samoza__V1__DesiredInstance *entry)
{
	struct agent_copy *copy = find(agent, entry->key);
	if (copy == NULL) {
		add(agent, entry);
		return;
	}
	copy->listed = agent->full_sets;
	change(agent, copy, entry);
}

static void drop_unlisted(struct agent *agent)
{
	struct agent_copy *next = NULL;
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = next) {
		next = copy->hh.next;
		if (copy->listed == agent->full_sets)
			continue;
		copy->undeploy_failed = false;
		copy->desired->target = NONE;
		copy_touch(agent, copy, true);
		vector_push(&agent->changed, copy);
	}
}

/* Once the whole set is known: parents and children may be in it in any order. */
static void reconcile_changed(struct agent *agent)
{
	vector_for_each (&agent->changed, asked) {
		struct agent_copy *copy = *asked;
		reconcile(agent, copy);
		for (struct agent_copy *c = copy->slot->copies; c != NULL; c = c->slot_next)
			if (c != copy)
				reconcile(agent, c);
		reconcile_answer(agent, copy);
	}
	vector_clear(&agent->changed);
}

void desired_supersede(struct agent *agent, const Samoza__V1__HelloAck *ack)
{
	for (size_t n = 0; n < ack->n_superseded; n++) {
		struct agent_copy *copy = find(agent, ack->superseded[n]);
		if (copy == NULL || copy->desired->target != SAMOZA__V1__TARGET__TARGET_STARTED)
			continue;
		copy->desired->target = SAMOZA__V1__TARGET__TARGET_DEPLOYED;
		copy_touch(agent, copy, true);
		vector_push(&agent->changed, copy);
	}
	reconcile_changed(agent);
}

bool desired_apply(struct agent *agent, const Samoza__V1__Desired *desired)
{
	if (!agent->accepted || agent->removed)
		return true;
	if (!agent->synced && !desired->full)
		return true; /* a change of a set that this agent never saw */
	if (!desired->full && desired->version <= agent->set_version)
		return true; /* it comes twice */
	if (!import_lists_take(agent, desired))
		return false;
	agent->set_version = desired->version;
	bool first = !agent->synced;
	if (desired->full) {
		agent->full_sets++;
		agent->synced = true;
	}
	for (size_t n = 0; n < desired->n_instances; n++)
		apply(agent, desired->instances[n]);
	import_lists_drop(agent, desired);
	link_record_update(agent);
	if (desired->full)
		drop_unlisted(agent);
	reconcile_changed(agent);
	/* Copies that waited for the first full set, and that it does not change. */
	for (struct agent_copy *copy = first ? agent->copies : NULL; copy != NULL;
	     copy = copy->hh.next)
		reconcile(agent, copy);
	return true;
}
