#include "zhost/space/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/agent/import_set.h"
#include "core/settings/settings.h"
#include "model/setting.h"
#include "zhost/native/native_config.h"
#include "zhost/space/resident.h"

/* What all of them may have together. */
struct room {
	size_t left;
};

static int take_room(struct room *room, const char *text, struct error **err)
{
	size_t size = strlen(text);
	if (size > room->left)
		return error_set(err, ERR_LIMIT,
				 "with its values all of env and config has more than %zu KiB: "
				 "make it shorter",
				 SETTING_FILLED_ALL_MAX_BYTES / 1024);
	room->left -= size;
	return 0;
}

static int fill(const struct resident *r, const char *text, char **ret_text, struct error **err)
{
	const struct import_set *set = r->providers;
	return settings_fill(text, r->exports, r->n_exports,
			     set != NULL ? set->providers : NULL, set != NULL ? set->count : 0,
			     ret_text, err);
}

static int add_env(const struct resident *r, import_vector *to, struct room *room,
		   struct error **err)
{
	for (size_t k = 0; k < r->asked->n_env; k++) {
		const Samoza__V1__Variable *env = r->asked->env[k];
		CLEANUP(freep) char *value = NULL;
		int result = fill(r, env->value, &value, err);
		if (result == 0)
			result = take_room(room, value, err);
		if (result < 0)
			return error_wrap(err, "env %s", env->name);
		vector_push(to, ((struct import_value){str_printf("@ env %s", env->name),
						       steal_ptr(&value)}));
	}
	return 0;
}

/* By name and version alone: their values go apart (process_space_launch(), zrun_process_update()). */
static int add_secrets(const struct resident *r, import_vector *to, struct error **err)
{
	for (size_t k = 0; k < r->asked->n_secrets; k++) {
		const Samoza__V1__SecretGrant *use = r->asked->secrets[k];
		CLEANUP(freep) char *key = secret_key_text(use);
		const struct secret_value *value = secret_values_find(&r->secrets, key);
		if (value == NULL)
			return error_set(err, ERR_NOT_FOUND, "the secret %s is not here",
					 use->name);
		if (use->variable != NULL && memchr(value->data, '\0', value->size) != NULL)
			return error_set(
				err, ERR_INVALID,
				"the secret %s has a zero byte in it, which no variable "
				"can have: give it to the space as a file",
				use->name);
		vector_push(to, ((struct import_value){
					use->variable != NULL
						? str_printf("@ secret-env %s", use->variable)
						: str_printf("@ secret-file %s", use->file),
					steal_ptr(&key)}));
	}
	return 0;
}

static int fill_config(const struct resident *r, char *const *templates, char **ret_contents,
		       struct room *room, struct error **err)
{
	for (size_t k = 0; k < r->asked->n_config; k++) {
		int result = fill(r, templates[k], &ret_contents[k], err);
		if (result == 0)
			result = take_room(room, ret_contents[k], err);
		if (result < 0)
			return error_wrap(err, "config %s", r->asked->config[k]->name);
	}
	return 0;
}

bool settings_have_no_files(const struct resident *r)
{
	return r->runtime->config == NULL || r->has_no_config;
}

/* Writes them, where its kind does. */
static int write_config(struct resident *r, char *const *contents, struct error **err)
{
	size_t count = r->asked->n_config;
	CLEANUP(freep)
	struct native_config_file *files = mem_new_array(struct native_config_file, count + 1);
	if (count == 0 && settings_have_no_files(r))
		return 0;
	r->has_no_config = false;
	for (size_t k = 0; k < count; k++)
		files[k] = (struct native_config_file){r->asked->config[k]->name, contents[k]};
	int result = r->runtime->config != NULL ? r->runtime->config(r, files, count, err) : 0;
	r->has_no_config = result == 0 && count == 0;
	return result;
}

static void add_config(const struct resident *r, char **contents, import_vector *to)
{
	for (size_t k = 0; k < r->asked->n_config; k++) {
		char *value = r->runtime->config == NULL
				      ? steal_ptr(&contents[k])
				      : str_printf("%016" PRIx64, str_hash(contents[k]));
		vector_push(to, ((struct import_value){
					str_printf("@ config %s", r->asked->config[k]->name),
					value}));
	}
}

static void drop_after(import_vector *to, size_t count)
{
	while (to->count > count) {
		struct import_value *last = &to->items[--to->count];
		free(last->name);
		free(last->value);
	}
}

int settings_add(struct resident *r, char **take_templates, import_vector *to,
		 struct error **err)
{
	struct room room = {SETTING_FILLED_ALL_MAX_BYTES};
	size_t count = r->asked->n_config;
	char **contents = mem_new_array(char *, count + 1);
	size_t before = to->count;
	int result = add_env(r, to, &room, err);
	if (result == 0)
		result = fill_config(r, take_templates, contents, &room, err);
	if (result == 0)
		result = write_config(r, contents, err);
	if (result == 0)
		add_config(r, contents, to);
	if (result == 0)
		result = add_secrets(r, to, err);
	if (result < 0)
		drop_after(to, before);
	config_texts_free(contents, count);
	config_texts_free(take_templates, count);
	return result;
}

void settings_keep(import_vector *to)
{
	vector_push(to, ((struct import_value){mem_strdup("@ keep -"), mem_strdup("")}));
}

void settings_drop(import_vector *to)
{
	vector_push(to, ((struct import_value){mem_strdup("@ none -"), mem_strdup("")}));
}
