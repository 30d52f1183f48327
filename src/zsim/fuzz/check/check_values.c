#include "zsim/fuzz/check/check_values.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zsim/fuzz/life/draws.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/world.h"

bool check_values_are_reset(const Samoza__V1__RevisionRecord *record)
{
	return record->what == NULL && record->publisher != NULL &&
	       str_has_prefix(record->publisher, "resets");
}

/* NULL: nobody gave it one. */
static const char *given(const Samoza__V1__RevisionRecord *r, const char *name)
{
	for (size_t k = 0; r != NULL && k < r->n_values; k++)
		if (str_equal(r->values[k]->name, name) && !r->values[k]->is_default)
			return r->values[k]->value;
	return NULL;
}

/* "keeps p0=a p2=b": what it has set; NULL: nothing of that name. The caller frees. */
static char *wished(const char *wish, const char *name)
{
	CLEANUP(freep) char *key = str_printf(" %s=", name);
	const char *at = strstr(wish, key);
	if (at == NULL)
		return NULL;
	at += strlen(key);
	return mem_strndup(at, strcspn(at, " "));
}

static void expect(struct fuzz *f, const Samoza__V1__RevisionRecord *r, const char *name,
		   const char *value, const char *why)
{
	const char *seen = given(r, name);
	if (!str_equal(seen, value))
		world_violate(&f->world, "revision %u of %s has %s %s, and %s %s", r->number,
			      r->topology->metadata->name, name,
			      seen != NULL ? seen : "by default", why,
			      value != NULL ? value : "by default");
}

static void check_submission(struct fuzz *f, const Samoza__V1__RevisionRecord *r,
			     const Samoza__V1__RevisionRecord *former)
{
	bool resets = check_values_are_reset(r);
	bool differs = false;
	for (size_t k = 0; k < r->n_values; k++) {
		const char *name = r->values[k]->name;
		CLEANUP(freep) char *set = wished(r->publisher, name);
		const char *kept = resets ? NULL : given(former, name);
		expect(f, r, name, set != NULL ? set : kept,
		       set != NULL ? "was set to" : "was to keep");
		differs = differs || !str_equal(given(r, name), given(former, name));
	}
	if (differs && former != NULL)
		draws_happened(f, DRAW_VALUES);
}

/* Of the same package with the same values. */
static bool has_values_of(const Samoza__V1__RevisionRecord *r,
			  const Samoza__V1__RevisionRecord *other)
{
	if (!str_equal(r->package_digest, other->package_digest) ||
	    r->n_values != other->n_values)
		return false;
	for (size_t k = 0; k < r->n_values; k++)
		if (!str_equal(given(r, r->values[k]->name), given(other, r->values[k]->name)))
			return false;
	return true;
}

/* [change.rollout.cmd-scale] A scale follows what runs or is being led to, which is one of those before. */
static const Samoza__V1__RevisionRecord *scaled_from(const struct submitted *s,
						     const Samoza__V1__RevisionRecord *record,
						     const Samoza__V1__RevisionRecord *newest)
{
	for (size_t k = s->packages.count; k > 0; k--) {
		const Samoza__V1__RevisionRecord *r = s->packages.items[k - 1];
		if (r != NULL && r->number < record->number && has_values_of(record, r))
			return r;
	}
	return newest;
}

void check_values(struct fuzz *f, const struct submitted *s,
		  const Samoza__V1__RevisionRecord *record,
		  const Samoza__V1__RevisionRecord *former)
{
	uint64_t from = 0;
	if (!draws_have(f, DRAW_VALUES))
		return;
	if (record->what == NULL && record->publisher != NULL) {
		check_submission(f, record, former);
		return;
	}
	if (record->what != NULL && str_has_prefix(record->what, "rollback to ") &&
	    str_to_u64(record->what + strlen("rollback to "), &from) == 0)
		former = from >= 1 && from <= s->packages.count ? s->packages.items[from - 1]
								: NULL;
	if (record->what != NULL && str_has_prefix(record->what, "scale"))
		former = scaled_from(s, record, former);
	for (size_t k = 0; former != NULL && k < former->n_values; k++)
		expect(f, record, former->values[k]->name,
		       given(former, former->values[k]->name),
		       "the revision that it follows has");
}
