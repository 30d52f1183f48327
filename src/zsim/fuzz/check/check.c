/* What zrms shows: after a start, and when all is idle. */

#include "zsim/fuzz/check/check.h"

#include <inttypes.h>

#include "base/str.h"
#include "core/lifecycle/state.h"
#include "model/failure.h"
#include "zsim/fuzz/check/across.h"
#include "zsim/fuzz/check/check_mesh.h"
#include "zsim/fuzz/check/check_quotas.h"
#include "zsim/fuzz/check/check_rollouts.h"
#include "zsim/fuzz/check/check_secrets.h"
#include "zsim/fuzz/check/check_sets.h"
#include "zsim/fuzz/check/check_settings.h"
#include "zsim/fuzz/check/each.h"
#include "zsim/fuzz/check/imports.h"
#include "zsim/fuzz/check/place.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/fuzz/life/reach.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/older_protocol.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

/* After every step: what was there is looked for once something was removed. */
static bool is_kept(const struct fuzz *f, struct submitted *s)
{
	const struct sim_disk *disk = &f->world.disk;
	if (s->kept == disk->removals + 1)
		return true;
	if (sim_disk_get(disk, RECORD_APPLICATION, s->id) == NULL)
		return false;
	s->kept = disk->removals + 1;
	return true;
}

void check_kept(struct fuzz *f)
{
	vector_for_each (&f->submitted, s)
		if (s->acknowledged && !s->may_be_gone && !is_kept(f, s))
			world_violate(&f->world, "%s was acknowledged and is lost", s->name);
}

static Samoza__V1__SpaceListView *view_all(struct fuzz *f)
{
	return control_view_spaces(f->world.control, NULL);
}

/* ---- after a start ---- */

void check_loaded(struct fuzz *f)
{
	if (f->world.control == NULL || f->world.violation != NULL)
		return;
	check_kept(f);
	Samoza__V1__SpaceListView *list = view_all(f);
	for (size_t i = 0; list != NULL && i < list->n_spaces; i++) {
		const Samoza__V1__SpaceView *v = list->spaces[i];
		const struct mirrored *m = mirror_find(f, v->topology_id, v->path);
		const Samoza__V1__SlotRecord *r = m != NULL ? m->record : NULL;
		const char *goal =
			goal_name(r != NULL ? (enum instance_goal)r->goal : GOAL_NOT_DEPLOYED);
		const char *state = m != NULL && m->state != NULL ? m->state : "not-deployed";
		if (strcmp(v->goal, goal) != 0)
			world_violate(&f->world, "%s has the goal %s; kept was %s", v->name,
				      v->goal, goal);
		if (strcmp(v->state, state) != 0)
			world_violate(&f->world, "%s is %s after a start of zrms; it was %s",
				      v->name, v->state, state);
		if (r != NULL && v->epoch != r->serving)
			world_violate(&f->world, "%s has epoch %" PRIu64 "; kept was %" PRIu64,
				      v->name, v->epoch, r->serving);
	}
	samoza__v1__space_list_view__free_unpacked(list, NULL);
}

/* ---- when all is idle ---- */

struct quiet {
	struct fuzz *f;
	const struct submitted *submitted;
	enum instance_state *states; /* by instance index */
	enum instance_goal *goals;
	const Samoza__V1__SpaceView **views;
};

static bool is_started(const struct quiet *q, unsigned instance)
{
	return q->states[instance] == STATE_DEPLOYED_STARTED;
}

/* A mandatory import without a started provider other than the instance itself. */
static const char *missing_import(const struct quiet *q, unsigned instance)
{
	const struct topology *t = q->submitted->topology;
	const struct space *s = instance_space(t, instance);
	for (unsigned k = 0; k < s->import_count; k++) {
		bool found =
			s->imports[k].optional || (s->imports[k].topology != NULL &&
						   across_has_provider(q->f, &s->imports[k]));
		for (unsigned p = 0; p < s->imports[k].provider_count && !found; p++) {
			const struct space *provider = &t->spaces[s->imports[k].providers[p]];
			for (unsigned n = 0; n < provider->instance_count; n++)
				found |= provider->instances[n] != instance &&
					 is_started(q, provider->instances[n]);
		}
		if (!found)
			return s->imports[k].from;
	}
	return NULL;
}

