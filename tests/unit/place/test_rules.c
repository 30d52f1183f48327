/* One small case per rule: where units go, or the sentence that says why they have no place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fixture.h"

struct example {
	const char *what;
	const char *zhosts[6];
	const char *before; /* spaces of a topology `old` that is placed first */
	const char *spaces; /* of `app` */
	const char *expected;
};

#define N1 "{name: n1, cpu: 4, memory: 4GiB, region: eu, kind: edge, labels: {rack: a}}"
#define N2 "{name: n2, cpu: 4, memory: 4GiB, region: us, kind: core, labels: {rack: b}}"
#define N3 "{name: n3, cpu: 4, memory: 4GiB, region: eu, kind: core, labels: {rack: b}}"

static const struct example examples[] = {
	/* ---- rule 2 ---- */
	{"common capabilities are everywhere",
	 {N1},
	 NULL,
	 "- {name: a, type: DATA, capabilities: [sys.log, net.emit, data.read, events.emit]}\n",
	 "a=n1"},
	{"a capability that one offers",
	 {N1, "{name: n2, cpu: 1, memory: 1GiB, capabilities: [sensors.camera]}"},
	 NULL,
	 "- {name: a, type: IO, capabilities: [sensors.camera]}\n",
	 "a=n2"},
	{"a capability that none offers",
	 {N1, N2},
	 NULL,
	 "- {name: a, type: IO, capabilities: [sensors.camera]}\n",
	 "no zhost satisfies capability requirement 'sensors.camera'"},
	{"pages that ask for a token are on a zhost that checks it",
	 {N1, "{name: n2, cpu: 1, memory: 1GiB, capabilities: [page.access]}"},
	 NULL,
	 "- {name: a, type: UI, access: token}\n",
	 "a=n2"},
	{"pages for everybody are on any zhost",
	 {N1},
	 NULL,
	 "- {name: a, type: UI, access: everybody}\n",
	 "a=n1"},
	{"no zhost checks access to pages",
	 {N1, N2},
	 NULL,
	 "- {name: a, type: UI, access: token}\n",
	 "no zhost checks access to pages: update them"},
	{"two capabilities that no zhost offers together",
	 {"{name: n1, cpu: 1, memory: 1GiB, capabilities: [actuators.arm]}",
	  "{name: n2, cpu: 1, memory: 1GiB, capabilities: [sensors.camera]}"},
	 NULL,
	 "- {name: a, type: IO, capabilities: [actuators.arm, sensors.camera]}\n",
	 "no zhost satisfies capability requirement 'sensors.camera'"},
	{"a child's capability counts for its parent",
	 {N1, "{name: n2, cpu: 1, memory: 1GiB, capabilities: [sensors.camera]}"},
	 NULL,
	 "- {name: a, type: IO}\n- {name: b, type: IO, inside: a, capabilities: "
	 "[sensors.camera]}\n",
	 "a=n2"},
	/* ---- rule 3 ---- */
	{"region",
	 {N1, N2},
	 NULL,
	 "- {name: a, type: DATA, placement: {region: us}}\n",
	 "a=n2"},
	{"kind", {N1, N2}, NULL, "- {name: a, type: DATA, placement: {kind: core}}\n", "a=n2"},
	{"a region that no zhost has",
	 {N1, N2},
	 NULL,
	 "- {name: a, type: DATA, placement: {region: eu-west}}\n",
	 "no zhost satisfies constraint 'region == eu-west'"},
	{"the first constraint that fails among those that pass the earlier",
	 {N1, N2},
	 NULL,
	 "- {name: a, type: DATA, placement: {region: eu, constraints: [\"rack in (b, "
	 "c)\"]}}\n",
	 "no zhost satisfies constraint 'rack in (b, c)'"},
	{"not in holds without the label",
	 {N1, "{name: n2, cpu: 1, memory: 1GiB}"},
	 NULL,
	 "- {name: a, type: DATA, placement: {constraints: [\"rack not in (a)\"]}}\n",
	 "a=n2"},
	{"== does not hold without the label",
	 {"{name: n2, cpu: 1, memory: 1GiB}"},
	 NULL,
	 "- {name: a, type: DATA, placement: {constraints: [\"rack == a\"]}}\n",
	 "no zhost satisfies constraint 'rack == a'"},
	{"near",
	 {"{name: berlin, cpu: 1, memory: 1GiB, latitude: 52.52, longitude: 13.40}",
	  "{name: paris, cpu: 1, memory: 1GiB, latitude: 48.86, longitude: 2.35}"},
	 NULL,
	 "- {name: a, type: DATA, placement: {near: {latitude: 48.8, longitude: 2.13, within: "
	 "50km}}}\n",
	 "a=paris"},
	{"near, too far",
	 {"{name: berlin, cpu: 1, memory: 1GiB, latitude: 52.52, longitude: 13.40}", N1},
	 NULL,
	 "- {name: a, type: DATA, placement: {near: {latitude: 48.8, longitude: 2.13, within: "
	 "50km}}}\n",
	 "no zhost satisfies constraint 'near 48.8, 2.13 within 50km'"},
	/* ---- rule 4 ---- */
	{"affinity within a topology, whatever the order",
	 {N1, N2, N3},
	 NULL,
	 "- {name: a, type: DATA, placement: {affinity: [{with: b, required: true}]}}\n"
	 "- {name: b, type: DATA, placement: {region: us}}\n",
	 "a=n2 b=n2"},
	{"affinity over a label",
	 {N1, N2, N3},
	 NULL,
	 "- {name: a, type: DATA, placement: {kind: core, affinity: [{with: b, scope: region, "
	 "required: true}]}}\n- {name: b, type: DATA, placement: {kind: edge}}\n",
	 "a=n3 b=n1"},
	{"affinity with another topology",
	 {N1, N2},
	 "- {name: store, type: DATA, placement: {region: us}}\n",
	 "- {name: a, type: DATA, placement: {affinity: [{with: old/store, required: "
	 "true}]}}\n",
	 "a=n2"},
	{"affinity with a space that is not placed",
	 {N1, N2},
	 NULL,
	 "- {name: a, type: DATA, placement: {affinity: [{with: old/store, required: "
	 "true}]}}\n",
	 "no zhost satisfies affinity with 'old/store' on zhost"},
	{"affinity both ways",
	 {N1, N2},
	 NULL,
	 "- {name: a, type: DATA, placement: {region: us, affinity: [{with: b, required: "
	 "true}]}}\n- {name: b, type: DATA, placement: {affinity: [{with: a, required: "
	 "true}]}}\n",
	 "a=n2 b=n2"},
	{"affinity with self keeps them together",
	 {N1, N2, N3},
	 NULL,
	 "- {name: a, type: DATA, count: 3, placement: {affinity: [{with: self, required: "
	 "true}]}}\n",
	 "a-1=n1 a-2=n1 a-3=n1"},
	{"anti-affinity with self",
	 {N1, N2, N3},
	 NULL,
	 "- {name: a, type: DATA, count: 3, placement: {strategy: pack, anti_affinity: [{with: "
	 "self, required: true}]}}\n",
	 "a-1=n1 a-2=n2 a-3=n3"},
	{"anti-affinity that needs more zhosts than there are",
	 {N1, N2},
	 NULL,
	 "- {name: a, type: DATA, count: 3, placement: {anti_affinity: [{with: self, required: "
	 "true}]}}\n",
	 "no zhost satisfies anti-affinity with 'self' on zhost"},
	{"anti-affinity over a label",
	 {N1, N2, N3},
	 NULL,
	 "- {name: a, type: DATA, count: 3, placement: {anti_affinity: [{with: self, scope: "
	 "region, required: true}]}}\n",
	 "no zhost satisfies anti-affinity with 'self' on region"},
	{"anti-affinity of a placed instance forbids new ones",
	 {N1, N2},
	 "- {name: store, type: DATA, placement: {region: eu, anti_affinity: [{with: app/a, "
	 "required: true}]}}\n",
	 "- {name: a, type: DATA, count: 2}\n",
	 "a-1=n2 a-2=n2"},
	{"anti-affinity of placed instances on every zhost",
	 {N1},
	 "- {name: store, type: DATA, placement: {anti_affinity: [{with: app/a, required: "
	 "true}]}}\n",
	 "- {name: a, type: DATA}\n",
	 "no zhost satisfies anti-affinity with 'old/store' on zhost"},
	{"a zhost without the label is in no scope",
	 {"{name: n1, cpu: 1, memory: 1GiB}", N2},
	 NULL,
	 "- {name: a, type: DATA, count: 2, placement: {anti_affinity: [{with: self, scope: "
	 "region, required: true}]}}\n",
	 "a-1=n2 a-2=n1"},
	/* ---- rule 5 ---- */
	{"required spread",
	 {N1, N2, N3},
	 NULL,
	 "- {name: a, type: DATA, count: 4, placement: {strategy: pack, spread: [{over: "
	 "region, "
	 "max_skew: 1, required: true}]}}\n",
	 "a-1=n1 a-2=n2 a-3=n1 a-4=n2"},
	{"spread ignores domains that other rules forbid",
	 {N1, N2, N3},
	 NULL,
	 "- {name: a, type: DATA, count: 3, placement: {region: eu, spread: [{over: region, "
	 "max_skew: 1, required: true}]}}\n",
	 "a-1=n1 a-2=n3 a-3=n1"},
	{"spread over a label that no zhost has",
	 {N1, N2},
	 NULL,
	 "- {name: a, type: DATA, placement: {spread: [{over: zone, required: true}]}}\n",
	 "no zhost satisfies spread over zone with max_skew 1"},
	/* ---- rule 6 ---- */
	{"cpu",
	 {"{name: n1, cpu: 1, memory: 1GiB}", N2},
	 NULL,
	 "- {name: a, type: DATA, resources: {cpu: 2}}\n",
	 "a=n2"},
	{"memory of parent and children together",
	 {"{name: n1, cpu: 4, memory: 100MiB}", "{name: n2, cpu: 4, memory: 130MiB}"},
	 NULL,
	 "- {name: a, type: DATA}\n- {name: b, type: DATA, inside: a, count: 3}\n",
	 "a=n2"},
	{"not enough anywhere",
	 {N1, N2},
	 NULL,
	 "- {name: a, type: DATA, resources: {memory: 5GiB}}\n",
	 "insufficient capacity on remaining zhosts"},
	{"each alone, not both",
	 {"{name: n1, cpu: 1, memory: 1GiB}"},
	 NULL,
	 "- {name: a, type: DATA, count: 2, resources: {cpu: 600m}}\n",
	 "insufficient capacity on remaining zhosts"},
	{"capabilities come before capacity",
	 {"{name: n1, cpu: 1, memory: 1GiB}"},
	 NULL,
	 "- {name: a, type: DATA, resources: {cpu: 2}, capabilities: [sensors.camera]}\n",
	 "no zhost satisfies capability requirement 'sensors.camera'"},
	{"a share fits on one device",
	 {"{name: n1, cpu: 4, memory: 1GiB, devices: [{kind: gpu, count: 2}]}"},
	 NULL,
	 "- {name: a, type: DATA, count: 3, resources: {devices: [{kind: gpu, share: "
	 "600m}]}}\n",
	 "insufficient capacity on remaining zhosts"},
	{"shares fill one device and leave the other whole",
	 {"{name: n1, cpu: 4, memory: 1GiB, devices: [{kind: gpu, count: 2}]}"},
	 NULL,
	 "- {name: a, type: DATA, count: 2, resources: {devices: [{kind: gpu, share: 500m}]}}\n"
	 "- {name: b, type: DATA, resources: {devices: [{kind: gpu}]}}\n",
	 "a-1=n1 a-2=n1 b=n1"},
	{"the model of a device",
	 {"{name: n1, cpu: 4, memory: 1GiB, devices: [{kind: gpu, model: T4}]}",
	  "{name: n2, cpu: 4, memory: 1GiB, devices: [{kind: gpu, model: V100}]}"},
	 NULL,
	 "- {name: a, type: DATA, resources: {devices: [{kind: gpu, model: [P100, V100]}]}}\n",
	 "a=n2"},
	{"the kind of a device",
	 {"{name: n1, cpu: 4, memory: 1GiB, devices: [{kind: gpu}]}"},
	 NULL,
	 "- {name: a, type: DATA, resources: {devices: [{kind: tpu}]}}\n",
	 "insufficient capacity on remaining zhosts"},
	/* ---- score ---- */
	{"a topology spreads by default",
	 {N1, N2, N3},
	 NULL,
	 "- {name: a, type: UI}\n- {name: b, type: CALL}\n- {name: c, type: DATA}\n",
	 "a=n1 b=n2 c=n3"},
	{"spreading keeps one topology on different zhosts before it looks at load",
	 {"{name: n1, cpu: 100, memory: 100GiB}", N2},
	 NULL,
	 "- {name: a, type: DATA, count: 2}\n",
	 "a-1=n1 a-2=n2"},
	{"spreading takes the emptier zhost",
	 {N1, N2},
	 "- {name: store, type: DATA, placement: {region: eu}}\n",
	 "- {name: a, type: DATA}\n",
	 "a=n2"},
	{"packing takes the fuller zhost",
	 {N1, N2},
	 "- {name: store, type: DATA, placement: {region: us}}\n",
	 "- {name: a, type: DATA, count: 2, placement: {strategy: pack}}\n",
	 "a-1=n2 a-2=n2"},
	{"preferred affinity is stronger than spreading",
	 {N1, N2, N3},
	 NULL,
	 "- {name: a, type: DATA}\n- {name: b, type: DATA, placement: {affinity: [{with: "
	 "a}]}}\n",
	 "a=n1 b=n1"},
	{"preferred affinity gives way to capacity",
	 {"{name: n1, cpu: 1, memory: 1GiB}", N2},
	 NULL,
	 "- {name: a, type: DATA, resources: {cpu: 800m}, placement: {constraints: [\"region "
	 "not "
	 "in (us)\"]}}\n"
	 "- {name: b, type: DATA, resources: {cpu: 800m}, placement: {affinity: [{with: "
	 "a}]}}\n",
	 "a=n1 b=n2"},
	{"preferred anti-affinity of a placed instance counts too",
	 {N1, N2},
	 "- {name: store, type: DATA, placement: {region: us, strategy: pack, anti_affinity: "
	 "[{with: app/a}]}}\n",
	 "- {name: a, type: DATA, placement: {strategy: pack}}\n",
	 "a=n1"},
	{"preferred spread",
	 {N1, N2, N3},
	 NULL,
	 "- {name: a, type: DATA, count: 2, placement: {strategy: pack, spread: [{over: "
	 "region}]}}\n",
	 "a-1=n1 a-2=n2"},
	{"the heavier preference wins",
	 {N1, N2},
	 "- {name: x, type: DATA, placement: {region: eu}}\n"
	 "- {name: y, type: DATA, placement: {region: us}}\n",
	 "- {name: a, type: DATA, placement: {affinity: [{with: old/x, weight: 40}, {with: "
	 "old/y, weight: 60}]}}\n",
	 "a=n2"},
	/* ---- search ---- */
	{"the constrained one is placed first",
	 {"{name: n1, cpu: 1, memory: 1GiB, region: eu}", "{name: n2, cpu: 1, memory: 1GiB}"},
	 NULL,
	 "- {name: a, type: DATA, resources: {cpu: 700m}}\n"
	 "- {name: b, type: DATA, resources: {cpu: 700m}, placement: {region: eu}}\n",
	 "a=n2 b=n1"},
	{"no zhost at all", {NULL}, NULL, "- {name: a, type: DATA}\n", "no zhost is available"},
};

