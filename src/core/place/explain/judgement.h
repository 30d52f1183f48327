/* A filter that is ready to judge every zhost for one request: a view is open, and the minimums
 * of spread are measured. */
#ifndef SAMOZA_CORE_PLACE_EXPLAIN_JUDGEMENT_H
#define SAMOZA_CORE_PLACE_EXPLAIN_JUDGEMENT_H

#include "core/place/rule/filter.h"

/* PRE: the unit of the request is not placed. */
void judgement_open(struct filter *f, struct place *p, const struct place_unit_request *r,
		    enum strictness strictness);
void judgement_close(struct filter *f);

#endif
