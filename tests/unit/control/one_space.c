#include "one_space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void set_up(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
	fixture_hello(f, "n1", 1, NULL, 0);
}

void check_state(const struct fixture *f, const char *id, const char *expected)
{
	CLEANUP(freep) char *seen = fixture_topology_state(f, id);
	assert_string_equal(seen, expected);
}

void check_space(const struct fixture *f, const char *id, const char *path,
		 const char *expected)
{
	CLEANUP(freep) char *seen = fixture_space(f, id, path);
	assert_string_equal(seen, expected);
}

void report(struct fixture *f, uint64_t link_id, const char *id, const char *path,
	    uint64_t epoch, Samoza__V1__Phase phase)
{
	fixture_report(f, link_id, &(struct reported){id, path, epoch, phase, NULL});
}

uint64_t start_one(struct fixture *f, const char *id, const char *name, const char *spaces)
{
	fixture_submit(f, id, name, spaces);
	const Samoza__V1__DesiredInstance *d = fixture_desired(f, 1, "web");
	assert_non_null(d);
	uint64_t epoch = d->key->epoch;
	report(f, 1, id, "web", epoch, DEPLOYED);
	report(f, 1, id, "web", epoch, STARTED);
	return epoch;
}