static void run_example(const struct example *e)
{
	struct place *p = place_new(NULL);
	for (int i = 0; i < 6 && e->zhosts[i] != NULL; i++)
		(void)add_zhost(p, e->zhosts[i]);
	if (e->before != NULL)
		free(place_text(p, "old", e->before));
	CLEANUP(freep) char *got = place_text(p, "app", e->spaces);
	if (strcmp(got, e->expected) != 0)
		fail_msg("%s:\n  expected %s\n  got      %s", e->what, e->expected, got);
	place_free(p);
}

static void rules_decide(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		run_example(&examples[i]);
}

/* ---- flags and exclusions ---- */

struct single {
	struct place *place;
	uint32_t n1, n2;
	struct place_unit_request unit;
	struct place_request request;
	struct place_result result;
};

static void single_init(struct single *s)
{
	*s = (struct single){.place = place_new(NULL)};
	s->n1 = add_zhost(s->place, N1);
	s->n2 = add_zhost(s->place, N2);
	struct app app = app_add(s->place, "app", "- {name: a, type: DATA}\n");
	s->unit.unit = app.units[0];
	s->request = (struct place_request){.units = &s->unit, .unit_count = 1};
	app_done(&app);
}

static const char *single_try(struct single *s)
{
	place_result_done(&s->result);
	place_try(s->place, &s->request, &s->result);
	if (!s->result.complete)
		return s->result.reason.sentence;
	place_remove(s->place, s->unit.unit);
	return place_zhost_name(s->place, s->result.zhosts[0]);
}

