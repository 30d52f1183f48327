#include "core/control/state/remains.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/report_facts.h"
#include "core/control/state/state.h"
#include "core/lifecycle/rules.h"

/* An exclusive copy may have waited for it. */
static void publish(struct control *c, const char *instance)
{
	const char *slash = strchr(instance, '/');
	CLEANUP(freep) char *name = mem_strndup(instance, (size_t)(slash - instance));
	const struct control_application *a = application_by_name(&c->applications, name);
	if (a == NULL)
		return;
	vector_for_each (&a->slots.slots, s) {
		slot_publish_facts(control_of_slot(*s));
		lifecycle_push(*s);
	}
}

static void add(struct control *c, struct control_zhost *z, const char *topology,
		char *take_instance, uint64_t epoch)
{
	*vector_add(&c->applications.remains) =
		(struct remain){.topology = mem_strdup(topology),
				.instance = take_instance,
				.epoch = epoch,
				.zhost = z};
}

static void drop_at(struct control *c, size_t at)
{
	struct remain gone = c->applications.remains.items[at];
	vector_remove_at(&c->applications.remains, at);
	mark_zhost(gone.zhost);
	publish(c, gone.instance);
	remain_done(&gone);
}

void remains_note(struct control *c, const struct control_application *a)
{
	zhost_for_each (&c->zhosts, z)
		for (const struct copy *copy = z->first_copy; copy != NULL;
		     copy = copy->next_on_zhost) {
			if (copy->unit->application != a ||
			    copy->of_slot.ends_by_ms <= c->now.mono_ms)
				continue;
			add(c, z, a->id, str_printf("%s/%s", a->name, copy->of_slot.slot->path),
			    copy->of_slot.epoch);
			mark_zhost(z);
		}
}

static bool is_of(const struct remain *remain, const Samoza__V1__InstanceKey *key)
{
	return remain->epoch == key->epoch && str_equal(remain->topology, key->topology) &&
	       str_equal(strchr(remain->instance, '/') + 1, key->path);
}

/* It runs, or may start by itself: its zhost has not heard yet that it is to go. */
static bool may_run(const Samoza__V1__InstanceReport *r)
{
	return r->phase != SAMOZA__V1__PHASE__PHASE_ABSENT &&
	       r->phase != SAMOZA__V1__PHASE__PHASE_UNDEPLOYING &&
	       !(r->phase == SAMOZA__V1__PHASE__PHASE_DEPLOYED && report_undeploy_failed(r));
}

static bool has_copy(const Samoza__V1__Hello *hello, const struct remain *remain)
{
	for (size_t k = 0; k < hello->n_instances; k++)
		if (is_of(remain, hello->instances[k]->key) && may_run(hello->instances[k]))
			return true;
	return false;
}

/* As one of a removed application, or as a copy there. */
static bool is_known(const struct control *c, const struct control_zhost *z,
		     const Samoza__V1__InstanceKey *key)
{
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		if (copy->of_slot.epoch == key->epoch)
			return true;
	vector_for_each (&c->applications.remains, remain)
		if (remain->zhost == z && is_of(remain, key))
			return true;
	return false;
}

/* It was removed from the cluster while it ran that, and comes back with it. */
static void note_unknown(struct control *c, struct control_zhost *z,
			 const Samoza__V1__InstanceReport *report)
{
	const struct control_application *a =
		application_by_id(&c->applications, report->key->topology);
	if (a == NULL || !may_run(report) || is_known(c, z, report->key))
		return;
	add(c, z, a->id, str_printf("%s/%s", a->name, report->key->path), report->key->epoch);
	mark_zhost(z);
	publish(c, vector_last(&c->applications.remains)->instance);
}

void remains_hello(struct control *c, struct control_zhost *z, const Samoza__V1__Hello *hello)
{
	for (size_t k = 0; k < hello->n_instances; k++)
		note_unknown(c, z, hello->instances[k]);
	for (size_t k = c->applications.remains.count; k-- > 0;) {
		const struct remain *remain = &c->applications.remains.items[k];
		if (remain->zhost == z && !has_copy(hello, remain))
			drop_at(c, k);
	}
}

void remains_report(struct control *c, struct control_zhost *z,
		    const Samoza__V1__InstanceReport *report)
{
	if (may_run(report))
		return;
	for (size_t k = c->applications.remains.count; k-- > 0;) {
		const struct remain *remain = &c->applications.remains.items[k];
		if (remain->zhost == z && is_of(remain, report->key))
			drop_at(c, k);
	}
}

void remains_drop(struct control *c, struct control_zhost *z)
{
	for (size_t k = c->applications.remains.count; k-- > 0;)
		if (c->applications.remains.items[k].zhost == z)
			drop_at(c, k);
}

/* ---- records ---- */

void remains_load(struct control *c, struct control_zhost *z,
		  const Samoza__V1__ZhostRecord *record)
{
	for (size_t k = 0; k < record->n_remains; k++)
		if (strchr(record->remains[k]->instance, '/') != NULL)
			add(c, z, record->remains[k]->topology,
			    mem_strdup(record->remains[k]->instance),
			    record->remains[k]->epoch);
}

void remains_fill(const struct control *c, const struct control_zhost *z,
		  Samoza__V1__ZhostRecord *record)
{
	vector_for_each (&c->applications.remains, remain)
		record->n_remains += remain->zhost == z;
	if (record->n_remains == 0)
		return;
	record->remains = mem_new_array(Samoza__V1__RemainRecord *, record->n_remains);
	size_t at = 0;
	vector_for_each (&c->applications.remains, remain) {
		if (remain->zhost != z)
			continue;
		Samoza__V1__RemainRecord *r = mem_new(Samoza__V1__RemainRecord);
		samoza__v1__remain_record__init(r);
		r->topology = remain->topology;
		r->instance = remain->instance;
		r->epoch = remain->epoch;
		record->remains[at++] = r;
	}
}

void remains_free_filled(Samoza__V1__ZhostRecord *record)
{
	for (size_t k = 0; k < record->n_remains; k++)
		free(record->remains[k]);
	free(record->remains);
}
