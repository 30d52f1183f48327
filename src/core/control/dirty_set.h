/*
 * What changed since the last flush: each thing once, with marks that say what has to follow.
 */
#ifndef SAMOZA_CORE_CONTROL_DIRTY_SET_H
#define SAMOZA_CORE_CONTROL_DIRTY_SET_H

#include "base/vector.h"
#include "core/control/deployment.h"
#include "core/control/zhost_registry.h"

/* Marks of copies. */
enum {
	COPY_RECORD = 1, /* write it */
	COPY_ORDER = 2,	 /* its zhost is to get it */
	COPY_ROUTE = 4,	 /* in mesh_routes.changed */
	COPY_LISTED = 8, /* its zhost has listed it while joining */
};

/* Marks of deployments. */
enum {
	DEPLOYMENT_RECORD = 1,
	DEPLOYMENT_STATE = 2,	  /* derive its state */
	DEPLOYMENT_PLACE = 4,	  /* a copy may need a place */
	DEPLOYMENT_IMPORTERS = 8, /* providers changed: importers_changed */
	DEPLOYMENT_ROUTES = 16,	  /* send the mesh table */
	DEPLOYMENT_LISTED = 32,	  /* in the list */
};

struct dirty_set {
	VECTOR(struct copy *) copies; /* COPY_RECORD or COPY_ORDER */
	VECTOR(struct deployment *) deployments;
	VECTOR(struct control_zhost *) zhosts;
};

void dirty_set_done(struct dirty_set *set);
void mark_copy(struct copy *copy, unsigned marks);
void mark_deployment(struct deployment *d, unsigned marks);
void mark_zhost(struct control_zhost *z);
/* Everything is written: clears all marks but COPY_LISTED. */
void dirty_set_clear(struct dirty_set *set);
/* It is about to be freed. */
void dirty_set_forget(struct dirty_set *set, const struct deployment *d);

#endif
