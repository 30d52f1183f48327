#include "base/memory.h"
#include "base/str.h"
#include "core/application/revision_values.h"
#include "core/control/control.h"
#include "core/control/handover/handovers.h"
#include "core/control/handover/kept_set.h"
#include "core/control/placement/placement.h"
#include "core/control/request/rollout_request.h"
#include "core/control/rollout/rollout_progress.h"
#include "core/control/rollout/rollout_switch.h"
#include "core/control/rollout/rollout_waves.h"
#include "core/control/slot/rollout_steps.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/record_id.h"
#include "core/control/state/signers.h"
#include "core/control/state/state.h"
#include "core/control/view/view_parts.h"
#include "schema/message.h"

static const char *result_of(const struct control_application *a, const struct revision *r)
{
	if (a->rollout != NULL && r == a->rollout->target)
		return "under-way";
	if (r->result != NULL)
		return r->result;
	if (r->completed_ms != 0 || r->number == a->application.completed)
		return "completed";
	if (r != a->application.served)
		return "superseded";
	return a->slots.to_start > 0 ? "under-way" : "stopped";
}

static Samoza__V1__RevisionView *revision_view(const struct control_application *a,
					       const struct revision *r)
{
	Samoza__V1__RevisionView *v = (Samoza__V1__RevisionView *)schema_message_new(
		&samoza__v1__revision_view__descriptor);
	v->revision = r->number;
	v->version = mem_strdup(r->record->version);
	v->created = iso8601_text(r->record->created_ms);
	v->by = mem_strdup(r->record->by);
	v->what = mem_strdup(r->record->what != NULL ? r->record->what : "submit");
	v->result = mem_strdup(result_of(a, r));
	if (r->completed_ms != 0)
		v->completed = iso8601_text(r->completed_ms);
	v->package_digest = mem_strdup(r->record->package_digest);
	v->signed_by = mem_strdup(signer_name(a->control, r));
	v->has_signer_removed = v->signed_by != NULL;
	v->signer_removed = signer_is_removed(a->control, r);
	v->n_values = revision_values_view(r->record, &v->values);
	return v;
}

static const char *version_of(const struct control_application *a, uint32_t number)
{
	const struct revision *r = application_revision(&a->application, number);
	return r != NULL ? r->record->version : NULL;
}

/* "api-3 is starting on edge-node-2"; the caller frees. `unit`: the new copy, or the one that serves; NULL: none. */
static char *under_way(const char *path, enum handover_state state,
		       const struct unit_placement *unit)
{
	bool starts = state == HANDOVER_RISING || state == HANDOVER_STARTING;
	if (unit != NULL && (starts || state == HANDOVER_PREPARING))
		return str_printf("%s is %s on %s", path,
				  starts ? "starting" : "being deployed", unit->zhost->name);
	return str_printf("%s is being handed over: %s", path, handover_state_text(state));
}

/* What was lost is placed again before it has a successor. */
static bool is_lost_before(const struct slot_control *root)
{
	return root->lost && root->handover->handover.state == HANDOVER_PLACING;
}

/* Of those that take over together, as far as that is up to them. */
static bool all_are_ready(const struct control_application *a)
{
	vector_for_each (&a->handovers, item) {
		const struct unit_handover *h = (*item)->handover;
		bool installed =
			h->handover.state == HANDOVER_PREPARING && handover_is_deployed(*item);
		if (h->revision != NULL && h->handover.state != HANDOVER_READY && !installed &&
		    !is_lost_before(*item))
			return false;
	}
	return true;
}

/* "api-3 is starting on edge-node-2", "db waits for room on n1: ..." */
static char *detail_of(const struct control_application *a)
{
	if (a->rollout->rollout.state == ROLLOUT_WAITING)
		return rollout_step_text(a);
	vector_for_each (&a->handovers, item) {
		const struct unit_handover *h = (*item)->handover;
		if (h->revision == NULL || h->waits == NULL || is_lost_before(*item))
			continue;
		CLEANUP(freep) char *waits = placement_waits_text_of_successor(*item);
		return str_printf("%s %s", (*item)->slot->path, waits);
	}
	bool ready = all_are_ready(a);
	char *waits = ready && rollout_is_before_switch(a) ? rollout_switch_waits_text(a)
							   : rollout_stop_waits_text(a);
	if (waits != NULL)
		return waits;
	vector_for_each (&a->handovers, item) {
		const struct unit_handover *h = (*item)->handover;
		const struct slot *s = (*item)->slot;
		const struct slot_copy *next = (*item)->of_path->next;
		/* What shares, or is ready before others, is as far as it can be. */
		if (h->revision == NULL || is_lost_before(*item) ||
		    h->handover.state == HANDOVER_SHARING ||
		    (h->handover.state == HANDOVER_READY && !ready))
			continue;
		const struct unit_placement *unit =
			unit_of(next != NULL ? next : (*item)->of_path->serving);
		return under_way(s->path, h->handover.state, unit);
	}
	return rollout_waits_text(a);
}

static void view_steps(Samoza__V1__RolloutView *v, const struct control_application *a)
{
	const struct application_rollout *r = a->rollout;
	if (r->rollout.spec.policy != ROLLOUT_CANARY)
		return;
	v->has_step = v->has_steps = true;
	v->step = r->rollout.step + 1;
	v->steps = r->rollout.spec.step_count;
	if (r->promote_at_ms != NEVER_MS)
		v->promotes_at = iso8601_text(a->control->now.wall_ms + r->promote_at_ms -
					      a->control->now.mono_ms);
}

