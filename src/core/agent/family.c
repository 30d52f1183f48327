/*
 * Parents and children on this zhost. zrms orders what it asks by itself; what a zhost does by
 * itself (a removal, a set that lists less, a lease that ends, a retry) keeps the same order
 * here: children stop before their parent and go before it, and start after it
 * ([lifecycle.start.parent], [lifecycle.stop.bottom-up], [lifecycle.deploy.undeploy]).
 */
#include "core/agent/internal.h"

static struct family *children_of(const struct agent *agent, const struct instance *i)
{
	struct family *family = NULL;
	HASH_FIND_STR(agent->families, i->id, family);
	return family;
}

static struct instance *parent_of(const struct agent *agent, const struct instance *i)
{
	struct instance *parent = NULL;
	if (i->family != NULL)
		HASH_FIND_STR(agent->instances, i->family->parent, parent);
	return parent;
}

void family_join(struct agent *agent, struct instance *i)
{
	if (str_is_empty(i->spec->parent))
		return;
	CLEANUP(freep) char *id = str_printf("%s/%s", i->key->topology, i->spec->parent);
	struct family *family = NULL;
	HASH_FIND_STR(agent->families, id, family);
	if (family == NULL) {
		family = mem_new(struct family);
		family->parent = steal_ptr(&id);
		HASH_ADD_KEYPTR(hh, agent->families, family->parent, strlen(family->parent),
				family);
	}
	i->family = family;
	DL_APPEND2(family->children, i, sibling_prev, sibling_next);
}

void family_leave(struct agent *agent, struct instance *i)
{
	struct family *family = i->family;
	if (family == NULL)
		return;
	i->family = NULL;
	DL_DELETE2(family->children, i, sibling_prev, sibling_next);
	if (family->children != NULL)
		return;
	HASH_DELETE(hh, agent->families, family);
	free(family->parent);
	free(family);
}

bool family_is_fenced(const struct agent *agent, const struct instance *i)
{
	if (agent->exclusive == NULL)
		return false;
	for (; i != NULL; i = parent_of(agent, i))
		if (i->fenced)
			return true;
	return false;
}

bool family_must_stop(const struct agent *agent, const struct instance *i)
{
	for (; i != NULL; i = parent_of(agent, i))
		if (i->fenced || instance_is_unwanted(agent, i) ||
		    i->desired->target != SAMOZA__V1__TARGET__TARGET_STARTED)
			return true;
	return false;
}

bool family_may_start(const struct agent *agent, const struct instance *i)
{
	const struct instance *parent = parent_of(agent, i);
	return parent == NULL ||
	       (parent->phase == PHASE_STARTED && !family_must_stop(agent, parent));
}

bool family_holds_stop(const struct agent *agent, const struct instance *i)
{
	const struct family *family = children_of(agent, i);
	if (family == NULL)
		return false;
	const struct instance *c = NULL;
	DL_FOREACH2 (family->children, c, sibling_next) {
		/* One that is gone itself may have others below that still stop. */
		if (phase_has_process(c->phase) || family_holds_stop(agent, c))
			return true;
	}
	return false;
}

bool family_holds_undeploy(const struct agent *agent, const struct instance *i)
{
	const struct family *family = children_of(agent, i);
	if (family == NULL)
		return false;
	const struct instance *c = NULL;
	DL_FOREACH2 (family->children, c, sibling_next) {
		/* One that failed to go holds nobody up here: zrms knows, and decides. */
		bool failed = c->action == 0 && c->undeploy_failed;
		if (c->phase != PHASE_ABSENT && !failed && instance_is_unwanted(agent, c))
			return true;
	}
	return false;
}

void family_kill(struct agent *agent, const struct instance *i)
{
	const struct family *family = children_of(agent, i);
	if (family == NULL)
		return;
	struct instance *c = NULL;
	DL_FOREACH2 (family->children, c, sibling_next) {
		family_kill(agent, c);
		instance_kill(agent, c);
	}
}

void family_follow(struct agent *agent, const struct instance *i)
{
	const struct family *family = children_of(agent, i);
	if (family == NULL)
		return;
	struct instance *c = NULL;
	DL_FOREACH2 (family->children, c, sibling_next) {
		family_follow(agent, c);
		instance_reconcile(agent, c);
	}
}

void family_changed(struct agent *agent, const struct instance *i)
{
	for (struct instance *p = parent_of(agent, i); p != NULL; p = parent_of(agent, p))
		instance_reconcile(agent, p);
	const struct family *family = children_of(agent, i);
	if (family == NULL)
		return;
	struct instance *c = NULL;
	DL_FOREACH2 (family->children, c, sibling_next)
		instance_reconcile(agent, c);
}
