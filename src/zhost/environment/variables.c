#include "zhost/environment/variables.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrun/launch/launch.h"

#define TEXT_MAX ((size_t)1024 * 1024)

void variables_add(variable_vector *to, char *name, const char *value)
{
	vector_push(to, ((struct variable){name, mem_strdup(value)}));
}

void variables_done(variable_vector *v)
{
	vector_for_each (v, i) {
		free(i->name);
		free(i->value);
	}
	vector_done(v);
}

_Static_assert(sizeof(struct variable) == sizeof(struct launch_variable) &&
		       offsetof(struct variable, value) ==
			       offsetof(struct launch_variable, value),
	       "one is handed over as the other");

const struct launch_variable *variables_for_launch(const variable_vector *v)
{
	return (const struct launch_variable *)v->items;
}

/* Names of spaces and of variables hold letters that a shell does not take. */
static char *shell_name(char *name)
{
	for (char *c = name; *c != '\0'; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		      (*c >= '0' && *c <= '9')))
			*c = '_';
	return name;
}

void variables_identity(variable_vector *to, const Samoza__V1__InstanceKey *key,
			const Samoza__V1__InstanceSpec *spec, const char *zhost)
{
	CLEANUP(freep) char *epoch = str_printf("%" PRIu64, key->epoch);

	variables_add(to, mem_strdup("SAMOZA_TOPOLOGY"), spec->topology_name);
	variables_add(to, mem_strdup("SAMOZA_TOPOLOGY_ID"), key->topology);
	variables_add(to, mem_strdup("SAMOZA_SPACE"), spec->space);
	variables_add(to, mem_strdup("SAMOZA_INSTANCE"), key->path);
	variables_add(to, mem_strdup("SAMOZA_EPOCH"), epoch);
	variables_add(to, mem_strdup("SAMOZA_ZHOST"), zhost);
}

void variables_exports(variable_vector *to, Samoza__V1__Variable *const *exports, size_t n)
{
	for (size_t i = 0; i < n; i++)
		variables_add(to, shell_name(str_printf("SAMOZA_EXPORT_%s", exports[i]->name)),
			      exports[i]->value);
}

void variables_ancestor(variable_vector *to, const char *space, const char *path,
			Samoza__V1__Variable *const *exports, size_t n)
{
	variables_add(to, shell_name(str_printf("SAMOZA_ANCESTOR_%s_PATH", space)), path);
	for (size_t i = 0; i < n; i++)
		variables_add(to,
			      shell_name(str_printf("SAMOZA_ANCESTOR_%s_%s", space,
						    exports[i]->name)),
			      exports[i]->value);
}

static void add_provider(variable_vector *to, const Samoza__V1__Provider *p)
{
	if (p->n_variables == 0)
		variables_add(to, str_printf("%s %s ", p->import, p->path), "");
	for (size_t i = 0; i < p->n_variables; i++)
		variables_add(to,
			      str_printf("%s %s %s", p->import, p->path, p->variables[i]->name),
			      p->variables[i]->value);
}

void variables_imports(variable_vector *to, Samoza__V1__Provider *const *providers, size_t n)
{
	/* By import, in the order in which each is first seen. */
	for (size_t i = 0; i < n; i++) {
		bool is_first = true;

		for (size_t k = 0; is_first && k < i; k++)
			is_first = strcmp(providers[k]->import, providers[i]->import) != 0;
		for (size_t k = i; is_first && k < n; k++)
			if (strcmp(providers[k]->import, providers[i]->import) == 0)
				add_provider(to, providers[k]);
	}
}

static const char *find(Samoza__V1__Variable *const *exports, size_t n, const char *name,
			size_t size)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(exports[i]->name) == size &&
		    memcmp(exports[i]->name, name, size) == 0)
			return exports[i]->value;
	return NULL;
}

char *variables_replace(const char *text, Samoza__V1__Variable *const *exports, size_t n)
{
	struct buffer b = BUFFER_INIT(TEXT_MAX);
	const char *at = text, *mark;

	while ((mark = strstr(at, "${")) != NULL) {
		const char *end = strchr(mark, '}');
		const char *value =
			end != NULL ? find(exports, n, mark + 2, (size_t)(end - mark - 2))
				    : NULL;
		const char *next = value != NULL ? end + 1 : mark + 2;

		(void)!buffer_add(&b, at, (size_t)(mark - at));
		if (value != NULL)
			(void)!buffer_add_string(&b, value);
		else
			(void)!buffer_add(&b, mark, 2);
		at = next;
	}
	(void)!buffer_add_string(&b, at);
	(void)!buffer_add(&b, "", 1);
	return buffer_steal(&b);
}

char *variables_port(const char *text, Samoza__V1__Variable *const *exports, size_t n)
{
	const char *value = find(exports, n, text, strlen(text));

	return mem_strdup(value != NULL ? value : text);
}
