#include "core/application/revision_values.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
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
