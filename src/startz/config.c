#include "startz/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/diagnostics.h"
#include "base/str.h"
#include "model/zhost.h"
#include "schema/message.h"
#include "schema/yaml.h"

#define CONFIG_MAX SCHEMA_TEXT_MAX

static int read_whole(const char *path, struct buffer *out, struct error **err)
{
	FILE *file = fopen(path, "re");
	size_t n = 1;

	if (file == NULL)
		return error_errno(err, "cannot read %s", path);
	while (n > 0) {
		char text[16384];

		n = fread(text, 1, sizeof(text), file);
		if (buffer_add(out, text, n) < 0) {
			(void)fclose(file);
			return error_set(err, ERR_LIMIT, "%s is too long", path);
		}
	}
	if (ferror(file)) {
		int r = error_errno(err, "cannot read %s", path);

		(void)fclose(file);
		return r;
	}
	(void)fclose(file);
	return 0;
}

/* One error with a line for each finding. */
static int all_findings(const char *path, const struct diagnostics *findings,
			struct error **err)
{
	CLEANUP(buffer_done) struct buffer all = BUFFER_INIT(1 << 20);

	vector_for_each (&findings->list, f) {
		CLEANUP(freep) char *text = diagnostic_text(f);

		(void)buffer_printf(&all, "\n  %s", text);
	}
	return error_set(err, ERR_INVALID, "%s cannot be used:%s", path,
			 all.data != NULL ? all.data : "");
}

int config_check_name(const char *name, struct error **err)
{
	if (zhost_name_is_valid(name) && name[0] != '.' && !str_equal(name, "zrms"))
		return 0;
	return error_set(err, ERR_INVALID,
			 "invalid zhost name '%s': expected " ZHOST_NAME_EXPECTED
			 " or '.', and not 'zrms'",
			 name);
}

static int parse(struct config *config, struct error **err)
{
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	int r = read_whole(config->path, &config->text, err);

	if (r < 0)
		return r;
	r = schema_read_yaml(&samoza__v1__zhost_list__descriptor, config->path,
			     config->text.data != NULL ? config->text.data : "",
			     config->text.size, 0, &findings,
			     (ProtobufCMessage **)&config->list, NULL, NULL);
	if (r < 0)
		return all_findings(config->path, &findings, err);
	if (config->list->n_zhosts == 0)
		return error_set(err, ERR_INVALID, "%s lists no zhosts", config->path);
	for (size_t i = 0; r == 0 && i < config->list->n_zhosts; i++) {
		r = config_check_name(config->list->zhosts[i]->name, err);
		if (r < 0)
			return error_wrap(err, "%s", config->path);
	}
	return r;
}

int config_read(const char *path, struct config *ret_config, struct error **err)
{
	struct config config = {.path = mem_strdup(path), .text = BUFFER_INIT(CONFIG_MAX)};
	int r = path != NULL ? parse(&config, err) : 0;

	if (r < 0) {
		config_done(&config);
		return r;
	}
	*ret_config = config;
	return 0;
}

void config_done(struct config *config)
{
	schema_message_free(config->list);
	buffer_done(&config->text);
	free(config->path);
	*config = (struct config){0};
}

/* The entry of a zhost, or NULL. */
static const Samoza__V1__ZhostSpec *find(const struct config *config, const char *name)
{
	for (size_t i = 0; config->list != NULL && i < config->list->n_zhosts; i++) {
		if (str_equal(config->list->zhosts[i]->name, name))
			return config->list->zhosts[i];
	}
	return NULL;
}

int config_check(const struct config *config, const char *name, struct error **err)
{
	PRE(config->list != NULL);
	if (find(config, name) != NULL)
		return 0;
	return error_set(err, ERR_NOT_FOUND, "%s lists zhosts, but none is named '%s'",
			 config->path, name);
}

bool config_is_of(const struct config *config, const struct member *m)
{
	CLEANUP(config_done) struct config kept = {0};
	Samoza__V1__ZhostSpec nothing = SAMOZA__V1__ZHOST_SPEC__INIT;
	const Samoza__V1__ZhostSpec *before = &nothing;

	nothing.name = m->name;
	if (m->config != NULL && config_read(m->config, &kept, NULL) == 0)
		before = find(&kept, m->name);
	else if (m->config != NULL)
		return false;
	return before != NULL &&
	       schema_message_equal(&before->base, &find(config, m->name)->base);
}

/* Writes a copy for `m`, atomically. */
static int write_copy(const struct state *s, struct member *m, const struct config *config,
		      struct error **err)
{
	CLEANUP(freep) char *directory = state_path(s, "config");
	CLEANUP(freep) char *path = state_path(s, "config/%s.yaml", m->name);
	int r;

	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make the directory %s", directory);
	r = state_write(path, config->text.data, config->text.size, err);
	if (r < 0)
		return r;
	free(m->config);
	m->config = steal_ptr(&path);
	return 0;
}

int config_keep(const struct state *s, struct member *m, const struct config *config,
		struct error **err)
{
	CLEANUP(freep) char *copies = state_path(s, "config/");
	CLEANUP(config_done) struct config kept = {0};
	int r;

	if (config->list != NULL)
		return write_copy(s, m, config, err);
	if (m->config == NULL || str_has_prefix(m->config, copies))
		return 0;
	r = config_read(m->config, &kept, err);
	if (r < 0)
		return error_wrap(err, "%s was started with a file that can no longer be used",
				  m->name);
	return write_copy(s, m, &kept, err);
}
