/*
 * The store of zrms in a simulation: port/store.h on a disk in memory. What is asked waits until
 * the world answers it, so that the world decides when a commit is durable, whether it fails, and
 * what of it is on disk when zrms dies.
 */
#ifndef SAMOZA_ZSIM_SIM_STORE_H
#define SAMOZA_ZSIM_SIM_STORE_H

#include "port/store.h"
#include "zsim/sim_disk.h"

/* May be NULL. */
struct sim_store_hooks {
	/* Something was asked, and waits. */
	void (*asked)(void *user);
	/* A batch is on disk; nobody has been told yet. */
	void (*written)(void *user, const struct outbox *outbox);
	void *user;
};

/* `disk` and `hooks` are borrowed. */
struct store *sim_store_new(struct sim_disk *disk, const struct sim_store_hooks *hooks);
/* What was asked and is not answered. */
size_t sim_store_waiting(const struct store *store);
/* Answers the oldest one that waits. `is_written`: a batch that fails may be on disk all the same;
 * a durable one always is. PRE: one waits. */
void sim_store_answer(struct store *store, enum commit_outcome outcome, bool is_written);
/* zrms dies: of the batches that wait, the `written` oldest are on disk, and none is answered.
 * Frees the store. */
void sim_store_crash(struct store *store, size_t written);

#endif
