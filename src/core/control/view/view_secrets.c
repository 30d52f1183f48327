/* Secrets as they are shown: everything but what they say. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/access/secrets.h"
#include "core/control/control.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/secret_uses.h"
#include "core/control/state/state.h"
#include "schema/message.h"

static Samoza__V1__SecretView *view_of(const Samoza__V1__SecretRecord *r)
{
	const Samoza__V1__SecretVersion *newest = r->versions[0];
	Samoza__V1__SecretView *v = (Samoza__V1__SecretView *)schema_message_new(
		&samoza__v1__secret_view__descriptor);
	v->name = mem_strdup(r->name);
	v->topologies = mem_strdup(newest->topologies);
	v->version = newest->number;
	v->set = iso8601_text(newest->set_ms);
	v->set_by = mem_strdup(newest->set_by);
	v->key = mem_strdup(newest->key);
	v->versions = mem_new_array(uint64_t, r->n_versions);
	for (; v->n_versions < r->n_versions; v->n_versions++)
		v->versions[v->n_versions] = r->versions[v->n_versions]->number;
	return v;
}

static int compare_name(const void *name, const void *view)
{
	return strcmp(name, (*(Samoza__V1__SecretView *const *)view)->name);
}

/* Room grows by doubling: counts are powers of two exactly when it is full. */
static void add_user(void *user, const char *name, const char *topology, const char *space)
{
	const Samoza__V1__SecretListView *list = user;
	Samoza__V1__SecretView *const *found = bsearch(name, list->secrets, list->n_secrets,
						       sizeof(list->secrets[0]), compare_name);
	if (found == NULL || !access_pattern_matches((*found)->topologies, topology))
		return;
	Samoza__V1__SecretView *v = *found;
	if ((v->n_users & (v->n_users - 1)) == 0)
		v->users = mem_resize(v->users, v->n_users == 0 ? 1 : v->n_users * 2,
				      sizeof(*v->users));
	v->users[v->n_users++] = str_printf("%s/%s", topology, space);
}

static bool is_shown(const struct principal *p, const Samoza__V1__SecretRecord *r)
{
	const char *topologies = r->versions[0]->topologies;
	return p == NULL || access_covers_grant(p, ACCESS_VIEWER, &topologies, 1);
}

Samoza__V1__SecretListView *control_view_secrets(const struct control *c,
						 const struct principal *p, const char *name)
{
	Samoza__V1__SecretListView *list = (Samoza__V1__SecretListView *)schema_message_new(
		&samoza__v1__secret_list_view__descriptor);
	CLEANUP(freep) const struct secret **sorted = secrets_sorted(&c->secrets);
	list->secrets = mem_new_array(Samoza__V1__SecretView *, HASH_COUNT(c->secrets.by_name));
	for (const struct secret **s = sorted; *s != NULL; s++)
		if (is_shown(p, (*s)->record) &&
		    (name == NULL || str_equal((*s)->record->name, name)))
			list->secrets[list->n_secrets++] = view_of((*s)->record);
	if (list->n_secrets > 0)
		secret_each_user(c, add_user, list);
	return list;
}

const struct secrets *control_secrets(const struct control *c)
{
	return &c->secrets;
}
