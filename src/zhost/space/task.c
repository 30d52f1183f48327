#include "zhost/space/task.h"

#include "core/agent/import_set.h"
#include "schema/message.h"
#include "zhost/space/space_runtime.h"

void task_init(struct task *t, const struct agent_order *order)
{
	*t = (struct task){.type = order->type,
			   .action = order->action,
			   .kind = order->kind,
			   .writes = order->writes,
			   .serves = order->serves,
			   .keeps_settings = order->keeps_settings,
			   .drops_settings = order->drops_settings,
			   .grace_ms = order->grace_ms,
			   .stop_ms = order->stop_ms,
			   .deadline_ms = order->deadline_ms};
	if (order->key != NULL)
		t->key = (Samoza__V1__InstanceKey *)schema_message_copy(&order->key->base);
	if (order->type != ORDER_ACTION)
		return;
	if (order->kind == ACTION_DEPLOY || order->kind == ACTION_START ||
	    order->kind == ACTION_UPDATE)
		t->spec = (Samoza__V1__InstanceSpec *)schema_message_copy(&order->spec->base);
	if (order->import_set != NULL)
		t->providers = import_set_ref(order->import_set);
	const struct space_runtime *runtime = space_runtime_of(order->spec->type);
	if (runtime->imports != NULL)
		runtime->imports(&t->imports, order->imports, order->n_imports);
}

void task_done(struct task *t)
{
	samoza__v1__instance_key__free_unpacked(t->key, NULL);
	samoza__v1__instance_spec__free_unpacked(t->spec, NULL);
	import_set_unref(t->providers);
	imports_done(&t->imports);
}
