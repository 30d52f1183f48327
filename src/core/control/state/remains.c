#include "core/control/state/remains.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/device_release.h"
#include "core/control/state/report_facts.h"
#include "core/control/state/state.h"
#include "core/lifecycle/rules.h"
#include "core/lifecycle/slot_set.h"

/* An exclusive copy may have waited for it, or has to wait now. */
static void publish(struct control *c, const char *instance)
{
	const char *slash = strchr(instance, '/');
	CLEANUP(freep) char *name = mem_strndup(instance, (size_t)(slash - instance));
	const struct control_application *a = application_by_name(&c->applications, name);
	struct slot *s = a != NULL ? slot_find(&a->slots, slash + 1) : NULL;
	if (s == NULL)
		return;
	slot_publish_facts(control_of_slot(s));
	lifecycle_push(s);
}

static void note(struct control *c, struct control_zhost *z, const struct copy *copy,
		 bool is_dormant)
{
	const struct control_application *a = copy->unit->application;
	if (copy->of_slot.exclusive || copy->of_slot.ends_by_ms <= c->now.mono_ms)
		return;
	*vector_add(&c->applications.remains) = (struct remain){
		.instance = str_printf("%s/%s", a->name, copy->of_slot.slot->path),
		.epoch = copy->of_slot.epoch,
		.is_dormant = is_dormant,
		.zhost = z};
	mark_zhost(z);
}

static void drop_at(struct control *c, size_t at)
{
	struct remain gone = c->applications.remains.items[at];
	vector_remove_at(&c->applications.remains, at);
	mark_zhost(gone.zhost);
	publish(c, gone.instance);
	device_release_check(gone.zhost);
	remain_done(&gone);
}

void remains_note(struct control *c, const struct control_application *a)
{
	zhost_for_each (&c->zhosts, z)
		for (const struct copy *copy = z->first_copy; copy != NULL;
		     copy = copy->next_on_zhost)
			if (copy->unit->application == a)
				note(c, z, copy, false);
	zhost_for_each (&c->zhosts, z)
		device_release_check(z);
}

void remains_note_forsaken(struct control *c, struct control_zhost *z, const struct copy *copy)
{
	note(c, z, copy, true);
}

void remains_vouched(struct control *c, struct control_zhost *z)
{
	vector_for_each (&c->applications.remains, remain) {
		if (remain->zhost != z || remain->is_dormant)
			continue;
		remain->is_dormant = true;
		mark_zhost(z);
		publish(c, remain->instance);
		device_release_check(z);
	}
}

/* It runs, or may start by itself: its zhost has not heard yet that it is to go. */
static bool may_run(const Samoza__V1__InstanceReport *r)
{
	return r->phase != SAMOZA__V1__PHASE__PHASE_ABSENT &&
	       r->phase != SAMOZA__V1__PHASE__PHASE_UNDEPLOYING &&
	       !(r->phase == SAMOZA__V1__PHASE__PHASE_DEPLOYED && report_undeploy_failed(r));
}

static int compare_epochs(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;
	return (a > b) - (a < b);
}

void remains_hello(struct control *c, struct control_zhost *z, const Samoza__V1__Hello *hello)
{
	VECTOR(uint64_t) there = {0}; /* sorted */
	bool any = false;
	vector_for_each (&c->applications.remains, remain)
		any = any || remain->zhost == z;
	for (size_t k = 0; any && k < hello->n_instances; k++)
		if (may_run(hello->instances[k]))
			vector_push(&there, hello->instances[k]->key->epoch);
	if (there.count > 0)
		qsort(there.items, there.count, sizeof(*there.items), compare_epochs);
	for (size_t k = c->applications.remains.count; any && k-- > 0;) {
		struct remain *remain = &c->applications.remains.items[k];
		if (remain->zhost != z)
			continue;
		if (there.count == 0 || bsearch(&remain->epoch, there.items, there.count,
						sizeof(*there.items), compare_epochs) == NULL) {
			drop_at(c, k);
		} else if (remain->is_dormant) {
			remain->is_dormant = false;
			mark_zhost(z);
			publish(c, remain->instance);
		}
	}
	if (any)
		device_release_check(z);
	vector_done(&there);
}

void remains_report(struct control *c, const struct control_zhost *z,
		    const Samoza__V1__InstanceReport *report)
{
	if (may_run(report))
		return;
	for (size_t k = c->applications.remains.count; k-- > 0;) {
		const struct remain *remain = &c->applications.remains.items[k];
		if (remain->epoch == report->key->epoch && remain->zhost == z)
			drop_at(c, k);
	}
}

void remains_drop(struct control *c, const struct control_zhost *z)
{
	for (size_t k = c->applications.remains.count; k-- > 0;)
		if (c->applications.remains.items[k].zhost == z)
			drop_at(c, k);
}

/* ---- records ---- */

void remains_load(struct control *c, struct control_zhost *z,
		  const Samoza__V1__ZhostRecord *record)
{
	for (size_t k = 0; k < record->n_remains; k++) {
		const Samoza__V1__RemainRecord *r = record->remains[k];
		if (strchr(r->instance, '/') == NULL)
			continue;
		*vector_add(&c->applications.remains) =
			(struct remain){.instance = mem_strdup(r->instance),
					.epoch = r->epoch,
					.is_dormant = r->is_dormant,
					.zhost = z};
	}
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
		r->instance = remain->instance;
		r->epoch = remain->epoch;
		r->has_is_dormant = r->is_dormant = remain->is_dormant;
		record->remains[at++] = r;
	}
}

void remains_free_filled(Samoza__V1__ZhostRecord *record)
{
	for (size_t k = 0; k < record->n_remains; k++)
		free(record->remains[k]);
	free(record->remains);
}
