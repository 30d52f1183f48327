/* What heartbeats say about room on a zhost: one event for each beginning and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "fixture.h"

static const char in_cluster[] =
	"- {name: web, type: DATA, storage: cluster, resources: {data: 2MiB}}\n";
static const char local[] =
	"- {name: web, type: DATA, storage: local, resources: {data: 2MiB}}\n";

/* One instance on n1; its key. */
static Samoza__V1__InstanceKey set_up(struct fixture *f, const char *space)
{
	fixture_init(f);
	fixture_start(f);
	fixture_hello(f, "n1", 1, NULL, 0);
	fixture_submit(f, "T", "shop", space);
	const Samoza__V1__DesiredInstance *desired = fixture_desired(f, 1, "web");
	assert_non_null(desired);
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	key.topology = (char *)"T";
	key.path = (char *)"web";
	key.epoch = desired->key->epoch;
	fixture_clear_events(f);
	return key;
}

/* The causes of the events since the last call, one per line, with what they are about. */
static void expect(struct fixture *f, const Samoza__V1__Usage *usage, const char *kind,
		   const char *const *causes)
{
	f->usage = usage;
	fixture_heartbeat(f, "n1", 1);
	size_t n = 0;
	vector_for_each (&f->events, e) {
		assert_string_equal((*e)->kind, kind);
		assert_non_null(causes[n]);
		assert_non_null(strstr((*e)->cause, causes[n]));
		n++;
	}
	assert_null(causes[n]);
	fixture_clear_events(f);
}

static const char *const nothing[] = {NULL};

static void a_full_disk_is_told_when_it_begins_and_when_it_ends(void **state)
{
	struct fixture f;
	(void)state;
	(void)set_up(&f, local);
	Samoza__V1__Usage usage = SAMOZA__V1__USAGE__INIT;
	expect(&f, &usage, "zhost", nothing);
	usage.has_disk_full = usage.disk_full = true;
	/* Of the cluster, and of the topology that is there. */
	expect(&f, &usage, "zhost", (const char *const[]){"is full", "is full", NULL});
	expect(&f, &usage, "zhost", nothing);
	usage.disk_full = false;
	expect(&f, &usage, "zhost", (const char *const[]){"has room", "has room", NULL});
	fixture_done(&f);
}

static void local_data_above_its_quota_is_told_once_until_something_is_deleted(void **state)
{
	struct fixture f;
	(void)state;
	Samoza__V1__InstanceKey key = set_up(&f, local), other = key;
	Samoza__V1__InstanceKey *full[] = {&key, &other};
	other.epoch = 99; /* not placed there: nothing is known of it */
	Samoza__V1__Usage usage = SAMOZA__V1__USAGE__INIT, roomy = SAMOZA__V1__USAGE__INIT;
	usage.n_data_full = 2;
	usage.data_full = full;
	expect(&f, &usage, "data", (const char *const[]){"its quota is 2MiB", NULL});
	expect(&f, &usage, "data", nothing);
	expect(&f, &roomy, "data", nothing);
	expect(&f, &usage, "data", (const char *const[]){"its quota is 2MiB", NULL});
	fixture_done(&f);
}

/* zrms knows itself what of it is full. */
static void a_zhost_says_nothing_of_data_in_the_cluster(void **state)
{
	struct fixture f;
	(void)state;
	Samoza__V1__InstanceKey key = set_up(&f, in_cluster);
	Samoza__V1__InstanceKey *full[] = {&key};
	Samoza__V1__Usage usage = SAMOZA__V1__USAGE__INIT;
	usage.n_data_full = 1;
	usage.data_full = full;
	expect(&f, &usage, "data", nothing);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_is_told_when_it_begins_and_when_it_ends),
		cmocka_unit_test(
			local_data_above_its_quota_is_told_once_until_something_is_deleted),
		cmocka_unit_test(a_zhost_says_nothing_of_data_in_the_cluster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
