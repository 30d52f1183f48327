/*
 * The table of what a change of each field does, as schema-tool generates it from the option
 * `change` (change_table.c in the build directory). Private to src/model, and read by its tests.
 */
#ifndef SAMOZA_MODEL_CHANGE_TABLE_H
#define SAMOZA_MODEL_CHANGE_TABLE_H

#include <stddef.h>

/* The numbers of proto/options.proto. */
enum change {
	CHANGE_NONE = 0, /* of a field of a message type: look at the fields below */
	CHANGE_REPLACE = 1,
	CHANGE_ADJUST = 2,
	CHANGE_PLACE = 3,
	CHANGE_RELOAD = 4,
	CHANGE_COUNT = 5,
	CHANGE_KEY = 6,
};

struct change_table;

struct change_field {
	enum change change;
	const struct change_table *below; /* NULL: a scalar or a map */
};

struct change_table {
	const char *type; /* full name of the message */
	unsigned field_count;
	const struct change_field *fields; /* in the order of the descriptor */
};

extern const struct change_table *const change_of_topology;

#endif
