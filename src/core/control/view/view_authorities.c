/* The certificate authorities of the cluster, and how far a rotation is. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/authorities.h"
#include "core/control/control.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/state.h"
#include "core/control/zhost/rotation.h"
#include "schema/message.h"

static char *hexadecimal(const ProtobufCBinaryData *bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *text = mem_calloc(1, 2 * bytes->len + 1);
	for (size_t k = 0; k < bytes->len; k++) {
		text[2 * k] = digits[bytes->data[k] >> 4];
		text[2 * k + 1] = digits[bytes->data[k] & 15];
	}
	return text;
}

static void add(Samoza__V1__AuthorityListView *list, const Samoza__V1__AuthorityRecord *r,
		const char *state)
{
	Samoza__V1__AuthorityView *v = (Samoza__V1__AuthorityView *)schema_message_new(
		&samoza__v1__authority_view__descriptor);
	v->number = r->number;
	v->name = str_printf("Samoza CA %u", r->number);
	v->fingerprint = hexadecimal(&r->pin);
	v->state = mem_strdup(state);
	v->since = iso8601_text(r->since_ms);
	if (r->has_until_ms)
		v->until = iso8601_text(r->until_ms);
	list->authorities = mem_resize(list->authorities, list->n_authorities + 1,
				       sizeof(*list->authorities));
	list->authorities[list->n_authorities++] = v;
}

static void add_missing(Samoza__V1__AuthorityListView *list, const struct control *c)
{
	struct identity **all = identities_sorted(&c->identities);
	list->missing = mem_new_array(char *, HASH_COUNT(c->identities.by_name) + 1);
	for (struct identity **i = all; *i != NULL; i++)
		if (rotation_misses(c, *i))
			list->missing[list->n_missing++] = mem_strdup((*i)->record->name);
	free(all);
}

static void add_text(Samoza__V1__AuthorityListView *list, const char *text)
{
	list->store_missing = mem_resize(list->store_missing, list->n_store_missing + 1,
					 sizeof(*list->store_missing));
	list->store_missing[list->n_store_missing++] = mem_strdup(text);
}

Samoza__V1__AuthorityListView *
control_view_authorities(const struct control *c, const Samoza__V1__AuthorityRecord *first)
{
	static const char *const phases[] = {
		[AUTHORITY_STABLE] = "none",
		[AUTHORITY_ADDING] = "adding",
		[AUTHORITY_REISSUING] = "reissuing",
	};
	static const char *const waits[] = {
		[AUTHORITY_FOR_ALL] = "all",
		[AUTHORITY_FOR_CONNECTED] = "connected",
		[AUTHORITY_FOR_NOBODY] = "nobody",
	};
	Samoza__V1__AuthorityListView *list =
		(Samoza__V1__AuthorityListView *)schema_message_new(
			&samoza__v1__authority_list_view__descriptor);
	const Samoza__V1__AuthoritiesRecord *a = c->authorities;
	for (size_t k = 0; a != NULL && k < a->n_store_missing; k++)
		add_text(list, a->store_missing[k]);
	schema_set_string(&list->rotation, NULL, phases[a != NULL ? a->phase : 0]);
	schema_set_string(&list->waits_for, NULL, waits[a != NULL ? a->waits : 0]);
	if (a == NULL) {
		if (first != NULL)
			add(list, first, "signs");
		return list;
	}
	for (size_t k = 0; k < a->n_former; k++)
		if (a->former[k]->until_ms > c->now.wall_ms)
			add(list, a->former[k], "former");
	for (size_t k = 0; k < a->n_believed; k++)
		add(list, a->believed[k],
		    a->believed[k]->number == a->signer ? "signs" : "believed");
	add_missing(list, c);
	return list;
}

const Samoza__V1__AuthoritiesRecord *control_authorities(const struct control *c)
{
	return c->authorities;
}
