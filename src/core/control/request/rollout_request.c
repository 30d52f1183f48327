#include "core/control/request/rollout_request.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/application/scaled.h"
#include "core/control/application/applications.h"
#include "core/control/request/access_check.h"
#include "core/control/rollout/rollouts.h"
#include "core/control/state/input.h"
#include "core/control/state/signers.h"
#include "core/control/state/state.h"
#include "model/compile.h"
#include "schema/message.h"

static struct control_application *find(const struct control *c, const char *id,
					struct error **err)
{
	struct control_application *a = application_by_id(&c->applications, id);
	if (a == NULL)
		(void)error_set(err, ERR_NOT_FOUND, "no topology %s", id);
	return a;
}

void rollout_request(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	struct control_application *a = find(c, input->rollout.id, &err);
	int r = a != NULL ? rollout_do(c, a, (enum rollout_command)input->rollout.command, &err)
			  : ERR_NOT_FOUND;
	INVARIANT((r < 0) == (err != NULL));
	emit_reply(&c->emitter, input->request, err, input->rollout.id, NULL, NULL);
}

/* ---- rollback ---- */

/* What runs, or what it is being led to. */
static const struct revision *current_revision(const struct control_application *a)
{
	return a->rollout != NULL ? a->rollout->target : a->application.served;
}

static int find_revision(const struct control_application *a, uint32_t number,
			 const struct revision **ret_revision, struct error **err)
{
	const struct revision *current = current_revision(a);
	const struct revision *found = number != 0
					       ? application_revision(&a->application, number)
					       : application_before(a, current);
	if (found == NULL && number != 0)
		return error_set(
			err, ERR_NOT_FOUND,
			"revision %u of %s is not kept; `topo history` lists those that "
			"are",
			number, a->name);
	if (found == NULL)
		return error_set(err, ERR_CONFLICT,
				 "no other revision of %s has completed before %u, so there is "
				 "none to go back to",
				 a->name, current->number);
	if (scaled_is_same(found->record, current->record))
		return error_set(err, ERR_CONFLICT,
				 "revision %u of %s has the content of the current one, %u; "
				 "`topo history` lists the others",
				 found->number, a->name, current->number);
	*ret_revision = found;
	return 0;
}

const struct revision *rollback_target(const struct control *c, const char *id, uint32_t to)
{
	CLEANUP(error_freep) struct error *why = NULL;
	const struct revision *found = NULL;
	const struct control_application *a = find(c, id, &why);
	return a != NULL && find_revision(a, to, &found, &why) == 0 ? found : NULL;
}

static int check_running(const struct control_application *a, struct error **err)
{
	if (a->state != TOPOLOGY_STOPPED && a->ever_started)
		return 0;
	return error_set(err, ERR_CONFLICT,
			 "%s is stopped, so there is nothing to roll back; submit the version "
			 "that is wanted",
			 a->name);
}

/* Asked as a submission of the package is: nobody may get in by a way back what is not accepted any longer. What goes
 * back by itself, or by `topo abort`, is not asked: it was not left. */
static int check_signer(const struct control *c, const struct control_application *a,
			const struct revision *to, struct error **err)
{
	bool removed = signer_is_removed(c, to);
	if (!removed && signer_signs(c, to, a->name))
		return 0;
	const char *signer = signer_name(c, to);
	bool aborts = a->rollout != NULL && a->rollout->base == to;
	return error_set(
		err, ERR_DENIED,
		"revision %u of %s is signed by %s, a key that is no longer trusted%s: "
		"trust the key again with `trust add`, or submit a version that is "
		"signed by a trusted key%s",
		to->number, a->name, signer != NULL ? signer : "one that has no name",
		removed ? "" : " for that name",
		aborts ? "; what has not changed yet stays, and `topo abort` takes "
			 "the rest back to it"
		       : "");
}

/* The content of an earlier revision, as a new one. */
static Samoza__V1__RevisionRecord *record_of(const struct control *c,
					     const struct revision *revision)
{
	Samoza__V1__RevisionRecord *record =
		(Samoza__V1__RevisionRecord *)schema_message_copy(&revision->record->base);
	CLEANUP(freep) char *what = str_printf("rollback to %u", revision->number);
	schema_set_string(&record->by, NULL, c->actor);
	schema_set_string(&record->what, NULL, what);
	record->created_ms = c->now.wall_ms;
	return record;
}

static int roll_back(struct control *c, struct control_application *a, uint32_t number,
		     const struct principal *who, struct error **err)
{
	const struct revision *to = NULL;
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	struct rollout_spec spec;
	int r = check_running(a, err);
	if (r >= 0)
		r = find_revision(a, number, &to, err);
	if (r >= 0)
		r = check_signer(c, a, to, err);
	if (r >= 0)
		r = rollout_spec_read(to->record->rollout, &spec, err);
	if (r >= 0)
		r = topology_compile(to->record->topology, NULL, NULL, NULL, &topology, err);
	if (r >= 0)
		r = access_check_grants(who, topology, a->name, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *clash = application_name_clash(a, topology);
	if (clash != NULL)
		return error_set(err, ERR_CONFLICT,
				 "two instances of revision %u of %s would have the data of %s",
				 to->number, a->name, clash);
	/* At once, and it waits where it fails: there is nothing better to go back to. */
	spec.policy = ROLLOUT_REPLACE;
	spec.pauses = true;
	rollout_to(c, a, application_accept(c, a, record_of(c, to), topology), &spec,
		   &(const struct rollout_wish){.at_once = true, .by = c->actor});
	return 0;
}

void rollback_request(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	struct control_application *a = find(c, input->rollback.id, &err);
	if (a != NULL)
		(void)roll_back(c, a, input->rollback.to, input->principal, &err);
	emit_reply(&c->emitter, input->request, err, input->rollback.id, NULL, NULL);
}
