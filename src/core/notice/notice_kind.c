#include "core/notice/notice_kind.h"

#include <string.h>

#include "base/str.h"
#include "core/access/access.h"

enum {
	TOPOLOGY_FAILED,
	TOPOLOGY_DEGRADED,
	TOPOLOGY_RECOVERED,
	ROLLOUT_FAILED,
	ZHOST_PROBLEM,
	ZHOST_RECOVERED,
	BACKUP_OLD,
	BACKUP_RECOVERED,
	KINDS,
};

const struct notice_kind notice_kinds[] = {
	[TOPOLOGY_FAILED] = {"topology.failed", "a topology has failed",
			     "topology %s has failed"},
	[TOPOLOGY_DEGRADED] = {"topology.degraded", "a topology has become degraded",
			       "topology %s is degraded"},
	[TOPOLOGY_RECOVERED] = {"topology.recovered",
				"a topology that was degraded or failed is running again",
				"topology %s is running again"},
	[ROLLOUT_FAILED] = {"rollout.failed",
			    "a rollout has failed, and goes back or is paused",
			    "the rollout of %s has failed"},
	[ZHOST_PROBLEM] = {"zhost.problem", "a zhost has a problem: it is silent, mostly",
			   "zhost %s has a problem"},
	[ZHOST_RECOVERED] = {"zhost.recovered", "a zhost that had a problem is back",
			     "zhost %s is back"},
	[BACKUP_OLD] = {"backup.old", "the newest backup is older than backup.old_after",
			"the backup is old"},
	[BACKUP_RECOVERED] = {"backup.recovered", "there is a recent backup again",
			      "there is a recent backup again"},
	[KINDS] = {NULL, NULL, NULL},
};

const struct notice_kind *notice_kind_find(const char *name)
{
	for (const struct notice_kind *k = notice_kinds; k->name != NULL; k++)
		if (str_equal(k->name, name))
			return k;
	return NULL;
}

const char *notice_kind_nearest(const char *name)
{
	const char *nearest = NULL;
	unsigned best = 6;
	for (const struct notice_kind *k = notice_kinds; k->name != NULL; k++) {
		unsigned d = strlen(name) < 100 ? str_distance(k->name, name) : best;
		if (d < best) {
			best = d;
			nearest = k->name;
		}
	}
	return nearest;
}

/* ---- of an event ---- */

static const struct notice_kind *of_topology(const Samoza__V1__EventRecord *e)
{
	bool was_ill = str_equal(e->from, "degraded") || str_equal(e->from, "failed");
	if (str_equal(e->to, "failed"))
		return &notice_kinds[TOPOLOGY_FAILED];
	if (str_equal(e->to, "degraded") && !str_equal(e->from, "failed")) /* it becomes well */
		return &notice_kinds[TOPOLOGY_DEGRADED];
	if (str_equal(e->to, "running") && was_ill)
		return &notice_kinds[TOPOLOGY_RECOVERED];
	return NULL;
}

/* One event of it is of the cluster, the others are of each topology that it concerns. */
static const struct notice_kind *of_zhost(const Samoza__V1__EventRecord *e)
{
	if (!str_is_empty(e->topology))
		return NULL;
	if (str_equal(e->to, "problem"))
		return &notice_kinds[ZHOST_PROBLEM];
	if (str_equal(e->to, "deployed-started") && str_equal(e->from, "problem"))
		return &notice_kinds[ZHOST_RECOVERED];
	return NULL;
}

const struct notice_kind *notice_kind_of(const Samoza__V1__EventRecord *e)
{
	if (str_equal(e->kind, "rollout"))
		return e->fails ? &notice_kinds[ROLLOUT_FAILED] : NULL;
	if (str_equal(e->from, e->to))
		return NULL; /* its state stays */
	if (str_equal(e->kind, "topology"))
		return of_topology(e);
	if (str_equal(e->kind, "zhost"))
		return of_zhost(e);
	if (str_equal(e->kind, "backup"))
		return &notice_kinds[str_equal(e->to, "old") ? BACKUP_OLD : BACKUP_RECOVERED];
	return NULL;
}

char *notice_sentence(const struct notice_kind *kind, const Samoza__V1__EventRecord *e)
{
	const char *gap = strstr(kind->words, "%s");
	if (gap == NULL)
		return str_printf("%s: %s", kind->words, e->cause);
	return str_printf("%.*s%s%s: %s", (int)(gap - kind->words), kind->words, e->subject,
			  gap + strlen("%s"), e->cause);
}

/* ---- of a rule ---- */

static bool matches(char *const *patterns, size_t count, const char *name)
{
	for (size_t k = 0; k < count; k++)
		if (access_pattern_matches(patterns[k], name))
			return true;
	return count == 0;
}

static bool is_listed(const struct notice_rule *rule, const char *name)
{
	for (size_t k = 0; k < rule->on_count; k++)
		if (str_equal(rule->on[k], name))
			return true;
	return false;
}

const struct notice_kind *notice_rule_wants(const struct notice_rule *rule,
					    const Samoza__V1__EventRecord *e)
{
	const struct notice_kind *kind = notice_kind_of(e);
	if (kind == NULL || !is_listed(rule, kind->name))
		return NULL;
	bool is_wanted = true;
	if (str_equal(e->kind, "zhost"))
		is_wanted = matches(rule->zhosts, rule->zhost_count, e->subject);
	else if (!str_equal(e->kind, "backup"))
		is_wanted = matches(rule->topologies, rule->topology_count, e->subject);
	return is_wanted ? kind : NULL;
}
