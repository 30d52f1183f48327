/*
 * The values that a revision has for the parameters of its package. They are part of it, as its package is: two revisions
 * of one package with other values are two contents. Compared is what people gave, not what a package has by default.
 *
 * A later submission keeps them. What it is compiled with is read before it is decided, and so it says what it
 * took them to be (struct control_submit.kept); when they are others by then, it is refused, and made once more.
 * Source: [change.submit].
 */
#ifndef SAMOZA_CORE_APPLICATION_REVISION_VALUES_H
#define SAMOZA_CORE_APPLICATION_REVISION_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include "model/parameter/parameters.h"
#include "proto/record.pb-c.h"
#include "proto/view.pb-c.h"

/* The same values were given for both. */
bool revision_values_are_same(const Samoza__V1__RevisionRecord *a,
			      const Samoza__V1__RevisionRecord *b);
/* What was given, in one text: equal where the values are. NULL: "", of no revision. The caller frees. */
char *revision_values_text(const Samoza__V1__RevisionRecord *r);
/* What a submission has: given ones and defaults. PRE: it has none yet. */
void revision_values_set(Samoza__V1__RevisionRecord *r, const struct parameters *parameters);
/* What was given, as what a later submission keeps of it. NULL: nothing. */
void revision_values_keep(const Samoza__V1__RevisionRecord *r, struct values *to);

/* For people and programs; *ret_views is a list on the heap. */
size_t revision_values_view(const Samoza__V1__RevisionRecord *r,
			    Samoza__V1__ValueView ***ret_views);
/* The parameters whose values differ, defaults included, in the order of `after`, then of `before`. `before` NULL: none. */
size_t revision_values_diff(const Samoza__V1__RevisionRecord *before,
			    const Samoza__V1__RevisionRecord *after,
			    Samoza__V1__PlanValueView ***ret_views);

#endif
