#include "random_case.h"

uint32_t draw(struct chance *c, uint32_t below)
{
	c->state += UINT64_C(0x9E3779B97F4A7C15);
	uint64_t x = c->state;
	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return (uint32_t)((x ^ x >> 31) % below);
}

bool maybe(struct chance *c, uint32_t percent)
{
	return draw(c, 100) < percent;
}

struct theme draw_theme(struct chance *c)
{
	struct theme t = {
		.capabilities = maybe(c, 25),
		.constraints = maybe(c, 30),
		.near = maybe(c, 10),
		.affinity = maybe(c, 50),
		.anti = maybe(c, 50),
		.spread = maybe(c, 40),
		.devices = maybe(c, 25),
		.children = maybe(c, 30),
		.others = maybe(c, 40),
		.replaced = maybe(c, 40),
	};
	/* The engine chooses which devices it assigns, and rule 5 would depend on that. */
	t.spread = t.spread && !t.devices;
	return t;
}

static const char *const regions[] = {"eu", "us", "ap"};
static const char *const racks[] = {"1", "2", "10"};

void draw_zhost(struct chance *c, const struct theme *t, unsigned number, struct buffer *text)
{
	/* Names do not sort as they are numbered. */
	(void)buffer_printf(text, "{name: n%u, cpu: %u, memory: %uMiB", number * 7 % 8,
			    1 + draw(c, 4), 128 * (1 + draw(c, 4)));
	if (maybe(c, 85))
		(void)buffer_printf(text, ", region: %s", regions[draw(c, 3)]);
	if (maybe(c, 70))
		(void)buffer_printf(text, ", labels: {rack: \"%s\"%s}", racks[draw(c, 3)],
				    maybe(c, 50) ? ", ssd: yes" : "");
	if (t->capabilities && maybe(c, 80))
		(void)buffer_printf(text, ", capabilities: [%s%s%s]",
				    maybe(c, 60) ? "sensors.camera, " : "",
				    maybe(c, 70) ? "page.access, " : "",
				    maybe(c, 50) ? "actuators.arm" : "gpu.cuda");
	if (t->devices && maybe(c, 80))
		(void)buffer_printf(text,
				    ", devices: [{kind: gpu, count: %u, model: T4}, "
				    "{kind: gpu, count: %u, model: V100}]",
				    1 + draw(c, 2), 1 + draw(c, 2));
	if (t->near && maybe(c, 90))
		(void)buffer_printf(text, ", latitude: %u, longitude: %u", 40 + draw(c, 10),
				    draw(c, 10));
	(void)buffer_add_string(text, "}");
}

static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static const char *draw_scope(struct chance *c)
{
	static const char *const scopes[] = {"zhost", "zhost", "region", "rack"};
	return scopes[draw(c, 4)];
}

static void draw_with(struct chance *c, const struct theme *t, unsigned spaces,
		      struct buffer *text)
{
	if (maybe(c, 25))
		(void)buffer_add_string(text, "self");
	else if (t->others && maybe(c, 50))
		(void)buffer_printf(text, "t%u/%s", draw(c, 3), names[draw(c, 3)]);
	else
		(void)buffer_add_string(text, names[draw(c, spaces)]);
}

static void draw_affinities(struct chance *c, const struct theme *t, unsigned spaces,
			    const char *key, struct buffer *text)
{
	(void)buffer_printf(text, ", %s: [", key);
	unsigned count = 1 + draw(c, 2);
	for (unsigned i = 0; i < count; i++) {
		(void)buffer_add_string(text, i > 0 ? ", {with: " : "{with: ");
		draw_with(c, t, spaces, text);
		(void)buffer_printf(text, ", scope: %s, required: %s, weight: %u}",
				    draw_scope(c), maybe(c, 75) ? "true" : "false",
				    draw(c, 100));
	}
	(void)buffer_add_string(text, "]");
}

static void draw_constraints(struct chance *c, struct buffer *text)
{
	static const char *const all[] = {
		"region == eu",	  "region != us",   "rack in (1, 2)", "rack not in (10)",
		"ssd exists",	  "rack < 5",	    "rack > 1",	      "region in (eu, ap)",
		"missing != yes", "missing exists",
	};
	(void)buffer_printf(text, ", constraints: [\"%s\"]",
			    all[draw(c, maybe(c, 90) ? 9 : 10)]);
}

static void draw_placement(struct chance *c, const struct theme *t, unsigned spaces,
			   struct buffer *text)
{
	(void)buffer_printf(text, ", placement: {strategy: %s",
			    maybe(c, 50) ? "pack" : "spread");
	if (t->constraints && maybe(c, 40))
		draw_constraints(c, text);
	if (t->near && maybe(c, 50))
		(void)buffer_printf(text, ", near: {latitude: 45, longitude: 5, within: %ukm}",
				    200 + draw(c, 800));
	if (t->affinity && maybe(c, 40))
		draw_affinities(c, t, spaces, "affinity", text);
	if (t->anti && maybe(c, 40))
		draw_affinities(c, t, spaces, "anti_affinity", text);
	if (t->spread && maybe(c, 60))
		(void)buffer_printf(text, ", spread: [{over: %s, max_skew: %u, required: %s}]",
				    draw_scope(c), 1 + draw(c, 2),
				    maybe(c, 80) ? "true" : "false");
	(void)buffer_add_string(text, "}");
}

void draw_spaces(struct chance *c, const struct theme *t, unsigned units_max,
		 struct buffer *text)
{
	unsigned spaces = 1 + draw(c, units_max < 6 ? units_max : 6), units = 0;
	for (unsigned i = 0; i < spaces; i++) {
		bool child = t->children && i > 0 && maybe(c, 30);
		unsigned room = units_max - units - (spaces - 1 - i);
		unsigned count = 1 + (room > 1 ? draw(c, room < 4 ? room : 4) : 0);
		if (!child && (room == 0 || units + count > units_max))
			count = 1;
		(void)buffer_printf(text, "- {name: %s, type: %s, count: %u", names[i],
				    t->capabilities && maybe(c, 20) ? "UI, access: token"
								    : "DATA",
				    child ? 1 + draw(c, 2) : count);
		if (child)
			(void)buffer_printf(text, ", inside: %s", names[draw(c, i)]);
		else
			units += count;
		if (t->capabilities && maybe(c, 40))
			(void)buffer_printf(text, ", capabilities: [sys.log, %s]",
					    maybe(c, 50) ? "sensors.camera" : "actuators.arm");
		(void)buffer_printf(text, ", resources: {cpu: %um, memory: %uMiB",
				    100 * (1 + draw(c, 15)), 16 * (1 + draw(c, 12)));
		if (t->devices && maybe(c, 60)) {
			(void)buffer_printf(text, ", devices: [{kind: gpu, count: %u",
					    1 + draw(c, 2));
			if (maybe(c, 60))
				(void)buffer_printf(text, ", share: %um",
						    100 * (2 + draw(c, 7)));
			if (maybe(c, 40))
				(void)buffer_printf(text, ", model: [%s]",
						    maybe(c, 50) ? "T4" : "V100");
			(void)buffer_add_string(text, "}");
			if (maybe(c, 30))
				(void)buffer_printf(text, ", {kind: gpu, share: %um}",
						    100 * (1 + draw(c, 9)));
			(void)buffer_add_string(text, "]");
		}
		(void)buffer_add_string(text, "}");
		if (maybe(c, 90))
			draw_placement(c, t, spaces, text);
		(void)buffer_add_string(text, "}\n");
	}
}