/* The state that its goal and the rules of "Start" ask for. */
static enum instance_state due_state(const struct quiet *q, unsigned instance)
{
	const struct instance_decl *decl = &q->submitted->topology->instances[instance];
	if (q->goals[instance] == GOAL_NOT_DEPLOYED)
		return STATE_NOT_DEPLOYED;
	if (q->goals[instance] == GOAL_DEPLOYED_STOPPED)
		return STATE_DEPLOYED_STOPPED;
	if (decl->parent >= 0 && !is_started(q, (unsigned)decl->parent))
		return STATE_WAITING_FOR_ANCESTOR;
	if (missing_import(q, instance) != NULL)
		return STATE_UNRESOLVED;
	/* [workloads.configuration.secrets] What runs keeps what it has. */
	return check_secrets_missing(q->f, q->submitted->name,
				     instance_space(q->submitted->topology, instance)) !=
				       NULL &&
			       !is_started(q, instance)
		       ? STATE_UNRESOLVED
		       : STATE_DEPLOYED_STARTED;
}

static bool has_place(const struct quiet *q, unsigned instance)
{
	const struct mirrored *m = mirror_find(
		q->f, q->submitted->id, q->submitted->topology->instances[instance].path);
	return m != NULL && m->record != NULL && m->record->has_serving && !m->record->lost;
}

/* Out of attempts, while another copy of its unit is installed and waits for others: nothing else is tried. */
static bool waits_for_others(const struct quiet *q, const char *path)
{
	CLEANUP(freep) char *root = mem_strndup(path, strcspn(path, "/"));
	const struct mirrored *m = mirror_find(q->f, q->submitted->id, root);
	const Samoza__V1__CopyRecord *copy =
		mirror_serving(q->f, mirror_find(q->f, q->submitted->id, path));
	return m != NULL && m->record != NULL && m->record->handover != NULL &&
	       m->record->handover->kind ==
		       SAMOZA__V1__HANDOVER_KIND__HANDOVER_KIND_STOP_FIRST &&
	       m->record->handover->state ==
		       SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_PREPARING &&
	       copy != NULL && copy->exhausted;
}

static void check_instance(const struct quiet *q, unsigned instance)
{
	const struct instance_decl *decl = &q->submitted->topology->instances[instance];
	const Samoza__V1__SpaceView *v = q->views[instance];
	enum instance_state state = q->states[instance];
	if ((v->n_exports > 0) !=
	    (is_started(q, instance) &&
	     instance_space(q->submitted->topology, instance)->export_count > 0))
		world_violate(&q->f->world, "%s is %s and shows %zu exports", v->name, v->state,
			      v->n_exports);
	if (state == STATE_NOT_DEPLOYED && q->goals[instance] != GOAL_NOT_DEPLOYED &&
	    !has_place(q, instance))
		return; /* place.c judges that */
	if (decl->parent >= 0 && state == STATE_NOT_DEPLOYED &&
	    q->states[decl->parent] == STATE_NOT_DEPLOYED)
		return;
	enum instance_state due = due_state(q, instance);
	if (state != due && !waits_for_others(q, v->path))
		world_violate(&q->f->world,
			      "%s settled as %s, but should be %s (goal %s, error %s)", v->name,
			      v->state, state_name(due), v->goal,
			      v->last_error != NULL ? v->last_error : "none");
}

static void check_place(const struct quiet *q, const Samoza__V1__TopologyView *view)
{
	CLEANUP(freep) char *fits = place_anyway(q->f, q->submitted);
	if (fits != NULL)
		world_violate(&q->f->world, "%s; zrms says: %s", fits,
			      view->failure_reason != NULL ? view->failure_reason : "nothing");
}

/* A rollout is about to place it: check_rollouts() knows when it may not be. */
static bool is_unplaced(const struct quiet *q, unsigned instance)
{
	const struct mirrored *m = mirror_find(
		q->f, q->submitted->id, q->submitted->topology->instances[instance].path);
	return m != NULL && m->record != NULL && m->record->unplaced;
}

