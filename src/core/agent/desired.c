/* The sets that zrms sends: full ones and changes, fenced by epoch and generation. */
#include "core/agent/desired.h"

#include "core/agent/attempts.h"
#include "core/agent/copy.h"
#include "core/agent/message.h"
#include "core/agent/reconcile.h"

#define NONE	 SAMOZA__V1__TARGET__TARGET_NONE
#define DEPLOYED SAMOZA__V1__TARGET__TARGET_DEPLOYED
#define STARTED	 SAMOZA__V1__TARGET__TARGET_STARTED

static struct agent_copy *find(struct agent *agent, const Samoza__V1__InstanceKey *key)
{
	CLEANUP(freep) char *id = str_printf("%s/%s", key->topology, key->path);
	struct agent_copy *copy = NULL;
	HASH_FIND_STR(agent->copies, id, copy);
	return copy;
}

/* The entry without its spec, which the copy keeps by itself. */
static Samoza__V1__DesiredInstance *
desired_without_spec(const Samoza__V1__DesiredInstance *entry)
{
	Samoza__V1__DesiredInstance shallow = *entry;
	shallow.spec = NULL;
	return message_copy(&shallow);
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

/* The same epoch: what zrms asks of it changes. */
static void change(struct agent *agent, struct agent_copy *copy,
		   const Samoza__V1__DesiredInstance *entry)
{
	if (copy->next != NULL || entry->generation < copy->desired->generation)
		return;
	bool is_durable = entry->target != copy->desired->target ||
			  entry->retry_generation != copy->desired->retry_generation;
	if (entry->retry_generation > copy->desired->retry_generation)
		attempts_reset(agent, copy);
	if (copy->finished && asks_again(copy->desired, entry))
		copy->finished = false;
	if (entry->generation > copy->desired->generation || entry->target != NONE)
		copy->undeploy_failed = false;
	samoza__v1__desired_instance__free_unpacked(copy->desired, NULL);
	copy->desired = desired_without_spec(entry);
	copy_touch(agent, copy, is_durable);
	vector_push(&agent->changed, copy);
}

/* A newer epoch: the copy that is held goes first. */
static void supersede(struct agent *agent, struct agent_copy *copy,
		      const Samoza__V1__DesiredInstance *entry)
{
	if (copy->next != NULL && (copy->next->key->epoch > entry->key->epoch ||
				   (copy->next->key->epoch == entry->key->epoch &&
				    copy->next->generation > entry->generation)))
		return;
	copy->undeploy_failed = false;
	copy_touch(agent, copy, true);
	if (entry->target == NONE) {
		samoza__v1__desired_instance__free_unpacked(copy->next, NULL);
		copy->next = NULL;
		copy->desired->target = NONE;
		report_add_absent(agent, entry->key, entry->generation, NULL);
	} else {
		Samoza__V1__DesiredInstance *next = message_copy(entry);
		if (next->spec == NULL && copy->next != NULL &&
		    copy->next->key->epoch == entry->key->epoch)
			next->spec = steal_ptr(&copy->next->spec);
		if (next->spec == NULL) {
			report_add_absent(agent, entry->key, entry->generation,
					  "deploy: zrms sent no description of the instance");
			samoza__v1__desired_instance__free_unpacked(next, NULL);
			return;
		}
		samoza__v1__desired_instance__free_unpacked(copy->next, NULL);
		copy->next = next;
	}
	vector_push(&agent->changed, copy);
}

static void add(struct agent *agent, const Samoza__V1__DesiredInstance *entry)
{
	if (entry->target == NONE) {
		report_add_absent(agent, entry->key, entry->generation, NULL);
		return;
	}
	if (entry->spec == NULL) {
		report_add_absent(agent, entry->key, entry->generation,
				  "deploy: zrms sent no description of the instance");
		return;
	}
	struct agent_copy *copy = copy_new(agent, entry->key, entry->spec);
	copy->listed = agent->full_sets;
	samoza__v1__desired_instance__free_unpacked(copy->desired, NULL);
	copy->desired = desired_without_spec(entry);
	copy_touch(agent, copy, true);
	vector_push(&agent->changed, copy);
}

static void apply(struct agent *agent, const Samoza__V1__DesiredInstance *entry)
{
	struct agent_copy *copy = find(agent, entry->key);
	if (copy != NULL && copy_is_gone(agent, copy) &&
	    entry->key->epoch >= copy->key->epoch) {
		/* It is freed at the end of this call, unless a newer epoch takes its place. */
		if (entry->target != NONE && entry->spec != NULL) {
			copy->listed = agent->full_sets;
			samoza__v1__desired_instance__free_unpacked(copy->next, NULL);
			copy->next = message_copy(entry);
			vector_push(&agent->changed, copy);
			return;
		}
	}
	if (copy == NULL) {
		add(agent, entry);
		return;
	}
	copy->listed = agent->full_sets;
	if (entry->key->epoch > copy->key->epoch)
		supersede(agent, copy, entry);
	else if (entry->key->epoch == copy->key->epoch)
		change(agent, copy, entry);
}

static void drop_unlisted(struct agent *agent)
{
	struct agent_copy *next = NULL;
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = next) {
		next = copy->hh.next;
		if (copy->listed == agent->full_sets)
			continue;
		samoza__v1__desired_instance__free_unpacked(copy->next, NULL);
		copy->next = NULL;
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
		if (copy->action == 0 && copy->answered_generation < copy->desired->generation)
			report_add(agent, copy);
	}
	vector_clear(&agent->changed);
}

void desired_apply(struct agent *agent, const Samoza__V1__Desired *desired)
{
	if (!agent->accepted || agent->removed)
		return;
	if (!agent->synced && !desired->full)
		return; /* a change of a set that this agent never saw */
	bool first = !agent->synced;
	if (desired->full) {
		agent->full_sets++;
		agent->synced = true;
	}
	for (size_t n = 0; n < desired->n_instances; n++)
		apply(agent, desired->instances[n]);
	if (desired->full)
		drop_unlisted(agent);
	reconcile_changed(agent);
	if (!first)
		return;
	/* Copies that waited for the first full set, and that it does not change. */
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next)
		reconcile(agent, copy);
}
