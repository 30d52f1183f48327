#include "zsim/fuzz/check/check_room.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"

/* Another copy of the placement, of that path. */
static bool same_placement_has(const struct fuzz *f, const Samoza__V1__CopyRecord *r,
			       const char *path)
{
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		if (m->record != NULL && m->record->placement == r->placement &&
		    str_equal(m->record->application, r->application) &&
		    str_equal(m->record->path, path))
			return true;
	return false;
}

/* What the placement of a copy needs, with all that is below its root. False: its application is not known. */
static bool placement_needs(struct fuzz *f, const Samoza__V1__CopyRecord *r,
			    uint64_t *ret_needs, const struct topology **ret_topology,
			    unsigned *ret_root)
{
	const struct submitted *s = fuzz_submitted(f, r->application);
	CLEANUP(freep) char *root_path = mem_strndup(r->path, strcspn(r->path, "/"));
	const struct topology *t = s != NULL ? fuzz_revision(s, mirrored_room(r)) : NULL;
	int index = t != NULL ? names_find(t, root_path) : -1;
	if (index < 0)
		return false;
	const struct instance_decl *root = &t->instances[index];
	memset(ret_needs, 0, ROOM_KINDS * sizeof(*ret_needs));
	for (unsigned i = 0; i < root->subtree_count; i++) {
		const struct space *space = instance_space(t, (unsigned)index + i);
		ret_needs[0] += space->cpu_millicores;
		ret_needs[1] += space->memory_bytes;
		ret_needs[2] += space->device_count > 0 ? space->devices[0].count : 0;
	}
	*ret_topology = t;
	*ret_root = (unsigned)index;
	return true;
}

/* [change.handover.stop-first] Of the copies of a slot on one zhost at most one runs: they hold room together, as much
 * as the one that needs most. So each counts with what it needs more than every newer one, those that are lost among
 * them or not. */
static void leave_shared(struct fuzz *f, const Samoza__V1__CopyRecord *r, bool with_lost,
			 uint64_t *needs)
{
	CLEANUP(freep) char *root = mem_strndup(r->path, strcspn(r->path, "/"));
	uint64_t most[ROOM_KINDS] = {0};
	if (!draws_have(f, DRAW_ROLLOUTS) && !draws_have(f, DRAW_RELOADS) &&
	    !draws_have(f, DRAW_SECRETS))
		return;
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next) {
		uint64_t newer[ROOM_KINDS];
		const struct topology *t;
		unsigned index;
		if (m->record == NULL || (m->record->lost && !with_lost) ||
		    m->record->placement <= r->placement ||
		    !str_equal(m->record->application, r->application) ||
		    !names_same_root(m->record->path, root) ||
		    !str_equal(m->record->zhost, r->zhost) ||
		    !placement_needs(f, m->record, newer, &t, &index))
			continue;
		for (unsigned k = 0; k < ROOM_KINDS; k++)
			most[k] = newer[k] > most[k] ? newer[k] : most[k];
	}
	for (unsigned k = 0; k < ROOM_KINDS; k++)
		needs[k] -= needs[k] < most[k] ? needs[k] : most[k];
}

/* A placement holds room for its root and all its descendants, retired or not, until it is gone or
 * its zhost is lost. Its copies go one by one: the first of them stands for all. */
static void add_load(struct fuzz *f, const struct mirrored_copy *m)
{
	const Samoza__V1__CopyRecord *r = m->record;
	uint64_t needs[ROOM_KINDS];
	const struct topology *t;
	unsigned index;
	if (r == NULL)
		return;
	if (!placement_needs(f, r, needs, &t, &index)) {
		world_violate(&f->world, "there is a record of %s, which was never submitted",
			      m->id);
		return;
	}
	for (unsigned i = 0; i < t->instances[index].subtree_count; i++) {
		const char *path = t->instances[index + i].path;
		if (strcmp(path, r->path) == 0)
			break;
		if (same_placement_has(f, r, path))
			return;
	}
	uint64_t with_lost[ROOM_KINDS];
	memcpy(with_lost, needs, sizeof(with_lost));
	leave_shared(f, r, true, with_lost);
	leave_shared(f, r, false, needs);
	struct mirrored_zhost *z = mirrored_zhost(f, r->zhost);
	for (unsigned k = 0; k < ROOM_KINDS; k++) {
		z->with_lost[k] += with_lost[k];
		z->holds[k] += r->lost ? 0 : needs[k];
	}
}

/* [machines.operation.settings] A zhost that has less than before keeps what is there, and gets nothing more. */
static void check_zhost(struct fuzz *f, struct mirrored_zhost *z)
{
	static const char *const what[ROOM_KINDS] = {"millicores", "bytes", "devices"};
	const uint64_t offers[ROOM_KINDS] = {z->spec.cpu_millicores, z->spec.memory_bytes,
					     z->spec.device_count > 0 &&
							     !z->spec.devices[0].is_capability
						     ? z->spec.devices[0].count
						     : 0};
	bool may_shrink = draws_have(f, DRAW_SHRINKS);
	bool is_over = false;
	for (unsigned k = 0; k < ROOM_KINDS; k++) {
		is_over = is_over || z->holds[k] > offers[k];
		bool is_left = may_shrink && z->with_lost[k] <= z->had[k];
		if (z->holds[k] > offers[k] && !is_left)
			world_violate(&f->world, "%s holds %" PRIu64 " of %" PRIu64 " %s",
				      z->name, z->holds[k], offers[k], what[k]);
		z->had[k] = z->with_lost[k];
	}
	/* Who has joined after a removal is new: what it has is not compared with what was there [lifecycle.root.rejoin]. */
	if (z->changed != z->told && !z->rejoined)
		world_violate(
			&f->world, "%s has %s settings, and %s event says that they changed",
			z->name, z->changed ? "other" : "the same", z->told ? "an" : "no");
	if (z->changed && is_over)
		draws_happened(f, DRAW_SHRINKS);
	z->changed = z->told = z->left = z->rejoined = false;
}

void check_capacity(struct fuzz *f)
{
	for (struct mirrored_zhost *z = f->zhosts; z != NULL; z = z->hh.next) {
		memset(z->holds, 0, sizeof(z->holds));
		memset(z->with_lost, 0, sizeof(z->with_lost));
	}
	for (struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		add_load(f, m);
	for (struct mirrored_zhost *z = f->zhosts; z != NULL; z = z->hh.next)
		check_zhost(f, z);
}
