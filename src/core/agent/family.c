/*
 * Parents and children on this zhost. zrms keeps the order of what it asks. What the agent does on
 * its own (a removal, a set that lists less, the end of a lease, a retry) keeps the same order:
 * children start after their parent, and stop and are undeployed before it
 * ([lifecycle.start.parent], [lifecycle.stop.bottom-up], [lifecycle.deploy.undeploy]).
 */
#include "core/agent/family.h"

static struct family *family_of(const struct agent *agent, const struct agent_copy *copy)
{
	struct family *family = NULL;
	HASH_FIND_STR(agent->families, copy->id, family);
	return family;
}

struct agent_copy *family_children(const struct agent *agent, const struct agent_copy *copy)
{
	const struct family *family = family_of(agent, copy);
	return family != NULL ? family->children : NULL;
}

struct agent_copy *family_parent(const struct agent *agent, const struct agent_copy *copy)
{
	struct agent_copy *parent = NULL;
	if (copy->family != NULL)
		HASH_FIND_STR(agent->copies, copy->family->parent, parent);
	return parent;
}

void family_join(struct agent *agent, struct agent_copy *copy)
{
	if (str_is_empty(copy->spec->parent))
		return;
	CLEANUP(freep) char *id = str_printf("%s/%s", copy->key->topology, copy->spec->parent);
	struct family *family = NULL;
	HASH_FIND_STR(agent->families, id, family);
	if (family == NULL) {
		family = mem_new(struct family);
		family->parent = steal_ptr(&id);
		HASH_ADD_KEYPTR(hh, agent->families, family->parent, strlen(family->parent),
				family);
	}
	copy->family = family;
	DL_APPEND2(family->children, copy, sibling_prev, sibling_next);
}

void family_leave(struct agent *agent, struct agent_copy *copy)
{
	struct family *family = copy->family;
	if (family == NULL)
		return;
	copy->family = NULL;
	DL_DELETE2(family->children, copy, sibling_prev, sibling_next);
	if (family->children != NULL)
		return;
	HASH_DELETE(hh, agent->families, family);
	free(family->parent);
	free(family);
}

bool family_is_fenced(const struct agent *agent, const struct agent_copy *copy)
{
	if (agent->exclusive == NULL)
		return false;
	for (; copy != NULL; copy = family_parent(agent, copy))
		if (copy->fenced)
			return true;
	return false;
}

bool family_must_stop(const struct agent *agent, const struct agent_copy *copy)
{
	for (; copy != NULL; copy = family_parent(agent, copy))
		if (copy->fenced || copy_is_unwanted(agent, copy) ||
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
