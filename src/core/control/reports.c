/*
 * What zhosts say of their instances, taken into the life cycle.
 *
 * A report is about one epoch; what an older one says changes nothing. In the ordinary course a
 * report is the end of an action that zrms asked for. After a silence (of the zhost, or of
 * zrms) the state that the zhost reports is adopted, whatever was known before, and an event is
 * published only where it differs.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"

static void take_error(struct instance *i, const Samoza__V1__InstanceReport *r)
{
	struct control *c = deployment_of(i)->control;
	bool gave_up = r->exhausted && !i->gave_up;
	i->failures = r->failures;
	i->restarts = r->restarts;
	i->retry_at_ms = r->has_retry_ms ? c->now.mono_ms + (int64_t)r->retry_ms : 0;
	if (r->error != NULL) {
		free(i->last_error);
		i->last_error = mem_strdup(r->error);
	}
	i->gave_up = r->exhausted;
	mark_instance(i, MARK_RECORD);
	update_trouble(i);
	if (gave_up)
		placing_gave_up(i);
}

static void take_exports(struct instance *i, const Samoza__V1__InstanceReport *r)
{
	struct instance_variable *exports =
		mem_new_array(struct instance_variable, r->n_exports);
	for (size_t k = 0; k < r->n_exports; k++) {
		exports[k].name = mem_strdup(r->exports[k]->name);
		exports[k].value = mem_strdup(r->exports[k]->value);
	}
	instance_set_exports(i, exports, r->n_exports);
}

static bool exports_differ(const struct instance *i, const Samoza__V1__InstanceReport *r)
{
	if (i->export_count != r->n_exports)
		return true;
	for (size_t k = 0; k < r->n_exports; k++)
		if (!str_equal(i->exports[k].name, r->exports[k]->name) ||
		    !str_equal(i->exports[k].value, r->exports[k]->value))
			return true;
	return false;
}

static void tell_importers_of_change(struct instance *i)
{
	const struct importer_list *list = &i->app->importers[instance_decl(i)->space];
	for (unsigned k = 0; k < list->count; k++)
		control_listener.imports_changed(deployment_of(i)->control, i->app,
						 list->spaces[k]);
}

static const char *cause_of(const Samoza__V1__InstanceReport *r, const char *ordinary)
{
	return r->error != NULL ? r->error : ordinary;
}

/* ---- by phase ---- */

static void on_absent(struct instance *i, const Samoza__V1__InstanceReport *r, bool adopting)
{
	switch (i->state) {
	case STATE_DEPLOYING:
		if (adopting && r->error == NULL)
			return; /* it has not heard of the order yet */
		instance_move(i, STATE_NOT_DEPLOYED, false, cause_of(r, "deploy failed"));
		break;
	case STATE_UNDEPLOYING:
		instance_move(i, STATE_NOT_DEPLOYED, false, cause_of(r, "undeployed"));
		break;
	case STATE_NOT_DEPLOYED:
		break;
	case STATE_DEPLOYED_STOPPED:
	case STATE_UNRESOLVED:
	case STATE_WAITING_FOR_ANCESTOR:
	case STATE_STARTING:
	case STATE_DEPLOYED_STARTED:
	case STATE_STOPPING:
		i->target = TARGET_NONE;
		instance_move(i, STATE_NOT_DEPLOYED, false, cause_of(r, "gone from its zhost"));
		break;
	case STATE_PROBLEM:
		IMPOSSIBLE("only a zhost has a problem");
	}
}

static void on_deploying(struct instance *i)
{
	if (i->state == STATE_NOT_DEPLOYED && i->target != TARGET_NONE)
		instance_move(i, STATE_DEPLOYING, false, "tried again");
}

static void finished(struct instance *i)
{
	i->finished = true;
	goal_request(i, GOAL_DEPLOYED_STOPPED, "finished by itself");
}

