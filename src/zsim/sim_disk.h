/*
 * A disk: what a machine, or the store of zrms, finds again after a crash. Records by kind and id,
 * and for zrms the events in order. What is in it has been committed.
 */
#ifndef SAMOZA_ZSIM_SIM_DISK_H
#define SAMOZA_ZSIM_SIM_DISK_H

#include <stddef.h>

#include "base/hash.h"
#include "base/vector.h"
#include "proto/record.pb-c.h"

struct sim_record {
	char *key; /* "KIND ID" */
	int kind;
	const char *id; /* within key */
	void *data;
	size_t size;
	UT_hash_handle hh;
};

struct sim_disk {
	struct sim_record *records; /* by key; iterated by insertion */
	VECTOR(Samoza__V1__EventRecord *) events;
};

void sim_disk_done(struct sim_disk *disk);
/* NULL data: removes it. Copies. */
void sim_disk_put(struct sim_disk *disk, int kind, const char *id, const void *data,
		  size_t size);
/* NULL when there is none. */
const struct sim_record *sim_disk_get(const struct sim_disk *disk, int kind, const char *id);
/* Copies. */
void sim_disk_add_event(struct sim_disk *disk, const Samoza__V1__EventRecord *event);

#define sim_disk_for_each(disk, r) \
	for (struct sim_record *r = (disk)->records; r != NULL; r = r->hh.next)

#endif