/* Beside each sentence is a code of the table, and none without. */
static void check_code(struct world *w, const char *name, const char *reason, const char *code)
{
	if ((reason != NULL) != (failure_code_find(code) != FAILURE_NONE))
		world_violate(w, "%s has the reason '%s' with the code %s", name,
			      reason != NULL ? reason : "-", code != NULL ? code : "-");
}

static void check_topology_state(const struct quiet *q)
{
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__TopologyView *view = NULL;
	struct world *w = &q->f->world;
	if (control_view_topology(w->control, q->submitted->id, &view, &err) < 0) {
		world_violate(w, "%s: %s", q->submitted->name, err->message);
		return;
	}
	unsigned to_start = 0;
	unsigned started = 0;
	for (unsigned i = 0; i < q->submitted->topology->instance_count; i++) {
		if (q->goals[i] != GOAL_DEPLOYED_STARTED ||
		    instance_space(q->submitted->topology, i)->optional || is_unplaced(q, i))
			continue;
		to_start++;
		started += is_started(q, i);
	}
	bool runs = to_start > 0 && to_start == started;
	if (runs != (strcmp(view->state, "running") == 0))
		world_violate(w, "%s is %s with %u of %u started", q->submitted->name,
			      view->state, started, to_start);
	if (strcmp(view->state, "stopped") == 0 && to_start > 0)
		world_violate(w, "%s is stopped with %u to start", q->submitted->name,
			      to_start);
	if (strcmp(view->state, "failed") == 0 && str_is_empty(view->failure_reason))
		world_violate(w, "%s is failed without a reason", q->submitted->name);
	check_code(w, view->name, view->failure_reason, view->failure_code);
	for (size_t k = 0; k < view->n_placements; k++)
		check_code(w, view->placements[k]->space, view->placements[k]->why,
			   view->placements[k]->failure_code);
	check_place(q, view);
	samoza__v1__topology_view__free_unpacked(view, NULL);
}

static void check_topology(const struct quiet *q)
{
	for (unsigned i = 0; i < q->submitted->topology->instance_count; i++)
		if (q->views[i] != NULL) /* of `count: each` not on every machine */
			check_instance(q, i);
	check_each(q->f, q->submitted);
	imports_check(q->f, q->submitted, q->views);
	check_settings(q->f, q->submitted, q->views);
	check_secrets(q->f, q->submitted, q->views);
	check_topology_state(q);
}

static void check_all_topologies(struct fuzz *f, const Samoza__V1__SpaceListView *list)
{
	vector_for_each (&f->submitted, s) {
		if (sim_disk_get(&f->world.disk, RECORD_APPLICATION, s->id) == NULL)
			continue;
		unsigned count = s->topology->instance_count;
		struct quiet q = {
			.f = f,
			.submitted = s,
			.states = mem_new_array(enum instance_state, count),
			.goals = mem_new_array(enum instance_goal, count),
			.views = mem_new_array(const Samoza__V1__SpaceView *, count),
		};
		unsigned found = 0;
		for (size_t i = 0; i < list->n_spaces; i++) {
			const Samoza__V1__SpaceView *v = list->spaces[i];
			int index = strcmp(v->topology_id, s->id) == 0
					    ? names_find(s->topology, v->path)
					    : -1;
			if (index < 0)
				continue;
			found++;
			q.views[index] = v;
			if (state_parse(v->state, &q.states[index]) < 0 ||
			    goal_parse(v->goal, &q.goals[index]) < 0)
				world_violate(&f->world, "%s is '%s' with the goal '%s'",
					      v->name, v->state, v->goal);
		}
		for (unsigned i = 0; i < count; i++)
			found += q.views[i] == NULL &&
				 instance_path_is_each(s->topology->instances[i].path);
		if (found != count)
			world_violate(&f->world, "%s shows %u of %u instances", s->name, found,
				      count);
		else if (!fuzz_has_other_members(f, s))
			check_topology(&q);
		free(q.states);
		free(q.goals);
		free(q.views);
	}
}

/* ---- what really runs ---- */

/* Not so a twin of another one, which is refused as long as that lives [lifecycle.root.same-name]: what
 * it runs is told to stop when it may join. */
static bool has_joined(const struct fuzz *f, const struct sim_machine *n)
{
	return mirror_machine(f, n->name) == n;
}

