#include "zshell/shell/contexts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapter/pki/credentials.h"
#include "adapter/pki/key.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"
#include "schema/yaml.h"
#include "schema/yaml_write.h"

/* ---- the file ---- */

/* NULL: this user has no place for it. The caller frees. */
static char *directory_path(void)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (!str_is_empty(config) && config[0] == '/')
		return str_printf("%s/samoza", config);
	return str_is_empty(home) ? NULL : str_printf("%s/.config/samoza", home);
}

static Samoza__V1__ShellConfig *none(void)
{
	return (Samoza__V1__ShellConfig *)schema_message_new(
		&samoza__v1__shell_config__descriptor);
}

int contexts_load(Samoza__V1__ShellConfig **ret_config, struct error **err)
{
	CLEANUP(freep) char *directory = directory_path();
	CLEANUP(error_freep) struct error *why = NULL;
	CLEANUP(pki_secret_freep) char *text = NULL;
	ProtobufCMessage *message = NULL;
	size_t size = 0;
	int r = ERR_NOT_FOUND;

	if (directory != NULL) {
		CLEANUP(freep) char *path = str_printf("%s/config.yaml", directory);

		r = pki_file_read(path, &text, &size, &why);
		if (r == 0)
			r = schema_read_yaml(&samoza__v1__shell_config__descriptor, path, text,
					     size, 0, NULL, &message, NULL, &why);
	}
	if (r < 0 && r != ERR_NOT_FOUND)
		return error_move(err, steal_ptr(&why));
	*ret_config = r == 0 ? (Samoza__V1__ShellConfig *)message : none();
	return 0;
}

/* With all directories above it. */
static int make_directories(const char *path, struct error **err)
{
	CLEANUP(freep) char *part = mem_strdup(path);

	for (char *at = part + 1;; at++) {
		char end = *at;

		if (end != '/' && end != '\0')
			continue;
		*at = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return error_errno(err, "cannot make the directory %s", part);
		if (end == '\0')
			return 0;
		*at = end;
	}
}

int contexts_save(const Samoza__V1__ShellConfig *config, struct error **err)
{
	CLEANUP(freep) char *directory = directory_path();
	CLEANUP(freep) char *path = str_printf("%s/config.yaml", directory);
	CLEANUP(pki_secret_freep) char *text = schema_write_yaml(&config->base);
	int r = directory != NULL ? make_directories(directory, err)
				  : error_set(err, ERR_UNAVAILABLE,
					      "neither HOME nor XDG_CONFIG_HOME is set");

	return r < 0 ? r : pki_file_write(path, text, strlen(text), err);
}

void contexts_free(Samoza__V1__ShellConfig *config)
{
	schema_message_free(config);
}

void contexts_freep(Samoza__V1__ShellConfig **config)
{
	contexts_free(*config);
}

/* ---- what is in it ---- */

static size_t index_of(const Samoza__V1__ShellConfig *config, const char *name)
{
	size_t at = 0;

	while (at < config->n_contexts && !str_equal(config->contexts[at]->name, name))
		at++;
	return at;
}

static char *names_of(const Samoza__V1__ShellConfig *config)
{
	struct buffer names = BUFFER_INIT(1 << 20);

	for (size_t i = 0; i < config->n_contexts; i++)
		(void)buffer_printf(&names, "%s%s", i > 0 ? ", " : "",
				    config->contexts[i]->name);
	return buffer_steal(&names);
}

int contexts_find(const Samoza__V1__ShellConfig *config, const char *name,
		  const Samoza__V1__ShellContext **ret_context, struct error **err)
{
	const char *wanted = name != NULL ? name : config->current;
	size_t at = wanted != NULL ? index_of(config, wanted) : config->n_contexts;

	if (at < config->n_contexts) {
		*ret_context = config->contexts[at];
		return 0;
	}
	if (config->n_contexts == 0)
		return error_set(err, ERR_NOT_FOUND,
				 "no context%s%s: zshell login URL makes one",
				 wanted != NULL ? " " : "", wanted != NULL ? wanted : "");
	CLEANUP(freep) char *names = names_of(config);
	return error_set(err, ERR_NOT_FOUND, "%s%s: expected one of: %s",
			 wanted != NULL ? "no context " : "no context is in use",
			 wanted != NULL ? wanted : "", names);
}

void contexts_put(Samoza__V1__ShellConfig *config, const Samoza__V1__ShellContext *context)
{
	size_t at = index_of(config, context->name);

	if (at < config->n_contexts) {
		schema_message_free(config->contexts[at]);
	} else {
		config->contexts = mem_resize(config->contexts, config->n_contexts + 1,
					      sizeof(config->contexts[0]));
		config->n_contexts++;
	}
	config->contexts[at] = (Samoza__V1__ShellContext *)schema_message_copy(&context->base);
	contexts_use(config, context->name);
}

void contexts_remove(Samoza__V1__ShellConfig *config, const char *name)
{
	size_t at = index_of(config, name);

	PRE(at < config->n_contexts);
	if (str_equal(config->current, name))
		schema_set_string(&config->current, NULL, NULL);
	schema_message_free(config->contexts[at]);
	config->n_contexts--;
	memmove(&config->contexts[at], &config->contexts[at + 1],
		(config->n_contexts - at) * sizeof(config->contexts[0]));
}

void contexts_use(Samoza__V1__ShellConfig *config, const char *name)
{
	PRE(index_of(config, name) < config->n_contexts);
	schema_set_string(&config->current, NULL, name);
}
