#include "zsim/fuzz/check/check_unload.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/compile.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

/* What unloads of one application, and has a process. */
struct unloading {
	VECTOR(const struct mirrored_copy *) copies;
	/* Matrices: [user * count + needed]. */
	bool *needs;	 /* all imports, and what something is inside of */
	bool *mandatory; /* without the optional ones */
};

static const struct space *space_of(const struct fuzz *f, const Samoza__V1__CopyRecord *r,
				    const struct topology **ret_topology)
{
	const struct submitted *s = fuzz_submitted(f, r->application);
	*ret_topology = s != NULL ? fuzz_revision(s, r->revision) : NULL;
	int index = *ret_topology != NULL ? names_find(*ret_topology, r->path) : -1;
	return index >= 0 ? instance_space(*ret_topology, (unsigned)index) : NULL;
}

static bool is_unloading(const Samoza__V1__CopyRecord *r)
{
	return r != NULL && r->role == SAMOZA__V1__ROLE__ROLE_RETIRED && r->active && !r->lost;
}

/* Exclusive ones count as active without a process, until they have heard that they are to go: of them it
 * is only looked at whether they make a circle. */
static bool is_checked(const struct fuzz *f, const Samoza__V1__CopyRecord *r)
{
	const struct topology *t = NULL;
	const struct space *space = is_unloading(r) ? space_of(f, r, &t) : NULL;
	return space != NULL && !space->exclusive;
}

void check_unload_copy(struct fuzz *f, const char *id, Samoza__V1__Target was,
		       const Samoza__V1__CopyRecord *record)
{
	if (was != SAMOZA__V1__TARGET__TARGET_NONE && record != NULL &&
	    record->target == SAMOZA__V1__TARGET__TARGET_NONE)
		vector_push(&f->told_to_go, id);
}

static bool is_inside(const Samoza__V1__CopyRecord *r, const Samoza__V1__CopyRecord *parent)
{
	size_t length = strlen(parent->path);
	return r->placement == parent->placement &&
	       strncmp(r->path, parent->path, length) == 0 && r->path[length] == '/';
}

/* Any provider of the same revision counts, whichever placement it is of. */
static bool imports(const struct fuzz *f, const Samoza__V1__CopyRecord *user,
		    const Samoza__V1__CopyRecord *provider, bool with_optional)
{
	const struct topology *t = NULL;
	const struct topology *of_provider = NULL;
	const struct space *space = space_of(f, user, &t);
	const struct space *provides = space_of(f, provider, &of_provider);
	if (space == NULL || provides == NULL || t != of_provider)
		return false;
	for (unsigned k = 0; k < space->import_count; k++)
		for (unsigned p = 0; p < space->imports[k].provider_count; p++)
			if ((with_optional || !space->imports[k].optional) &&
			    &t->spaces[space->imports[k].providers[p]] == provides)
				return true;
	return false;
}

static struct unloading unloading_of(const struct fuzz *f, const char *application)
{
	struct unloading u = {0};
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		if (is_unloading(m->record) && str_equal(m->record->application, application))
			vector_push(&u.copies, m);
	size_t count = u.copies.count;
	u.needs = mem_new_array(bool, count *count + 1);
	u.mandatory = mem_new_array(bool, count *count + 1);
	for (size_t a = 0; a < count; a++)
		for (size_t b = 0; b < count; b++) {
			const Samoza__V1__CopyRecord *user = u.copies.items[a]->record;
			const Samoza__V1__CopyRecord *needed = u.copies.items[b]->record;
			bool inside = a != b && is_inside(user, needed);
			u.needs[a * count + b] =
				inside || (a != b && imports(f, user, needed, true));
			u.mandatory[a * count + b] =
				inside || (a != b && imports(f, user, needed, false));
		}
	return u;
}

static bool has_circle(const bool *needs, size_t count)
{
	CLEANUP(freep) bool *all = mem_memdup(needs, (count * count + 1) * sizeof(bool));
	for (size_t k = 0; k < count; k++)
		for (size_t a = 0; a < count; a++)
			for (size_t b = 0; all[a * count + k] && b < count; b++)
				all[a * count + b] |= all[k * count + b];
	for (size_t k = 0; k < count; k++)
		if (all[k * count + k])
			return true;
	return false;
}

/* In a circle optional imports hold up nothing; where it is one without them, no import does
 * [lifecycle.group.cycles]. */
static bool holds_up(const struct unloading *u, size_t user, size_t needed)
{
	size_t count = u->copies.count, cell = user * count + needed;
	if (u->needs[cell] &&
	    (is_inside(u->copies.items[user]->record, u->copies.items[needed]->record) ||
	     !has_circle(u->needs, count)))
		return true;
	return u->mandatory[cell] && !has_circle(u->mandatory, count);
}

/* Only what has a process is to end before what it needs: who retries a deploy that failed, and has not heard yet
 * that it is to go, needs nobody. */
static bool has_process(const struct fuzz *f, const Samoza__V1__CopyRecord *r)
{
	vector_for_each (&f->world.machines, n)
		for (const struct sim_process *p = (*n)->processes; p != NULL; p = p->hh.next)
			if (p->epoch == r->epoch && str_equal(p->path, r->path))
				return true;
	return false;
}

static void check_told(struct fuzz *f, const struct mirrored_copy *told)
{
	struct unloading u = unloading_of(f, told->record->application);
	size_t at = 0;
	while (at < u.copies.count && u.copies.items[at] != told)
		at++;
	for (size_t user = 0; at < u.copies.count && user < u.copies.count; user++)
		if (is_checked(f, u.copies.items[user]->record) && holds_up(&u, user, at) &&
		    has_process(f, u.copies.items[user]->record))
			world_violate(&f->world, "%s is told to go before %s, which needs it",
				      told->id, u.copies.items[user]->id);
	free(u.needs);
	free(u.mandatory);
	vector_done(&u.copies);
}

void check_unload_committed(struct fuzz *f)
{
	vector_for_each (&f->told_to_go, id) {
		const struct mirrored_copy *m = NULL;
		HASH_FIND_STR(f->copies, *id, m);
		if (m != NULL && is_checked(f, m->record))
			check_told(f, m);
	}
	vector_clear(&f->told_to_go);
}
