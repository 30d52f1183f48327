/* What zrms asks: full sets and changes, fenced by epoch and order. */
#include "core/agent/internal.h"

#define NONE	 SAMOZA__V1__TARGET__TARGET_NONE
#define DEPLOYED SAMOZA__V1__TARGET__TARGET_DEPLOYED
#define STARTED	 SAMOZA__V1__TARGET__TARGET_STARTED

static struct instance *find(struct agent *agent, const Samoza__V1__InstanceKey *key)
{
	CLEANUP(freep) char *id = str_printf("%s/%s", key->topology, key->path);
	struct instance *i = NULL;
	HASH_FIND_STR(agent->instances, id, i);
	return i;
}

/* A copy without the specification, which the instance keeps by itself. */
static Samoza__V1__DesiredInstance *copy_without_spec(const Samoza__V1__DesiredInstance *entry)
{
	Samoza__V1__DesiredInstance shallow = *entry;
	shallow.spec = NULL;
	return message_copy(&shallow);
}

/* A finished space starts again when it is asked anew: a new order that is more than news of
 * its providers, or a target that was lower meanwhile. */
static bool asks_again(const Samoza__V1__DesiredInstance *old,
		       const Samoza__V1__DesiredInstance *new)
{
	if (old->target != new->target)
		return true;
	return new->order > old->order &&new->imports_version == old->imports_version;
}

/* The same epoch: what is asked of it changes. */
static void change(struct agent *agent, struct instance *i,
		   const Samoza__V1__DesiredInstance *entry)
{
	if (i->next != NULL || entry->order < i->desired->order)
		return;
	bool is_durable =
		entry->target != i->desired->target || entry->fresh != i->desired->fresh;
	if (entry->fresh > i->desired->fresh)
		instance_forget_failures(agent, i);
	if (i->finished && asks_again(i->desired, entry))
		i->finished = false;
	if (entry->order > i->desired->order || entry->target != NONE)
		i->undeploy_failed = false;
	samoza__v1__desired_instance__free_unpacked(i->desired, NULL);
	i->desired = copy_without_spec(entry);
	instance_touch(agent, i, is_durable);
	vector_push(&agent->asked, i);
}

/* A newer epoch: the one that is held goes first. */
static void supersede(struct agent *agent, struct instance *i,
		      const Samoza__V1__DesiredInstance *entry)
{
	if (i->next != NULL &&
	    (i->next->key->epoch > entry->key->epoch ||
	     (i->next->key->epoch == entry->key->epoch && i->next->order > entry->order)))
		return;
	i->undeploy_failed = false;
	instance_touch(agent, i, true);
	if (entry->target == NONE) {
		samoza__v1__desired_instance__free_unpacked(i->next, NULL);
		i->next = NULL;
		i->desired->target = NONE;
		report_add_absent(agent, entry->key, entry->order, NULL);
	} else {
		Samoza__V1__DesiredInstance *next = message_copy(entry);
		if (next->spec == NULL && i->next != NULL &&
		    i->next->key->epoch == entry->key->epoch)
			next->spec = steal_ptr(&i->next->spec);
		if (next->spec == NULL) {
			report_add_absent(agent, entry->key, entry->order,
					  "deploy: zrms sent no description of the instance");
			samoza__v1__desired_instance__free_unpacked(next, NULL);
			return;
		}
		samoza__v1__desired_instance__free_unpacked(i->next, NULL);
		i->next = next;
	}
	vector_push(&agent->asked, i);
}

static void add(struct agent *agent, const Samoza__V1__DesiredInstance *entry)
{
	if (entry->target == NONE) {
		report_add_absent(agent, entry->key, entry->order, NULL);
		return;
	}
	if (entry->spec == NULL) {
		report_add_absent(agent, entry->key, entry->order,
				  "deploy: zrms sent no description of the instance");
		return;
	}
	struct instance *i = instance_new(agent, entry->key, entry->spec);
	i->listed = agent->full_sets;
	samoza__v1__desired_instance__free_unpacked(i->desired, NULL);
	i->desired = copy_without_spec(entry);
	instance_touch(agent, i, true);
	vector_push(&agent->asked, i);
}

static void apply(struct agent *agent, const Samoza__V1__DesiredInstance *entry)
{
	struct instance *i = find(agent, entry->key);
	if (i != NULL && instance_is_gone(agent, i) && entry->key->epoch >= i->key->epoch) {
		/* only its end of the call is missing: a new life. The touched list holds it.
		 */
		if (entry->target != NONE && entry->spec != NULL) {
			i->listed = agent->full_sets;
			samoza__v1__desired_instance__free_unpacked(i->next, NULL);
			i->next = message_copy(entry);
			vector_push(&agent->asked, i);
			return;
		}
	}
	if (i == NULL) {
		add(agent, entry);
		return;
	}
	i->listed = agent->full_sets;
	if (entry->key->epoch > i->key->epoch)
		supersede(agent, i, entry);
	else if (entry->key->epoch == i->key->epoch)
		change(agent, i, entry);
}

static void drop_unlisted(struct agent *agent)
{
	struct instance *next = NULL;
	for (struct instance *i = agent->instances; i != NULL; i = next) {
		next = i->hh.next;
		if (i->listed == agent->full_sets)
			continue;
		samoza__v1__desired_instance__free_unpacked(i->next, NULL);
		i->next = NULL;
		i->undeploy_failed = false;
		i->desired->target = NONE;
		instance_touch(agent, i, true);
		vector_push(&agent->asked, i);
	}
}

/* Once the whole set is known: parents and children may be in it in any order. */
static void follow(struct agent *agent)
{
	vector_for_each (&agent->asked, asked) {
		struct instance *i = *asked;
		instance_reconcile(agent, i);
		if (i->action == 0 && i->answered_order < i->desired->order)
			report_add(agent, i);
	}
	vector_clear(&agent->asked);
}

void desired_apply(struct agent *agent, const Samoza__V1__Desired *desired)
{
	if (!agent->accepted || agent->removed)
		return;
	if (!agent->synced && !desired->full)
		return; /* a change of a set that this life never saw */
	bool first = !agent->synced;
	if (desired->full) {
		agent->full_sets++;
		agent->synced = true;
	}
	for (size_t n = 0; n < desired->n_instances; n++)
		apply(agent, desired->instances[n]);
	if (desired->full)
		drop_unlisted(agent);
	follow(agent);
	if (!first)
		return;
	/* What waited for the first full set and was asked nothing new by it. */
	for (struct instance *i = agent->instances; i != NULL; i = i->hh.next)
		instance_reconcile(agent, i);
}