static void single_done(struct single *s)
{
	place_result_done(&s->result);
	place_free(s->place);
}

static void flags_and_exclusions_keep_units_away(void **state)
{
	(void)state;
	struct single s;
	single_init(&s);
	assert_string_equal(single_try(&s), "n1");
	place_zhost_flags(s.place, s.n1, true, true);
	assert_string_equal(single_try(&s), "n2");
	place_zhost_flags(s.place, s.n2, false, false);
	assert_string_equal(single_try(&s), "no zhost is available");
	place_zhost_flags(s.place, s.n1, true, false);

	struct place_exclusion out = {s.n1, FAILURE_ATTEMPTS, "a failed 5 times on n1: trap"};
	s.unit.excluded = &out;
	s.unit.excluded_count = 1;
	assert_string_equal(single_try(&s), "a failed 5 times on n1: trap");
	place_zhost_flags(s.place, s.n2, true, false);
	assert_string_equal(single_try(&s), "n2");
	/* An excluded zhost that would not do either is not the reason. */
	place_zhost_remove(s.place, s.n2);
	place_zhost_flags(s.place, s.n1, true, true);
	assert_string_equal(single_try(&s), "no zhost is available");
	single_done(&s);
}

static void a_dry_run_keeps_nothing(void **state)
{
	(void)state;
	struct single s;
	single_init(&s);
	s.request.dry_run = true;
	place_try(s.place, &s.request, &s.result);
	assert_true(s.result.complete);
	assert_int_equal(s.result.zhosts[0], s.n1);
	assert_int_equal(place_where(s.place, s.unit.unit), PLACE_NONE);
	assert_int_equal(place_zhost_usage(s.place, s.n1).cpu_reserved, 0);
	single_done(&s);
}

