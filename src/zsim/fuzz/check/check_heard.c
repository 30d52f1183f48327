#include "zsim/fuzz/check/check_heard.h"

#include <stdlib.h>

#include "base/str.h"
#include "core/outbox.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/world/world.h"

static bool is_of_zhost(const Samoza__V1__EventRecord *e, bool of_topology)
{
	return str_equal(e->kind, "zhost") && str_is_empty(e->topology) != of_topology;
}

static bool has_zhost_event(const struct outbox *o)
{
	vector_for_each (&o->events, e)
		if (is_of_zhost(*e, false))
			return true;
	return false;
}

static bool has_now(const struct fuzz *f, const char *application, const char *zhost)
{
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		if (m->record != NULL && str_equal(m->record->application, application) &&
		    str_equal(m->record->zhost, zhost))
			return true;
	return false;
}

static bool had_before(const struct fuzz *f, const char *application, const char *zhost)
{
	vector_for_each (&f->copies_before, had)
		if (str_equal(had->application, application) && str_equal(had->zhost, zhost))
			return true;
	return false;
}

/* After the event, up to the next one of a zhost. */
static bool hears(const struct outbox *o, size_t event, const char *application)
{
	for (size_t k = event + 1; k < o->events.count; k++) {
		const Samoza__V1__EventRecord *e = o->events.items[k];
		if (!is_of_zhost(e, true) ||
		    !str_equal(e->subject, o->events.items[event]->subject))
			return false;
		if (str_equal(e->topology, application))
			return true;
	}
	return false;
}

/* A copy may come or go in the same commit: then either is right. */
static void check_event(struct fuzz *f, const struct outbox *o, size_t event)
{
	const char *zhost = o->events.items[event]->subject;
	vector_for_each (&f->copies_before, had) {
		const struct mirrored_copy *now = NULL;
		HASH_FIND_STR(f->copies, had->id, now);
		if (str_equal(had->zhost, zhost) && now != NULL && now->record != NULL &&
		    !hears(o, event, had->application))
			world_violate(
				&f->world,
				"%s is on %s, and does not hear that it goes from %s to %s",
				had->id, zhost, o->events.items[event]->from,
				o->events.items[event]->to);
	}
}

void check_heard_before(struct fuzz *f, const struct outbox *o)
{
	if (!has_zhost_event(o))
		return;
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		if (m->record != NULL)
			*vector_add(&f->copies_before) = (struct copy_before){
				.id = mem_strdup(m->id),
				.application = mem_strdup(m->record->application),
				.zhost = mem_strdup(m->record->zhost)};
}

void check_heard_after(struct fuzz *f, const struct outbox *o)
{
	for (size_t k = 0; k < o->events.count; k++) {
		const Samoza__V1__EventRecord *e = o->events.items[k];
		if (is_of_zhost(e, false))
			check_event(f, o, k);
		else if (is_of_zhost(e, true) && !had_before(f, e->topology, e->subject) &&
			 !has_now(f, e->topology, e->subject))
			world_violate(&f->world, "%s hears of %s, and has nothing there",
				      e->topology, e->subject);
	}
	vector_for_each (&f->copies_before, had) {
		free(had->id);
		free(had->application);
		free(had->zhost);
	}
	vector_done(&f->copies_before);
}
