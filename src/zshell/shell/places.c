#include "zshell/shell/places.h"

#include "base/str.h"
#include "zshell/shell/resolve.h"

static void end_stay(stay_vector *stays, const Samoza__V1__EventView *e)
{
	struct stay *last = stays->count > 0 ? vector_last(stays) : NULL;

	if (last == NULL || last->until != NULL)
		return;
	last->until = e->time;
	/* How its last failure there ended says more than that it was placed again. */
	if (last->cause == NULL || str_equal(e->kind, "space"))
		last->cause = e->cause;
}

static void take_event(stay_vector *stays, const char *name, const Samoza__V1__EventView *e)
{
	bool own = str_equal(e->kind, "space") && str_equal(e->subject, name);

	/* What it is inside is placed with it. */
	if (str_equal(e->kind, "placement") && path_is_at_or_below(name, e->subject)) {
		end_stay(stays, e);
		*vector_add(stays) = (struct stay){.zhost = e->to, .since = e->time};
	} else if (own && str_equal(e->to, "not-deployed")) {
		end_stay(stays, e);
	} else if (own && stays->count > 0 && str_equal(e->to, "deployed-stopped") &&
		   !str_equal(e->from, "deploying")) {
		vector_last(stays)->cause = e->cause;
	}
}

void places_find(const struct history *history, const char *name, stay_vector *ret_stays)
{
	vector_for_each (&history->events, e)
		take_event(ret_stays, name, *e);
}
