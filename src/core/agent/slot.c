/* The copies of one instance on this zhost. */
#include "core/agent/slot.h"

/* [change.counts.numbered] `api` and `api-1` are one instance, where both have the data of one. */
static const char *former_path(const struct agent_copy *copy)
{
	const char *slash =
		copy->spec->data_owner != NULL ? strchr(copy->spec->data_owner, '/') : NULL;
	return slash != NULL ? slash + 1 : NULL;
}

char *slot_id_of(const struct agent_copy *copy)
{
	const char *former = former_path(copy);
	return str_printf("%s/%s", copy->key->topology,
			  former != NULL ? former : copy->key->path);
}

char *slot_id_of_parent(const struct agent_copy *copy)
{
	const char *former = former_path(copy);
	const char *end = former != NULL ? strrchr(former, '/') : NULL;
	if (end == NULL)
		return str_printf("%s/%s", copy->key->topology, copy->spec->parent);
	return str_printf("%s/%.*s", copy->key->topology, (int)(end - former), former);
}

void slot_join(struct agent *agent, struct agent_copy *copy)
{
	CLEANUP(freep) char *id = slot_id_of(copy);
	struct agent_slot *slot = NULL;
	HASH_FIND_STR(agent->slots, id, slot);
	if (slot == NULL) {
		slot = mem_new(struct agent_slot);
		slot->id = steal_ptr(&id);
		HASH_ADD_KEYPTR(hh, agent->slots, slot->id, strlen(slot->id), slot);
	}
	copy->slot = slot;
	struct agent_copy *newer = slot->copies;
	while (newer != NULL && newer->key->epoch < copy->key->epoch)
		newer = newer->slot_next;
	if (newer == NULL)
		DL_APPEND2(slot->copies, copy, slot_prev, slot_next);
	else
		DL_PREPEND_ELEM2(slot->copies, newer, copy, slot_prev, slot_next);
}

void slot_leave(struct agent *agent, struct agent_copy *copy)
{
	struct agent_slot *slot = copy->slot;
	DL_DELETE2(slot->copies, copy, slot_prev, slot_next);
	if (slot->copies != NULL)
		return;
	HASH_DELETE(hh, agent->slots, slot);
	free(slot->id);
	free(slot);
}

struct agent_copy *slot_copies(const struct agent *agent, const char *id)
{
	struct agent_slot *slot = NULL;
	HASH_FIND_STR(agent->slots, id, slot);
	return slot != NULL ? slot->copies : NULL;
}

struct agent_copy *slot_copies_of_path(const struct agent *agent, const char *id)
{
	struct agent_copy *found = slot_copies(agent, id);
	size_t length = strcspn(id, "/");
	for (struct agent_copy *copy = agent->copies; found == NULL && copy != NULL;
	     copy = copy->hh.next)
		if (copy->spec->data_owner != NULL &&
		    str_equal(copy->key->path, id + length + 1) &&
		    strlen(copy->key->topology) == length &&
		    strncmp(copy->key->topology, id, length) == 0)
			found = copy->slot->copies;
	return found;
}

/* One of the two is to have no process while the other has. */
static bool take_turns(const struct agent_copy *copy, const struct agent_copy *other)
{
	bool beside = copy->spec->beside == other->key->epoch ||
		      other->spec->beside == copy->key->epoch;
	return !beside && (copy->spec->alone || other->spec->alone);
}

bool slot_holds_start(const struct agent *agent, const struct agent_copy *copy)
{
	const struct agent_copy *other = copy->slot->copies;
	for (; other != NULL; other = other->slot_next) {
		if (other == copy || !take_turns(copy, other))
			continue;
		if (phase_has_process(other->phase))
			return true;
		if (other->key->epoch > copy->key->epoch && !copy_is_unwanted(agent, other) &&
		    other->desired->target == SAMOZA__V1__TARGET__TARGET_STARTED)
			return true;
	}
	return false;
}
