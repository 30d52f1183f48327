#include "core/control/checkpoint/checkpoint_order.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/load/load_revision.h"
#include "core/control/slot/slot_names.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/state.h"
#include "core/lifecycle/patience.h"
#include "core/lifecycle/provider_set.h"
#include "core/lifecycle/slot_set.h"

int checkpoint_broken(struct error **err, const char *what, const char *name)
{
	return error_set(err, ERR_INVALID, "the checkpoint names %s %s, which it does not hold",
			 what, name);
}

/* ---- revisions ---- */

static bool is_listed(const Samoza__V1__VolatileApplication *v, const struct revision *r)
{
	for (size_t k = 0; k < v->n_declared; k++)
		if (v->declared[k] == r->number)
			return true;
	return false;
}

/* Declares what is missing, in that order. */
static int declare(struct control *c, struct control_application *a,
		   const Samoza__V1__VolatileApplication *v, struct error **err)
{
	for (size_t k = 0; k < v->n_declared; k++) {
		struct revision *revision = NULL;
		int result = load_revision(c, a, v->declared[k], &revision, err);
		if (result < 0)
			return result;
		application_declare(a, revision);
	}
	return 0;
}

/* Those that its slots followed no longer. */
static int withdraw(struct control_application *a, const Samoza__V1__VolatileApplication *v,
		    struct error **err)
{
	vector_for_each (&a->application.revisions, r)
		if ((*r)->declared != NULL && !is_listed(v, *r) && !application_withdraw(a, *r))
			return checkpoint_broken(err, "a revision of", a->name);
	return 0;
}

/* ---- slots ---- */

static bool is_past(const struct slot_control *sc)
{
	return sc->slot->serial == UINT32_MAX;
}

/* What was removed, but is still declared by a revision that others follow. */
static void remove_past(struct control *c, struct control_application *a,
			const struct slot_order *order)
{
	vector_for_each (&a->slots.slots, s)
		(*s)->serial = UINT32_MAX;
	for (size_t k = 0; k < order->slots.count; k++)
		order->slots.items[k]->serial = order->serials.items[k];
	place_wait_end(c->place, a->ticket);
	vector_for_each (&a->slot_controls, sc) {
		if (!is_past(*sc))
			continue;
		exclusions_clear(c, *sc);
		dirty_set_forget_slot(&c->dirty, *sc);
	}
	application_remove_slots(a, c->place, is_past);
}

/* Names of slots that have ended, and of which copies are left that retire. */
typedef VECTOR(struct past_name {
	const struct copy *copy; /* borrowed */
	char *name;
}) past_names;

static void read_past_names(const struct control_application *a, past_names *names)
{
	vector_for_each (&a->retired, unit)
		vector_for_each (&(*unit)->placement.copies, item)
			*vector_add(names) =
				(struct past_name){container_of(*item, struct copy, of_slot),
						   mem_strdup((*item)->slot->path)};
}

/* What is declared here at once may have been declared while they were there under these names. */
static void restore_past_names(struct control_application *a, past_names *names)
{
	vector_for_each (names, past) {
		struct application_slot *slot = past->copy->of_slot.slot;
		if (!slot->declared)
			application_rename(a, slot, past->name);
		free(past->name);
	}
	vector_done(names);
}

static int read_order(const struct control_application *a,
		      const Samoza__V1__VolatileApplication *v, struct slot_order *ret,
		      struct error **err)
{
	for (size_t k = 0; k < v->n_spaces; k++)
		vector_push(&ret->spaces, v->spaces[k]);
	for (size_t k = 0; k < v->n_declared; k++)
		vector_push(&ret->declarations,
			    application_revision(&a->application, v->declared[k])->declared);
	for (size_t k = 0; k < v->n_order; k++) {
		struct slot *s = slot_find(&a->slots, v->order[k]->path);
		if (s == NULL)
			return checkpoint_broken(err, "instance", v->order[k]->path);
		slot_name_restore(control_of_slot(s), v->order[k]->path);
		vector_push(&ret->slots, s);
		vector_push(&ret->serials, v->order[k]->serial);
	}
	ret->next_serial = v->next_serial;
	return 0;
}

