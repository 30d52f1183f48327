/*
 * port/kv.h on a disk in memory, answered as sim_store.h is.
 */
#ifndef SAMOZA_ADAPTER_SIM_SIM_KV_H
#define SAMOZA_ADAPTER_SIM_SIM_KV_H

#include "adapter/sim/sim_disk.h"

/* Each may be NULL. */
struct sim_kv_hooks {
	void (*asked)(void *user);	/* a batch was asked for, and waits */
	bool (*load_fails)(void *user); /* whether a load fails */
	void *user;
};

/* `disk` is borrowed; `hooks` may be NULL. */
struct kv *sim_kv_new(struct sim_disk *disk, const struct sim_kv_hooks *hooks);
/* As the functions of sim_store.h. */
size_t sim_kv_waiting(const struct kv *kv);
void sim_kv_answer(struct kv *kv, enum commit_outcome outcome, bool is_written);
void sim_kv_crash(struct kv *kv, size_t written);

#endif
