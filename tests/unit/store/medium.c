#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include "../etcd/cluster.h"
#include "../sqlite/directory.h"
#include "adapter/etcd/store.h"
#include "adapter/sim/sim_kv.h"
#include "adapter/sim/sim_store.h"
#include "adapter/sqlite/kv.h"
#include "adapter/sqlite/store.h"
#include "base/str.h"
#include "medium.h"

/* ---- SQLite ---- */

struct sqlite_place {
	struct loop loop;
	char *directory, *path;
};

static void *sqlite_init(void)
{
	struct sqlite_place *p = mem_new(struct sqlite_place);
	assert_int_equal(loop_init(&p->loop, NULL), 0);
	p->directory = directory_new();
	p->path = directory_file(p->directory, "store.db");
	return p;
}

static void sqlite_done(void *place)
{
	struct sqlite_place *p = place;
	loop_done(&p->loop);
	directory_delete(p->directory);
	free(p->directory);
	free(p->path);
	free(p);
}

static int sqlite_open_store(void *place, struct store **ret_store, struct error **err)
{
	struct sqlite_place *p = place;
	int r = sqlite_store_open(&p->loop, p->path, ret_store, err);
	if (r == 0)
		sqlite_store_retry_for(*ret_store, 0);
	return r;
}

static int sqlite_open_copy(void *place, const char *suffix, struct store **ret_store,
			    struct error **err)
{
	struct sqlite_place *p = place;
	CLEANUP(freep) char *path = str_printf("%s%s", p->path, suffix);
	return sqlite_store_open(&p->loop, path, ret_store, err);
}

static int sqlite_open_kv(void *place, struct kv **ret_kv, struct error **err)
{
	struct sqlite_place *p = place;
	int r = sqlite_kv_open(&p->loop, p->path, ret_kv, err);
	if (r == 0)
		sqlite_kv_retry_for(*ret_kv, 0);
	return r;
}

static void sqlite_until(void *place, const bool *is_done)
{
	struct sqlite_place *p = place;
	loop_until(&p->loop, is_done);
}

/* No file of this process may grow. */
static void sqlite_set_full(void *place, bool is_full)
{
	(void)place;
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = is_full ? 0 : limit.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* ---- simulated ---- */

struct sim_place {
	struct sim_disk disk;
	struct store *store;
	struct kv *kv;
	bool is_full;
};

static void *sim_init(void)
{
	return mem_new(struct sim_place);
}

static void sim_done(void *place)
{
	struct sim_place *p = place;
	sim_disk_done(&p->disk);
	free(p);
}

static int sim_open_store(void *place, struct store **ret_store, struct error **err)
{
	struct sim_place *p = place;
	(void)err;
	*ret_store = p->store = sim_store_new(&p->disk, NULL);
	return 0;
}

static int sim_open_copy(void *place, const char *suffix, struct store **ret_store,
			 struct error **err)
{
	struct sim_place *p = place;
	(void)err;
	struct sim_disk *copy = sim_disk_find_copy(&p->disk, suffix);
	assert_non_null(copy);
	*ret_store = p->store = sim_store_new(copy, NULL);
	return 0;
}

static int sim_open_kv(void *place, struct kv **ret_kv, struct error **err)
{
	struct sim_place *p = place;
	(void)err;
	*ret_kv = p->kv = sim_kv_new(&p->disk, NULL);
	return 0;
}

static void sim_until(void *place, const bool *is_done)
{
	struct sim_place *p = place;
	enum commit_outcome outcome = p->is_full ? COMMIT_FAILED : COMMIT_DURABLE;
	while (!*is_done) {
		if (p->store != NULL && sim_store_waiting(p->store) > 0)
			sim_store_answer(p->store, outcome, false);
		else if (p->kv != NULL && sim_kv_waiting(p->kv) > 0)
			sim_kv_answer(p->kv, outcome, false);
		else
			fail_msg("nothing waits, and it is not done");
	}
}

static void sim_set_full(void *place, bool is_full)
{
	struct sim_place *p = place;
	p->is_full = is_full;
}

/* ---- etcd: one server, and three, for all tests of the program ---- */

struct etcd_place {
	struct loop loop;
	struct etcd_cluster *cluster; /* borrowed */
};

static struct etcd_cluster *clusters[CLUSTER_MAX + 1]; /* by the number of servers */

static void clusters_free(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(clusters); i++)
		if (clusters[i] != NULL)
			cluster_free(clusters[i]);
}

static void *etcd_init(unsigned servers)
{
	struct etcd_place *p = mem_new(struct etcd_place);
	if (clusters[1] == NULL && clusters[CLUSTER_MAX] == NULL)
		(void)atexit(clusters_free);
	if (clusters[servers] == NULL)
		clusters[servers] = cluster_new(servers);
	p->cluster = clusters[servers];
	cluster_clear(p->cluster);
	assert_int_equal(loop_init(&p->loop, NULL), 0);
	return p;
}

static void *etcd_init_one(void)
{
	return etcd_init(1);
}

static void *etcd_init_three(void)
{
	return etcd_init(3);
}

static void etcd_done(void *place)
{
	struct etcd_place *p = place;
	loop_done(&p->loop);
	free(p);
}

static int etcd_open_store(void *place, struct store **ret_store, struct error **err)
{
	struct etcd_place *p = place;
	const struct etcd_store_options options = {.servers = cluster_servers(p->cluster)};
	int r = etcd_store_open(&p->loop, &options, ret_store, err);
	if (r == 0)
		etcd_store_retry_for(*ret_store, 0);
	return r;
}

static void etcd_until(void *place, const bool *is_done)
{
	struct etcd_place *p = place;
	loop_until(&p->loop, is_done);
}

static void etcd_set_full(void *place, bool is_full)
{
	struct etcd_place *p = place;
	cluster_set_full(p->cluster, is_full);
}

const struct medium media[] = {
	{"sqlite", sqlite_init, sqlite_done, sqlite_open_store, sqlite_open_copy,
	 sqlite_open_kv, sqlite_until, sqlite_set_full},
	{"sim", sim_init, sim_done, sim_open_store, sim_open_copy, sim_open_kv, sim_until,
	 sim_set_full},
	{"etcd, one server", etcd_init_one, etcd_done, etcd_open_store, NULL, NULL, etcd_until,
	 etcd_set_full},
	{"etcd, three servers", etcd_init_three, etcd_done, etcd_open_store, NULL, NULL,
	 etcd_until, etcd_set_full},
};
const size_t medium_count = ARRAY_SIZE(media);
