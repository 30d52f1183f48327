#include "core/place/explain/smallest_change.h"

#include <string.h>

#include "base/str.h"
#include "core/place/rule/texts.h"
#include "core/place/state/nodes.h"

struct change {
	uint32_t zhost;	       /* PLACE_NONE: none yet */
	uint32_t rules;	       /* that fail there */
	double amount;	       /* what is missing, relative to what is needed */
	uint64_t requirements; /* which of them fail, and by how much: a hash */
	uint32_t same;	       /* zhosts of which all this is true */
};

static char *join(char *take_text, char *take_more)
{
	if (take_text == NULL)
		return take_more;
	char *longer = str_printf("%s and %s", take_text, take_more);
	free(take_text);
	free(take_more);
	return longer;
}

static char *text_of(const struct filter *f, uint32_t zhost)
{
	char *text = NULL;
	vector_for_each (&f->requirements, r) {
		if (!requirement_holds(f, r, zhost))
			text = join(text, r->rule->smallest_change(f, r, zhost));
	}
	return text;
}

/* A cordon is all of rule 1 that is looked at: the zhost runs and is not excluded. */
static struct change size_of(const struct filter *f, uint32_t zhost)
{
	const struct place *p = f->place;
	struct change c = {.zhost = zhost, .same = 1, .rules = node_at(p, zhost)->cordoned};
	bool feasible = feasible_has(&p->feasible_sets.items[f->need->demand->feasible], zhost);
	uint32_t last = PLACE_RULE_STATE;
	for (size_t i = 0; i < f->requirements.count; i++) {
		const struct requirement *r = &f->requirements.items[i];
		if (r->rule->number == PLACE_RULE_STATE ||
		    (feasible && r->rule->decision == RULE_BY_DESCRIPTION) ||
		    requirement_holds(f, r, zhost))
			continue;
		double amount = r->rule->missing != NULL ? r->rule->missing(f, r, zhost) : 1;
		uint64_t bits;
		memcpy(&bits, &amount, sizeof(bits));
		c.rules += r->rule->number != last;
		last = r->rule->number;
		c.amount += amount;
		c.requirements = (c.requirements + i + 1) * UINT64_C(0x9E3779B97F4A7C15) ^ bits;
	}
	return c;
}

char *smallest_change(struct filter *f)
{
	struct place *p = f->place;
	struct change best = {.zhost = PLACE_NONE};
	nodes_rank(p);
	for (uint32_t rank = 0; rank < p->by_name.count; rank++) {
		uint32_t zhost = p->by_name.items[rank];
		if (!node_at(p, zhost)->alive || is_excluded(f->request, zhost))
			continue;
		struct change c = size_of(f, zhost);
		if (best.zhost == PLACE_NONE || c.rules < best.rules ||
		    (c.rules == best.rules && c.amount < best.amount))
			best = c;
		else if (c.rules == best.rules && c.amount <= best.amount)
			best.same += c.requirements == best.requirements;
	}
	if (best.zhost == PLACE_NONE || best.rules == 0)
		return NULL;
	CLEANUP(freep) char *text = text_of(f, best.zhost);
	const char *name = node_name(p, best.zhost);
	if (strcmp(text, CHANGE_UNCORDON) == 0)
		return str_printf(CHANGE_UNCORDON " %s", name);
	return best.same == 1 ? str_printf("%s on %s", text, name)
			      : str_printf("%s on one zhost", text);
}
