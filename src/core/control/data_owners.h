/*
 * Who may write the data of NAME/PATH: the newest epoch that was ever given to it, whichever
 * deployment of that name it belongs to.
 */
#ifndef SAMOZA_CORE_CONTROL_DATA_OWNERS_H
#define SAMOZA_CORE_CONTROL_DATA_OWNERS_H

#include "core/control/deployment.h"

struct data_owner;

struct data_owners {
	struct data_owner *by_key;
};

void data_owners_done(struct data_owners *owners);
/* The copy has a new epoch: from now on it writes. Nothing for spaces without cluster storage. */
void data_owner_set(struct data_owners *owners, const struct copy *copy);
/* Whether the copy is the one that writes. */
bool data_owner_is(const struct data_owners *owners, const struct copy *copy);
/* "NAME/PATH", the key of its data; the caller frees. */
char *data_owner_key(const struct copy *copy);

#endif
