/* The collection, for resident.c and residents.c. */
#ifndef SAMOZA_ZHOST_SPACE_RESIDENTS_PRIVATE_H
#define SAMOZA_ZHOST_SPACE_RESIDENTS_PRIVATE_H

#include "zhost/space/commands.h"
#include "zhost/space/resident.h"

struct residents {
	struct residents_parts parts;
	const struct residents_listener *listener;
	void *user;
	const struct commands_listener *commands; /* NULL: none */
	void *commands_user;
	struct resident *by_id;
	struct start_queue *starts;
	bool is_starting; /* in start_next() of resident.c */
	bool is_closing;
	struct residents_counters counters; /* of events only */
};

#endif
