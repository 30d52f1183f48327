/*
 * How long a started instance stays without a provider of what it imports [change.patience.patience]: as long
 * as its import says after the last one has left without having been asked to, or, where its zhost was lost and
 * is back, until that of a provider had a failure timeout to return.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_PATIENCE_H
#define SAMOZA_ZSIM_FUZZ_CHECK_PATIENCE_H

#include "zsim/fuzz/life/fuzz.h"

struct agent_order;
struct family;
struct mirrored;
struct sim_machine;

enum stay {
	STAY_MAY,
	STAY_UNCLEAR, /* clocks were set, or what was asked changed in the same commit */
	STAY_NOT,
};

/* Of a started instance at that wall clock of zrms. `ret_import`: what it lacks; NULL: nothing. */
enum stay stay_of(const struct fuzz *f, const struct family *y, unsigned instance,
		  int64_t at_ms, const char **ret_import);
/* Before the event is taken. */
void check_patience_moved(struct fuzz *f, const struct submitted *s, struct mirrored *m,
			  const Samoza__V1__EventRecord *e);
/* No update takes the last provider while patience for it lasts. */
void check_patience_update(struct fuzz *f, const struct sim_machine *n,
			   const struct agent_order *order);

#endif
