#include "zbench/shapes.h"

#include <string.h>

#include "base/buffer.h"
#include "base/str.h"

static void plain_zhost(struct buffer *b, uint32_t number)
{
	(void)buffer_printf(b, "{name: z%05u, cpu: 4, memory: 32GiB, region: zone%u}", number,
			    number % 3 + 1);
}

static void one_zone_zhost(struct buffer *b, uint32_t number)
{
	(void)buffer_printf(b, "{name: z%05u, cpu: 4, memory: 32GiB, region: zone1}", number);
}

/* One of them has room for all instances. */
static void daemon_zhost(struct buffer *b, uint32_t number)
{
	if (number == 7777)
		(void)buffer_add_string(
			b,
			"{name: z07777, cpu: 4000, memory: 20000GiB, labels: {own: z07777}}");
	else
		plain_zhost(b, number);
}

static void tainted_zhost(struct buffer *b, uint32_t number)
{
	(void)buffer_printf(b, "{name: z%05u, cpu: 4, memory: 32GiB, kind: %s}", number,
			    number % 5 < 4 ? "batch" : "serving");
}

static void device_zhost(struct buffer *b, uint32_t number)
{
	(void)buffer_printf(
		b, "{name: z%05u, cpu: 4, memory: 32GiB, devices: [{kind: fpga, count: 1}]}",
		number);
}

#define SMALL "resources: {cpu: 100m, memory: 500MiB}"
#define POD   "- {name: a, type: DATA, count: COUNT, " SMALL "}\n"
#define PLACED(rules) \
	"- {name: a, type: DATA, count: COUNT, " SMALL ", placement: {" rules "}}\n"

const struct shape shapes[] = {
	{"basic", 5000, plain_zhost, {POD}, 1000, 1, POD, 10000, 0, "680"},
	{"basic_large", 5000, plain_zhost, {POD}, 5000, 1, POD, 50000, 0, "810"},
	{"daemonset",
	 15000,
	 daemon_zhost,
	 {NULL},
	 0,
	 0,
	 PLACED("constraints: [\"own == z07777\"]"),
	 30000,
	 0,
	 "1,100"},
	{"mixed_churn", 5000, plain_zhost, {NULL}, 0, 0, POD, 10000, 700, "710", true},
	{"unschedulable", 5000, plain_zhost, {POD}, 20000, 1, POD, 10000, 120, "600"},
	{"spread_required",
	 5000,
	 plain_zhost,
	 {POD},
	 5000,
	 1,
	 PLACED("spread: [{over: region, max_skew: 5, required: true}]"),
	 5000,
	 0,
	 "460"},
	{"spread_preferred",
	 5000,
	 plain_zhost,
	 {POD},
	 5000,
	 1,
	 PLACED("spread: [{over: region, max_skew: 5}]"),
	 5000,
	 0,
	 "340"},
	{"spread_default",
	 5000,
	 plain_zhost,
	 {POD},
	 5000,
	 1,
	 PLACED("spread: [{over: region, max_skew: 3}], anti_affinity: [{with: self}]"),
	 50000,
	 0,
	 "160"},
	{"taints",
	 5000,
	 tainted_zhost,
	 {NULL},
	 0,
	 0,
	 PLACED("constraints: [\"kind not in (batch)\"]"),
	 4000,
	 0,
	 "270"},
	{"zhost_affinity",
	 5000,
	 plain_zhost,
	 {POD},
	 5000,
	 1,
	 PLACED("constraints: [\"region in (zone1, zone2)\"]"),
	 10000,
	 0,
	 "220"},
	{"devices",
	 5000,
	 device_zhost,
	 {NULL},
	 0,
	 0,
	 "- {name: a, type: DATA, count: COUNT, resources: {cpu: 100m, memory: 500MiB, "
	 "devices: "
	 "[{kind: fpga}]}}\n",
	 5000,
	 0,
	 "180"},
	{"all_affinities",
	 5000,
	 one_zone_zhost,
	 {POD, PLACED("affinity: [{with: self, scope: region, required: true}]"),
	  PLACED("anti_affinity: [{with: self, required: true}]"),
	  PLACED("affinity: [{with: self}]"), PLACED("anti_affinity: [{with: self}]")},
	 2000,
	 1,
	 POD,
	 5000,
	 0,
	 "140"},
	{"preferred_affinity",
	 5000,
	 plain_zhost,
	 {POD},
	 5000,
	 1,
	 PLACED("affinity: [{with: before-0-0/a}]"),
	 5000,
	 0,
	 "90"},
	{"preferred_anti_affinity",
	 5000,
	 plain_zhost,
	 {POD},
	 5000,
	 1,
	 PLACED("anti_affinity: [{with: before-0-0/a}, {with: self}]"),
	 5000,
	 0,
	 "90"},
	{"required_anti_affinity",
	 5000,
	 plain_zhost,
	 {PLACED("anti_affinity: [{with: self, required: true}]")},
	 1000,
	 1,
	 PLACED("anti_affinity: [{with: self, required: true}, {with: before-0-0/a, required: "
		"true}]"),
	 2000,
	 0,
	 "60"},
	{"required_affinity",
	 5000,
	 one_zone_zhost,
	 {PLACED("affinity: [{with: self, scope: region, required: true}]")},
	 5000,
	 1,
	 PLACED("affinity: [{with: before-0-0/a, scope: region, required: true}]"),
	 5000,
	 0,
	 "35"},
	{"anti_affinity_across_groups",
	 6000,
	 plain_zhost,
	 {PLACED("anti_affinity: [{with: self, required: true}]")},
	 40,
	 100,
	 NULL,
	 2000,
	 0,
	 "24"},
	{0},
};

