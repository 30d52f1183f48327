#include "core/application/scaled.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/application/revision_values.h"
#include "schema/message.h"

#define COUNT_MAX 100000 /* as the schema says of `count` */

static Samoza__V1__Space *find_space(const Samoza__V1__RevisionRecord *r, const char *name)
{
	for (size_t k = 0; k < r->topology->n_spaces; k++)
		if (str_equal(r->topology->spaces[k]->name, name))
			return r->topology->spaces[k];
	return NULL;
}

static size_t find_entry(const Samoza__V1__RevisionRecord *r, const char *name)
{
	size_t at = 0;
	while (at < r->n_scaled && !str_equal(r->scaled[at]->space, name))
		at++;
	return at;
}

static void drop_entry(Samoza__V1__RevisionRecord *r, size_t at)
{
	schema_message_free(&r->scaled[at]->base);
	for (r->n_scaled--; at < r->n_scaled; at++)
		r->scaled[at] = r->scaled[at + 1];
}

static Samoza__V1__ScaledSpace *add_entry(Samoza__V1__RevisionRecord *r,
					  const Samoza__V1__Space *space)
{
	Samoza__V1__ScaledSpace *entry = (Samoza__V1__ScaledSpace *)schema_message_new(
		&samoza__v1__scaled_space__descriptor);
	entry->space = mem_strdup(space->name);
	entry->package_count = space->count;
	r->scaled = mem_resize(r->scaled, r->n_scaled + 1, sizeof(*r->scaled));
	r->scaled[r->n_scaled++] = entry;
	return entry;
}

/* One that has the count of its package is not scaled. */
static void set_count(Samoza__V1__RevisionRecord *r, Samoza__V1__Space *space, uint32_t count)
{
	size_t at = find_entry(r, space->name);
	Samoza__V1__ScaledSpace *entry = at < r->n_scaled ? r->scaled[at] : add_entry(r, space);
	entry->count = count;
	space->count = count;
	if (entry->package_count == count)
		drop_entry(r, at);
}

static int take_one(Samoza__V1__RevisionRecord *r, const char *text, struct error **err)
{
	const char *equals = strchr(text, '=');
	uint64_t count = 0;
	if (equals == NULL || str_to_u64(equals + 1, &count) < 0 || count < 1 ||
	    count > COUNT_MAX)
		return error_set(err, ERR_INVALID,
				 "'%s' says no count: expected SPACE=N with N from 1 to %d",
				 text, COUNT_MAX);
	CLEANUP(freep) char *name = mem_strndup(text, (size_t)(equals - text));
	Samoza__V1__Space *space = find_space(r, name);
	if (space == NULL)
		return error_set(err, ERR_INVALID,
				 "no space '%s' in %s; `topo status` lists what it has", name,
				 r->topology->metadata->name);
	if (space->has_count && space->count == 0)
		return error_set(
			err, ERR_INVALID,
			"space '%s' has one instance on every zhost that fits (count: "
			"each), so it cannot be scaled; the rules of its placement say "
			"which zhosts fit",
			name);
	if (!space->has_count)
		return error_set(err, ERR_INVALID,
				 "space '%s' has no count, so its one instance has no number; "
				 "write `count: 1` in its package and submit it, then scale it",
				 name);
	set_count(r, space, (uint32_t)count);
	return 0;
}

int scaled_take(Samoza__V1__RevisionRecord *r, const char *counts, struct error **err)
{
	for (const char *at = counts != NULL ? counts : "";;) {
		size_t length = strcspn(at, ",");
		CLEANUP(freep) char *one = mem_strndup(at, length);
		int result = take_one(r, one, err);
		if (result < 0 || at[length] == '\0')
			return result;
		at += length + 1;
	}
}

void scaled_carry(Samoza__V1__RevisionRecord *to, const Samoza__V1__RevisionRecord *from)
{
	for (size_t k = 0; k < from->n_scaled; k++) {
		Samoza__V1__Space *space = find_space(to, from->scaled[k]->space);
		if (space != NULL && space->has_count && space->count != 0)
			set_count(to, space, from->scaled[k]->count);
	}
}

void scaled_reset(Samoza__V1__RevisionRecord *r)
{
	while (r->n_scaled > 0) {
		Samoza__V1__Space *space = find_space(r, r->scaled[0]->space);
		if (space != NULL)
			space->count = r->scaled[0]->package_count;
		drop_entry(r, 0);
	}
}

bool scaled_is_same(const Samoza__V1__RevisionRecord *a, const Samoza__V1__RevisionRecord *b)
{
	bool same = str_equal(a->package_digest, b->package_digest) &&
		    revision_values_are_same(a, b) && a->n_scaled == b->n_scaled;
	for (size_t k = 0; same && k < a->n_scaled; k++) {
		size_t at = find_entry(b, a->scaled[k]->space);
		same = at < b->n_scaled && b->scaled[at]->count == a->scaled[k]->count;
	}
	return same;
}
