#include "core/agent/alone_events.h"

#include "core/agent/alone.h"
#include "core/agent/import_list.h"
#include "core/agent/known_imports.h"
#include "core/agent/reconcile.h"

/* What runs already imports all that its record has, unless that is out of date. Attempts that were used
 * up before are no reason to stay off: nobody can place it elsewhere. */
static void take_over(struct agent_copy *copy)
{
	copy->exhausted = copy->exhausted && !copy->spec->offline_start;
	if (copy->phase != PHASE_STARTED || !copy->spec->offline_start)
		return;
	copy->starts_alone = true;
	known_imports_set_up(copy, true);
	copy->starts_alone = copy_hash_imports(copy) == copy->imports_hash;
}

void alone_begin(struct agent *agent)
{
	agent->alone = true;
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next)
		take_over(copy);
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next)
		reconcile(agent, copy);
}

/* Those that have a reason to wait, and those that may learn of a further provider. */
static void reconsider(struct agent *agent)
{
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next)
		if (copy->waited != NULL || copy->starts_alone)
			reconcile(agent, copy);
}

void alone_tried(struct agent *agent, const char *address, bool answers)
{
	if (alone_take_answer(agent, address, answers))
		reconsider(agent);
}

void alone_provider_changed(struct agent *agent, const struct agent_copy *provider)
{
	if (!agent->alone)
		return;
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next)
		if ((copy->waited != NULL || copy->starts_alone) &&
		    known_imports_name(copy, provider))
			reconcile(agent, copy);
}
