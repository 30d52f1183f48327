/*
 * port/move.h for the store of zrms: a table mark(one, place, move, other, wall_ms), made with the first mark. While the content is not
 * here the version of the file is above DATABASE_ASIDE, so that no earlier program starts on it, either.
 */
#ifndef SAMOZA_ADAPTER_SQLITE_MOVING_H
#define SAMOZA_ADAPTER_SQLITE_MOVING_H

#include "adapter/sqlite/database.h"
#include "port/move.h"

/* As it was read; strings are owned. */
struct moving_mark {
	enum store_place place;
	char *move, *other; /* NULL: none */
	int64_t wall_ms;
};

int moving_mark_read(struct moving_mark *mark, struct database *db,
		     struct error **err) must_check;
void moving_mark_done(struct moving_mark *mark);

extern const struct store_moving sqlite_store_moving;

#endif
