/*
 * A disk in memory: what a simulated program finds again after a crash. Records by kind and id,
 * events and lines of the audit in order, values by owner and key. What is in it has been committed.
 */
#ifndef SAMOZA_ADAPTER_SIM_SIM_DISK_H
#define SAMOZA_ADAPTER_SIM_SIM_DISK_H

#include <stddef.h>

#include "base/hash.h"
#include "base/vector.h"
#include "port/kv.h"
#include "proto/record.pb-c.h"

struct sim_record {
	char *key; /* key_of() */
	int kind;
	const char *id; /* within key */
	void *data;
	size_t size;
	UT_hash_handle hh;
};

struct sim_value {
	char *owner;
	void *key, *value;
	size_t key_size, value_size;
};

struct sim_disk;

struct sim_copy {
	char *suffix;
	struct sim_disk *disk;
};

struct sim_disk {
	struct sim_record *records; /* by key; iterated by insertion */
	VECTOR(Samoza__V1__EventRecord *) events;
	VECTOR(Samoza__V1__AuditRecord *) audit;
	VECTOR(struct sim_value) values; /* by owner, then key in byte order */
	VECTOR(struct sim_copy) copies;	 /* by suffix */
	uint64_t last_batch;		 /* number of the last one of a fenced store */
	uint64_t
		removals; /* of records: what was there is there as long as it stays the same */
};

void sim_disk_done(struct sim_disk *disk);

/* NULL data: removes it. Copies. */
void sim_disk_put(struct sim_disk *disk, int kind, const char *id, const void *data,
		  size_t size);
/* NULL when there is none. */
const struct sim_record *sim_disk_get(const struct sim_disk *disk, int kind, const char *id);
#define sim_disk_for_each(disk, r) \
	for (struct sim_record *r = (disk)->records; r != NULL; r = r->hh.next)

/* Copies. */
void sim_disk_add_event(struct sim_disk *disk, const Samoza__V1__EventRecord *event);
void sim_disk_add_audit(struct sim_disk *disk, const Samoza__V1__AuditRecord *line);

/* Makes one change or reading of values, as port/kv.h has it. Copies. */
void sim_disk_apply(struct sim_disk *disk, const struct kv_change *change,
		    struct data_answer *ret_answer);
/* Everything of an owner, in order of keys. */
int sim_disk_each_value(const struct sim_disk *disk, const char *owner, kv_each_fn *each,
			void *user, struct error **err) must_check;

/* Adds what is on `disk`, without copies that it keeps, to `ret_other`, which is empty. */
void sim_disk_copy(const struct sim_disk *disk, struct sim_disk *ret_other);
/* Keeps it as it is now, without copies of its own. Replaces what was kept under that suffix. */
void sim_disk_keep_copy(struct sim_disk *disk, const char *suffix);
/* NULL when there is none; borrowed. */
struct sim_disk *sim_disk_find_copy(const struct sim_disk *disk, const char *suffix);

#endif
