/* Counts that people give to spaces [change.rollout.cmd-scale]: requests for them, and what becomes of them with a
 * later submission. */
#ifndef SAMOZA_CORE_CONTROL_SCALE_REQUEST_H
#define SAMOZA_CORE_CONTROL_SCALE_REQUEST_H

#include "core/control/state/application.h"
#include "core/control/state/input.h"

/* A new revision of it in which only counts differ. */
void scale_request(struct control *c, const struct control_input *input);

/* What is to be accepted of a submission: with the counts that its application has already. */
struct accepted {
	Samoza__V1__RevisionRecord *record; /* owned, until it is accepted */
	struct topology *topology;	    /* a reference */
};
/* `a` NULL: the name is new. Nothing is left where it fails. */
int accepted_new(struct control *c, const struct control_application *a,
		 const struct control_submit *s, struct accepted *ret,
		 struct error **err) must_check;

#endif
