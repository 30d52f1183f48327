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

static void on_moved(void *user, struct instance *i, enum instance_state from,
		     const char *cause)
{
	struct stage *stage = user;
	(void)from;
	(void)cause;
	stage->moves++;
	if (i->state == STATE_STOPPING)
		assert_int_equal(buffer_printf(&stage->stops, "%s%s",
					       stage->stops.size > 0 ? " " : "",
					       instance_decl(i)->path),
				 0);
}

static void on_instance(void *user, struct instance *i)
{
	(void)user;
	(void)i;
}

static void on_goal_changed(void *user, struct instance *i, enum instance_goal from)
{
	(void)user;
	(void)i;
	(void)from;
}

static void on_imports_changed(void *user, struct application *app, unsigned space)
{
	struct stage *stage = user;
	(void)app;
	(void)space;
	stage->updates++;
}

static const struct lifecycle_listener listener = {
	.moved = on_moved,
	.ordered = on_instance,
	.goal_changed = on_goal_changed,
	.gone = on_instance,
	.imports_changed = on_imports_changed,
};

static enum instance_target target_of(enum instance_state state)
{
	if (state == STATE_NOT_DEPLOYED)
		return TARGET_NONE;
	return state == STATE_DEPLOYED_STARTED ? TARGET_STARTED : TARGET_DEPLOYED;
}

void stage_set_up(struct stage *stage, const char *spaces, enum instance_goal goal,
		  enum instance_state state)
{
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	CLEANUP(buffer_done) struct buffer yaml = BUFFER_INIT(4 * 1024 * 1024);
	struct diagnostics findings = {0};

	*stage = (struct stage){.stops = BUFFER_INIT(1024 * 1024)};
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
	lifecycle_init(&stage->lifecycle, &listener, stage);
	stage->app = application_new(&stage->lifecycle, topology, NULL);
	for (uint32_t k = 0; k < topology->instance_count; k++) {
		struct instance *i = &stage->app->instances[k];
		i->zhost = stage; /* somewhere */
		instance_restore(i, goal, state);
		i->target = target_of(state);
	}
}

void stage_tear_down(struct stage *stage)
{
	application_free(stage->app);
	lifecycle_done(&stage->lifecycle);
	buffer_done(&stage->stops);
}

struct instance *stage_instance(struct stage *stage, const char *path)
{
	int index = topology_find_instance(stage->app->topology, path);
	if (index < 0)
		fail_msg("no instance %s", path);
	return &stage->app->instances[index];
}

static bool end_action(struct instance *i)
{
	switch (i->state) {
	case STATE_DEPLOYING:
		instance_move(i, STATE_DEPLOYED_STOPPED, false, "deployed");
		return true;
	case STATE_STARTING:
		instance_move(i, STATE_DEPLOYED_STARTED, false, "started");
		return true;
	case STATE_STOPPING:
		instance_stopped(i, "stopped");
		return true;
	case STATE_UNDEPLOYING:
		instance_move(i, STATE_NOT_DEPLOYED, false, "undeployed");
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
	const struct topology *t = stage->app->topology;
	bool any = false;
	for (uint32_t k = 0; k < t->instance_count; k++)
		any = end_action(&stage->app->instances[k]) || any;
	lifecycle_settle(&stage->lifecycle);
	return any;
}

void stage_run(struct stage *stage)
{
	lifecycle_settle(&stage->lifecycle);
	while (stage_round(stage)) {
	}
}