static void usage_follows_each_placement(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	uint32_t n1 =
		add_zhost(p, "{name: n1, cpu: 4, memory: 1GiB, devices: [{kind: gpu, count: "
			     "3, model: T4}]}");
	struct app t =
		app_add(p, "app",
			"- {name: a, type: DATA, resources: {cpu: 1500m, memory: 100MiB, "
			"devices: [{kind: gpu}]}}\n- {name: b, type: DATA, inside: a}\n");
	place_add(p, t.units[0], n1);
	struct place_usage u = place_zhost_usage(p, n1);
	assert_int_equal(u.cpu_offered, 4000);
	assert_int_equal(u.cpu_reserved, 1550);
	assert_int_equal(u.memory_reserved, 132 << 20);
	assert_int_equal(u.devices_offered, 3);
	assert_int_equal(u.devices_whole_free, 2);
	assert_int_equal(u.units, 1);
	assert_int_equal(place_zhost_devices_free(p, n1, "gpu", "T4"), 2);
	assert_int_equal(place_zhost_unit(p, n1, PLACE_NONE), t.units[0]);
	assert_int_equal(place_zhost_unit(p, n1, t.units[0]), PLACE_NONE);
	/* It shrinks below what it holds: nothing is taken away, nothing is left. */
	(void)add_zhost(p, "{name: n1, cpu: 1, memory: 1GiB}");
	u = place_zhost_usage(p, n1);
	assert_int_equal(u.cpu_offered, 1000);
	assert_int_equal(u.cpu_reserved, 1550);
	place_remove(p, t.units[0]);
	u = place_zhost_usage(p, n1);
	assert_int_equal(u.cpu_reserved, 0);
	assert_int_equal(u.units, 0);
	app_done(&t);
	place_free(p);
}

