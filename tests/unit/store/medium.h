/*
 * The media that stores may keep their data on. Every contract suite of a store runs once on each;
 * a new implementation of port/store.h or port/kv.h adds its medium to the table.
 */
#ifndef TEST_STORE_MEDIUM_H
#define TEST_STORE_MEDIUM_H

#include "port/kv.h"
#include "port/store.h"

struct medium {
	const char *name;
	/* An empty one, and its end. */
	void *(*init)(void);
	void (*done)(void *place);
	/* On the data that the last one left there. */
	int (*open_store)(void *place, struct store **ret_store, struct error **err);
	/* On what keep_copy() left under that suffix. NULL: its stores keep no copies. */
	int (*open_copy)(void *place, const char *suffix, struct store **ret_store,
			 struct error **err);
	/* NULL: it has none. */
	int (*open_kv)(void *place, struct kv **ret_kv, struct error **err);
	/* Lets time pass until *is_done; fails the test after ten seconds. */
	void (*until)(void *place, const bool *is_done);
	/* From now on nothing can be written, or everything again. */
	void (*set_full)(void *place, bool is_full);
};

extern const struct medium media[];
extern const size_t medium_count;

#endif
