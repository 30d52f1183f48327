#include "core/settings/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/str.h"
#include "model/setting.h"

/* ---- values ---- */

static const char *variable_of(Samoza__V1__Variable *const *variables, size_t count,
			       const char *name, size_t size)
{
	for (size_t k = 0; k < count; k++)
		if (strlen(variables[k]->name) == size &&
		    memcmp(variables[k]->name, name, size) == 0)
			return variables[k]->value;
	return NULL;
}

/* `dot`: where FROM ends. */
static const char *value_of(Samoza__V1__Provider *const *providers, size_t count,
			    const char *reference, size_t size, size_t dot)
{
	for (size_t k = 0; k < count; k++) {
		const Samoza__V1__Provider *p = providers[k];
		if (strlen(p->import) != dot || memcmp(p->import, reference, dot) != 0)
			continue;
		const char *value = variable_of(p->variables, p->n_variables,
						reference + dot + 1, size - dot - 1);
		if (value != NULL)
			return value;
	}
	return NULL;
}

/* The number of its version: the value is not known here. */
static const char *version_of(const Samoza__V1__InstanceSpec *spec, const char *reference,
			      char buffer[24])
{
	const char *name = reference + strlen(SETTING_SECRET);
	for (size_t k = 0; k < spec->n_secrets; k++) {
		if (!str_equal(spec->secrets[k]->name, name) || !spec->secrets[k]->has_version)
			continue;
		(void)snprintf(buffer, 24, "%" PRIu64, spec->secrets[k]->version);
		return buffer;
	}
	return NULL;
}

const char *settings_missing_secret(const Samoza__V1__InstanceSpec *spec)
{
	for (size_t k = 0; k < spec->n_secrets; k++)
		if (!spec->secrets[k]->has_version)
			return spec->secrets[k]->name;
	return NULL;
}

const char *settings_value(Samoza__V1__Provider *const *providers, size_t count,
			   const char *reference)
{
	const char *dot = strchr(reference, '.');
	return dot != NULL ? value_of(providers, count, reference, strlen(reference),
				      (size_t)(dot - reference))
			   : NULL;
}

/* ---- sums ---- */

static void add(uint64_t *sum, const char *text)
{
	*sum = *sum * 31 + str_hash(text) + 1;
}

/* Beyond SETTING_REFERENCES_MAX, as only a peer that lies has it, they share one. */
uint64_t settings_bit(size_t reference)
{
	return UINT64_C(1) << (reference < 63 ? reference : 63);
}

struct settings_sum settings_sum(char *const *references, size_t count,
				 settings_value_fn *value_of_one, void *user)
{
	struct settings_sum all = {.sum = 1};
	for (size_t k = 0; k < count; k++) {
		const char *value = value_of_one(user, references[k]);
		add(&all.sum, references[k]);
		add(&all.sum, value != NULL ? value : "");
		all.unset |= value == NULL ? settings_bit(k) : 0;
	}
	all.sum = all.sum != 0 ? all.sum : 1;
	return all;
}

bool settings_lose(const struct settings_sum *then, const struct settings_sum *now)
{
	return (now->unset & ~then->unset) != 0;
}

struct providers {
	const Samoza__V1__InstanceSpec *spec;
	char version[24];
	Samoza__V1__Provider *const *items;
	size_t count;
};

static const char *value_of_providers(void *user, const char *reference)
{
	struct providers *p = user;
	if (str_has_prefix(reference, SETTING_SECRET))
		return version_of(p->spec, reference, p->version);
	return settings_value(p->items, p->count, reference);
}

bool settings_has(const Samoza__V1__InstanceSpec *spec, Samoza__V1__Provider *const *providers,
		  size_t count, const char *reference)
{
	struct providers all = {.spec = spec, .items = providers, .count = count};
	return value_of_providers(&all, reference) != NULL;
}

bool settings_any(const Samoza__V1__InstanceSpec *spec)
{
	return spec->n_env > 0 || spec->n_config > 0 || spec->n_secrets > 0;
}

