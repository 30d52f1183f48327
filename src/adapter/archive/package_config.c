#include "adapter/archive/package_config.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/archive/package_findings.h"
#include "adapter/archive/package_opening.h"
#include "base/buffer.h"
#include "base/str.h"
#include "model/compile/settings.h"
#include "model/setting.h"

#define PARAMETER "${param."

bool is_template(const Samoza__V1__Space *space, const char *below)
{
	for (size_t k = 0; k < space->n_config; k++)
		if (space->config[k] != NULL && str_equal(space->config[k]->template_, below))
			return true;
	return false;
}

void templates_free(struct mex_space *space)
{
	for (unsigned k = 0; k < space->config_count; k++)
		free(space->config[k].text);
	free(space->config);
	for (unsigned k = 0; k < space->config_reference_count; k++)
		free(space->config_references[k]);
	free(space->config_references);
}

/* ---- findings ---- */

struct reading {
	struct opening *opening;
	const char *path; /* of the template in the package */
	const char *text;
};

static void finding_at(const struct reading *r, size_t offset, const char *why)
{
	CLEANUP(freep) char *shown = shown_file(r->opening->package, r->path);
	unsigned line = 1, column = 1;
	for (size_t k = 0; k < offset; k++) {
		column = r->text[k] == '\n' ? 1 : column + 1;
		line += r->text[k] == '\n';
	}
	diagnostics_add(r->opening->findings, shown, line, column, "%s", why);
}

static void on_wrong(void *user, size_t offset, const char *why)
{
	finding_at(user, offset, why);
}

/* ---- parameters ---- */

static const struct parameter *parameter_of(const struct mex_package *p, const char *name,
					    size_t size)
{
	for (size_t k = 0; k < parameters_count(p->parameters); k++) {
		const struct parameter *one = parameters_at(p->parameters, k);
		if (strlen(one->declared->name) == size &&
		    memcmp(one->declared->name, name, size) == 0)
			return one;
	}
	return NULL;
}

/* The text with the values of parameters; NULL: findings were added. The caller frees. */
static char *insert_parameters(const struct reading *r)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(SETTING_TEMPLATE_MAX_BYTES + 1);
	const char *at = r->text, *mark;
	int failed = 0;
	while ((mark = strstr(at, PARAMETER)) != NULL) {
		const char *name = mark + strlen(PARAMETER), *end = strchr(name, '}');
		bool is_text = mark > r->text && mark[-1] == '$';
		const struct parameter *found =
			end != NULL && !is_text
				? parameter_of(r->opening->package, name, (size_t)(end - name))
				: NULL;
		failed |= buffer_add(&b, at, (size_t)(mark - at));
		at = mark + (found != NULL ? (size_t)(end + 1 - mark) : strlen(PARAMETER));
		if (found != NULL && found->value != NULL) {
			CLEANUP(freep) char *value = setting_quote(found->value);
			failed |= buffer_add_string(&b, value);
		} else if (found == NULL && !is_text) {
			finding_at(r, (size_t)(mark - r->text),
				   "there is no such parameter: declare it in topology.yaml, "
				   "or write $${ for the text ${");
			return NULL;
		} else if (found == NULL) {
			failed |= buffer_add_string(&b, PARAMETER);
		}
	}
	failed |= buffer_add_string(&b, at);
	failed |= buffer_add(&b, "", 1);
	if (failed != 0) {
		finding_at(r, 0,
			   "with its parameters it has more than 32 KiB: make it shorter");
		return NULL;
	}
	return buffer_steal(&b);
}

/* ---- one template ---- */

static void name_text(struct mex_config *config)
{
	uint8_t digest[crypto_hash_sha256_BYTES];
	config->size = strlen(config->text);
	(void)crypto_hash_sha256(digest, (const uint8_t *)config->text, config->size);
	(void)sodium_bin2hex(config->hash, sizeof(config->hash), digest, sizeof(digest));
}

/* The text of the file; NULL without an error: a finding was added. */
static int load(struct opening *o, const struct mex_file *file, char **ret_text,
		struct error **err)
{
	uint8_t *data = NULL;
	size_t size = 0;
	if (file->size > SETTING_TEMPLATE_MAX_BYTES) {
		finding_in_file(o, file->path, "a template has at most %zu KiB",
				SETTING_TEMPLATE_MAX_BYTES / 1024);
		return 0;
	}
	int r = mex_package_load(o->package, file, &data, &size, err);
	if (r < 0)
		return r;
	if (memchr(data, '\0', size) != NULL) {
		finding_in_file(o, file->path, "a template is text: it has a byte 0");
		free(data);
		return 0;
	}
	*ret_text = (char *)data;
	return 0;
}

