/*
 * [machines.drivers] Machines that a driver makes, and that does not always do what it says.
 *
 * - a driver is asked for nothing that is not on disk: the machine with its key, the token with which it joins
 * - of one machine it is asked one thing at a time
 * - a zhost has one key until its record is gone, and no key comes back: no machine is made twice
 * - no record is gone while the driver keeps the machine, unless the driver lied, or somebody asked for it; then
 *   a list says so: no machine is forgotten
 * - none is being created or destroyed for ever
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_MACHINES_H
#define SAMOZA_ZSIM_FUZZ_CHECK_MACHINES_H

#include <stdbool.h>

#include "base/vector.h"
#include "core/outbox.h"
#include "zsim/world/driver.h"

struct control_input;
struct fuzz;

/* Those that are made, in a life: few, so that they come again. */
#define MACHINE_NAMES 3
extern const char *const machine_names[MACHINE_NAMES];

struct made_seen {
	char *name, *key;
	bool is_gone;	  /* its record was deleted */
	bool may_be_left; /* its driver lied, or it was to be forgotten */
};

struct machines_seen {
	VECTOR(struct made_seen) made;
};

/* NULL: this life draws none. */
struct machines_seen *check_machines_of(struct fuzz *f);
void check_machines_done(struct fuzz *f);
void check_machines_called(void *user, const struct driver_call *call);
void check_machines_committed(struct fuzz *f, const struct outbox *o);
/* What the driver does with that name may leave a machine that the cluster does not know. */
void check_machines_may_be_left(struct fuzz *f, const char *name);
/* Before any request, wherever it is drawn: one that removes a zhost may leave its machine, too. */
void check_machines_asked(struct fuzz *f, const struct control_input *input);
/* At the end, when no call is under way. */
void check_machines_end(struct fuzz *f);

#endif
