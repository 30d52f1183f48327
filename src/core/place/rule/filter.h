/* Compiles the requirements of a need by the table of rules. */
#ifndef SAMOZA_CORE_PLACE_RULE_FILTER_H
#define SAMOZA_CORE_PLACE_RULE_FILTER_H

#include "core/place/rule/rule.h"

/* All requirements of a need. `request` and `strictness` are what they are judged by; `request`
 * NULL: only to know what is required, no text is asked for. No view is opened, and no minimum
 * is measured. */
void filter_init(struct filter *f, struct place *p, const struct need *n,
		 const struct place_unit_request *request, enum strictness strictness);
/* Only those of rules with that decision, of the sub-tree at instance `root`. `n` may be NULL
 * for RULE_BY_DESCRIPTION. */
void filter_init_some(struct filter *f, struct place *p, const struct topology *t,
		      uint32_t root, const struct need *n, enum rule_decision decision);
void filter_done(struct filter *f);

/* What a requirement says, and how it fails on a zhost where it does. */
struct place_failure requirement_failure(const struct filter *f, const struct requirement *r,
					 uint32_t zhost);
static inline bool requirement_holds(const struct filter *f, const struct requirement *r,
				     uint32_t zhost)
{
	return r->rule->holds(f, r, zhost);
}

#endif