Samoza__V1__RolloutView *view_rollout(const struct control_application *a)
{
	const struct application_rollout *r = a->rollout;
	if (r == NULL)
		return NULL;
	Samoza__V1__RolloutView *v = (Samoza__V1__RolloutView *)schema_message_new(
		&samoza__v1__rollout_view__descriptor);
	v->policy = mem_strdup(rollout_policy_name(r->rollout.spec.policy));
	v->state = mem_strdup(rollout_state_name(r->rollout.state));
	v->revision = r->target->number;
	v->version = mem_strdup(r->target->record->version);
	rollout_progress(a, &v->done, &v->all);
	v->detail = detail_of(a);
	view_steps(v, a);
	v->cause = mem_strdup(r->cause);
	return v;
}

Samoza__V1__LastRolloutView *view_last_rollout(const struct control_application *a)
{
	const struct last_rollout *last = &a->last_rollout;
	if (last->result == NULL)
		return NULL;
	Samoza__V1__LastRolloutView *v = (Samoza__V1__LastRolloutView *)schema_message_new(
		&samoza__v1__last_rollout_view__descriptor);
	v->revision = last->revision;
	v->version = mem_strdup(version_of(a, last->revision));
	v->result = mem_strdup(last->result);
	v->cause = mem_strdup(last->cause);
	v->time = iso8601_text(last->time_ms);
	v->has_back_on_revision = last->back_on != 0;
	v->back_on_revision = last->back_on;
	v->back_on = mem_strdup(version_of(a, last->back_on));
	return v;
}

Samoza__V1__KeptSetView *view_kept_set(const struct control_application *a)
{
	const struct revision *r = a->kept.revision;
	if (r == NULL)
		return NULL;
	Samoza__V1__KeptSetView *v = (Samoza__V1__KeptSetView *)schema_message_new(
		&samoza__v1__kept_set_view__descriptor);
	v->revision = r->number;
	v->version = mem_strdup(r->record->version);
	v->until = iso8601_text(a->kept.until_wall_ms);
	v->copies = kept_set_count(a);
	return v;
}

int control_view_revisions(const struct control *c, const char *id,
			   Samoza__V1__RevisionListView **ret_view, struct error **err)
{
	const struct control_application *a = application_by_id(&c->applications, id);
	if (a == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology %s", id);
	const struct application *of = &a->application;
	Samoza__V1__RevisionListView *v = (Samoza__V1__RevisionListView *)schema_message_new(
		&samoza__v1__revision_list_view__descriptor);
	v->revisions = mem_new_array(Samoza__V1__RevisionView *, of->revisions.count);
	vector_for_each (&of->revisions, r)
		v->revisions[v->n_revisions++] = revision_view(a, *r);
	*ret_view = v;
	return 0;
}

int control_view_revision(const struct control *c, const char *id, uint32_t number,
			  Samoza__V1__RevisionContentView **ret_view, struct error **err)
{
	const struct control_application *a = application_by_id(&c->applications, id);
	if (a == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology %s", id);
	const struct revision *r = application_revision(&a->application, number);
	if (r == NULL)
		return error_set(err, ERR_NOT_FOUND, "%s has no revision %u", a->name, number);
	Samoza__V1__RevisionContentView *v =
		(Samoza__V1__RevisionContentView *)schema_message_new(
			&samoza__v1__revision_content_view__descriptor);
	v->revision = revision_view(a, r);
	v->topology = (Samoza__V1__Topology *)schema_message_copy(&r->record->topology->base);
	if (r->record->rollout != NULL)
		v->rollout =
			(Samoza__V1__Rollout *)schema_message_copy(&r->record->rollout->base);
	*ret_view = v;
	return 0;
}

void view_scaled(const struct control_application *a, Samoza__V1__TopologyView *v)
{
	const Samoza__V1__RevisionRecord *r = wanted_revision(a)->record;
	v->scaled = mem_new_array(Samoza__V1__ScaledView *, r->n_scaled);
	for (size_t k = 0; k < r->n_scaled; k++) {
		Samoza__V1__ScaledView *scaled = (Samoza__V1__ScaledView *)schema_message_new(
			&samoza__v1__scaled_view__descriptor);
		scaled->space = mem_strdup(r->scaled[k]->space);
		scaled->count = r->scaled[k]->count;
		scaled->package = r->scaled[k]->package_count;
		v->scaled[v->n_scaled++] = scaled;
	}
}

char *control_kept_values(const struct control *c, const char *name, struct values *to)
{
	const struct control_application *a = application_by_name(&c->applications, name);
	const Samoza__V1__RevisionRecord *record =
		a != NULL ? wanted_revision(a)->record : NULL;
	if (to != NULL)
		revision_values_keep(record, to);
	return revision_values_text(record);
}

char *control_rollback_record(const struct control *c, const char *id, uint32_t to,
			      uint32_t *ret_number)
{
	const struct revision *r = rollback_target(c, id, to);
	if (r == NULL)
		return NULL;
	*ret_number = r->number;
	return record_id_revision(id, r->number);
}
