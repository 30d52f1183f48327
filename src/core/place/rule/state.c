/* Rule 1: a zhost runs, is not cordoned, and is not excluded by the request. */
#include "base/str.h"
#include "core/place/rule/rules.h"

enum aspect { RUNNING, NOT_CORDONED, PERMITTED };

static void compile(struct filter *f, const struct space *s)
{
	if (s != NULL)
		return;
	filter_add(f, &rule_state)->number = RUNNING;
	filter_add(f, &rule_state)->number = NOT_CORDONED;
	if (f->request == NULL)
		return;
	struct requirement *r = filter_add(f, &rule_state);
	r->number = PERMITTED;
	r->wakes_on = WAKE_CALLER;
}

static bool holds(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	const struct place_node *node = node_at(f->place, zhost);
	switch ((enum aspect)r->number) {
	case RUNNING:
		return node->alive;
	case NOT_CORDONED:
		return !node->cordoned;
	case PERMITTED:
		return !is_excluded(f->request, zhost);
	}
	IMPOSSIBLE("aspect of a zhost's state");
}

/* The failure says it all. */
static char *what(const struct filter *f, const struct requirement *r)
{
	return NULL;
}

static char *exclusion_text(const struct place *p, const struct place_unit_request *request,
			    uint32_t zhost)
{
	for (uint32_t i = 0; i < request->excluded_count; i++) {
		if (request->excluded[i].zhost == zhost)
			return mem_strdup(request->excluded[i].sentence != NULL
						  ? request->excluded[i].sentence
						  : "excluded after failures");
	}
	return str_printf("only %s is possible", node_name(p, request->only));
}

static char *failure(const struct filter *f, const struct requirement *r, uint32_t zhost,
		     struct place_failure *ret)
{
	switch ((enum aspect)r->number) {
	case RUNNING:
		return mem_strdup("not running");
	case NOT_CORDONED:
		return mem_strdup("cordoned");
	case PERMITTED:
		return exclusion_text(f->place, f->request, zhost);
	}
	IMPOSSIBLE("aspect of a zhost's state");
}

static char *sentence(const struct filter *f, const struct requirement *r)
{
	return mem_strdup("no zhost is available");
}

static char *detail_of_only(const struct place *p, uint32_t zhost)
{
	const struct place_node *node = node_at(p, zhost);
	return str_printf("only %s is possible, which is %s", node_name(p, zhost),
			  !node->alive	   ? "not running"
			  : node->cordoned ? "cordoned"
					   : "excluded after failures");
}

static char *detail(const struct filter *f, const char *path, const struct remaining *left)
{
	const struct place *p = f->place;
	uint32_t dead = 0, cordoned = 0, excluded = 0;
	for (uint32_t i = 0; i < p->by_name.count; i++) {
		uint32_t zhost = p->by_name.items[i];
		if (!node_at(p, zhost)->alive)
			dead++;
		else if (node_at(p, zhost)->cordoned)
			cordoned++;
		else
			excluded += is_excluded(f->request, zhost);
	}
	if (p->by_name.count == 0)
		return mem_strdup("none has joined");
	if (f->request->has_only)
		return detail_of_only(p, f->request->only);
	return str_printf("%zu known: %u not running, %u cordoned, %u excluded after failures",
			  p->by_name.count, dead, cordoned, excluded);
}

/* Only a cordon can be removed with a command; the others are not asked for. */
static char *smallest_change(const struct filter *f, const struct requirement *r,
			     uint32_t zhost)
{
	return mem_strdup(CHANGE_UNCORDON);
}

/* One command: nothing is less. */
static double missing(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	return 0;
}

const struct place_rule rule_state = {
	.number = PLACE_RULE_STATE,
	.name = "state",
	.code = FAILURE_NO_ZHOST,
	.decision = RULE_BUILT_IN,
	.wakes_on = WAKE_STATE | WAKE_CALLER,
	.compile = compile,
	.holds = holds,
	.what = what,
	.failure = failure,
	.sentence = sentence,
	.detail = detail,
	.smallest_change = smallest_change,
	.missing = missing,
};