/* What control knows of slots has their ids. */
static void sort_controls(struct control_application *a)
{
	VECTOR(struct slot_control *) before = {0};
	vector_for_each (&a->slot_controls, sc)
		vector_push(&before, *sc);
	vector_for_each (&before, sc)
		a->slot_controls.items[(*sc)->slot->id] = *sc;
	vector_done(&before);
	while (a->importers_changed.count < a->slots.spaces.count)
		vector_push(&a->importers_changed, false);
	vector_for_each (&a->importers_changed, changed)
		*changed = false;
}

int checkpoint_arrange(struct control *c, struct control_application *a,
		       const Samoza__V1__VolatileApplication *v, struct error **err)
{
	struct slot_order order = {0};
	past_names names = {0};
	read_past_names(a, &names);
	int result = declare(c, a, v, err);
	if (result == 0)
		result = read_order(a, v, &order, err);
	if (result == 0) {
		remove_past(c, a, &order);
		result = withdraw(a, v, err);
	}
	restore_past_names(a, &names);
	if (result == 0 && (order.declarations.count != a->slots.declarations.count ||
			    order.slots.count != a->slots.slots.count))
		result = checkpoint_broken(err, "instances of", a->name);
	if (result == 0) {
		slot_set_arrange(&a->slots, &order);
		sort_controls(a);
		a->leaving = 0;
		vector_for_each (&a->slots.slots, s)
			(*s)->leaves = false;
	}
	slot_order_done(&order);
	return result;
}

/* ---- patience ---- */

static struct provider_loss loss_of(const Samoza__V1__VolatileProviderLoss *v)
{
	if (v == NULL)
		return (struct provider_loss){0};
	return (struct provider_loss){
		.is_lost = true, .at_ms = v->at_ms, .not_before_ms = v->not_before_ms};
}

/* PRE: all sets that are named are there. */
static int restore(struct provider_set *sets, Samoza__V1__VolatilePatience *const *from,
		   size_t count, struct error **err)
{
	const struct provider_loss none[2] = {0};
	for (struct provider_set *set = sets; set != NULL; set = set->hh.next)
		patience_continue(set, none, NEVER_MS, 0);
	for (size_t k = 0; k < count; k++) {
		const Samoza__V1__VolatilePatience *p = from[k];
		const struct provider_loss lost[2] = {loss_of(p->last), loss_of(p->other)};
		struct provider_set *set = NULL;
		HASH_FIND_STR(sets, p->name, set);
		if (set != NULL)
			patience_continue(set, lost, p->has_timer_ms ? p->timer_ms : NEVER_MS,
					  p->timer_order);
		else if (p->has_timer_ms)
			return checkpoint_broken(err, "providers", p->name);
	}
	return 0;
}

int checkpoint_restore_patience(struct control_application *a,
				const Samoza__V1__VolatileApplication *v, struct error **err)
{
	/* Those that no revision names any longer, too: a later one may. */
	for (size_t k = 0; k < v->n_patiences; k++)
		(void)provider_set_own(&a->slots, v->patiences[k]->name);
	for (size_t k = 0; k < v->n_publics; k++)
		(void)provider_set_public(&a->slots, v->publics[k]->topology,
					  v->publics[k]->name);
	int result = restore(a->slots.providers, v->patiences, v->n_patiences, err);
	import_lists_continue(a, v->kept_imports, v->n_kept_imports);
	return result;
}

int checkpoint_restore_shared(struct control *c, const Samoza__V1__Checkpoint *from,
			      struct error **err)
{
	return restore(c->lifecycle.shared, from->shared, from->n_shared, err);
}
