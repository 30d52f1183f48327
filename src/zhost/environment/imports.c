#include "zhost/environment/imports.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zhost/environment/variables.h"

void imports_done(import_vector *imports)
{
	vector_for_each (imports, v) {
		free(v->name);
		free(v->value);
	}
	vector_done(imports);
}

/* The first value of a name counts: the first provider of an import has its short name. */
static void add(import_vector *to, const char *provider, const Samoza__V1__Variable *variable)
{
	CLEANUP(freep) char *name = str_printf("%s.%s", provider, variable->name);
	vector_for_each (to, known)
		if (strcmp(known->name, name) == 0)
			return;
	vector_push(to, ((struct import_value){steal_ptr(&name), mem_strdup(variable->value)}));
}

void imports_for_guest(import_vector *to, Samoza__V1__Provider *const *providers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < providers[i]->n_variables; k++) {
			add(to, providers[i]->import, providers[i]->variables[k]);
			add(to, providers[i]->path, providers[i]->variables[k]);
		}
}

void imports_for_recipes(import_vector *to, Samoza__V1__Provider *const *providers, size_t n)
{
	variable_vector variables = {0};
	variables_imports(&variables, providers, n);
	vector_for_each (&variables, v)
		vector_push(to, ((struct import_value){v->name, v->value}));
	vector_done(&variables);
}
