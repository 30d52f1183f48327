/*
 * data.* of spaces with cluster storage: a request of the newest epoch becomes a change in the
 * next commit; one of an older epoch is refused, so that two copies can never both write. The
 * data belongs to topology name and instance, whichever topology of that name it is.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"
#include "schema/message.h"

static char *owner_key(const struct instance *i)
{
	return str_printf("%s/%s", deployment_of(i)->name, instance_decl(i)->path);
}

void data_owner_set(struct instance *i)
{
	const struct space *space = instance_space_of(i);
	if (!space_type_is_wasm(space->type) || space->storage != STORAGE_CLUSTER)
		return;
	struct control *c = deployment_of(i)->control;
	CLEANUP(freep) char *key = owner_key(i);
	struct data_owner *owner = NULL;
	HASH_FIND_STR(c->data_owners, key, owner);
	if (owner == NULL) {
		owner = mem_new(struct data_owner);
		owner->key = steal_ptr(&key);
		HASH_ADD_KEYPTR(hh, c->data_owners, owner->key, strlen(owner->key), owner);
	}
	if (i->epoch > owner->epoch)
		owner->epoch = i->epoch;
}

static void answer(struct control *c, uint64_t link, uint64_t request, int status)
{
	Samoza__V1__DataReply *reply = (Samoza__V1__DataReply *)schema_message_new(
		&samoza__v1__data_reply__descriptor);
	reply->request = request;
	reply->status = status;
	c->count.data_stale += status == -ESTALE;
	emit_message(c, link, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY, reply, false);
}

static void *copy(ProtobufCBinaryData from)
{
	return mem_memdup(from.data, from.len);
}

void data_request(struct control *c, uint64_t link, const Samoza__V1__DataRequest *request)
{
	const struct zhost *z = zhost_by_link(c, link);
	const struct deployment *d = deployment_find(c, request->key->topology);
	c->count.data_requests++;
	int index =
		d != NULL ? topology_find_instance(d->app->topology, request->key->path) : -1;
	if (z == NULL || index < 0) {
		answer(c, link, request->request, -ESTALE);
		return;
	}
	const struct instance *i = &d->app->instances[index];
	char *key = owner_key(i);
	struct data_owner *owner = NULL;
	HASH_FIND_STR(c->data_owners, key, owner);
	if (i->zhost != z || i->epoch != request->key->epoch || owner == NULL ||
	    owner->epoch != i->epoch) {
		free(key);
		answer(c, link, request->request, -ESTALE);
		return;
	}
	*vector_add(&c->outbox->data) = (struct data_change){
		.link = link,
		.request = request->request,
		.owner = key,
		.operation = request->operation,
		.key = copy(request->data_key),
		.key_size = request->data_key.len,
		.value = request->has_value ? copy(request->value) : NULL,
		.value_size = request->has_value ? request->value.len : 0,
		.cursor = request->has_cursor ? copy(request->cursor) : NULL,
		.cursor_size = request->has_cursor ? request->cursor.len : 0,
		.limit_bytes = request->limit_bytes,
	};
}
