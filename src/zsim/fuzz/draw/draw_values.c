#include "zsim/fuzz/draw/draw_values.h"

#include "base/fingerprint.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/application/revision_values.h"
#include "core/application/scaled.h"
#include "schema/message.h"
#include "zsim/fuzz/life/draws.h"
#include "zsim/fuzz/life/fuzz.h"

enum { PARAMETERS = 3, PROGRAMS = 3 };

static const char *const names[PARAMETERS] = {"p0", "p1", "p2"};

static const Samoza__V1__RevisionRecord *newest_of(const struct submitted *s)
{
	return s != NULL && s->packages.count > 0 ? s->packages.items[s->packages.count - 1]
						  : NULL;
}

/* The newest one that is committed, or, now and then, an earlier one. */
static const Samoza__V1__RevisionRecord *looked_at(struct fuzz *f, const struct submitted *s)
{
	struct random *r = draws_random(f, DRAW_VALUES);
	const Samoza__V1__RevisionRecord *newest = newest_of(s);
	if (newest == NULL || random_percent(r, 80))
		return newest;
	return s->packages.items[random_below(r, (uint32_t)s->packages.count)];
}

static const char *kept_of(const Samoza__V1__RevisionRecord *from, const char *name)
{
	for (size_t k = 0; from != NULL && k < from->n_values; k++)
		if (str_equal(from->values[k]->name, name) && !from->values[k]->is_default)
			return from->values[k]->value;
	return NULL;
}

static void add_value(Samoza__V1__RevisionRecord *record, const char *name, const char *value)
{
	Samoza__V1__RevisionValue *v = (Samoza__V1__RevisionValue *)schema_message_new(
		&samoza__v1__revision_value__descriptor);
	v->name = mem_strdup(name);
	v->value = mem_strdup(value != NULL ? value : "by default");
	v->has_is_default = v->is_default = value == NULL;
	record->values[record->n_values++] = v;
}

/* As a package that has parameters is made with them. */
static void apply(Samoza__V1__RevisionRecord *record)
{
	CLEANUP(freep) char *text = revision_values_text(record);
	if (record->n_artifacts == 0)
		return;
	Samoza__V1__SpaceArtifacts *first = record->artifacts[0];
	free(first->module_digest);
	first->module_digest =
		str_printf("program %u", (unsigned)(fingerprint_text(0, text) % PROGRAMS));
}

char *draw_values(struct fuzz *f, const struct submitted *s, Samoza__V1__RevisionRecord *record,
		  bool *ret_resets)
{
	struct random *r = draws_random(f, DRAW_VALUES);
	if (!draws_have(f, DRAW_VALUES))
		return NULL;
	const Samoza__V1__RevisionRecord *from = looked_at(f, s);
	bool resets = random_percent(r, 15);
	CLEANUP(freep) char *wish = mem_strdup(resets ? "resets" : "keeps");
	record->values = mem_new_array(Samoza__V1__RevisionValue *, PARAMETERS);
	for (size_t k = 0; k < PARAMETERS; k++) {
		const char *value = resets ? NULL : kept_of(from, names[k]);
		if (random_percent(r, 30)) {
			value = random_percent(r, 50) ? "a" : "b";
			char *longer = str_printf("%s %s=%s", wish, names[k], value);
			free(wish);
			wish = longer;
		}
		add_value(record, names[k], value);
	}
	record->publisher = steal_ptr(&wish);
	apply(record);
	*ret_resets = resets;
	return resets ? NULL : revision_values_text(from);
}

Samoza__V1__RevisionRecord *draw_same_package(struct fuzz *f, const struct submitted *s)
{
	const Samoza__V1__RevisionRecord *newest = newest_of(s);
	if (newest == NULL || !draws_percent(f, DRAW_VALUES, 30))
		return NULL;
	Samoza__V1__RevisionRecord *copy =
		(Samoza__V1__RevisionRecord *)schema_message_copy(&newest->base);
	Samoza__V1__RevisionRecord *record = (Samoza__V1__RevisionRecord *)schema_message_new(
		&samoza__v1__revision_record__descriptor);
	scaled_reset(copy);
	record->application = mem_strdup("");
	record->version = steal_ptr(&copy->version);
	record->package_digest = mem_strdup(copy->package_digest);
	record->topology = steal_ptr(&copy->topology);
	record->rollout = steal_ptr(&copy->rollout);
	record->artifacts = steal_ptr(&copy->artifacts);
	record->n_artifacts = copy->n_artifacts;
	copy->n_artifacts = 0;
	copy->topology =
		(Samoza__V1__Topology *)schema_message_new(&samoza__v1__topology__descriptor);
	schema_message_free(copy);
	return record;
}
