#include "adapter/sqlite/commits.h"

#include <poll.h>
#include <time.h>

#include "base/check.h"

enum {
	RETRY_FOR_MS = 30000,
	PAUSE_MS = 100,
	CHECKPOINT_PAGES = 1000,       /* when idle: 4 MiB of log */
	CHECKPOINT_PAGES_BUSY = 16384, /* also under load: 64 MiB */
	CHECKPOINT_PAGES_SMALL = 512,  /* where little is free: half of the reserve */
	ROOM_SMALL = 256 * 1024 * 1024,
};

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Once, and on a full disk once more, with the room of the reserve, but without what grows. */
static int commit_try(struct commits *c, struct worker_job *jobs)
{
	error_free(steal_ptr(&c->broken));
	reserve_restore(&c->reserve);
	c->data.is_tight = reserve_is_missed(&c->reserve);
	int r = c->ops->commit(c->owner, jobs, &c->broken);
	if (r == 0 || !c->db.is_full)
		return r;
	reserve_give(&c->reserve);
	database_checkpoint(&c->db); /* the log can be used from its beginning again */
	error_free(steal_ptr(&c->broken));
	c->ops->reset(jobs);
	c->data.is_tight = true;
	return c->ops->commit(c->owner, jobs, &c->broken);
}

/* False: it was tried long enough, or trying is of no use. */
static bool retry_wait(struct commits *c, int64_t *until_ms)
{
	if (c->db.is_damaged || c->retry_ms == 0)
		return false;
	if (*until_ms == 0)
		*until_ms = now_ms() + c->retry_ms;
	if (now_ms() >= *until_ms)
		return false;
	if (!atomic_exchange(&c->is_failing, true))
		worker_wake_loop(c->worker);
	(void)poll(NULL, 0, PAUSE_MS);
	return true;
}

static void commit_anyhow(struct commits *c, struct worker_job **jobs)
{
	int64_t until_ms = 0; /* 0: it has not failed yet */
	while (commit_try(c, *jobs) < 0) {
		if (!retry_wait(c, &until_ms))
			return;
		c->ops->reset(*jobs);
		if (c->ops->meanwhile != NULL)
			c->ops->meanwhile(c->owner, jobs);
	}
	atomic_store(&c->is_failing, false);
}

void commits_run(struct commits *c, struct worker_job **jobs)
{
	/* A hole in the order of commits would be worse than none of them. */
	if (c->broken == NULL)
		commit_anyhow(c, jobs);
	/* What is in the log must still fit into the file. */
	int most = reserve_room(&c->reserve) < ROOM_SMALL ? CHECKPOINT_PAGES_SMALL
							  : CHECKPOINT_PAGES_BUSY;
	if (c->broken == NULL && c->db.wal_pages > most)
		database_checkpoint(&c->db);
}

void commits_idle(struct commits *c)
{
	if (c->broken == NULL && c->db.wal_pages > CHECKPOINT_PAGES)
		database_checkpoint(&c->db);
	if (c->broken == NULL)
		database_give_back(&c->db);
	reserve_restore(&c->reserve);
}

int commits_open(struct commits *c, const struct commits_ops *ops, void *owner,
		 const char *path, const struct database_schema *schema, struct error **err)
{
	c->ops = ops;
	c->owner = owner;
	c->retry_ms = RETRY_FOR_MS;
	reserve_init(&c->reserve, path);
	int r = database_open(&c->db, path, schema, err);
	if (r < 0)
		reserve_done(&c->reserve);
	return r;
}

void commits_done(struct commits *c)
{
	reserve_done(&c->reserve);
	data_table_done(&c->data);
	database_close(&c->db);
	error_free(c->broken);
}
