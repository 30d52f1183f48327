#include <string.h>

#include "adapter/wasm2c/module.h"
#include "base/hash.h"
#include "base/memory.h"
#include "zrms/submission/stages.h"

/* The oldest makes room: then the module is checked again. */
enum { CHECKED_MAX = 10000 };

struct checked_module {
	UT_hash_handle hh;
	char digest[65];
	uint64_t memory_bytes;
};

/* ---- which there are ---- */

static struct submitted_module *find(struct submission *s, const char *digest)
{
	vector_for_each (&s->modules, module)
		if (strcmp(module->file->hash, digest) == 0)
			return module;
	return NULL;
}

static void add(struct submission *s, const struct mex_file *file, uint64_t memory_bytes)
{
	struct submitted_module *module = find(s, file->hash);

	if (module == NULL) {
		module = vector_add(&s->modules);
		module->file = file;
		module->memory_bytes = memory_bytes;
	} else if (memory_bytes < module->memory_bytes) {
		module->file = file;
		module->memory_bytes = memory_bytes;
	}
}

void submission_modules_find(struct submission *s)
{
	const struct mex_package *p = s->package;

	for (unsigned i = 0; i < p->topology->space_count; i++)
		if (p->spaces[i].module != NULL)
			add(s, p->spaces[i].module, p->topology->spaces[i].memory_bytes);
}

/* ---- what is known of them ---- */

static void remember(struct submissions *all, const struct submitted_module *module)
{
	struct checked_module *c = NULL;

	HASH_FIND_STR(all->checked, module->file->hash, c);
	if (c == NULL) {
		if (HASH_COUNT(all->checked) >= CHECKED_MAX) {
			struct checked_module *oldest = all->checked;
			HASH_DEL(all->checked, oldest);
			free(oldest);
		}
		c = mem_new(struct checked_module);
		memcpy(c->digest, module->file->hash, sizeof(c->digest));
		c->memory_bytes = module->memory_bytes;
		HASH_ADD_STR(all->checked, digest, c);
	}
	if (module->memory_bytes < c->memory_bytes)
		c->memory_bytes = module->memory_bytes;
}

bool submission_modules_recall(struct submission *s)
{
	bool is_complete = true;

	vector_for_each (&s->modules, module) {
		struct checked_module *c = NULL;
		const struct native_code *native = NULL;

		HASH_FIND_STR(s->all->checked, module->file->hash, c);
		if (s->all->translations != NULL)
			native = translations_known(s->all->translations, module->file->hash);
		module->is_checked = c != NULL && module->memory_bytes >= c->memory_bytes;
		module->is_known = native != NULL;
		if (native != NULL)
			module->native = *native;
		is_complete = is_complete && module->is_checked && module->is_known;
	}
	return is_complete;
}

void checked_modules_free(struct submissions *all)
{
	struct checked_module *c, *next;

	HASH_ITER (hh, all->checked, c, next) {
		HASH_DEL(all->checked, c);
		free(c);
	}
}

/* ---- loading ---- */

/* Every module that is refused is named, not only the first. */
static void load(struct submission *s, struct submitted_module *module)
{
	struct module_info info;
	CLEANUP(error_freep) struct error *fault = NULL;

	if (module->is_checked && module->is_known)
		return;
	if (mex_package_load(s->package, module->file, &module->data, &module->size, &s->err) <
	    0)
		return;
	if (module_check(module->data, module->size, module->memory_bytes, &info, &fault) < 0)
		diagnostics_add(&s->findings, module->file->path, 0, 0, "%s", fault->message);
	else
		module->code_bytes = info.code_bytes;
}

void submission_modules_load(struct submission *s)
{
	for (size_t i = 0; i < s->modules.count && s->err == NULL; i++)
		load(s, &s->modules.items[i]);
	if (s->err == NULL && diagnostics_any(&s->findings))
		(void)!diagnostics_error(&s->findings, &s->err);
}

/* ---- translating ---- */

struct module_wait {
	struct submission *submission;
	size_t index;
};

/* The last answer ends the stage, however the others went. */
static void answered(struct submission *s)
{
	if (--s->translating == 0)
		s->on_translated(s);
}

static void on_translated(void *user, int code, const struct error *error,
			  const struct native_code *native)
{
	struct module_wait *wait = user;
	struct submission *s = wait->submission;
	struct submitted_module *module = &s->modules.items[wait->index];

	free(wait);
	if (code == 0) {
		module->native = *native;
		module->is_known = true;
	} else if (s->err == NULL) {
		(void)error_set(&s->err, error->code, "%s: %s", module->file->path,
				error->message);
	}
	answered(s);
}

void submission_modules_translate(struct submission *s, void (*on_done)(struct submission *s))
{
	s->on_translated = on_done;
	s->translating = 1; /* until all are asked for */
	for (size_t i = 0; i < s->modules.count; i++) {
		struct submitted_module *module = &s->modules.items[i];
		struct module_wait *wait;

		remember(s->all, module);
		if (module->is_known)
			continue;
		wait = mem_new(struct module_wait);
		*wait = (struct module_wait){.submission = s, .index = i};
		s->translating++;
		translations_ask(
			s->all->translations,
			&(struct translation_request){.module_digest = module->file->hash,
						      .module = steal_ptr(&module->data),
						      .size = module->size,
						      .memory_bytes = module->memory_bytes,
						      .code_bytes = module->code_bytes},
			on_translated, wait);
	}
	answered(s);
}

const char *submission_native_digest(void *user, const char *module_digest)
{
	struct submitted_module *module = find(user, module_digest);

	return module != NULL ? module->native.digest : NULL;
}