bool settings_in_place(const Samoza__V1__InstanceSpec *spec)
{
	return spec->has_reload && spec->reload != SAMOZA__V1__RELOAD__RELOAD_RESTART;
}

struct settings_sum settings_of(const Samoza__V1__InstanceSpec *spec,
				Samoza__V1__Provider *const *providers, size_t count)
{
	if (!settings_any(spec))
		return (struct settings_sum){0};
	struct providers from = {.spec = spec, .items = providers, .count = count};
	struct settings_sum all =
		settings_sum(spec->references, spec->n_references, value_of_providers, &from);
	if (!settings_in_place(spec))
		return all;
	for (size_t k = 0; k < spec->n_env; k++) {
		add(&all.sum, spec->env[k]->name);
		add(&all.sum, spec->env[k]->value);
	}
	for (size_t k = 0; k < spec->n_config; k++) {
		add(&all.sum, spec->config[k]->name);
		add(&all.sum, spec->config[k]->digest);
	}
	for (size_t k = 0; k < spec->n_secrets; k++) {
		const Samoza__V1__SecretGrant *secret = spec->secrets[k];
		add(&all.sum, secret->name);
		add(&all.sum, secret->variable != NULL ? secret->variable : "");
		add(&all.sum, secret->file != NULL ? secret->file : "");
	}
	all.sum = all.sum != 0 ? all.sum : 1;
	return all;
}

uint64_t settings_unset_of(uint64_t unset, const Samoza__V1__InstanceSpec *from,
			   const Samoza__V1__InstanceSpec *to)
{
	uint64_t all = 0;
	for (size_t k = 0, n = 0; k < to->n_references; k++) {
		while (n < from->n_references &&
		       strcmp(from->references[n], to->references[k]) < 0)
			n++;
		bool had = n < from->n_references &&
			   str_equal(from->references[n], to->references[k]) &&
			   (unset & settings_bit(n)) == 0;
		all |= had ? 0 : settings_bit(k);
	}
	return all;
}

/* ---- text ---- */

/* What has several lines may be the whole of some, a certificate for example, and not a part of one: its exporter would
 * write lines of its importers' files. */
static bool may_stand(const struct buffer *before, const char *value, const char *rest)
{
	bool at_begin = before->size == 0 || before->data[before->size - 1] == '\n';
	bool at_end = *rest == '\0' || *rest == '\n' || str_has_prefix(rest, "\r\n");
	return strpbrk(value, "\r\n") == NULL || (at_begin && at_end);
}

int settings_fill(const char *text, Samoza__V1__Variable *const *exports, size_t export_count,
		  Samoza__V1__Provider *const *providers, size_t count, char **ret_text,
		  struct error **err)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(SETTING_FILLED_MAX_BYTES + 1);
	struct setting_piece piece;
	int failed = 0;
	while ((piece = setting_next(&text)).kind != SETTING_END) {
		const char *value = NULL;
		if (piece.kind == SETTING_WRONG) {
			CLEANUP(freep) char *why = setting_wrong_text(&piece);
			return error_set(err, ERR_INVALID, "%s", why);
		}
		if (piece.kind == SETTING_TEXT)
			failed |= buffer_add(&b, piece.text, piece.size);
		else if (piece.kind == SETTING_EXPORT)
			value = variable_of(exports, export_count, piece.text, piece.size);
		else
			value = value_of(providers, count, piece.text, piece.size, piece.dot);
		if (value != NULL && !may_stand(&b, value, text))
			return error_set(
				err, ERR_INVALID,
				"the value of ${%s%.*s} has several lines: put it alone "
				"on a line, or export it without line breaks",
				piece.kind == SETTING_IMPORT ? "imports." : "", (int)piece.size,
				piece.text);
		if (value != NULL)
			failed |= buffer_add_string(&b, value);
	}
	failed |= buffer_add(&b, "", 1);
	if (failed != 0)
		return error_set(err, ERR_LIMIT,
				 "with its values it has more than %zu KiB: make it shorter",
				 SETTING_FILLED_MAX_BYTES / 1024);
	*ret_text = buffer_steal(&b);
	return 0;
}
