/* Orders of the core with copies of what they borrow (resident.h), and imports in the form that
 * the instance's process takes. */
#include "base/str.h"
#include "schema/message.h"
#include "zhost/environment/variables.h"
#include "zhost/native/native_runtime.h"
#include "zhost/space/resident.h"

void imports_done(import_vector *imports)
{
	vector_for_each (imports, v) {
		free(v->name);
		free(v->value);
	}
	vector_done(imports);
}

static void import_add(import_vector *imports, const char *provider,
		       const Samoza__V1__Variable *variable)
{
	char *name = str_printf("%s.%s", provider, variable->name);

	vector_for_each (imports, known)
		if (strcmp(known->name, name) == 0) {
			free(name);
			return; /* the first provider has the short name */
		}
	vector_push(imports, ((struct import_value){name, mem_strdup(variable->value)}));
}

/* Each variable by the import's name (of the first provider) and by the provider's path. */
static void imports_flatten(import_vector *imports, Samoza__V1__Provider *const *providers,
			    size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < providers[i]->n_variables; k++) {
			import_add(imports, providers[i]->import, providers[i]->variables[k]);
			import_add(imports, providers[i]->path, providers[i]->variables[k]);
		}
}

/* As zrun makes the environment of recipes of them. */
static void imports_of_recipes(import_vector *imports, Samoza__V1__Provider *const *providers,
			       size_t n)
{
	variable_vector variables = {0};

	variables_imports(&variables, providers, n);
	vector_for_each (&variables, v)
		vector_push(imports, ((struct import_value){v->name, v->value}));
	vector_done(&variables);
}

void task_init(struct task *t, const struct agent_order *order)
{
	*t = (struct task){.type = order->type,
			   .action = order->action,
			   .kind = order->kind,
			   .grace_ms = order->grace_ms,
			   .deadline_ms = order->deadline_ms};
	if (order->key != NULL)
		t->key = (Samoza__V1__InstanceKey *)schema_message_copy(&order->key->base);
	if (order->type != ORDER_ACTION)
		return;
	if (order->kind == ACTION_DEPLOY)
		t->spec = (Samoza__V1__InstanceSpec *)schema_message_copy(&order->spec->base);
	if (native_is(order->spec))
		imports_of_recipes(&t->imports, order->imports, order->n_imports);
	else
		imports_flatten(&t->imports, order->imports, order->n_imports);
}

void task_done(struct task *t)
{
	samoza__v1__instance_key__free_unpacked(t->key, NULL);
	samoza__v1__instance_spec__free_unpacked(t->spec, NULL);
	imports_done(&t->imports);
}