/* Together where that is possible, else whoever has a place, in the order of paths. */
static void recovery_places_what_fits(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	(void)add_zhost(p, "{name: n1, cpu: 1, memory: 1GiB, region: eu}");
	uint32_t n2 = add_zhost(p, "{name: n2, cpu: 2, memory: 1GiB, region: us}");
	struct app t = app_add(
		p, "app",
		"- {name: c, type: DATA, resources: {cpu: 800m}}\n"
		"- {name: b, type: DATA, resources: {cpu: 800m}, placement: {affinity: "
		"[{with: c, required: true}]}}\n"
		"- {name: a, type: DATA, resources: {cpu: 100m}}\n"
		"- {name: d, type: DATA, resources: {cpu: 800m}, placement: {region: us}}\n");
	struct attempt a;
	attempt_init(&a, &t);
	place_try(p, &a.request, &a.result);
	assert_false(a.result.complete);
	assert_int_equal(a.result.placed, 0);
	place_result_done(&a.result);
	/* a goes first and takes n2, the emptier; b has no place until c is placed; c goes to n2
	 * too; b in the second pass finds no room there. */
	a.request.mode = PLACE_RECOVER;
	place_try(p, &a.request, &a.result);
	assert_false(a.result.complete);
	assert_int_equal(a.result.placed, 3);
	assert_int_equal(place_where(p, t.units[1]), PLACE_NONE);
	assert_int_equal(place_where(p, t.units[3]), n2);
	assert_string_equal(a.result.reason.sentence,
			    "insufficient capacity on remaining zhosts");
	assert_int_equal(a.result.reason.unit, t.units[1]);
	attempt_done(&a);
	app_done(&t);
	place_free(p);
}

