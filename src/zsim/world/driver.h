/*
 * A driver that makes machines, outside of zrms: what it keeps outlives each life of zrms. Its processes do
 * not: of a call that is under way nobody knows how far it came.
 *
 * It is called "sim". Each call does one of these things (enum driver_fault).
 */
#ifndef SAMOZA_ZSIM_WORLD_DRIVER_H
#define SAMOZA_ZSIM_WORLD_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/control/control.h"

struct sim_event;
struct sim_machine;
struct world;

enum driver_fault {
	DRIVER_OBEYS,
	DRIVER_FAILS,	    /* and has done nothing */
	DRIVER_DIES,	    /* after it has done it */
	DRIVER_LIES,	    /* says that it is done, and has done nothing */
	DRIVER_HANGS,	    /* until zrms ends it; has done nothing */
	DRIVER_HANGS_AFTER, /* it has done it */
	DRIVER_IS_SLOW,	    /* says that it is at work, and does it later */
	DRIVER_FAULTS,
};

/* What it keeps. */
struct driven_machine {
	char *key, *name;
	struct sim_machine *machine; /* borrowed */
};

/* The next calls of that operation do so. */
struct planned_driver_fault {
	enum driver_operation operation;
	enum driver_fault fault;
	uint32_t times;
};

/* Ends with NULL. */
extern const char *const sim_drivers[];

void driver_call_begins(struct world *w, const struct driver_call *call);
/* False: nobody waits for it. The input is borrowed until the next one. */
bool driver_call_ends(struct world *w, const struct sim_event *h,
		      struct control_input *ret_input);
/* What it said that it would do later. */
void driver_works(struct world *w, const struct sim_event *h);
/* zrms dies, and the processes of drivers with it. */
void drivers_end_with_zrms(struct world *w);
void driver_plan_fault(struct world *w, enum driver_operation operation,
		       enum driver_fault fault, uint32_t times);
/* NULL: it keeps none with that key. */
struct driven_machine *driver_machine(const struct world *w, const char *key);
/* One that no zrms knows, as an earlier one may have left it. */
void driver_keep_stranger(struct world *w, const char *key);
void drivers_done(struct world *w);

/* A token of which nobody has used the id before: for inputs of machines. Borrowed until the next one. */
const Samoza__V1__JoinTokenRecord *driver_token(struct world *w);

#endif
