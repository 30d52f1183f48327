#include "zsim/fuzz/check/check_scaled.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "zsim/fuzz/check/check_values.h"
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

static void expect_count(struct fuzz *f, const Samoza__V1__RevisionRecord *r, const char *name,
			 uint32_t count)
{
	const Samoza__V1__Space *space = counted(r, name);
	if (space != NULL && space->count != count)
		world_violate(&f->world,
			      "revision %u of %s has %u of %s, which was scaled to %" PRIu32,
			      r->number, r->topology->metadata->name, space->count, name,
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
		const char *name = r->topology->spaces[k]->name;
		uint64_t count = 0;
		if (is_scaled_now(r, name) && str_to_u64(strchr(r->what, '=') + 1, &count) == 0)
			expect_count(f, r, name, (uint32_t)count);
	}
}

void check_scaled(struct fuzz *f, const Samoza__V1__RevisionRecord *record,
		  const Samoza__V1__RevisionRecord *former)
{
	check_asked(f, record);
	bool goes_back = (record->what != NULL && !str_has_prefix(record->what, "scale ")) ||
			 check_values_are_reset(record);
	for (size_t k = 0; former != NULL && !goes_back && k < former->n_scaled; k++)
		if (!is_scaled_now(record, former->scaled[k]->space))
			expect_count(f, record, former->scaled[k]->space,
				     former->scaled[k]->count);
}