static void a_spent_budget_is_reported(void **state)
{
	(void)state;
	struct place *p = place_new(&(struct place_options){.search_steps = 2000});
	char text[64];
	for (int i = 0; i < 20; i++) {
		(void)snprintf(text, sizeof(text), "{name: n%02d, cpu: 1, memory: 1GiB}", i);
		(void)add_zhost(p, text);
	}
	/* 41 halves do not fit into 20 ones, but that takes long to see. */
	struct app t = app_add(p, "app",
			       "- {name: a, type: DATA, count: 20, resources: {cpu: "
			       "401m}}\n- {name: b, type: DATA, count: 20, resources: "
			       "{cpu: 402m}}\n- {name: c, type: DATA, count: 2, "
			       "resources: {cpu: 403m}}\n");
	struct attempt a;
	attempt_init(&a, &t);
	place_try(p, &a.request, &a.result);
	assert_false(a.result.complete);
	assert_true(a.result.budget_spent);
	assert_string_equal(a.result.reason.sentence,
			    "insufficient capacity on remaining zhosts");
	assert_non_null(strstr(a.result.reason.detail, "the search gave up after"));
	attempt_done(&a);
	app_done(&t);
	place_free(p);
}

/* Of what wants each other beside it, e finds no room beside d: e is named, not d, which waits for it. */
static void what_lacks_room_beside_another_is_named(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	(void)add_zhost(p, "{name: n0, cpu: 2, memory: 8GiB, region: r0}");
	(void)add_zhost(p, "{name: n1, cpu: 800m, memory: 8GiB, region: r1}");
	struct app t = app_add(
		p, "app",
		"- {name: a, type: DATA, resources: {cpu: 200m}, placement: {strategy: pack, "
		"affinity: [{with: c, required: true}, {with: d, required: true, scope: "
		"region}]}}\n"
		"- {name: b, type: DATA, resources: {cpu: 700m}, placement: {strategy: pack, "
		"affinity: [{with: d, required: true, scope: region}, {with: e, required: "
		"true}]}}\n"
		"- {name: c, type: DATA, resources: {cpu: 300m}, placement: {strategy: pack, "
		"affinity: [{with: a, required: true, scope: region}, {with: b, required: "
		"true}]}}\n"
		"- {name: d, type: DATA, resources: {cpu: 700m}, placement: {strategy: pack, "
		"affinity: [{with: a, required: true}, {with: c, required: true}, {with: e, "
		"required: true}]}}\n"
		"- {name: e, type: DATA, resources: {cpu: 300m}, placement: {strategy: spread, "
		"affinity: [{with: d, required: true}]}}\n");
	struct attempt a;
	attempt_init(&a, &t);
	place_try(p, &a.request, &a.result);
	assert_false(a.result.complete);
	assert_string_equal(a.result.reason.sentence,
			    "insufficient capacity on remaining zhosts");
	assert_int_equal(a.result.reason.unit, t.units[4]);
	assert_non_null(strstr(a.result.reason.detail,
			       "with 4 placed there is no place for e; e needs cpu 0.3"));
	attempt_done(&a);
	app_done(&t);
	place_free(p);
}