static void on_deployed(struct instance *i, const Samoza__V1__InstanceReport *r, bool adopting)
{
	bool ended = r->error != NULL || r->finished;
	switch (i->state) {
	case STATE_NOT_DEPLOYED:
		if (adopting)
			instance_move(i, STATE_DEPLOYED_STOPPED, true, "its zhost is back");
		break;
	case STATE_DEPLOYING:
		instance_move(i, STATE_DEPLOYED_STOPPED, false, "deployed");
		break;
	case STATE_STARTING:
		if (!ended && (adopting || r->observed_generation < i->order))
			return; /* it has not heard of the order yet */
		if (r->finished) {
			instance_move(i, STATE_DEPLOYED_STARTED, false, "started");
			finished(i);
			instance_move(i, STATE_DEPLOYED_STOPPED, false, "finished by itself");
			return;
		}
		instance_move(i, STATE_DEPLOYED_STOPPED, false, cause_of(r, "start failed"));
		break;
	case STATE_DEPLOYED_STARTED:
		if (r->finished)
			finished(i);
		instance_move(i, STATE_DEPLOYED_STOPPED, false,
			      r->finished ? "finished by itself"
					  : cause_of(r, "stopped there"));
		break;
	case STATE_STOPPING:
		if (r->finished)
			finished(i);
		instance_stopped(i, cause_of(r, "stopped"));
		break;
	case STATE_UNDEPLOYING:
		if (!str_has_prefix(r->error != NULL ? r->error : "", "undeploy:"))
			return; /* not begun yet; an error is of something before */
		if (instance_root(i)->evacuating && i->goal != GOAL_NOT_DEPLOYED) {
			/* Nobody would ask again. It goes on elsewhere under a newer epoch;
			 * what is left here goes with the next full set. */
			i->target = TARGET_NONE;
			instance_move(i, STATE_NOT_DEPLOYED, false, r->error);
			break;
		}
		i->undeploy_failed = true;
		instance_move(i, STATE_DEPLOYED_STOPPED, false, r->error);
		break;
	case STATE_DEPLOYED_STOPPED:
	case STATE_UNRESOLVED:
	case STATE_WAITING_FOR_ANCESTOR:
		if (r->finished && !i->finished)
			finished(i); /* tried again and done, while nobody listened */
		lifecycle_push(i);   /* a try that had begun before the order came */
		break;
	case STATE_PROBLEM:
		IMPOSSIBLE("only a zhost has a problem");
	}
}

static void on_starting(struct instance *i, bool adopting)
{
	if (i->target != TARGET_STARTED && !adopting)
		return; /* its own retry, crossing our order to wait: it will stop */
	switch (i->state) {
	case STATE_DEPLOYED_STOPPED:
		instance_move(i, STATE_STARTING, false, "tried again");
		break;
	case STATE_DEPLOYED_STARTED:
		/* It died and is being started again, while nobody listened. */
		instance_move(i, STATE_DEPLOYED_STOPPED, false,
			      i->last_error != NULL ? i->last_error : "ended");
		instance_move(i, STATE_STARTING, false, "tried again");
		break;
	case STATE_NOT_DEPLOYED:
	case STATE_DEPLOYING:
	case STATE_UNRESOLVED:
	case STATE_WAITING_FOR_ANCESTOR:
		if (adopting) {
			i->target = TARGET_STARTED; /* that is what it was asked for */
			instance_move(i, STATE_STARTING, true, "its zhost is back");
		}
		break;
	case STATE_STARTING:
	case STATE_STOPPING:
	case STATE_UNDEPLOYING:
		break;
	case STATE_PROBLEM:
		IMPOSSIBLE("only a zhost has a problem");
	}
}

static void on_started(struct instance *i, const Samoza__V1__InstanceReport *r, bool adopting)
{
	bool arrives = false;
	switch (i->state) {
	case STATE_STARTING:
		arrives = true;
		break;
	case STATE_DEPLOYED_STOPPED:
		if (i->target == TARGET_STARTED || adopting)
			arrives = true;
		break;
	case STATE_DEPLOYED_STARTED:
		if (!exports_differ(i, r))
			return;
		take_exports(i, r);
		mark_instance(i, MARK_RECORD);
		tell_importers_of_change(i);
		return;
	case STATE_NOT_DEPLOYED:
	case STATE_DEPLOYING:
	case STATE_UNRESOLVED:
	case STATE_WAITING_FOR_ANCESTOR:
		arrives = adopting;
		break;
	case STATE_STOPPING:
		/* Stopped by its zhost itself, and started again, while nobody listened.
		 * Otherwise our order to stop is on its way. */
		arrives = adopting && i->target == TARGET_STARTED;
		break;
	case STATE_UNDEPLOYING:
		break; /* our order to stop is on its way */
	case STATE_PROBLEM:
		IMPOSSIBLE("only a zhost has a problem");
	}
	if (!arrives)
		return;
	bool ordinary = i->state == STATE_STARTING;
	take_exports(i, r);
	i->target = TARGET_STARTED;
	i->retry_at_ms = 0;
	instance_hold(i, 0);
	instance_move(i, STATE_DEPLOYED_STARTED, !ordinary,
		      ordinary ? "started" : "its zhost is back");
}

static void on_stopping(struct instance *i, const Samoza__V1__InstanceReport *r, bool adopting)
{
	if (i->state == STATE_DEPLOYED_STARTED) {
		instance_move(i, STATE_STOPPING, false, cause_of(r, "its zhost stops it"));
	} else if (i->state == STATE_NOT_DEPLOYED && adopting) {
		i->target = TARGET_DEPLOYED;
		instance_move(i, STATE_STOPPING, true, "its zhost is back");
	}
}