/* They run beside those that are shown as started. */
static size_t beside_count(const struct fuzz *f)
{
	size_t count = 0;
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		count += check_sets_runs_beside(m->record);
	return count;
}

static void check_processes(struct fuzz *f, const Samoza__V1__SpaceListView *list)
{
	size_t running = 0;
	vector_for_each (&f->world.machines, n)
		if (has_joined(f, *n))
			running += HASH_COUNT((*n)->processes);
	size_t shown = 0;
	for (size_t i = 0; i < list->n_spaces; i++) {
		const Samoza__V1__SpaceView *v = list->spaces[i];
		if (strcmp(v->state, "deployed-started") != 0)
			continue;
		shown++;
		struct sim_machine *n = v->zhost != NULL ? mirror_machine(f, v->zhost) : NULL;
		CLEANUP(freep)
		char *id = str_printf("%s/%s#%" PRIu64, v->topology_id, v->path, v->epoch);
		struct sim_process *p = NULL;
		if (n != NULL)
			HASH_FIND_STR(n->processes, id, p);
		if (p == NULL)
			world_violate(&f->world,
				      "%s is shown as started on %s, and is not there", v->name,
				      v->zhost);
	}
	shown += beside_count(f);
	if (running != shown)
		world_violate(&f->world, "%zu processes run, %zu spaces are shown as started",
			      running, shown);
}

/* It is told what another machine has taken over, and ends that; older protocols do not say it. */
static void check_refused(struct fuzz *f, const struct sim_machine *n)
{
	for (const struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
		if (n->agent != NULL && older_protocol_says_itself(n->protocol))
			world_violate(&f->world,
				      "%s, whose name another machine has, goes on running %s",
				      n->name, p->name);
}

/* Of what a zhost keeps, zrms has a record, unless the zhost was told to remove it and failed: the
 * next link tells it again. */
static void check_held(struct fuzz *f, const struct sim_machine *n)
{
	vector_for_each (&n->disk.values, v) {
		if (!str_equal(v->owner, AGENT_RECORDS))
			continue;
		Samoza__V1__DesiredInstance *desired = NULL;
		CLEANUP(error_freep) struct error *err = NULL;
		if (agent_record_read(v->value, v->value_size, &desired, &err) < 0) {
			world_violate(&f->world, "a record of %s cannot be read: %s", n->name,
				      err->message);
			return;
		}
		const Samoza__V1__InstanceKey *key = desired->key;
		const struct mirrored_copy *m =
			mirror_copy(f, key->topology, key->path, key->epoch);
		if (desired->target != SAMOZA__V1__TARGET__TARGET_NONE &&
		    (m == NULL || m->record == NULL))
			world_violate(&f->world,
				      "%s holds a copy of %s under epoch %" PRIu64
				      ", of which zrms has no record",
				      n->name, key->path, key->epoch);
		if (m != NULL && m->record != NULL && desired->target > m->record->target)
			world_violate(&f->world,
				      "%s would still do more for %s under epoch %" PRIu64
				      " than zrms asks",
				      n->name, key->path, key->epoch);
		samoza__v1__desired_instance__free_unpacked(desired, NULL);
	}
}

/* Every zhost can be reached and has been asked again for what it failed to remove. */
static void check_nothing_retired(struct fuzz *f)
{
	for (const struct mirrored_copy *m = f->copies; m != NULL; m = m->hh.next)
		if (m->record != NULL && m->record->role == SAMOZA__V1__ROLE__ROLE_RETIRED)
			world_violate(&f->world, "%s is gone, and its record is still there",
				      m->id);
}

void check_converged(struct fuzz *f)
{
	vector_for_each (&f->submitted, s)
		s->kept = 0; /* whatever was seen, it is looked for */
	check_kept(f);
	reach_check(f);
	check_nothing_retired(f);
	check_rollouts(f);
	check_quotas_idle(f);
	vector_for_each (&f->world.machines, n)
		if (has_joined(f, *n))
			check_held(f, *n);
		else
			check_refused(f, *n);
	Samoza__V1__SpaceListView *list = view_all(f);
	if (list == NULL)
		return;
	check_all_topologies(f, list);
	check_mesh_tables(f, list);
	check_sets_imports(f);
	check_processes(f, list);
	samoza__v1__space_list_view__free_unpacked(list, NULL);
}
