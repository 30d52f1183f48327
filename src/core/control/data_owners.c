#include "core/control/data_owners.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"

struct data_owner {
	char *key;
	uint64_t epoch;
	UT_hash_handle hh;
};

void data_owners_done(struct data_owners *owners)
{
	for (struct data_owner *o = owners->by_key, *next; o != NULL; o = next) {
		next = o->hh.next;
		HASH_DEL(owners->by_key, o);
		free(o->key);
		free(o);
	}
}

char *data_owner_key(const struct copy *copy)
{
	return str_printf("%s/%s", deployment_of(copy->slot)->name, copy->slot->path);
}

void data_owner_set(struct data_owners *owners, const struct copy *copy)
{
	const struct space *space = slot_declared_space(copy->slot);
	if (!space_type_is_wasm(space->type) || space->storage != STORAGE_CLUSTER)
		return;
	CLEANUP(freep) char *key = data_owner_key(copy);
	struct data_owner *owner = NULL;
	HASH_FIND_STR(owners->by_key, key, owner);
	if (owner == NULL) {
		owner = mem_new(struct data_owner);
		owner->key = steal_ptr(&key);
		HASH_ADD_KEYPTR(hh, owners->by_key, owner->key, strlen(owner->key), owner);
	}
	if (copy->epoch > owner->epoch)
		owner->epoch = copy->epoch;
}

bool data_owner_is(const struct data_owners *owners, const struct copy *copy)
{
	CLEANUP(freep) char *key = data_owner_key(copy);
	const struct data_owner *owner = NULL;
	HASH_FIND_STR(owners->by_key, key, owner);
	return owner != NULL && owner->epoch == copy->epoch;
}
