/*
 * The moves that [lifecycle.states] and the sections after it allow, written down once
 * more: the core's own table would agree with itself whatever it says.
 */

#include "zsim/fuzz/life/legal.h"

#include "base/memory.h"
#include "base/str.h"

struct move {
	const char *from, *to;
};

static const struct move moves[] = {
	{"not-deployed", "deploying"},
	{"deploying", "deployed-stopped"},
	{"deploying", "not-deployed"},
	{"deployed-stopped", "waiting-for-ancestor"},
	{"deployed-stopped", "unresolved"},
	{"deployed-stopped", "starting"},
	{"deployed-stopped", "undeploying"},
	{"unresolved", "deployed-stopped"},
	{"unresolved", "waiting-for-ancestor"},
	{"unresolved", "starting"},
	{"waiting-for-ancestor", "deployed-stopped"},
	{"waiting-for-ancestor", "unresolved"},
	{"waiting-for-ancestor", "starting"},
	{"starting", "deployed-started"},
	{"starting", "deployed-stopped"},
	{"deployed-started", "stopping"},
	{"deployed-started", "deployed-stopped"}, /* its process dies, or has finished */
	{"stopping", "deployed-stopped"},
	{"stopping", "unresolved"},
	{"stopping", "waiting-for-ancestor"},
	{"undeploying", "not-deployed"},
	{"undeploying", "deployed-stopped"},
};

/* A zhost that returns: what it reports is taken, from wherever. */
static const char *const adopted[] = {"deployed-stopped", "starting", "deployed-started",
				      "stopping"};

static const struct move zhost_moves[] = {
	{"not-deployed", "deploying"},	     {"not-deployed", "deployed-started"},
	{"deploying", "not-deployed"},	     {"deploying", "deployed-started"},
	{"deploying", "undeploying"},	     {"deployed-started", "problem"},
	{"deployed-started", "undeploying"}, {"problem", "deployed-started"},
	{"problem", "undeploying"},	     {"undeploying", "not-deployed"},
	{"not-deployed", "undeploying"},     /* a machine that was not made is destroyed */
	{"undeploying", "deployed-started"}, /* uncordoned before it was empty */
};

static bool is_listed(const struct move *list, size_t count, const char *from, const char *to)
{
	for (size_t k = 0; k < count; k++)
		if (str_equal(list[k].from, from) && str_equal(list[k].to, to))
			return true;
	return false;
}

bool legal_move(const char *from, const char *to, bool adopts)
{
	if (is_listed(moves, ARRAY_SIZE(moves), from, to))
		return true;
	/* Its zhost is lost, or no longer holds it. */
	if (str_equal(to, "not-deployed") && !str_equal(from, to))
		return true;
	if (!adopts || str_equal(from, to))
		return false;
	for (size_t k = 0; k < ARRAY_SIZE(adopted); k++)
		if (str_equal(adopted[k], to))
			return true;
	return str_equal(from, "not-deployed") && str_equal(to, "undeploying");
}

bool legal_zhost_move(const char *from, const char *to)
{
	return is_listed(zhost_moves, ARRAY_SIZE(zhost_moves), from, to);
}
