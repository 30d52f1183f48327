#include "wake_cases.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "fixture.h"

#define N1 "{name: n1, cpu: 1, memory: 1GiB, region: eu}"
#define N2 "{name: n2, cpu: 1, memory: 1GiB, region: us}"
#define A  "- {name: a, type: DATA, resources: {cpu: 500m, memory: 100MiB}}\n"
#define A_WITH(rules)                                                                        \
	"- {name: a, type: DATA, resources: {cpu: 500m, memory: 100MiB}, placement: {" rules \
	"}}\n"
#define A_SPREAD_CHILDREN                                                                   \
	A "- {name: b, type: DATA, inside: a, count: 3, resources: {cpu: 10m}, placement: " \
	  "{spread: [{over: region, max_skew: 1, required: true}]}}\n"
#define STORE "- {name: store, type: DATA, resources: {cpu: 100m}}\n"

const struct wake_case wake_cases[] = {
	{"state",
	 WAKE_STATE,
	 {N1},
	 NULL,
	 A,
	 NULL,
	 {STEP_CORDON, "n1"},
	 {STEP_ZHOST, "{name: n2, cpu: 100m, memory: 1GiB}"},
	 {STEP_UNCORDON, "n1"}},
	{"state",
	 WAKE_STATE,
	 {N1},
	 NULL,
	 A,
	 NULL,
	 {STEP_LOSE, "n1"},
	 {STEP_CORDON, "n1"},
	 {STEP_RETURN, "n1"}},
	{"state",
	 WAKE_CALLER,
	 {N1},
	 STORE,
	 A,
	 "n1",
	 {0},
	 {STEP_PLACE, "- {name: b, type: DATA, resources: {cpu: 100m}}\n"},
	 {STEP_FORGIVE, NULL}},
	{"capability",
	 WAKE_DESCRIPTION,
	 {N1},
	 STORE,
	 "- {name: a, type: IO, capabilities: [sensors.camera]}\n",
	 NULL,
	 {0},
	 {STEP_REMOVE, NULL},
	 {STEP_ZHOST, "{name: n1, cpu: 1, memory: 1GiB, capabilities: [sensors.camera]}"}},
	{"constraint",
	 WAKE_DESCRIPTION,
	 {N1},
	 STORE,
	 A_WITH("region: ap"),
	 NULL,
	 {0},
	 {STEP_REMOVE, NULL},
	 {STEP_ZHOST, "{name: n2, cpu: 1, memory: 1GiB, region: ap}"}},
	{"near",
	 WAKE_DESCRIPTION,
	 {N1},
	 STORE,
	 A_WITH("near: {latitude: 48.8, longitude: 2.1, within: 50km}"),
	 NULL,
	 {0},
	 {STEP_REMOVE, NULL},
	 {STEP_ZHOST, "{name: n1, cpu: 1, memory: 1GiB, latitude: 48.86, longitude: 2.35}"}},
	{"affinity",
	 WAKE_MEMBERS_CAME,
	 {N1},
	 NULL,
	 A_WITH("affinity: [{with: other/store, required: true}]"),
	 NULL,
	 {0},
	 {STEP_PLACE, "- {name: b, type: DATA, resources: {cpu: 100m}}\n"},
	 {STEP_PLACE, STORE}},
	/* It is satisfied as the only one of its space, when the others have left n2, where it
	 * may not go. */
	{"affinity",
	 WAKE_MEMBERS_LEFT,
	 {N1, "{name: n2, cpu: 1, memory: 1GiB, kind: core}"},
	 A_WITH("kind: core"),
	 A_WITH("affinity: [{with: self, required: true}], constraints: [\"kind != core\"]"),
	 NULL,
	 {0},
	 {STEP_PLACE, "- {name: b, type: DATA, resources: {cpu: 100m}}\n"},
	 {STEP_REMOVE, NULL},
	 .revision = true},
	{"anti-affinity",
	 WAKE_MEMBERS_LEFT,
	 {"{name: n1, cpu: 200m, memory: 1GiB, region: eu}",
	  "{name: n2, cpu: 1, memory: 1GiB, region: eu, kind: core}"},
	 "- {name: store, type: DATA, resources: {cpu: 100m}, placement: {constraints: "
	 "[\"kind != core\"]}}\n",
	 A_WITH("kind: core, anti_affinity: [{with: shop/store, scope: region, required: "
		"true}]"),
	 NULL,
	 {0},
	 {STEP_PLACE, "- {name: b, type: DATA, resources: {cpu: 50m}}\n"},
	 {STEP_REMOVE, NULL}},
	{"kept away",
	 WAKE_MEMBERS_LEFT,
	 {"{name: n1, cpu: 200m, memory: 1GiB, region: eu}",
	  "{name: n2, cpu: 1, memory: 1GiB, region: eu, kind: core}"},
	 "- {name: store, type: DATA, resources: {cpu: 100m}, placement: {constraints: "
	 "[\"kind != core\"], anti_affinity: [{with: app/a, scope: region, required: "
	 "true}]}}\n",
	 A_WITH("kind: core"),
	 NULL,
	 {0},
	 {STEP_PLACE, "- {name: b, type: DATA, resources: {cpu: 50m}}\n"},
	 {STEP_REMOVE, NULL}},
	/* Three children come at once: too many in one region, until the other one has three.
	 */
	{"spread",
	 WAKE_ANY_MOVE,
	 {N1, N2},
	 A_SPREAD_CHILDREN,
	 A_SPREAD_CHILDREN,
	 NULL,
	 {0},
	 {0},
	 {STEP_ADD, "n1"},
	 .revision = true},
	{"cpu",
	 WAKE_ROOM,
	 {N1},
	 "- {name: store, type: DATA, resources: {cpu: 600m}}\n",
	 A,
	 NULL,
	 {0},
	 {STEP_ZHOST, "{name: n2, cpu: 400m, memory: 1GiB}"},
	 {STEP_REMOVE, NULL}},
	{"memory",
	 WAKE_ROOM,
	 {N1},
	 "- {name: store, type: DATA, resources: {cpu: 100m, memory: 1000MiB}}\n",
	 A,
	 NULL,
	 {0},
	 {STEP_ZHOST, "{name: n2, cpu: 1, memory: 50MiB}"},
	 {STEP_REMOVE, NULL}},
	{"devices",
	 WAKE_ROOM,
	 {"{name: n1, cpu: 1, memory: 1GiB, devices: [{kind: gpu}]}"},
	 "- {name: store, type: DATA, resources: {devices: [{kind: gpu}]}}\n",
	 "- {name: a, type: DATA, resources: {devices: [{kind: gpu, share: 500m}]}}\n",
	 NULL,
	 {0},
	 {STEP_ZHOST, "{name: n2, cpu: 1, memory: 1GiB, devices: [{kind: fpga}]}"},
	 {STEP_REMOVE, NULL}},
};
const size_t wake_case_count = ARRAY_SIZE(wake_cases);

