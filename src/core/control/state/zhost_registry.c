#include "core/control/state/zhost_registry.h"
#include "core/control/state/drain.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/place/place.h"
#include "schema/message.h"

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct control_zhost *z = object;
	snprintf(ret_name, size, "%s", z->name);
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct control_zhost *z = object;
	if (to == ZHOST_NOT_DEPLOYED && from != to && !z->removed)
		return "is gone, but was not removed from the cluster";
	return NULL;
}

const struct state_machine_type zhost_machine = {
	.name = "zhost",
	.states = zhost_states,
	.count = ZHOST_STATE_COUNT,
	.describe = describe,
	.invariant = invariant,
};

void zhost_restore_state(struct control_zhost *z, enum zhost_state state)
{
	if (state != z->state)
		state_machine_adopt(&zhost_machine, z, &z->state, state);
}

struct control_zhost *zhost_find(const struct zhost_registry *r, const char *name)
{
	struct control_zhost *z = NULL;
	if (name != NULL)
		HASH_FIND_STR(r->by_name, name, z);
	return z;
}

struct control_zhost *zhost_by_link(const struct zhost_registry *r, uint64_t link_id)
{
	struct control_zhost *z = NULL;
	HASH_FIND(hh_link, r->by_link, &link_id, sizeof(link_id), z);
	return z;
}

struct control_zhost *zhost_new(struct zhost_registry *r, struct dirty_set *dirty,
				const char *name)
{
	struct control_zhost *z = mem_new(struct control_zhost);
	z->dirty = dirty;
	z->name = mem_strdup(name);
	z->index = r->next_index++;
	z->place = PLACE_NONE;
	state_machine_begin(&zhost_machine, z, &z->state, ZHOST_NOT_DEPLOYED);
	samoza__v1__usage__init(&z->usage);
	HASH_ADD_KEYPTR(hh, r->by_name, z->name, strlen(z->name), z);
	return z;
}

void zhost_set_link(struct zhost_registry *r, struct control_zhost *z, uint64_t link_id)
{
	if (z->link_id != 0)
		HASH_DELETE(hh_link, r->by_link, z);
	r->link_changes += z->link_id != link_id;
	z->link_id = link_id;
	if (link_id != 0)
		HASH_ADD(hh_link, r->by_link, link_id, sizeof(z->link_id), z);
}

void zhost_free(struct zhost_registry *r, struct control_zhost *z)
{
	zhost_set_link(r, z, 0);
	HASH_DEL(r->by_name, z);
	schema_message_free(z->message);
	schema_message_free(z->desired);
	zhost_spec_done(&z->spec);
	free(z->identity);
	free(z->zedge);
	free(z->mesh);
	free(z->address);
	free(z->platform);
	free(z->version);
	schema_message_free(z->limits);
	free(z->machine);
	free(z->refused_machine);
	drain_free(z->drain);
	free(z->name);
	free(z);
}

void zhost_registry_done(struct zhost_registry *r)
{
	for (struct control_zhost *z = r->by_name, *next; z != NULL; z = next) {
		next = z->hh.next;
		zhost_free(r, z);
	}
}

int zhost_take_spec(struct control_zhost *z, const Samoza__V1__ZhostSpec *spec,
		    struct error **err)
{
	struct zhost_spec compiled = {0};
	int r = zhost_spec_compile(spec, NULL, NULL, NULL, &compiled, err);
	if (r < 0)
		return r;
	zhost_spec_done(&z->spec);
	z->spec = compiled;
	schema_message_free(z->message);
	z->message = (Samoza__V1__ZhostSpec *)schema_message_copy(&spec->base);
	return 0;
}