static int read_template(struct opening *o, unsigned space, const struct config_decl *decl,
			 setting_references *references, struct error **err)
{
	struct mex_package *p = o->package;
	const struct space *s = &p->topology->spaces[space];
	struct mex_space *files = &p->spaces[space];
	CLEANUP(freep) char *path = str_printf("spaces/%s/%s", s->name, decl->template);
	CLEANUP(freep) char *text = NULL;
	const struct mex_file *file = mex_package_find(p, path);
	if (file == NULL) {
		finding_in_file(o, path,
				"there is no such file, of which config of '%s' makes %s: its "
				"template is named relative to spaces/%s/",
				s->name, decl->file, s->name);
		return 0;
	}
	int r = load(o, file, &text, err);
	if (r < 0 || text == NULL)
		return r;
	struct reading reading = {o, file->path, text};
	struct mex_config *config = &files->config[files->config_count];
	*config = (struct mex_config){.name = decl->file, .text = insert_parameters(&reading)};
	if (config->text == NULL)
		return 0;
	files->config_count++;
	reading.text = config->text;
	setting_check(p->topology, s, config->text, on_wrong, &reading, references);
	name_text(config);
	return 0;
}

static int compare_name(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *)element);
}

/* Of env and templates together. */
static void check_references(struct opening *o, const struct space *s,
			     const setting_references *references)
{
	size_t count = s->reference_count + s->secret_reference_count;
	for (size_t k = 0; k < references->count; k++)
		if (bsearch(references->items[k], s->references, s->reference_count,
			    sizeof(s->references[0]), compare_name) == NULL)
			count++;
	if (count <= SETTING_REFERENCES_MAX)
		return;
	CLEANUP(freep) char *directory = str_printf("spaces/%s/", s->name);
	finding_in_file(o, directory,
			"its templates and env refer to more than %d variables of imports, "
			"secrets counted: refer to fewer",
			SETTING_REFERENCES_MAX);
}

static int read_space(struct opening *o, unsigned space, struct error **err)
{
	const struct space *s = &o->package->topology->spaces[space];
	struct mex_space *files = &o->package->spaces[space];
	setting_references references = {0};
	size_t size = 0;
	int r = 0;
	files->config = mem_new_array(struct mex_config, s->config_count + 1);
	for (unsigned k = 0; k < s->config_count && r == 0; k++)
		r = read_template(o, space, &s->config[k], &references, err);
	for (unsigned k = 0; k < files->config_count; k++)
		size += files->config[k].size;
	if (size > SETTING_TEMPLATES_MAX_BYTES) {
		CLEANUP(freep) char *directory = str_printf("spaces/%s/", s->name);
		finding_in_file(o, directory,
				"its templates have %zu bytes together: at most %zu", size,
				SETTING_TEMPLATES_MAX_BYTES);
	}
	check_references(o, s, &references);
	setting_references_sort(&references);
	files->config_references = references.items;
	files->config_reference_count = (unsigned)references.count;
	return r;
}

/* Those in which values of env alone make none were found when the topology was compiled. */
static void check_circles(struct opening *o)
{
	const struct mex_package *p = o->package;
	const struct topology *t = p->topology;
	CLEANUP(freep)
	struct setting_names *names = mem_new_array(struct setting_names, t->space_count + 1);
	for (unsigned i = 0; i < t->space_count; i++)
		names[i] = (struct setting_names){
			.env = t->spaces[i].references,
			.env_count = t->spaces[i].reference_count,
			.config = (const char *const *)p->spaces[i].config_references,
			.config_count = p->spaces[i].config_reference_count};
	for (unsigned i = 0; i < t->space_count; i++) {
		enum setting_circle circle = p->spaces[i].config_reference_count > 0
						     ? setting_circle_of(t, names, i)
						     : SETTING_NO_CIRCLE;
		if (circle == SETTING_NO_CIRCLE)
			continue;
		CLEANUP(freep) char *directory = str_printf("spaces/%s/", t->spaces[i].name);
		CLEANUP(freep) char *why = setting_circle_text(t, i, circle);
		finding_in_file(o, directory, "%s", why);
	}
}

int read_templates(struct opening *o, struct error **err)
{
	int r = 0;
	for (unsigned i = 0; i < o->package->topology->space_count && r == 0; i++)
		r = read_space(o, i, err);
	if (r == 0)
		check_circles(o);
	return r;
}
