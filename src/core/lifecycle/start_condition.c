#include "core/lifecycle/start_condition.h"

#include "core/lifecycle/lifecycle.h"

struct start_side start_side_serving(const struct slot *s)
{
	return (struct start_side){
		.missing = slot_missing_import(s),
		.parent_up = s->parent == NULL || slot_is_up(s->parent),
		.lacks_secret = s->serving.missing_secret != NULL,
		.may_run_at_ms = s->serving.may_run_at_ms,
	};
}

enum start_obstacle start_condition(const struct slot *s, const struct start_side *side)
{
	if (!side->parent_up)
		return START_ANCESTOR;
	if (side->missing != NULL)
		return START_IMPORT;
	if (side->lacks_secret)
		return START_SECRET;
	return side->may_run_at_ms > s->set->lifecycle->now.mono_ms ? START_OTHER_COPY
								    : START_MAY;
}
