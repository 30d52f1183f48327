#include "core/control/application/data.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/application/applications.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/each_fit.h"
#include "core/control/state/state.h"
#include "model/quantity.h"
#include "schema/message.h"

static void answer(struct control *c, uint64_t link_id, uint64_t request, int status)
{
	Samoza__V1__DataReply *reply = (Samoza__V1__DataReply *)schema_message_new(
		&samoza__v1__data_reply__descriptor);
	reply->request = request;
	reply->status = status;
	c->count.data_stale += status == -ESTALE;
	emit_message(&c->emitter, link_id, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY, reply,
		     false);
}

static void *copy_bytes(ProtobufCBinaryData from)
{
	return mem_memdup(from.data, from.len);
}

/* The copy that the key names, on the zhost of that link; NULL. */
static struct copy *find_copy(const struct control *c, uint64_t link_id,
			      const Samoza__V1__InstanceKey *key)
{
	const struct control_zhost *z = zhost_by_link(&c->zhosts, link_id);
	return z != NULL ? copy_find(c, z, key) : NULL;
}

static const struct space *space_of(const struct copy *copy)
{
	const struct topology *t = copy->revision->topology;
	return instance_space(t, (unsigned)topology_find_instance(t, copy_path(copy)));
}

static bool stores_in_cluster(const struct copy *copy)
{
	const struct space *space = space_of(copy);
	return space_type_is_wasm(space->type) && space->storage == STORAGE_CLUSTER;
}

/* The slot whose data that is; NULL: there is none. */
static struct application_slot *find_owned(struct control_application *a, const char *owner,
					   const char *path)
{
	if (a->application.owners.count == 0)
		return application_find_slot(&a->application, path);
	/* Also one that only copies on their way out have: they may write still. */
	for (struct application_slot *s = a->application.slots; s != NULL; s = s->hh.next) {
		CLEANUP(freep) char *own = application_data_owner(&a->application, s->path);
		if (str_equal(own, owner))
			return s;
	}
	return NULL;
}

/* What declares the instance; where no version that is wanted does any longer, the copy that writes still. NULL: neither. */
static const struct space *declared_space(const struct control_application *a,
					  const struct application_slot *slot)
{
	int instance = topology_find_instance(a->topology, slot->path);
	if (instance >= 0)
		return instance_space(a->topology, (unsigned)instance);
	const struct slot_copy *writer = slot_copy_find(slot, slot->writer);
	return writer != NULL ? space_of(container_of(writer, struct copy, of_slot)) : NULL;
}

void data_full(struct control *c, const char *owner)
{
	const char *slash = strchr(owner, '/');
	CLEANUP(freep) char *name = mem_strndup(owner, (size_t)(slash - owner));
	struct control_application *a = application_by_name(&c->applications, name);
	c->count.data_full++;
	struct application_slot *slot = a != NULL ? find_owned(a, owner, slash + 1) : NULL;
	const struct space *space = slot != NULL ? declared_space(a, slot) : NULL;
	if (space == NULL || slot->data_full)
		return; /* removed meanwhile, or said already */
	slot->data_full = true;
	CLEANUP(freep) char *quota = memory_format(space->data_bytes);
	CLEANUP(freep)
	char *all = memory_format(revision_data_bytes(a, a->application.served));
	CLEANUP(freep)
	char *cause = str_printf("no room for its data: its quota is %s (resources.data), that "
				 "of the whole topology %s; data.put is refused",
				 quota, all);
	CLEANUP(freep) char *subject = str_printf("%s/%s", a->name, slot->path);
	emit_event(&c->emitter, "data", subject, NULL, NULL, a->id, cause);
}

static struct application_slot *slot_of(const struct copy *copy)
{
	return copy->of_slot.slot;
}

void data_full_on(struct control *c, struct control_zhost *z, const Samoza__V1__Usage *usage)
{
	if (usage->n_data_full == 0 && !z->has_full_data)
		return;
	z->has_full_data = usage->n_data_full > 0;
	for (size_t k = 0; k < usage->n_data_full; k++) {
		struct copy *copy = copy_find(c, z, usage->data_full[k]);
		if (copy == NULL || stores_in_cluster(copy))
			continue;
		copy->marks |= COPY_LISTED;
		CLEANUP(freep)
		char *owner =
			application_data_owner(slot_of(copy)->application, slot_of(copy)->path);
		data_full(c, owner);
	}
	/* Of the others something was deleted: the next refusal is told again. */
	for (struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost) {
		if ((copy->marks & COPY_LISTED) == 0 && slot_of(copy)->data_full &&
		    !stores_in_cluster(copy))
			slot_of(copy)->data_full = false;
		copy->marks &= ~(unsigned)COPY_LISTED;
	}
}

void data_request(struct control *c, uint64_t link_id, const Samoza__V1__DataRequest *request)
{
	const struct copy *copy = find_copy(c, link_id, request->key);
	c->count.data_requests++;
	if (copy == NULL || !stores_in_cluster(copy) || !slot_copy_writes(&copy->of_slot)) {
		answer(c, link_id, request->request, -ESTALE);
		return;
	}
	if (request->operation == SAMOZA__V1__DATA_OPERATION__DATA_DELETE)
		copy->of_slot.slot->data_full = false;
	*vector_add(&c->emitter.outbox->data) = (struct data_change){
		.link_id = link_id,
		.request = request->request,
		.owner = application_data_owner(copy->of_slot.slot->application,
						copy->of_slot.slot->path),
		.operation = request->operation,
		.key = copy_bytes(request->data_key),
		.key_size = request->data_key.len,
		.value = request->has_value ? copy_bytes(request->value) : NULL,
		.value_size = request->has_value ? request->value.len : 0,
		.cursor = request->has_cursor ? copy_bytes(request->cursor) : NULL,
		.cursor_size = request->has_cursor ? request->cursor.len : 0,
		.limit_bytes = request->limit_bytes,
		.quota_bytes = space_of(copy)->data_bytes,
		.group_quota_bytes =
			revision_data_bytes(copy->unit->application, copy->revision),
	};
}
