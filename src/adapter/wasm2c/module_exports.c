/*
 * Exports: the check of those that zrun calls, and the module without the others.
 */
#include <inttypes.h>

#include "adapter/wasm2c/module_private.h"
#include "adapter/wasm2c/module_sections.h"
#include "adapter/wasm2c/module_types.h"
#include "base/check.h"
#include "base/memory.h"

struct export_rule {
	const char *name;
	uint32_t bit;
	uint8_t kind;
	char result;
};

static const struct export_rule export_rules[] = {
	{"memory", MODULE_EXPORT_MEMORY, 2, 'v'},
	{"on_init", MODULE_EXPORT_ON_INIT, 0, 'i'},
	{"on_process", MODULE_EXPORT_ON_PROCESS, 0, 'i'},
	{"on_close", MODULE_EXPORT_ON_CLOSE, 0, 'i'},
	{"on_update", MODULE_EXPORT_ON_UPDATE, 0, 'i'},
	{"_start", MODULE_EXPORT_START, 0, 'v'},
	{"_initialize", MODULE_EXPORT_INITIALIZE, 0, 'v'},
};

static const struct export_rule *export_rule_find(const char *name, uint32_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(export_rules); i++)
		if (strlen(export_rules[i].name) == size &&
		    memcmp(export_rules[i].name, name, size) == 0)
			return &export_rules[i];
	return NULL;
}

static void known_export(struct reader *r, struct module *m, const struct export_rule *rule,
			 size_t start, uint8_t kind, uint32_t index)
{
	const struct module_type *type;
	char text[256];

	if ((m->info.exports & rule->bit) != 0) {
		reader_fail(r, ERR_INVALID, start, "exports '%s' twice", rule->name);
		return;
	}
	m->info.exports |= rule->bit;
	if (kind != rule->kind) {
		reader_fail(r, ERR_INVALID, start, "export '%s' must be a %s", rule->name,
			    rule->kind == 0 ? "function" : "memory");
		return;
	}
	if (kind != 0)
		return;
	type = &m->types[m->functions[index]];
	if (module_type_equal(type, "", rule->result))
		return;
	module_type_text(type, text, sizeof(text));
	reader_fail(r, ERR_INVALID, start, "export '%s' has the type %s, it must be () -> %s",
		    rule->name, text, rule->result == 'i' ? "(i32)" : "()");
}

void module_check_exports(struct reader *r, struct module *m)
{
	uint32_t count = read_count(r, "exports", MODULE_FUNCTIONS_MAX, 3);

	for (uint32_t i = 0; i < count && r->result == 0; i++) {
		size_t start = r->at;
		uint32_t size = 0, index;
		const char *name = read_name(r, "an export", &size);
		uint8_t kind = read_byte(r);
		const struct export_rule *rule;
		const uint32_t counts[] = {m->function_count, m->table_count, m->memory_count,
					   m->global_count};

		index = read_u32(r);
		if (r->result < 0)
			return;
		if (kind > 3 || index >= counts[kind]) {
			reader_fail(r, ERR_INVALID, start,
				    "export '%.*s' names nothing that exists",
				    (int)(size > 60 ? 60 : size), name);
			return;
		}
		rule = export_rule_find(name, size);
		if (rule != NULL)
			known_export(r, m, rule, start, kind, index);
	}
}

size_t module_rewrite_exports(struct reader *r, uint8_t *to)
{
	uint8_t kept[256];
	size_t kept_size = 0, at = 0, header = 0;
	uint32_t count = read_u32(r), kept_count = 0;
	uint8_t number[5];

	for (uint32_t i = 0; i < count && r->result == 0; i++) {
		size_t start = r->at;
		uint32_t size = 0;
		const char *name = read_name(r, "an export", &size);

		(void)read_byte(r);
		(void)read_u32(r);
		if (r->result == 0 && export_rule_find(name, size) != NULL) {
			INVARIANT(kept_size + (r->at - start) <= sizeof(kept));
			memcpy(kept + kept_size, r->data + start, r->at - start);
			kept_size += r->at - start;
			kept_count++;
		}
	}
	write_u32(number, &header, kept_count);
	to[at++] = SECTION_EXPORT;
	write_u32(to, &at, (uint32_t)(header + kept_size));
	memcpy(to + at, number, header);
	memcpy(to + at + header, kept, kept_size);
	return at + header + kept_size;
}