static char *with_count(const char *spaces, uint32_t count)
{
	const char *at = strstr(spaces, "COUNT");
	return str_printf("%.*s%u%s", (int)(at - spaces), spaces, count, at + strlen("COUNT"));
}

static char *measured_text(const struct shape *s)
{
	if (s->measured != NULL)
		return with_count(s->measured, s->measured_count);
	/* Anti-affinity with all topologies that are placed before, and itself. */
	struct buffer rules = BUFFER_INIT(1 << 20);
	(void)buffer_printf(&rules,
			    "- {name: a, type: DATA, count: %u, " SMALL
			    ", placement: {anti_affinity: [{with: self, required: true}",
			    s->measured_count);
	for (uint32_t i = 0; i < s->copies; i++)
		(void)buffer_printf(&rules, ", {with: before-0-%u/a, required: true}", i);
	(void)buffer_add_string(&rules, "]}}\n");
	return buffer_steal(&rules);
}

static int shape_fill(struct bench_engine *engine, const struct shape *s, struct error **err)
{
	int r = 0;
	for (uint32_t i = 0; i < s->zhosts && r == 0; i++) {
		CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(4096);
		s->zhost(&text, i);
		r = bench_engine_add_zhost(engine, text.data, err);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(s->before) && r == 0; i++) {
		for (uint32_t k = 0; k < s->copies && s->before[i] != NULL && r == 0; k++) {
			CLEANUP(freep) char *spaces = with_count(s->before[i], s->before_count);
			CLEANUP(freep) char *name = str_printf("before-%u-%u", i, k);
			uint32_t topology;
			r = bench_engine_add_text(engine, name, spaces, &topology, err);
			if (r == 0)
				r = bench_engine_place_all(engine, topology, err);
		}
	}
	return r;
}

/* Tries an instance that no zhost has room for; with churn, a zhost joins or leaves first. */
static int disturb(struct bench_engine *engine, const struct shape *s, uint32_t times,
		   uint32_t hopeless, struct error **err)
{
	int r = 0;
	if (s->churn && times % 2 == 0)
		r = bench_engine_add_zhost(engine, "{name: churn, cpu: 50m, memory: 32GiB}",
					   err);
	else if (s->churn)
		place_zhost_remove(engine->place, place_zhost_find(engine->place, "churn"));
	if (r == 0 && bench_engine_place_one(engine, hopeless, 0) != PLACE_NONE)
		r = error_set(err, ERR_CONFLICT,
			      "found a place for an instance that no zhost has room for");
	return r;
}

int shape_begin(struct shape_run *run, const struct shape *s, struct error **err)
{
	CLEANUP(freep) char *spaces = measured_text(s);
	*run = (struct shape_run){.shape = s};
	bench_engine_init(&run->engine);
	int r = shape_fill(&run->engine, s, err);
	if (r == 0)
		r = bench_engine_add_text(&run->engine, "measured", spaces, &run->topology,
					  err);
	if (r == 0)
		r = bench_engine_add_text(&run->engine, "hopeless",
					  "- {name: a, type: DATA, resources: {cpu: 400}}\n",
					  &run->hopeless, err);
	return r;
}

int shape_decide(struct shape_run *run, uint32_t *ret_zhost, struct error **err)
{
	const struct shape *s = run->shape;
	uint32_t i = run->decided++;
	*ret_zhost = bench_engine_place_one(&run->engine, run->topology, i);
	if (*ret_zhost == PLACE_NONE)
		return error_set(err, ERR_CONFLICT, "%s: no place for instance %u", s->name, i);
	if (s->disturbed_every > 0 && i % s->disturbed_every == 0)
		return disturb(&run->engine, s, run->disturbed++, run->hopeless, err);
	return 0;
}

void shape_end(struct shape_run *run)
{
	bench_engine_done(&run->engine);
}

uint32_t shape_before_count(const struct shape *s)
{
	uint32_t topologies = 0;
	for (size_t i = 0; i < ARRAY_SIZE(s->before); i++)
		topologies += s->before[i] != NULL ? s->copies : 0;
	return topologies * s->before_count;
}
