/*
 * [workloads.configuration] env, config, reload: what each kind of space may say, and that what they refer to is there.
 */
#include "model/compile/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/compile/findings.h"
#include "model/compile/passes.h"
#include "model/setting.h"
#include "model/space_kind.h"

/* ---- references ---- */

void setting_references_done(setting_references *references)
{
	vector_for_each (references, reference)
		free(*reference);
	vector_done(references);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void setting_references_sort(setting_references *references)
{
	if (references->count > 1)
		qsort(references->items, references->count, sizeof(char *), compare_texts);
}

/* One more than there may be is enough to refuse it. */
static void add_reference(setting_references *references, const struct setting_piece *piece)
{
	if (references->count > SETTING_REFERENCES_MAX)
		return;
	vector_for_each (references, known)
		if (strlen(*known) == piece->size &&
		    memcmp(*known, piece->text, piece->size) == 0)
			return;
	vector_push(references, mem_strndup(piece->text, piece->size));
}

static bool exports(const struct space *s, const char *name)
{
	for (unsigned k = 0; k < s->export_count; k++)
		if (strcmp(s->exports[k].name, name) == 0)
			return true;
	return false;
}

static const struct import_decl *import_of(const struct space *s, const char *from)
{
	for (unsigned k = 0; k < s->import_count; k++)
		if (strcmp(s->imports[k].from, from) == 0)
			return &s->imports[k];
	return NULL;
}

/* What another topology exports is not known here. */
static bool is_imported(const struct topology *t, const struct import_decl *import,
			const char *name)
{
	for (unsigned k = 0; k < import->variable_count; k++)
		if (strcmp(import->variables[k], name) == 0)
			return true;
	if (import->variable_count > 0)
		return false;
	for (unsigned k = 0; k < import->provider_count; k++)
		if (exports(&t->spaces[import->providers[k]], name))
			return true;
	return import->topology != NULL;
}

/* NULL: it is there. The caller frees. */
static char *wrong_import(const struct topology *t, const struct space *s,
			  const struct setting_piece *piece)
{
	CLEANUP(freep) char *from = mem_strndup(piece->text, piece->dot);
	CLEANUP(freep)
	char *name = mem_strndup(piece->text + piece->dot + 1, piece->size - piece->dot - 1);
	const struct import_decl *import = import_of(s, from);
	if (import == NULL)
		return str_printf("'%s' does not import from '%s': add {from: %s, variables: "
				  "[%s]} to its imports",
				  s->name, from, from, name);
	if (is_imported(t, import, name))
		return NULL;
	return import->variable_count > 0
		       ? str_printf("'%s' imports no '%s' from '%s': add it to the variables "
				    "of that import",
				    s->name, name, from)
		       : str_printf("no space that provides '%s' exports '%s'", from, name);
}

static char *wrong_export(const struct space *s, const struct setting_piece *piece)
{
	CLEANUP(freep) char *name = mem_strndup(piece->text, piece->size);
	return exports(s, name) ? NULL
				: str_printf("'%s' has no export '%s': add it to its exports, "
					     "or write $${%s} for the text itself",
					     s->name, name, name);
}

void setting_check(const struct topology *t, const struct space *s, const char *text,
		   void (*wrong)(void *user, size_t offset, const char *why), void *user,
		   setting_references *references)
{
	const char *at = text;
	for (;;) {
		size_t offset = (size_t)(at - text);
		const struct setting_piece piece = setting_next(&at);
		CLEANUP(freep) char *why = NULL;
		switch (piece.kind) {
		case SETTING_END:
			return;
		case SETTING_TEXT:
			continue;
		case SETTING_EXPORT:
			why = wrong_export(s, &piece);
			break;
		case SETTING_IMPORT:
			why = wrong_import(t, s, &piece);
			if (why == NULL)
				add_reference(references, &piece);
			break;
		case SETTING_WRONG:
			why = setting_wrong_text(&piece);
			break;
		}
		if (why != NULL)
			wrong(user, offset, why);
	}
}

/* ---- circles ---- */

/* What is handed over is a unit: a root with all that is inside of it. */
struct circle {
	const struct topology *t;
	const struct setting_names *names;
	unsigned wanted; /* the space of a root */
	bool *seen;	 /* by the space of a root */
	enum setting_circle found;
};

static unsigned root_of(const struct topology *t, unsigned space)
{
	while (t->spaces[space].parent >= 0)
		space = (unsigned)t->spaces[space].parent;
	return space;
}

static bool stops_first(const struct topology *t, unsigned root)
{
	for (unsigned k = 0; k < t->space_count; k++)
		if (root_of(t, k) == root && t->spaces[k].stops_first)
			return true;
	return false;
}

static void follow_unit(struct circle *c, unsigned root);

/* Inside of a unit: a start-first copy starts with what the former one exports, and then takes its place. All of a unit
 * are on one zhost, and have its address. */
static bool never_has_own(const struct topology *t, unsigned space, unsigned provider,
			  const char *variable)
{
	return strcmp(variable, "ip") != 0 && provider != space &&
	       !stops_first(t, root_of(t, space));
}

static void follow_reference(struct circle *c, unsigned space, const char *reference)
{
	size_t size = strcspn(reference, ".");
	CLEANUP(freep) char *from = mem_strndup(reference, size);
	const struct import_decl *import = import_of(&c->t->spaces[space], from);
	for (unsigned k = 0; import != NULL && k < import->provider_count; k++) {
		unsigned provider = import->providers[k], root = root_of(c->t, provider);
		const char *variable = reference + size + 1;
		if (!setting_is_filled(&c->t->spaces[provider], variable))
			continue;
		if (root != root_of(c->t, space) || provider == space)
			follow_unit(c, root);
		else if (root == c->wanted && c->found == SETTING_NO_CIRCLE &&
			 never_has_own(c->t, space, provider, variable))
			c->found = SETTING_CIRCLE_INSIDE;
	}
}

static void follow_space(struct circle *c, unsigned space)
{
	const struct setting_names *names = &c->names[space];
	if (c->t->spaces[space].reload != RELOAD_BY_RESTART)
		return;
	for (size_t k = 0; k < names->env_count; k++)
		follow_reference(c, space, names->env[k]);
	for (size_t k = 0; k < names->config_count; k++)
		follow_reference(c, space, names->config[k]);
}

static void follow_unit(struct circle *c, unsigned root)
{
	if (root == c->wanted)
		c->found = SETTING_CIRCLE;
	if (c->seen[root])
		return;
	c->seen[root] = true;
	for (unsigned k = 0; k < c->t->space_count; k++)
		if (root_of(c->t, k) == root)
			follow_space(c, k);
}

enum setting_circle setting_circle_of(const struct topology *t,
				      const struct setting_names *names, unsigned space)
{
	CLEANUP(freep) bool *seen = mem_new_array(bool, t->space_count);
	struct circle circle = {
		.t = t, .names = names, .wanted = root_of(t, space), .seen = seen};
	seen[circle.wanted] = true; /* of itself this space alone */
	follow_space(&circle, space);
	return circle.found;
}

char *setting_circle_text(const struct topology *t, unsigned space, enum setting_circle circle)
{
	const char *name = t->spaces[space].name;
	const char *root = t->spaces[root_of(t, space)].name;
	return circle == SETTING_CIRCLE_INSIDE
		       ? str_printf(
				 "'%s' refers to what is filled in at each start of a space "
				 "that is handed over with it, so each new copy of '%s' would "
				 "make one more, for ever: choose reload: update, or "
				 "handover: stop-first",
				 name, root)
		       : str_printf(
				 "each new copy of '%s' makes one of what it imports from, "
				 "and that one of '%s', for ever, since addresses are filled "
				 "in at each start: choose reload: update",
				 root, root);
}

static void check_circles(struct compile *c)
{
	const struct topology *t = c->t;
	CLEANUP(freep)
	struct setting_names *names = mem_new_array(struct setting_names, t->space_count);
	for (unsigned i = 0; i < t->space_count; i++)
		names[i] = (struct setting_names){.env = t->spaces[i].references,
						  .env_count = t->spaces[i].reference_count};
	for (unsigned i = 0; t->has_settings && i < t->space_count; i++) {
		enum setting_circle circle = setting_circle_of(t, names, i);
		if (circle == SETTING_NO_CIRCLE)
			continue;
		CLEANUP(freep) char *why = setting_circle_text(t, i, circle);
		finding(c, AT("spaces[%u].env", i), "%s", why);
	}
}

/* ---- env ---- */

static int compare_env(const void *a, const void *b)
{
	return strcmp(((const struct env_decl *)a)->name, ((const struct env_decl *)b)->name);
}

struct env_check {
	struct compile *c;
	struct place place;
};

static void on_wrong(void *user, size_t offset, const char *why)
{
	struct env_check *check = user;
	(void)offset;
	finding(check->c, check->place, "%s", why);
}

static void check_env(struct compile *c, const struct space *s, setting_references *references)
{
	size_t size = 0;
	for (unsigned k = 0; k < s->env_count; k++) {
		const struct env_decl *env = &s->env[k];
		struct env_check check = {c, AT("spaces[%u].env.%s", s->index, env->name)};
		size += strlen(env->name) + strlen(env->value);
		if (setting_is_reserved(env->name))
			finding(c, check.place,
				"zhost sets %s: choose another name, not HOME, TMPDIR or one "
				"that begins with SAMOZA_",
				env->name);
		setting_check(c->t, s, env->value, on_wrong, &check, references);
	}
	if (size > SETTING_ENV_MAX_BYTES)
		finding(c, AT("spaces[%u].env", s->index),
			"names and values have %zu bytes together: at most %zu; put what is "
			"long into a file (config)",
			size, SETTING_ENV_MAX_BYTES);
	if (references->count > SETTING_REFERENCES_MAX)
		finding(c, AT("spaces[%u].env", s->index),
			"it refers to more than %d variables of imports: refer to fewer",
			SETTING_REFERENCES_MAX);
}

static void compile_env(struct compile *c, struct space *s, const Samoza__V1__Space *in)
{
	setting_references references = {0};
	s->env = arena_new_array(c->arena, struct env_decl, in->n_env);
	s->env_count = (unsigned)in->n_env;
	for (unsigned k = 0; k < s->env_count; k++) {
		const char *value = in->env[k]->value;
		s->env[k] = (struct env_decl){
			.name = arena_strdup(c->arena, in->env[k]->key),
			.value = arena_strdup(c->arena, value != NULL ? value : "")};
	}
	if (s->env_count > 1)
		qsort(s->env, s->env_count, sizeof(s->env[0]), compare_env);
	check_env(c, s, &references);
	setting_references_sort(&references);
	s->references = arena_new_array(c->arena, const char *, references.count);
	vector_for_each (&references, reference)
		s->references[s->reference_count++] = arena_strdup(c->arena, *reference);
	setting_references_done(&references);
}

/* ---- config ---- */

static int compare_config(const void *a, const void *b)
{
	return strcmp(((const struct config_decl *)a)->file,
		      ((const struct config_decl *)b)->file);
}

static void compile_config(struct compile *c, struct space *s, const Samoza__V1__Space *in)
{
	s->config = arena_new_array(c->arena, struct config_decl, in->n_config);
	s->config_count = (unsigned)in->n_config;
	for (unsigned k = 0; k < s->config_count; k++) {
		const Samoza__V1__ConfigFile *file = in->config[k];
		s->config[k] = (struct config_decl){arena_strdup(c->arena, file->file),
						    arena_strdup(c->arena, file->template_)};
		for (unsigned i = 0; i < k; i++)
			if (str_equal(in->config[i]->file, file->file))
				finding(c, AT("spaces[%u].config[%u].file", s->index, k),
					"'%s' is listed twice: give each file a name of its "
					"own",
					file->file);
	}
	if (s->config_count > 1)
		qsort(s->config, s->config_count, sizeof(s->config[0]), compare_config);
}

/* ---- reload ---- */

static void compile_reload(struct compile *c, struct space *s, const Samoza__V1__Space *in)
{
	const struct space_kind *kind = space_kind_of_type(s->type);
	const char *field = in->n_env > 0 ? "env" : in->n_config > 0 ? "config" : "reload";
	if ((in->n_env > 0 || in->n_config > 0 || in->has_reload) && !kind->has_process) {
		finding(c, AT("spaces[%u].%s", s->index, field),
			"a space of type %s runs no program that could read it: remove %s",
			space_type_name(s->type), field);
		return;
	}
	switch (in->reload) {
	case SAMOZA__V1__RELOAD__RELOAD_RESTART:
	case _SAMOZA__V1__RELOAD_IS_INT_SIZE:
		return;
	case SAMOZA__V1__RELOAD__RELOAD_UPDATE:
		s->reload = RELOAD_BY_UPDATE;
		return;
	case SAMOZA__V1__RELOAD__RELOAD_SIGNAL:
		s->reload = RELOAD_BY_SIGNAL;
		if (!kind->has_signals)
			finding(c, AT("spaces[%u].reload", s->index),
				"a space of type %s gets no signals: expected update "
				"(on_update is called) or restart",
				space_type_name(s->type));
		else if (s->run_mode != RUN_FOREGROUND)
			finding(c, AT("spaces[%u].reload", s->index),
				"which process of a service is to get the signal is not "
				"known: add run: {mode: foreground}, or choose update, for "
				"which the recipe `update` runs");
		return;
	}
}

void compile_settings(struct compile *c)
{
	for (unsigned i = 0; i < c->t->space_count; i++) {
		struct space *s = &c->t->spaces[i];
		compile_env(c, s, c->in->spaces[i]);
		compile_config(c, s, c->in->spaces[i]);
		compile_secrets(c, s, c->in->spaces[i]);
		compile_reload(c, s, c->in->spaces[i]);
		c->t->has_settings |= space_has_settings(s);
	}
	check_circles(c);
}