/* ---- one case ---- */

struct run {
	const struct wake_case *c;
	struct place *place;
	struct app before, app;
	struct place_unit_request request;
	struct place_exclusion exclusion;
};

#define TICKET 3u

static void set_flags(const struct run *run, const char *zhost, bool alive, bool cordoned)
{
	place_zhost_flags(run->place, place_zhost_find(run->place, zhost), alive, cordoned);
}

static void take_step(struct run *run, const struct wake_step *step)
{
	switch (step->kind) {
	case STEP_NONE:
		break;
	case STEP_ZHOST:
		(void)add_zhost(run->place, step->text);
		break;
	case STEP_CORDON:
		set_flags(run, step->text, true, true);
		break;
	case STEP_UNCORDON:
	case STEP_RETURN:
		set_flags(run, step->text, true, false);
		break;
	case STEP_LOSE:
		set_flags(run, step->text, false, false);
		break;
	case STEP_PLACE:
		free(place_text(run->place, "other", step->text));
		break;
	case STEP_ADD:
		place_add(run->place, run->before.units[0],
			  place_zhost_find(run->place, step->text));
		break;
	case STEP_REMOVE:
		place_remove(run->place, run->before.units[0]);
		break;
	case STEP_FORGIVE:
		run->request.excluded_count = 0;
		place_wait_wake(run->place, TICKET);
		break;
	}
}

