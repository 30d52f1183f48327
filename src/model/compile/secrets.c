/*
 * [workloads.configuration.secrets] Which secrets each space gets, and as what. Whether they are there is known only where it runs.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "model/compile/findings.h"
#include "model/compile/passes.h"
#include "model/setting.h"
#include "model/space_kind.h"

static int compare_uses(const void *pa, const void *pb)
{
	const struct secret_use *a = pa, *b = pb;
	int by_name = strcmp(a->name, b->name);
	if (by_name != 0)
		return by_name;
	int by_variable = strcmp(a->variable != NULL ? a->variable : "",
				 b->variable != NULL ? b->variable : "");
	return by_variable != 0
		       ? by_variable
		       : strcmp(a->file != NULL ? a->file : "", b->file != NULL ? b->file : "");
}

/* NULL: it is given in the other way. */
static const char *variable_of(const Samoza__V1__SecretUse *use)
{
	return use->given_case == SAMOZA__V1__SECRET_USE__GIVEN_AS ? use->as : NULL;
}

static const char *file_of(const Samoza__V1__SecretUse *use)
{
	return use->given_case == SAMOZA__V1__SECRET_USE__GIVEN_FILE ? use->file : NULL;
}

static bool has_variable(const struct space *s, const Samoza__V1__Space *in, unsigned before,
			 const char *name)
{
	for (unsigned k = 0; k < s->env_count; k++)
		if (str_equal(s->env[k].name, name))
			return true;
	for (unsigned k = 0; k < before; k++)
		if (str_equal(variable_of(in->secrets[k]), name))
			return true;
	return false;
}

static bool has_file(const struct space *s, const Samoza__V1__Space *in, unsigned before,
		     const char *name)
{
	for (unsigned k = 0; k < s->config_count; k++)
		if (str_equal(s->config[k].file, name))
			return true;
	for (unsigned k = 0; k < before; k++)
		if (str_equal(file_of(in->secrets[k]), name))
			return true;
	return false;
}

static void check_use(struct compile *c, const struct space *s, const Samoza__V1__Space *in,
		      unsigned k)
{
	const Samoza__V1__SecretUse *use = in->secrets[k];
	const char *variable = variable_of(use), *file = file_of(use);
	if (variable != NULL && setting_is_reserved(variable))
		finding(c, AT("spaces[%u].secrets[%u].as", s->index, k),
			"zhost sets %s: choose another name, not HOME, TMPDIR or one that "
			"begins with SAMOZA_",
			variable);
	if (variable != NULL && has_variable(s, in, k, variable))
		finding(c, AT("spaces[%u].secrets[%u].as", s->index, k),
			"'%s' has two variables %s, in env or in secrets: give each a name "
			"of its own",
			s->name, variable);
	if (file != NULL && has_file(s, in, k, file))
		finding(c, AT("spaces[%u].secrets[%u].file", s->index, k),
			"'%s' has two files %s, in config or in secrets: give each a name of "
			"its own",
			s->name, file);
}

/* What settings_sum() is of (core/settings/settings.h): each name once. */
static void add_references(struct compile *c, struct space *s)
{
	s->secret_references = arena_new_array(c->arena, const char *, s->secret_count);
	for (unsigned k = 0; k < s->secret_count; k++) {
		if (k > 0 && str_equal(s->secrets[k].name, s->secrets[k - 1].name))
			continue;
		CLEANUP(freep)
		char *reference = str_printf("%s%s", SETTING_SECRET, s->secrets[k].name);
		s->secret_references[s->secret_reference_count++] =
			arena_strdup(c->arena, reference);
	}
	if (s->reference_count + s->secret_reference_count > SETTING_REFERENCES_MAX)
		finding(c, AT("spaces[%u].secrets", s->index),
			"its secrets and the variables of imports that its env refers to are "
			"more than %d: name fewer",
			SETTING_REFERENCES_MAX);
}

void compile_secrets(struct compile *c, struct space *s, const Samoza__V1__Space *in)
{
	if (in->n_secrets > 0 && !space_kind_of_type(s->type)->has_process) {
		finding(c, AT("spaces[%u].secrets", s->index),
			"a space of type %s runs no program that could read it: remove "
			"secrets",
			space_type_name(s->type));
		return;
	}
	s->secrets = arena_new_array(c->arena, struct secret_use, in->n_secrets);
	s->secret_count = (unsigned)in->n_secrets;
	for (unsigned k = 0; k < s->secret_count; k++) {
		const Samoza__V1__SecretUse *use = in->secrets[k];
		const char *variable = variable_of(use), *file = file_of(use);
		check_use(c, s, in, k);
		s->secrets[k] = (struct secret_use){
			.name = arena_strdup(c->arena, use->name),
			.variable = variable != NULL ? arena_strdup(c->arena, variable) : NULL,
			.file = file != NULL ? arena_strdup(c->arena, file) : NULL,
		};
	}
	if (s->secret_count > 1)
		qsort(s->secrets, s->secret_count, sizeof(s->secrets[0]), compare_uses);
	add_references(c, s);
}
