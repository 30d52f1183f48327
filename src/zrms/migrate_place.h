/*
 * Where a store is that is moved, or to be filled, and that nobody else uses it meanwhile:
 *
 *     sqlite:DIR     the file is locked by being open
 *     etcd:URLS      nobody leads or stands by; the leader's key is ours, and renewed, until it is released
 */
#ifndef SAMOZA_ZRMS_MIGRATE_PLACE_H
#define SAMOZA_ZRMS_MIGRATE_PLACE_H

#include "adapter/uv/loop.h"
#include "port/election.h"
#include "port/store.h"
#include "zrms/settings.h"

struct migrate_place {
	const struct settings *settings; /* borrowed, as is the loop */
	struct loop *loop;
	char *url; /* sqlite: with the path of the directory as it is from everywhere */
	struct store *store;
	struct election *election; /* NULL: it needs none */
	uint64_t lease, fence;
};

/* ERR_INVALID: no such store; ERR_NOT_FOUND: `must_be_there`, and it is not. */
int migrate_place_init(struct migrate_place *place, struct loop *loop,
		       const struct settings *settings, const char *url, bool must_be_there,
		       struct error **err) must_check;
/* Closes it, and lets others use it again. */
void migrate_place_done(struct migrate_place *place);

/* There is nothing yet where it will be. */
bool migrate_place_is_new(const struct migrate_place *place);
/* ERR_CONFLICT: a zrms uses it. `only_looks`: nothing is written. */
int migrate_place_claim(struct migrate_place *place, bool only_looks,
			struct error **err) must_check;
/* Once more, where it is open. Damage is an error. */
int migrate_place_open(struct migrate_place *place, struct error **err) must_check;
/* It is used for longer: now and then, at least every few minutes. */
void migrate_place_hold(const struct migrate_place *place);

#endif
