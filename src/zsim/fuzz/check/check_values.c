#include "zsim/fuzz/check/check_values.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zsim/fuzz/check/kept_from.h"
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

/* NULL: it has that value. The caller frees. */
static char *has_other(const Samoza__V1__RevisionRecord *r, const char *name, const char *value,
		       const char *why)
{
	const char *seen = given(r, name);
	if (str_equal(seen, value))
		return NULL;
	return str_printf("revision %u of %s has %s %s, and %s %s", r->number,
			  r->topology->metadata->name, name, seen != NULL ? seen : "by default",
			  why, value != NULL ? value : "by default");
}

/* What a submission that follows `former` has otherwise; NULL: nothing. The caller frees. */
static char *submission_differs(const Samoza__V1__RevisionRecord *r,
				const Samoza__V1__RevisionRecord *former)
{
	bool resets = check_values_are_reset(r);
	char *wrong = NULL;
	for (size_t k = 0; k < r->n_values && wrong == NULL; k++) {
		const char *name = r->values[k]->name;
		CLEANUP(freep) char *set = wished(r->publisher, name);
		const char *kept = resets ? NULL : given(former, name);
		wrong = has_other(r, name, set != NULL ? set : kept,
				  set != NULL ? "was set to" : "was to keep");
	}
	return wrong;
}

static char *others_differ(const Samoza__V1__RevisionRecord *r,
			   const Samoza__V1__RevisionRecord *former)
{
	char *wrong = NULL;
	for (size_t k = 0; former != NULL && k < former->n_values && wrong == NULL; k++)
		wrong = has_other(r, former->values[k]->name,
				  given(former, former->values[k]->name),
				  "the revision that it follows has");
	return wrong;
}

static bool has_other_values(const Samoza__V1__RevisionRecord *r,
			     const Samoza__V1__RevisionRecord *former)
{
	for (size_t k = 0; k < r->n_values; k++)
		if (!str_equal(given(r, r->values[k]->name), given(former, r->values[k]->name)))
			return true;
	return false;
}

void check_values(struct fuzz *f, const struct submitted *s,
		  const Samoza__V1__RevisionRecord *record, const struct kept_from *from)
{
	bool is_submission = record->what == NULL && record->publisher != NULL;
	struct kept_from followed = *from;
	CLEANUP(freep) char *wrong = NULL;
	uint64_t back = 0;
	if (!draws_have(f, DRAW_VALUES))
		return;
	if (record->what != NULL && str_has_prefix(record->what, "rollback to ") &&
	    str_to_u64(record->what + strlen("rollback to "), &back) == 0)
		followed = (struct kept_from){.records = {back >= 1 && back <= s->packages.count
								  ? s->packages.items[back - 1]
								  : NULL},
					      .count = 1};
	for (size_t k = 0; k < followed.count || k == 0; k++) {
		const Samoza__V1__RevisionRecord *former = followed.records[k];
		char *one = is_submission ? submission_differs(record, former)
					  : others_differ(record, former);
		if (one == NULL) {
			if (is_submission && former != NULL && has_other_values(record, former))
				draws_happened(f, DRAW_VALUES);
			return;
		}
		free(wrong);
		wrong = one;
	}
	world_violate(&f->world, "%s", wrong);
}
