#include "core/control/data.h"

#include <errno.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state.h"
#include "schema/message.h"

static void answer(struct control *c, uint64_t link, uint64_t request, int status)
{
	Samoza__V1__DataReply *reply = (Samoza__V1__DataReply *)schema_message_new(
		&samoza__v1__data_reply__descriptor);
	reply->request = request;
	reply->status = status;
	c->count.data_stale += status == -ESTALE;
	emit_message(&c->emitter, link, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY, reply, false);
}

static void *copy_bytes(ProtobufCBinaryData from)
{
	return mem_memdup(from.data, from.len);
}

/* The copy that the key names, on the zhost of that link; NULL. */
static const struct copy *find_copy(const struct control *c, uint64_t link,
				    const Samoza__V1__InstanceKey *key)
{
	const struct control_zhost *z = zhost_by_link(&c->zhosts, link);
	const struct deployment *d = deployment_find(&c->deployments, key->topology);
	const struct slot *s = z != NULL && d != NULL ? slot_find(&d->slots, key->path) : NULL;
	const struct copy *copy = s != NULL ? copy_of(s) : NULL;
	return copy != NULL && copy->zhost == z && copy->of_path.epoch == key->epoch ? copy
										     : NULL;
}

static bool stores_in_cluster(const struct copy *copy)
{
	const struct space *space = slot_declared_space(copy->slot);
	return space_type_is_wasm(space->type) && space->storage == STORAGE_CLUSTER;
}

void data_request(struct control *c, uint64_t link, const Samoza__V1__DataRequest *request)
{
	const struct copy *copy = find_copy(c, link, request->key);
	c->count.data_requests++;
	if (copy == NULL || !stores_in_cluster(copy) || !slot_copy_writes(&copy->of_path)) {
		answer(c, link, request->request, -ESTALE);
		return;
	}
	*vector_add(&c->emitter.outbox->data) = (struct data_change){
		.link = link,
		.request = request->request,
		.owner = str_printf("%s/%s", copy->of_path.slot->application->name,
				    copy->of_path.slot->path),
		.operation = request->operation,
		.key = copy_bytes(request->data_key),
		.key_size = request->data_key.len,
		.value = request->has_value ? copy_bytes(request->value) : NULL,
		.value_size = request->has_value ? request->value.len : 0,
		.cursor = request->has_cursor ? copy_bytes(request->cursor) : NULL,
		.cursor_size = request->has_cursor ? request->cursor.len : 0,
		.limit_bytes = request->limit_bytes,
	};
}
