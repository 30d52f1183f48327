/* Decisions on places: the workloads of `zbench place`, in clusters of n zhosts. */
#include "base/check.h"
#include "base/str.h"
#include "growth.h"

#define WARM_UP	  60u /* the first decision of a topology looks at each zhost */
#define DECISIONS 60u

static void decide_some(struct world *w, unsigned count)
{
	for (unsigned k = 0; k < count; k++) {
		uint32_t zhost;
		int r = shape_decide(&w->run, &zhost, NULL);
		INVARIANT(r == 0);
	}
}

static void begin(struct world *w, const char *name)
{
	const struct shape *s = shapes;
	while (!str_equal(s->name, name))
		s++;
	w->shape = *s;
	w->shape.zhosts = w->n;
	w->shape.before_count = w->n / 2;
	w->shape.measured_count = WARM_UP + DECISIONS;
	int r = shape_begin(&w->run, &w->shape, NULL);
	INVARIANT(r == 0);
	decide_some(w, WARM_UP);
}

static void decide(struct world *w)
{
	decide_some(w, DECISIONS);
}

#define SHAPE(name)                               \
	static void begin_##name(struct world *w) \
	{                                         \
		begin(w, #name);                  \
	}
#define SHAPES(X)                  \
	X(basic)                   \
	X(unschedulable)           \
	X(spread_required)         \
	X(spread_default)          \
	X(devices)                 \
	X(preferred_anti_affinity) \
	X(required_anti_affinity)  \
	X(taints)
SHAPES(SHAPE)

#define PART(name) {"place: " #name, 250, 1.7, begin_##name, decide},
const struct part place_parts[] = {SHAPES(PART){0}};
