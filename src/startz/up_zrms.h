/*
 * zrms of a cluster: where it listens, started where it does not run.
 */
#ifndef SAMOZA_STARTZ_UP_ZRMS_H
#define SAMOZA_STARTZ_UP_ZRMS_H

#include "startz/cluster.h"

/* Where it listens unless something else was said, now or in a run before. */
#define DEFAULT_API "127.0.0.1:7331"

/* The refusal of an address at which another program listens: ERR_CONFLICT. */
int address_taken(const char *address, struct error **err);
/* Starts it, and waits until it answers. *ret_url: where it does. The caller frees. */
int up_zrms(struct state *s, const struct up_settings *settings, int64_t deadline_mono_ms,
	    char **ret_url, struct error **err) must_check;

#endif
