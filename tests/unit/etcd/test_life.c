/* adapter/etcd/life.h: by what it is seen that etcd was set back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "adapter/etcd/life.h"
#include "base/str.h"
#include "stage.h"

static struct etcd_cluster *cluster;

static const struct etcd_life before = {.cluster = 7, .lead = 20, .restored_ms = 1000};
static const struct etcd_witness nothing;

static bool is_restored(const struct etcd_life *life, const struct etcd_witness *witness,
			struct etcd_life_now now)
{
	return etcd_life_judge(life, witness, &now) != NULL;
}

static void what_goes_on_is_not_restored(void **state)
{
	(void)state;
	const struct etcd_life none = {0};
	const struct etcd_witness seen = {.cluster = 7, .revision = 300, .wall_ms = 2000};
	assert_false(is_restored(&none, &nothing, (struct etcd_life_now){9, -50, -50, 50}));
	assert_false(is_restored(&before, &nothing, (struct etcd_life_now){7, 20, 20, 300}));
	/* What is written between two questions makes the lead uncertain: in favour of what was. */
	assert_false(is_restored(&before, &nothing, (struct etcd_life_now){7, 12, 22, 300}));
	assert_false(is_restored(&before, &seen, (struct etcd_life_now){7, 20, 20, 300}));
}

static void what_is_older_is_restored(void **state)
{
	(void)state;
	const struct etcd_witness seen = {.cluster = 7, .revision = 300, .wall_ms = 2000};
	assert_true(is_restored(&before, &nothing, (struct etcd_life_now){8, 20, 20, 300}));
	assert_true(is_restored(&before, &nothing, (struct etcd_life_now){7, 19, 19, 300}));
	assert_true(is_restored(&before, &seen, (struct etcd_life_now){7, 20, 20, 299}));
}

static void what_was_seen_before_the_last_restore_or_elsewhere_says_nothing(void **state)
{
	(void)state;
	const struct etcd_witness early = {.cluster = 7, .revision = 300, .wall_ms = 1000};
	const struct etcd_witness other = {.cluster = 8, .revision = 300, .wall_ms = 2000};
	assert_false(is_restored(&before, &early, (struct etcd_life_now){7, 20, 20, 299}));
	assert_false(is_restored(&before, &other, (struct etcd_life_now){7, 20, 20, 299}));
}

static void a_witness_keeps_the_newest(void **state)
{
	(void)state;
	CLEANUP(freep) char *path = str_printf("%s/etcd-seen", cluster->directory);
	struct etcd_witness known = {0}, read;
	etcd_witness_read(path, &read);
	assert_int_equal(read.revision, 0);
	etcd_witness_note(path, &known, 7, 300);
	etcd_witness_note(path, &known, 7, 299);
	etcd_witness_read(path, &read);
	assert_int_equal(read.cluster, 7);
	assert_int_equal(read.revision, 300);
	assert_true(read.wall_ms > 0);
	assert_int_equal(truncate(path, 20), 0); /* half of it is none */
	etcd_witness_read(path, &read);
	assert_int_equal(read.revision, 0);
}

/* The lead of a real etcd grows with what is no write, and stays with what is one. */
static void the_lead_of_etcd_never_shrinks(void **state)
{
	(void)state;
	const struct etcd_servers servers = cluster_servers(cluster);
	struct rpc *rpc = NULL;
	struct etcd_life_now first = {0}, second = {0};
	assert_int_equal(rpc_new(&servers, &rpc, NULL), 0);
	assert_int_equal(etcd_life_read(rpc, &first, NULL), 0);
	for (int i = 0; i < 50; i++)
		(void)cluster_put(cluster, "test/there", "2");
	assert_int_equal(etcd_life_read(rpc, &second, NULL), 0);
	rpc_free(rpc);
	assert_int_equal(second.cluster, first.cluster);
	assert_true(second.revision >= first.revision + 50);
	assert_true(second.lead_max >= first.lead_min);
	assert_true(first.lead_min > 0);
}

static int begin(void **state)
{
	(void)state;
	cluster = cluster_new(1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	cluster_free(cluster);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_on_is_not_restored),
		cmocka_unit_test(what_is_older_is_restored),
		cmocka_unit_test(
			what_was_seen_before_the_last_restore_or_elsewhere_says_nothing),
		cmocka_unit_test(a_witness_keeps_the_newest),
		cmocka_unit_test(the_lead_of_etcd_never_shrinks),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
