/*
 * What a `submit` step submits: one of the file's topologies as a package, with the values of its parameters.
 *
 *   package_find()    which of them
 *   package_make()    its entry is read once more, with the values; what a package would have of files is made up
 */
#ifndef SAMOZA_ZSIM_SCENARIO_PACKAGES_H
#define SAMOZA_ZSIM_SCENARIO_PACKAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/control/control.h"
#include "model/topology.h"
#include "proto/record.pb-c.h"
#include "proto/scenario.pb-c.h"
#include "zsim/scenario/scenario.h"

struct package {
	Samoza__V1__RevisionRecord *record;
	struct topology *topology;
	char *kept; /* as of struct control_submit */
};

/* Fills in what its entry leaves to the file. */
void package_fill(const struct scenario *s, Samoza__V1__Topology *t);
bool package_find(const struct scenario *s, const Samoza__V1__SubmitStep *step,
		  size_t *ret_index);
/* `control`: whose values it keeps; NULL: none. False: it is refused; the caller frees the text. */
bool package_make(const struct scenario *s, size_t index, const Samoza__V1__SubmitStep *step,
		  const struct control *control, struct package *ret_package,
		  char **ret_refusal);
void package_done(struct package *p);

#endif
