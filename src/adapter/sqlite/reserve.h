/*
 * A file beside a database that holds some room on the disk, for the moment when there is no other:
 *
 *     kept ──the disk is full: reserve_give()──► given ──there is room again: reserve_restore()──► kept
 *
 * With what it frees, a store on a full disk can still record what takes nothing more: stops,
 * removals, the ends of processes. What grows is refused while it is given.
 */
#ifndef SAMOZA_ADAPTER_SQLITE_RESERVE_H
#define SAMOZA_ADAPTER_SQLITE_RESERVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RESERVE_BYTES (4 * 1024 * 1024)

struct reserve {
	char *path;
	atomic_bool is_given;
};

/* FILE-reserve. Before the database is opened: where almost nothing is free, it is given at once. */
void reserve_init(struct reserve *r, const char *database);
void reserve_done(struct reserve *r);
void reserve_give(struct reserve *r);
/* Bytes that are free on its disk; where that is not known, any. */
uint64_t reserve_room(const struct reserve *r);
/* Makes it again where there is room for twice of it. */
void reserve_restore(struct reserve *r);
/* It is given, and there is no room for it. Any thread. */
bool reserve_is_missed(const struct reserve *r);

#endif
