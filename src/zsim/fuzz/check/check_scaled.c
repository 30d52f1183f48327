#include "zsim/fuzz/check/check_scaled.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zsim/fuzz/check/check_values.h"
#include "zsim/fuzz/check/kept_from.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/world.h"

/* With a written count; NULL: it has none by that name. */
static const Samoza__V1__Space *counted(const Samoza__V1__RevisionRecord *r, const char *name)
{
	for (size_t k = 0; k < r->topology->n_spaces; k++)
		if (str_equal(r->topology->spaces[k]->name, name) &&
		    r->topology->spaces[k]->has_count && r->topology->spaces[k]->count > 0)
			return r->topology->spaces[k];
	return NULL;
}

/* The caller frees. */
static char *not_scaled(const Samoza__V1__RevisionRecord *r, const Samoza__V1__Space *space,
			uint32_t count)
{
	return str_printf("revision %u of %s has %u of %s, which was scaled to %" PRIu32,
			  r->number, r->topology->metadata->name, space->count, space->name,
			  count);
}

/* "scale api=3": the search asks for one space at a time. */
static bool is_scaled_now(const Samoza__V1__RevisionRecord *r, const char *name)
{
	static const char prefix[] = "scale ";
	size_t length = strlen(name);
	return r->what != NULL && str_has_prefix(r->what, prefix) &&
	       strncmp(r->what + sizeof(prefix) - 1, name, length) == 0 &&
	       r->what[sizeof(prefix) - 1 + length] == '=';
}

static void check_asked(struct fuzz *f, const Samoza__V1__RevisionRecord *r)
{
	for (size_t k = 0; k < r->topology->n_spaces; k++) {
		const Samoza__V1__Space *space = counted(r, r->topology->spaces[k]->name);
		uint64_t count = 0;
		if (space == NULL || !is_scaled_now(r, space->name) ||
		    str_to_u64(strchr(r->what, '=') + 1, &count) < 0 || space->count == count)
			continue;
		CLEANUP(freep) char *wrong = not_scaled(r, space, (uint32_t)count);
		world_violate(&f->world, "%s", wrong);
	}
}

/* What is not kept of `former`, or is there without having been given; NULL: all is right. The caller frees. */
static char *differs(const Samoza__V1__RevisionRecord *r,
		     const Samoza__V1__RevisionRecord *former)
{
	for (size_t k = 0; k < former->n_scaled; k++) {
		const Samoza__V1__ScaledSpace *kept = former->scaled[k];
		const Samoza__V1__Space *space = counted(r, kept->space);
		if (space != NULL && !is_scaled_now(r, kept->space) &&
		    space->count != kept->count)
			return not_scaled(r, space, kept->count);
	}
	for (size_t k = 0; k < r->n_scaled; k++) {
		const char *name = r->scaled[k]->space;
		size_t at = 0;
		while (at < former->n_scaled && !str_equal(former->scaled[at]->space, name))
			at++;
		if (at == former->n_scaled && !is_scaled_now(r, name))
			return str_printf("revision %u of %s has %u of %s, a count that "
					  "revision %u has not",
					  r->number, r->topology->metadata->name,
					  r->scaled[k]->count, name, former->number);
	}
	return NULL;
}

void check_scaled(struct fuzz *f, const Samoza__V1__RevisionRecord *record,
		  const struct kept_from *from)
{
	check_asked(f, record);
	bool goes_back = record->what != NULL && !str_has_prefix(record->what, "scale ");
	CLEANUP(freep) char *wrong = NULL;
	if (goes_back || check_values_are_reset(record))
		return;
	for (size_t k = 0; k < from->count; k++) {
		char *one = differs(record, from->records[k]);
		if (one == NULL)
			return;
		free(wrong);
		wrong = one;
	}
	if (wrong != NULL)
		world_violate(&f->world, "%s", wrong);
}
