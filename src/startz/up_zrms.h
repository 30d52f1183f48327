/*
 * zrms of a cluster, one or several: where it listens, started where it does not run.
 */
#ifndef SAMOZA_STARTZ_UP_ZRMS_H
#define SAMOZA_STARTZ_UP_ZRMS_H

#include "startz/cluster.h"

/* Where it listens unless something else was said, now or in a run before. */
#define DEFAULT_API "127.0.0.1:7331"

/* The refusal of an address at which another program listens: ERR_CONFLICT. */
int address_taken(const char *address, struct error **err);
/* What cannot be: several on SQLite, another store than before, an etcd that is not installed. */
int up_zrms_check(const struct state *s, const struct up_settings *settings,
		  struct error **err) must_check;
/* How many there will be. */
uint32_t up_zrms_count(const struct state *s, const struct up_settings *settings);
/* Starts it, the further ones, and the etcd in which they keep their state, and waits until they answer. *ret_url: where the first one
 * does; *ret_all: of several, where zhosts reach one of them, else as it was. The caller frees. */
int up_zrms(struct state *s, const struct up_settings *settings, int64_t deadline_mono_ms,
	    char **ret_url, char **ret_all, struct error **err) must_check;

#endif