/* What each a relies on has no room on half of the zhosts: the search looks at what all of them rely on for each place of
 * one more. That counts, zhost by zhost, so it ends when its budget does. */
static void looks_at_what_others_rely_on_are_steps(void **state)
{
	(void)state;
	const uint64_t steps = 20000;
	struct place *p = place_new(&(struct place_options){.search_steps = steps});
	char text[80];
	for (int i = 0; i < 40; i++) {
		(void)snprintf(text, sizeof(text), "{name: n%02d, cpu: %s, memory: 8GiB}", i,
			       i < 20 ? "600m" : "1");
		(void)add_zhost(p, text);
	}
	struct app t = app_add(p, "app",
			       "- {name: a, type: DATA, count: 20, resources: {cpu: 500m}, "
			       "placement: {strategy: pack, affinity: [{with: b, required: "
			       "true}]}}\n"
			       "- {name: b, type: DATA, count: 20, resources: {cpu: 400m}, "
			       "placement: {strategy: pack}}\n");
	struct attempt a;
	attempt_init(&a, &t);
	place_try(p, &a.request, &a.result);
	assert_false(a.result.complete);
	assert_true(a.result.budget_spent);
	assert_in_range(a.result.steps, steps, steps + 40 * 20);
	attempt_done(&a);
	app_done(&t);
	place_free(p);
}

/* What can be counted is not searched for. */
static void too_many_units_are_refused_by_counting(void **state)
{
	(void)state;
	struct place *p = place_new(NULL);
	char text[80];
	for (int i = 0; i < 300; i++) {
		(void)snprintf(text, sizeof(text),
			       "{name: n%03d, cpu: 1, memory: 1GiB, region: r%d}", i, i % 7);
		(void)add_zhost(p, text);
	}
	static const char *const spaces[] = {
		"- {name: a, type: DATA, count: 301, placement: {anti_affinity: [{with: self, "
		"required: true}]}}\n",
		"- {name: a, type: DATA, count: 8, placement: {anti_affinity: [{with: self, "
		"scope: "
		"region, required: true}]}}\n",
		"- {name: a, type: DATA, count: 601, resources: {cpu: 500m}}\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
		struct app t = app_add(p, "app", spaces[i]);
		struct attempt a;
		attempt_init(&a, &t);
		place_try(p, &a.request, &a.result);
		assert_false(a.result.complete);
		assert_false(a.result.budget_spent);
		assert_true(a.result.steps < 2000);
		attempt_done(&a);
		app_done(&t);
	}
	place_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_units_are_refused_by_counting),
		cmocka_unit_test(rules_decide),
		cmocka_unit_test(flags_and_exclusions_keep_units_away),
		cmocka_unit_test(a_dry_run_keeps_nothing),
		cmocka_unit_test(usage_follows_each_placement),
		cmocka_unit_test(recovery_places_what_fits),
		cmocka_unit_test(a_spent_budget_is_reported),
		cmocka_unit_test(what_lacks_room_beside_another_is_named),
		cmocka_unit_test(looks_at_what_others_rely_on_are_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
