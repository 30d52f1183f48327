#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "model/compile.h"
#include "schema/message.h"
#include "schema/yaml.h"

static void on_moved(struct lifecycle *l, struct slot *s, enum instance_state from,
		     const char *cause)
{
	struct stage *stage = container_of(l, struct stage, lifecycle);
	stage->moves++;
	if (s->state == STATE_STOPPING)
		assert_int_equal(buffer_printf(&stage->stops, "%s%s",
					       stage->stops.size > 0 ? " " : "", s->path),
				 0);
}

static void on_target(struct lifecycle *l, struct slot *s, enum instance_target target)
{
}

static void on_slot(struct lifecycle *l, struct slot *s)
{
}

static void on_goal_changed(struct lifecycle *l, struct slot *s, enum instance_goal from)
{
}

static void on_imports_changed(struct lifecycle *l, struct slot_set *set, uint32_t space)
{
	container_of(l, struct stage, lifecycle)->updates++;
}

static const struct lifecycle_observer observer = {
	.on_moved = on_moved,
	.on_target = on_target,
	.on_retry = on_slot,
	.on_goal_changed = on_goal_changed,
	.on_gone = on_slot,
	.on_imports_changed = on_imports_changed,
};

struct topology *stage_compile(const char *spaces)
{
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	CLEANUP(buffer_done) struct buffer yaml = BUFFER_INIT(4 * 1024 * 1024);
	struct topology *topology = NULL;
	struct diagnostics findings = {0};

	assert_int_equal(buffer_printf(&yaml,
				       "apiVersion: samoza/v1\nkind: Topology\n"
				       "metadata: {name: t}\nspaces:\n%s",
				       spaces),
			 0);
	int r = schema_read_yaml(&samoza__v1__topology__descriptor, "t.yaml", yaml.data,
				 yaml.size, 0, &findings, &message, NULL, &err);
	if (r == 0)
		r = topology_compile((Samoza__V1__Topology *)message, NULL, NULL, &findings,
				     &topology, &err);
	if (r < 0)
		fail_msg("%s", err->message);
	diagnostics_done(&findings);
	return topology;
}

void stage_set_up(struct stage *stage, const char *spaces, enum instance_goal goal,
		  enum instance_state state)
{
	CLEANUP(topology_unrefp) struct topology *topology = stage_compile(spaces);

	*stage = (struct stage){.stops = BUFFER_INIT(1024 * 1024)};
	lifecycle_init(&stage->lifecycle, &observer);
	slot_set_init(&stage->slots, &stage->lifecycle, "t");
	(void)slot_set_declare(&stage->slots, topology);
	vector_for_each (&stage->slots.slots, s) {
		slot_set_serving(*s, &(struct serving_facts){
					     .declared = (*s)->serving.declared,
					     .placed = true,
				     });
		slot_restore(*s, goal, state);
	}
}

void stage_tear_down(struct stage *stage)
{
	slot_set_done(&stage->slots);
	lifecycle_done(&stage->lifecycle);
	buffer_done(&stage->stops);
}

struct slot *stage_slot(struct stage *stage, const char *path)
{
	struct slot *s = slot_find(&stage->slots, path);
	if (s == NULL)
		fail_msg("no instance %s", path);
	return s;
}

static bool end_action(struct slot *s)
{
	switch (s->state) {
	case STATE_DEPLOYING:
		slot_move(s, STATE_DEPLOYED_STOPPED, false, "deployed");
		return true;
	case STATE_STARTING:
		slot_move(s, STATE_DEPLOYED_STARTED, false, "started");
		return true;
	case STATE_STOPPING:
		slot_stopped(s, "stopped");
		return true;
	case STATE_UNDEPLOYING:
		slot_move(s, STATE_NOT_DEPLOYED, false, "undeployed");
		return true;
	case STATE_NOT_DEPLOYED:
	case STATE_DEPLOYED_STOPPED:
	case STATE_UNRESOLVED:
	case STATE_WAITING_FOR_ANCESTOR:
	case STATE_DEPLOYED_STARTED:
	case STATE_PROBLEM:
		break;
	}
	return false;
}

bool stage_round(struct stage *stage)
{
	bool any = false;
	vector_for_each (&stage->slots.slots, s)
		any = end_action(*s) || any;
	lifecycle_settle(&stage->lifecycle);
	return any;
}

void stage_run(struct stage *stage)
{
	lifecycle_settle(&stage->lifecycle);
	while (stage_round(stage)) {
	}
}
