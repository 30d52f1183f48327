#include "core/control/request/scale_request.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/application/scaled.h"
#include "core/control/application/applications.h"
#include "core/control/request/signing_key_request.h"
#include "core/control/rollout/rollouts.h"
#include "core/control/state/state.h"
#include "model/compile.h"
#include "schema/message.h"

static Samoza__V1__RevisionRecord *copy_of(const struct control *c,
					   const Samoza__V1__RevisionRecord *from)
{
	Samoza__V1__RevisionRecord *record =
		(Samoza__V1__RevisionRecord *)schema_message_copy(&from->base);
	schema_set_string(&record->by, NULL, c->actor);
	record->created_ms = c->now.wall_ms;
	return record;
}

static int compile(const Samoza__V1__RevisionRecord *record, struct topology **ret_topology,
		   struct error **err)
{
	int r = topology_compile(record->topology, NULL, NULL, NULL, ret_topology, err);
	return r < 0 ? error_wrap(err, "%s with these counts", record->topology->metadata->name)
		     : r;
}

int accepted_new(struct control *c, const struct control_application *a,
		 const struct control_submit *s, struct accepted *ret, struct error **err)
{
	const struct revision *kept = a != NULL ? wanted_revision(a) : NULL;
	struct accepted accepted = {.record = copy_of(c, s->record)};
	signing_key_name_signer(c, accepted.record);
	if (kept != NULL && !s->options.resets)
		scaled_carry(accepted.record, kept->record);
	if (accepted.record->n_scaled == 0)
		accepted.topology = topology_ref(s->topology);
	else if (compile(accepted.record, &accepted.topology, err) < 0) {
		schema_message_free(&accepted.record->base);
		return ERR_INVALID;
	}
	*ret = accepted;
	return 0;
}

/* ---- a request ---- */

static void begin(struct control *c, struct control_application *a,
		  Samoza__V1__RevisionRecord *take_record, struct topology *topology,
		  const struct rollout_spec *spec)
{
	if (a->state == TOPOLOGY_STOPPED || !a->ever_started) {
		a->updated_ms = c->now.wall_ms;
		application_revise(c, a, take_record, topology);
		return;
	}
	rollout_to(c, a, application_accept(c, a, take_record, topology), spec,
		   &(const struct rollout_wish){.by = c->actor});
}

/* Of what runs, or is being led to: neither a version nor counts that failed come back with other counts. */
static int scale(struct control *c, struct control_application *a, const char *counts,
		 struct error **err)
{
	const struct revision *current = wanted_revision(a);
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	CLEANUP(freep) char *what = str_printf("scale %s", counts != NULL ? counts : "");
	struct rollout_spec spec;
	Samoza__V1__RevisionRecord *record = copy_of(c, current->record);
	schema_set_string(&record->what, NULL, what);
	int r = scaled_take(record, counts, err);
	bool same = r >= 0 && scaled_is_same(record, current->record);
	if (r >= 0 && !same)
		r = rollout_spec_read(record->rollout, &spec, err);
	if (r >= 0 && !same)
		r = compile(record, &topology, err);
	if (r >= 0 && !same)
		begin(c, a, record, topology, &spec);
	else
		schema_message_free(&record->base);
	return r;
}

void scale_request(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	const char *id = input->scale.id;
	struct control_application *a = application_by_id(&c->applications, id);
	if (a == NULL)
		(void)error_set(&err, ERR_NOT_FOUND, "no topology %s", id);
	else
		(void)scale(c, a, input->scale.counts, &err);
	emit_reply(&c->emitter, input->request, err, id, NULL, NULL);
}
