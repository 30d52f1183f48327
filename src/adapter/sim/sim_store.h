/*
 * port/store.h on a disk in memory. A commit waits until the test answers it, which so
 * decides when a commit is durable, whether it fails, and what of it is on disk after a crash.
 */
#ifndef SAMOZA_ADAPTER_SIM_SIM_STORE_H
#define SAMOZA_ADAPTER_SIM_SIM_STORE_H

#include "adapter/sim/sim_disk.h"
#include "port/store.h"

/* Each may be NULL. */
struct sim_store_hooks {
	/* Something was asked, and waits. */
	void (*asked)(void *user);
	/* A batch is on disk; the caller of commit() does not know yet. `answers`: one for each
	 * of its changes of data; borrowed. */
	void (*written)(void *user, const struct outbox *outbox,
			const struct data_answer *answers);
	/* Whether a load fails. */
	bool (*load_fails)(void *user);
	/* The fence of who leads now, for a store of several zrms (sim_store_fence()). */
	uint64_t (*fence)(void *user);
	void *user;
};

/* `disk` is borrowed; `hooks` may be NULL. */
struct store *sim_store_new(struct sim_disk *disk, const struct sim_store_hooks *hooks);
/* What it writes is fenced from now on: only as long as that is the fence of who leads. */
void sim_store_fence(struct store *store, uint64_t mine);
/* The `count` oldest commits that wait happen now, and are answered later. */
void sim_store_carry_out(struct store *store, size_t count);
/* The oldest that waits is a commit, and no reading. */
bool sim_store_next_is_commit(const struct store *store);
/* What was asked and is not answered. */
size_t sim_store_waiting(const struct store *store);
/* Answers the oldest request. `is_written`: a batch that fails may be on disk all the same; a
 * durable one always is. After a first outcome that is not durable, all that follow are like it,
 * and nothing is written. PRE: one waits. */
void sim_store_answer(struct store *store, enum commit_outcome outcome, bool is_written);
/* The oldest commit is answered in no way that says whether it happened; `is_written`: it did. The store asks for the
 * number of the last batch, then sends this one again or not, and answers. PRE: a commit waits. */
void sim_store_settle(struct store *store, bool is_written);
/* Answers what only reads, before the commits that wait, as a store does while one of them fails. */
void sim_store_answer_reads(struct store *store);
/* The program dies: of the batches that wait, the `written` oldest are on disk, and none is
 * answered. Frees the store. */
void sim_store_crash(struct store *store, size_t written);

#endif
