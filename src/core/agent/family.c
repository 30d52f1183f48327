/*
 * Parents and children on this zhost. zrms keeps the order of what it asks. What the agent does on
 * its own (a removal, a set that lists less, the end of a lease, a retry) keeps the same order:
 * children start after their parent, and stop and are undeployed before it
 * ([lifecycle.start.parent], [lifecycle.stop.bottom-up], [lifecycle.deploy.undeploy]).
 */
#include "core/agent/family.h"

#include <inttypes.h>

#include "core/agent/slot.h"

struct agent_copy *family_children(const struct agent *agent, const struct agent_copy *copy)
{
	struct family *family = NULL;
	HASH_FIND_STR(agent->families, copy->children_id, family);
	return family != NULL ? family->children : NULL;
}

struct agent_copy *family_parent(const struct agent *agent, const struct agent_copy *copy)
{
	if (copy->family == NULL)
		return NULL;
	struct agent_copy *parent = slot_copies(agent, copy->family->slot_id);
	while (parent != NULL && parent->spec->placement != copy->spec->placement)
		parent = parent->slot_next;
	return parent;
}

static struct family *family_get(struct agent *agent, const struct agent_copy *child)
{
	CLEANUP(freep) char *slot_id = slot_id_of_parent(child);
	CLEANUP(freep) char *id = str_printf("%s#%" PRIu64, slot_id, child->spec->placement);
	struct family *family = NULL;
	HASH_FIND_STR(agent->families, id, family);
	if (family == NULL) {
		family = mem_new(struct family);
		family->id = steal_ptr(&id);
		family->slot_id = steal_ptr(&slot_id);
		HASH_ADD_KEYPTR(hh, agent->families, family->id, strlen(family->id), family);
	}
	return family;
}

void family_join(struct agent *agent, struct agent_copy *copy)
{
	copy->children_id = str_printf("%s#%" PRIu64, copy->slot->id, copy->spec->placement);
	if (str_is_empty(copy->spec->parent))
		return;
	copy->family = family_get(agent, copy);
	DL_APPEND2(copy->family->children, copy, sibling_prev, sibling_next);
}

void family_leave(struct agent *agent, struct agent_copy *copy)
{
	struct family *family = copy->family;
	free(steal_ptr(&copy->children_id));
	if (family == NULL)
		return;
	copy->family = NULL;
	DL_DELETE2(family->children, copy, sibling_prev, sibling_next);
	if (family->children != NULL)
		return;
	HASH_DELETE(hh, agent->families, family);
	free(family->id);
	free(family->slot_id);
	free(family);
}

bool family_is_fenced(const struct agent *agent, const struct agent_copy *copy)
{
	if (agent->leased == NULL)
		return false;
	for (; copy != NULL; copy = family_parent(agent, copy))
		if (copy->fenced)
			return true;
	return false;
}

bool family_must_stop(const struct agent *agent, const struct agent_copy *copy)
{
	for (; copy != NULL; copy = family_parent(agent, copy))
		if (copy->fenced || copy->orphan || copy_is_unwanted(agent, copy) ||
		    copy->desired->target != SAMOZA__V1__TARGET__TARGET_STARTED)
			return true;
	return false;
}

bool family_may_start(const struct agent *agent, const struct agent_copy *copy)
{
	const struct agent_copy *parent = family_parent(agent, copy);
	return parent == NULL ||
	       (parent->phase == PHASE_STARTED && !family_must_stop(agent, parent));
}

bool family_holds_stop(const struct agent *agent, const struct agent_copy *copy)
{
	const struct agent_copy *c = family_children(agent, copy);
	for (; c != NULL; c = c->sibling_next) {
		/* A child without a process may have children that still stop. */
		if (phase_has_process(c->phase) || family_holds_stop(agent, c))
			return true;
	}
	return false;
}

bool family_holds_undeploy(const struct agent *agent, const struct agent_copy *copy)
{
	const struct agent_copy *c = family_children(agent, copy);
	for (; c != NULL; c = c->sibling_next) {
		/* A child whose undeploy failed holds up no parent: zrms knows, and decides. */
		bool failed = c->action == 0 && c->undeploy_failed;
		if (c->phase != PHASE_ABSENT && !failed && copy_is_unwanted(agent, c))
			return true;
	}
	return false;
}
