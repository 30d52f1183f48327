#include "core/control/state/remains.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
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
		char *take_instance)
{
	*vector_add(&c->applications.remains) = (struct remain){
		.topology = mem_strdup(topology), .instance = take_instance, .zhost = z};
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
			add(c, z, a->id,
			    str_printf("%s/%s", a->name, copy->of_slot.slot->path));
			mark_zhost(z);
		}
}

static bool is_of(const struct remain *remain, const Samoza__V1__InstanceKey *key)
{
	return str_equal(remain->topology, key->topology) &&
	       str_equal(strchr(remain->instance, '/') + 1, key->path);
}

static bool has_copy(const Samoza__V1__Hello *hello, const struct remain *remain)
{
	for (size_t k = 0; k < hello->n_instances; k++)
		if (is_of(remain, hello->instances[k]->key) &&
		    hello->instances[k]->phase != SAMOZA__V1__PHASE__PHASE_ABSENT)
			return true;
	return false;
}

void remains_hello(struct control *c, struct control_zhost *z, const Samoza__V1__Hello *hello)
{
	for (size_t k = c->applications.remains.count; k-- > 0;) {
		const struct remain *remain = &c->applications.remains.items[k];
		if (remain->zhost == z && !has_copy(hello, remain))
			drop_at(c, k);
	}
}

void remains_report(struct control *c, struct control_zhost *z,
		    const Samoza__V1__InstanceReport *report)
{
	if (report->phase != SAMOZA__V1__PHASE__PHASE_ABSENT)
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
			    mem_strdup(record->remains[k]->instance));
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
		record->remains[at++] = r;
	}
}

void remains_free_filled(Samoza__V1__ZhostRecord *record)
{
	for (size_t k = 0; k < record->n_remains; k++)
		free(record->remains[k]);
	free(record->remains);
}
