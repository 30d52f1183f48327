#include "zsim/fuzz/check/check_mesh.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "core/control/control_loop.h"
#include "model/compile.h"
#include "model/space_kind.h"
#include "zhost/mesh/mesh.h"
#include "zsim/fuzz/check/check_sets.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/fuzz/life/reach.h"
#include "zsim/world/link.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/world.h"

#define LOOK_EVERY_MS 1000

/* Of its space in a revision that declares it; NULL: none does. */
static const struct space_kind *kind_of(const struct submitted *s, const char *path)
{
	int index = names_find(s->topology, path);
	if (index >= 0)
		return space_kind_of_type(instance_space(s->topology, (unsigned)index)->type);
	vector_for_each (&s->revisions, t) {
		index = *t != NULL ? names_find(*t, path) : -1;
		if (index >= 0)
			return space_kind_of_type(instance_space(*t, (unsigned)index)->type);
	}
	return NULL;
}

static bool has_copy_at(const struct fuzz *f, const char *application, const char *zhost)
{
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		if (m->record != NULL && str_equal(m->record->application, application) &&
		    str_equal(m->record->zhost, zhost))
			return true;
	return false;
}

static bool has_pages(const struct topology *t)
{
	for (unsigned k = 0; t != NULL && k < t->space_count; k++)
		if (space_kind_of_type(t->spaces[k].type)->has_pages)
			return true;
	return false;
}

static bool revision_has_pages(const struct submitted *s, uint32_t number)
{
	return number != 0 && has_pages(s->revisions.items[number - 1]);
}

/* Pages are served by every zhost, as long as anything of their topology is there. They may be of what is served, of
 * what a rollout leads to or from, or of a copy that is left of another version. */
static bool serves_pages(const struct fuzz *f, const struct submitted *s)
{
	bool some = has_pages(s->topology) || revision_has_pages(s, s->rollout.target) ||
		    revision_has_pages(s, s->rollout.from);
	for (const struct mirrored_copy *m = f->copies; !some && m != NULL; m = m->hh.next)
		some = m->record != NULL && str_equal(m->record->application, s->id) &&
		       revision_has_pages(s, m->record->revision);
	for (const struct mirrored *m = some ? f->instances : NULL; m != NULL; m = m->hh.next)
		if (m->record != NULL && str_equal(m->record->application, s->id) &&
		    m->record->state != SAMOZA__V1__STATE__STATE_NOT_DEPLOYED)
			return true;
	return false;
}

/* An older program is told only of copies that serve. */
static bool knows_copies(const struct sim_machine *n)
{
	return n->protocol >= 4;
}

/* Of a canary: it runs beside the one that serves; NULL: none does. */
static const Samoza__V1__CopyRecord *sharing(const struct fuzz *f, const char *application,
					     const char *path)
{
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		if (m->record != NULL && m->record->role == SAMOZA__V1__ROLE__ROLE_SHARING &&
		    m->record->active && str_equal(m->record->application, application) &&
		    str_equal(m->record->path, path))
			return m->record;
	return NULL;
}

/* How many copies run beside the one that serves; `epoch` not 0: only that one counts. */
static size_t beside(const struct fuzz *f, const char *application, const char *path,
		     uint64_t epoch)
{
	size_t count = 0;
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		count += check_sets_runs_beside(m->record) &&
			 str_equal(m->record->application, application) &&
			 str_equal(m->record->path, path) &&
			 (epoch == 0 || epoch == m->record->epoch);
	return count;
}

static void check_peer(struct fuzz *f, const struct sim_machine *n,
		       const Samoza__V1__SpaceView *v)
{
	const struct mesh_peer *peer =
		mesh_table_find(mesh_table(n->mesh), v->topology_id, v->path, strlen(v->path));
	/* Machines of the search do not open what runs on them: what runs elsewhere is preferred. */
	if (peer != NULL && !peer->serves &&
	    beside(f, v->topology_id, v->path, peer->epoch) > 0)
		return;
	if (peer == NULL || peer->zhost == NULL)
		world_violate(&f->world, "%s does not know that %s is started", n->name,
			      v->name);
	else if (!str_equal(peer->zhost, v->zhost) || peer->epoch != v->epoch)
		world_violate(&f->world,
			      "%s knows %s at %s under epoch %" PRIu64
			      ", and it is at %s under %" PRIu64,
			      n->name, v->name, peer->zhost, peer->epoch, v->zhost, v->epoch);
}

