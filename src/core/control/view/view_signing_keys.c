#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/signing_keys.h"
#include "core/control/control.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/signers.h"
#include "core/control/state/state.h"
#include "schema/message.h"

static void view_runs(const struct control *c, Samoza__V1__SigningKeyView *v,
		      const uint8_t *key)
{
	size_t count = 0;
	application_for_each (&c->applications, a)
		count += signer_runs(a, key);
	v->runs = mem_new_array(char *, count + 1);
	application_for_each (&c->applications, a)
		if (signer_runs(a, key))
			v->runs[v->n_runs++] = mem_strdup(a->name);
}

static Samoza__V1__SigningKeyView *view_new(const struct control *c, const char *name,
					    const uint8_t *key, const char *state)
{
	Samoza__V1__SigningKeyView *v = (Samoza__V1__SigningKeyView *)schema_message_new(
		&samoza__v1__signing_key_view__descriptor);
	v->name = mem_strdup(name != NULL ? name : "");
	v->key = signing_key_id(key);
	v->state = mem_strdup(state);
	view_runs(c, v, key);
	return v;
}

static Samoza__V1__SigningKeyView *key_view(const struct control *c,
					    const struct signing_key *k)
{
	const Samoza__V1__SigningKeyRecord *r = k->record;
	struct signing_key *recorded = NULL;
	HASH_FIND(hh, c->signing_keys.recorded, k->key, SIGNING_KEY_SIZE, recorded);
	Samoza__V1__SigningKeyView *v =
		view_new(c, r->name, k->key, signing_key_is_trusted(r) ? "trusted" : "removed");
	v->topologies = mem_new_array(char *, r->n_topologies + 1);
	for (; v->n_topologies < r->n_topologies; v->n_topologies++)
		v->topologies[v->n_topologies] = mem_strdup(r->topologies[v->n_topologies]);
	v->limited = r->limited;
	v->file = recorded == NULL;
	if (r->has_added_ms)
		v->added = iso8601_text(r->added_ms);
	v->added_by = mem_strdup(r->added_by);
	if (r->has_removed_ms)
		v->removed = iso8601_text(r->removed_ms);
	v->removed_by = mem_strdup(r->removed_by);
	return v;
}

static void append(Samoza__V1__SigningKeyListView *list, Samoza__V1__SigningKeyView *take)
{
	list->keys = mem_resize(list->keys, list->n_keys + 1, sizeof(*list->keys));
	list->keys[list->n_keys++] = take;
}

static bool is_listed(const Samoza__V1__SigningKeyListView *list, const char *id)
{
	for (size_t k = 0; k < list->n_keys; k++)
		if (str_equal(list->keys[k]->key, id))
			return true;
	return false;
}

/* Of what runs, signed by a key that is not known any more: its file was taken away. */
static void append_gone(const struct control *c, Samoza__V1__SigningKeyListView *list)
{
	application_for_each (&c->applications, a)
		vector_for_each (&a->application.revisions, item) {
			const Samoza__V1__RevisionRecord *r = (*item)->record;
			if (signer_name(c, *item) == NULL || !signer_runs(a, r->signer.data) ||
			    signing_keys_find(&c->signing_keys, r->signer.data) != NULL)
				continue;
			CLEANUP(freep) char *id = signing_key_id(r->signer.data);
			if (!is_listed(list, id))
				append(list,
				       view_new(c, r->signer_name, r->signer.data, "gone"));
		}
}

Samoza__V1__SigningKeyListView *control_view_signing_keys(const struct control *c)
{
	Samoza__V1__SigningKeyListView *list =
		(Samoza__V1__SigningKeyListView *)schema_message_new(
			&samoza__v1__signing_key_list_view__descriptor);
	CLEANUP(freep)
	const struct signing_key **sorted = signing_keys_sorted(&c->signing_keys);
	for (const struct signing_key **k = sorted; *k != NULL; k++)
		append(list, key_view(c, *k));
	append_gone(c, list);
	return list;
}

const struct signing_keys *control_signing_keys(const struct control *c)
{
	return &c->signing_keys;
}
