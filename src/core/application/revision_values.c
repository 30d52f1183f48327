#include "core/application/revision_values.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

static bool is_given(const Samoza__V1__RevisionValue *v)
{
	return !v->has_is_default || !v->is_default;
}

static const Samoza__V1__RevisionValue *find(const Samoza__V1__RevisionRecord *r,
					     const char *name)
{
	for (size_t k = 0; k < r->n_values; k++)
		if (is_given(r->values[k]) && str_equal(r->values[k]->name, name))
			return r->values[k];
	return NULL;
}

/* All that `a` was given, `b` was given, too. */
static bool has_all(const Samoza__V1__RevisionRecord *a, const Samoza__V1__RevisionRecord *b)
{
	for (size_t k = 0; k < a->n_values; k++) {
		if (!is_given(a->values[k]))
			continue;
		const Samoza__V1__RevisionValue *other = find(b, a->values[k]->name);
		if (other == NULL || !str_equal(other->value, a->values[k]->value))
			return false;
	}
	return true;
}

bool revision_values_are_same(const Samoza__V1__RevisionRecord *a,
			      const Samoza__V1__RevisionRecord *b)
{
	return has_all(a, b) && has_all(b, a);
}

static int compare_names(const void *a, const void *b)
{
	return str_compare((*(Samoza__V1__RevisionValue *const *)a)->name,
			   (*(Samoza__V1__RevisionValue *const *)b)->name);
}

char *revision_values_text(const Samoza__V1__RevisionRecord *r)
{
	struct buffer text = BUFFER_INIT(SIZE_MAX / 2);
	if (r == NULL)
		return mem_strdup("");
	CLEANUP(freep)
	Samoza__V1__RevisionValue **sorted =
		mem_new_array(Samoza__V1__RevisionValue *, r->n_values + 1);
	for (size_t k = 0; k < r->n_values; k++)
		sorted[k] = r->values[k];
	qsort(sorted, r->n_values, sizeof(*sorted), compare_names);
	/* With its length in front, a value may have any character. */
	for (size_t k = 0; k < r->n_values; k++)
		if (is_given(sorted[k]))
			(void)buffer_printf(&text, "%s %zu %s\n", sorted[k]->name,
					    strlen(sorted[k]->value), sorted[k]->value);
	return buffer_steal(&text);
}

size_t revision_values_view(const Samoza__V1__RevisionRecord *r,
			    Samoza__V1__ValueView ***ret_views)
{
	*ret_views = mem_new_array(Samoza__V1__ValueView *, r->n_values);
	for (size_t k = 0; k < r->n_values; k++) {
		Samoza__V1__ValueView *v = (Samoza__V1__ValueView *)schema_message_new(
			&samoza__v1__value_view__descriptor);
		v->name = mem_strdup(r->values[k]->name);
		v->value = mem_strdup(r->values[k]->value);
		v->is_default = !is_given(r->values[k]);
		(*ret_views)[k] = v;
	}
	return r->n_values;
}

void revision_values_set(Samoza__V1__RevisionRecord *r, const struct parameters *parameters)
{
	PRE(r->n_values == 0);
	size_t count = parameters_count(parameters);
	r->values = mem_new_array(Samoza__V1__RevisionValue *, count + 1);
	for (size_t k = 0; k < count; k++) {
		const struct parameter *one = parameters_at(parameters, k);
		if (one->value == NULL)
			continue;
		Samoza__V1__RevisionValue *v = mem_new(Samoza__V1__RevisionValue);
		samoza__v1__revision_value__init(v);
		v->name = mem_strdup(one->declared->name);
		v->value = mem_strdup(one->value);
		v->has_is_default = v->is_default = !one->is_given;
		r->values[r->n_values++] = v;
	}
}

void revision_values_keep(const Samoza__V1__RevisionRecord *r, struct values *to)
{
	for (size_t k = 0; r != NULL && k < r->n_values; k++)
		if (is_given(r->values[k]))
			values_add_kept(to, r->values[k]->name, r->values[k]->value);
}

/* Given or not; NULL: there is none of that name. */
static const char *value_of(const Samoza__V1__RevisionRecord *r, const char *name)
{
	for (size_t k = 0; r != NULL && k < r->n_values; k++)
		if (str_equal(r->values[k]->name, name))
			return r->values[k]->value;
	return NULL;
}

static void add_difference(Samoza__V1__PlanValueView **list, size_t *count, const char *name,
			   const char *from, const char *to)
{
	if (str_equal(from, to))
		return;
	Samoza__V1__PlanValueView *v = (Samoza__V1__PlanValueView *)schema_message_new(
		&samoza__v1__plan_value_view__descriptor);
	v->name = mem_strdup(name);
	v->from = mem_strdup(from);
	v->to = mem_strdup(to);
	list[(*count)++] = v;
}

size_t revision_values_diff(const Samoza__V1__RevisionRecord *before,
			    const Samoza__V1__RevisionRecord *after,
			    Samoza__V1__PlanValueView ***ret_views)
{
	size_t count = 0, former = before != NULL ? before->n_values : 0;
	Samoza__V1__PlanValueView **list =
		mem_new_array(Samoza__V1__PlanValueView *, after->n_values + former + 1);
	for (size_t k = 0; k < after->n_values; k++)
		add_difference(list, &count, after->values[k]->name,
			       value_of(before, after->values[k]->name),
			       after->values[k]->value);
	for (size_t k = 0; k < former; k++)
		if (value_of(after, before->values[k]->name) == NULL)
			add_difference(list, &count, before->values[k]->name,
				       before->values[k]->value, NULL);
	*ret_views = list;
	return count;
}