/* [change.rollout.canary] Who sends something knows the share: as the records say. */
static void check_share(struct fuzz *f, const struct sim_machine *n,
			const Samoza__V1__SpaceView *v)
{
	const struct submitted *s = fuzz_submitted(f, v->topology_id);
	const struct rollout_spec *spec =
		s->rollout.target != 0 ? &s->policies.items[s->rollout.target - 1] : NULL;
	bool is_shared =
		sharing(f, v->topology_id, v->path) != NULL && strchr(v->path, '/') == NULL;
	uint32_t known = mesh_table_share(mesh_table(n->mesh), v->topology_id, v->space);
	if (is_shared && knows_copies(n) && known != spec->steps[s->rollout.step] * 10)
		world_violate(&f->world, "%s gives %u per mille to the canary of %s, step %u",
			      n->name, known, v->name, s->rollout.step + 1);
	if (spec == NULL && known != 0)
		world_violate(&f->world,
			      "%s gives %u per mille of %s to a canary that has ended", n->name,
			      known, v->name);
}

/* Copies that run beside those that serve, as far as the machine is to know them: an older program knows its own. */
static size_t beside_known(const struct fuzz *f, const struct sim_machine *n)
{
	size_t count = 0;
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next) {
		const struct submitted *s = check_sets_runs_beside(m->record)
						    ? fuzz_submitted(f, m->record->application)
						    : NULL;
		const struct space_kind *kind = s != NULL ? kind_of(s, m->record->path) : NULL;
		count += kind != NULL && kind->is_in_mesh &&
			 (knows_copies(n) || str_equal(m->record->zhost, n->name)) &&
			 (has_copy_at(f, s->id, n->name) || serves_pages(f, s));
	}
	return count;
}

static void check_table(struct fuzz *f, const struct sim_machine *n,
			const Samoza__V1__SpaceListView *list)
{
	size_t due = 0;
	for (size_t i = 0; i < list->n_spaces; i++) {
		const Samoza__V1__SpaceView *v = list->spaces[i];
		const struct submitted *s = fuzz_submitted(f, v->topology_id);
		const struct space_kind *kind = s != NULL ? kind_of(s, v->path) : NULL;
		if (kind == NULL || !kind->is_in_mesh ||
		    (!has_copy_at(f, s->id, n->name) && !serves_pages(f, s)))
			continue;
		if (!str_equal(v->state, "deployed-started"))
			continue;
		due++;
		check_peer(f, n, v);
		check_share(f, n, v);
	}
	due += beside_known(f, n);
	size_t known = mesh_table_count(mesh_table(n->mesh));
	if (known != due)
		world_violate(&f->world, "%s knows %zu peers in the mesh, and should know %zu",
			      n->name, known, due);
}

/* ---- at any time ---- */

/* zrms has sent all that it has decided, and the machine has it. */
static bool is_told(const struct fuzz *f, const struct sim_machine *n)
{
	const struct world *w = &f->world;
	if (n->mesh == NULL || n->link_id == 0 || mirror_machine(f, n->name) != n ||
	    reach_since(f, n) >=
		    w->now_ms) /* in that moment it takes what has come meanwhile */
		return false;
	const struct sim_link *link = &w->links.items[n->link_id - 1];
	return link->is_member && link->last_ms[true] < w->now_ms;
}

struct known {
	struct fuzz *f;
	const struct sim_machine *machine;
};

/* [change.counts.numbered] Under a former name it knows nobody that serves. */
static void check_known(void *data, const struct mesh_peer *peer)
{
	const struct known *known = data;
	struct fuzz *f = known->f;
	const char *application = mesh_topology_id(peer->topology);
	if (peer->local != NULL)
		return;
	const struct mirrored_copy *m = mirror_copy(f, application, peer->path, peer->epoch);
	if (m == NULL || m->record == NULL || m->record->role != SAMOZA__V1__ROLE__ROLE_SERVING)
		world_violate(&f->world,
			      "%s sends to %s under epoch %" PRIu64 ", which does not serve",
			      known->machine->name, peer->path, peer->epoch);
}

void check_mesh_known(struct fuzz *f)
{
	if (f->world.now_ms - f->mesh_checked_ms < LOOK_EVERY_MS || f->world.commits == NULL ||
	    !control_loop_is_idle(f->world.commits))
		return;
	f->mesh_checked_ms = f->world.now_ms;
	vector_for_each (&f->world.machines, n)
		if (is_told(f, *n))
			mesh_table_visit(mesh_table((*n)->mesh), check_known,
					 &(struct known){f, *n});
}

/* ---- when all is idle ---- */

void check_mesh_tables(struct fuzz *f, const Samoza__V1__SpaceListView *list)
{
	vector_for_each (&f->world.machines, n)
		if (mirror_machine(f, (*n)->name) == *n && (*n)->mesh != NULL)
			check_table(f, *n, list);
}
