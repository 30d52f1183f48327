#include "core/control/state/zhost_event.h"

#include <stdlib.h>

#include "base/str.h"
#include "base/vector.h"

static int compare_names(const void *pa, const void *pb)
{
	const struct control_application *a = *(struct control_application *const *)pa;
	const struct control_application *b = *(struct control_application *const *)pb;
	return str_compare(a->name, b->name);
}

void zhost_event(struct control *c, const struct control_zhost *z, const char *from,
		 const char *to, const char *cause)
{
	VECTOR(const struct control_application *) concerned = {0};
	emit_event(&c->emitter, "zhost", z->name, from, to, NULL, cause);
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		vector_push(&concerned, copy->unit->application);
	if (concerned.count > 1)
		qsort(concerned.items, concerned.count, sizeof(*concerned.items),
		      compare_names);
	for (size_t k = 0; k < concerned.count; k++)
		if (k == 0 || concerned.items[k] != concerned.items[k - 1])
			emit_event(&c->emitter, "zhost", z->name, from, to,
				   concerned.items[k]->id, cause);
	vector_done(&concerned);
}

enum instance_state zhost_shown(const struct control *c, const struct control_zhost *z)
{
	const struct made_zhost *m = made_zhost_find(&c->made, z->name);
	if (m != NULL && made_zhost_is_leaving(m) && z->state != ZHOST_NOT_DEPLOYED)
		return STATE_UNDEPLOYING;
	if (m != NULL && made_zhost_is_deploying(m) && z->state == ZHOST_NOT_DEPLOYED)
		return made_zhost_shown(m);
	return zhost_state_public(z->state);
}

void zhost_event_within(struct control *c, const struct control_zhost *z, const char *cause)
{
	const char *state = state_name(zhost_shown(c, z));
	zhost_event(c, z, state, state, cause);
}

bool made_zhost_has_zhost(const struct control *c, const struct made_zhost *made)
{
	const struct control_zhost *z = zhost_find(&c->zhosts, made->record->name);
	return z != NULL && !z->removed;
}