static bool try_request(struct run *run, bool keep)
{
	struct place_result result;
	place_try(run->place,
		  &(struct place_request){
			  .units = &run->request, .unit_count = 1, .dry_run = !keep},
		  &result);
	bool complete = result.complete;
	place_result_done(&result);
	return complete;
}

/* Whether there is a zhost on which only the rule of the case fails. */
static char *check_blocked(struct run *run)
{
	struct place_explanation e;
	bool found = false;
	if (try_request(run, false))
		return mem_strdup("nothing blocks the request");
	place_explain(run->place, &run->request, &e);
	for (uint32_t i = 0; i < e.verdict_count && !found; i++) {
		const struct place_verdict *v = &e.verdicts[i];
		found = true;
		for (uint32_t k = 0; k < v->failure_count; k++)
			found = found && strcmp(v->failures[k].rule_name, run->c->rule) == 0;
	}
	place_explanation_done(&e);
	return found ? NULL : mem_strdup("no zhost is blocked by this rule alone");
}

static char *check_wakes(struct run *run)
{
	place_wait(run->place, TICKET,
		   &(struct place_request){.units = &run->request, .unit_count = 1});
	if (place_wait_next(run->place) != PLACE_NONE)
		return mem_strdup("tried again though nothing happened");
	take_step(run, &run->c->unrelated);
	if (place_wait_next(run->place) != PLACE_NONE)
		return mem_strdup("tried again for something that does not concern it");
	take_step(run, &run->c->change);
	if (place_wait_next(run->place) != TICKET)
		return mem_strdup("not tried again at the change");
	place_wait_end(run->place, TICKET);
	return try_request(run, true) ? NULL : mem_strdup("no place after the change");
}

char *wake_case_run(const struct wake_case *c)
{
	struct run run = {.c = c, .place = place_new(NULL)};
	for (size_t i = 0; i < ARRAY_SIZE(c->zhosts) && c->zhosts[i] != NULL; i++)
		(void)add_zhost(run.place, c->zhosts[i]);
	if (c->before != NULL) {
		run.before = app_add(run.place, c->revision ? "app" : "shop", c->before);
		free(place_all(&run.before));
	}
	take_step(&run, &c->prepare);
	run.app = app_add(run.place, "app", c->spaces);
	run.request.unit = run.app.units[0];
	if (c->excluded != NULL) {
		run.exclusion =
			(struct place_exclusion){place_zhost_find(run.place, c->excluded),
						 FAILURE_ATTEMPTS, "a failed there"};
		run.request.excluded = &run.exclusion;
		run.request.excluded_count = 1;
	}
	char *why = check_blocked(&run);
	if (why == NULL)
		why = check_wakes(&run);
	if (c->before != NULL)
		app_done(&run.before);
	app_done(&run.app);
	place_free(run.place);
	if (why == NULL)
		return NULL;
	char *text = str_printf("rule '%s': %s", c->rule, why);
	free(why);
	return text;
}

/* ---- all of them ---- */

static const char *const wake_names[WAKE_COUNT] = {
	"WAKE_STATE",	     "WAKE_DESCRIPTION", "WAKE_ROOM",	"WAKE_MEMBERS_CAME",
	"WAKE_MEMBERS_LEFT", "WAKE_ANY_MOVE",	 "WAKE_CALLER",
};

char *wake_cases_missing(const struct wake_case *cases, size_t count)
{
	for (size_t i = 0; place_rules[i] != NULL; i++) {
		const struct place_rule *rule = place_rules[i];
		if (rule->wakes_on == 0)
			return str_printf("rule '%s' names nothing that it wakes on",
					  rule->name);
		for (unsigned bit = 0; bit < WAKE_COUNT; bit++) {
			bool found = (rule->wakes_on >> bit & 1) == 0;
			for (size_t k = 0; k < count && !found; k++)
				found = strcmp(cases[k].rule, rule->name) == 0 &&
					(unsigned)cases[k].wakes_on == 1u << bit;
			if (!found)
				return str_printf("rule '%s' has no case for %s", rule->name,
						  wake_names[bit]);
		}
	}
	return NULL;
}