static void on_undeploying(struct instance *i, bool adopting)
{
	/* Asked for before the zhost was lost; the rules will deploy it again where it is
	 * wanted. */
	if (adopting && i->state == STATE_NOT_DEPLOYED && i->goal != GOAL_NOT_DEPLOYED)
		instance_move(i, STATE_UNDEPLOYING, true, "its zhost is back");
}

static void apply_phase(struct instance *i, const Samoza__V1__InstanceReport *r, bool adopting)
{
	switch (r->phase) {
	case SAMOZA__V1__PHASE__PHASE_ABSENT:
		on_absent(i, r, adopting);
		break;
	case SAMOZA__V1__PHASE__PHASE_DEPLOYING:
		on_deploying(i);
		break;
	case SAMOZA__V1__PHASE__PHASE_DEPLOYED:
		on_deployed(i, r, adopting);
		break;
	case SAMOZA__V1__PHASE__PHASE_STARTING:
		on_starting(i, adopting);
		break;
	case SAMOZA__V1__PHASE__PHASE_STARTED:
		on_started(i, r, adopting);
		break;
	case SAMOZA__V1__PHASE__PHASE_STOPPING:
		on_stopping(i, r, adopting);
		break;
	case SAMOZA__V1__PHASE__PHASE_UNDEPLOYING:
		on_undeploying(i, adopting);
		break;
	case _SAMOZA__V1__PHASE_IS_INT_SIZE:
	default:
		break; /* a phase of a newer zhost */
	}
}

/* ---- which instance ---- */

/* The instance that this key is about: placed (or remembered) on `z` under this very epoch. */
static struct instance *find(struct zhost *z, const Samoza__V1__InstanceKey *key)
{
	struct deployment *d = deployment_find(z->control, key->topology);
	if (d == NULL)
		return NULL;
	int index = topology_find_instance(d->app->topology, key->path);
	if (index < 0)
		return NULL;
	struct instance *i = &d->app->instances[index];
	return i->zhost == z && i->epoch == key->epoch ? i : NULL;
}

/* What was lost with its zhost is not lost: it is back before it was placed anew. The whole
 * sub-tree is where it was. */
static void adopt_place(struct zhost *z, struct instance *i)
{
	struct instance *root = instance_root(i);
	if (!root->lost || root->zhost != z)
		return;
	const struct topology *t = root->app->topology;
	for (uint32_t k = root->index;
	     k < root->index + t->instances[root->index].subtree_count; k++) {
		struct instance *below = &root->app->instances[k];
		below->lost = below->no_place = false;
		mark_instance(below, MARK_RECORD);
		update_trouble(below);
		lifecycle_push(below);
	}
	placing_restore(root, z);
	deployment_mark_place(deployment_of(root));
}

void report_apply(struct zhost *z, const Samoza__V1__InstanceReport *r, bool adopting)
{
	struct control *c = z->control;
	struct instance *i = find(z, r->key);
	c->count.reports++;
	if (i == NULL || (i->lost && !adopting)) {
		c->count.reports_ignored++;
		return;
	}
	if (i->lost && instance_effective_goal(i) == GOAL_NOT_DEPLOYED)
		return; /* it is told to stop: the set that it gets does not list it */
	if (i->lost)
		adopt_place(z, i);
	take_error(i, r);
	apply_phase(i, r, adopting);
}

void report_missing(struct zhost *z, const Samoza__V1__Hello *hello)
{
	for (size_t k = 0; k < hello->n_instances; k++) {
		struct instance *i = find(z, hello->instances[k]->key);
		if (i != NULL)
			i->marks |= MARK_LISTED;
	}
	VECTOR(struct instance *) missing = {0};
	for (struct instance *i = z->first_instance; i != NULL; i = i->next_on_zhost) {
		if ((i->marks & MARK_LISTED) == 0)
			vector_push(&missing, i);
		i->marks &= ~MARK_LISTED;
	}
	vector_for_each (&missing, m) {
		struct instance *i = *m;
		if (i->lost || i->state == STATE_NOT_DEPLOYED || i->state == STATE_DEPLOYING)
			continue; /* nothing is there, and nothing was known to be */
		if (i->state == STATE_UNDEPLOYING) {
			instance_move(i, STATE_NOT_DEPLOYED, false, "undeployed");
			continue;
		}
		i->target = TARGET_NONE;
		instance_move(i, STATE_NOT_DEPLOYED, false, "gone from its zhost");
	}
	vector_done(&missing);
}
