#include "base/memory.h"
#include "core/control/control.h"
#include "core/control/iso8601.h"
#include "core/control/state.h"
#include "schema/message.h"

static const char *result_of(const struct control_application *a, const struct revision *r)
{
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
	v->what = mem_strdup("submit");
	v->result = mem_strdup(result_of(a, r));
	if (r->completed_ms != 0)
		v->completed = iso8601_text(r->completed_ms);
	v->package_digest = mem_strdup(r->record->package_digest);
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
