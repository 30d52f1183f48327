#include "zsim/fuzz/draw/draw_needs.h"

#include "base/str.h"
#include "schema/message.h"
#include "zsim/fuzz/draw/draw_api.h"
#include "zsim/fuzz/draw/draw_reloads.h"
#include "zsim/fuzz/draw/draw_secrets.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/world.h"

#define NEW(type, descriptor) ((type *)schema_message_new(&descriptor))

#define ADD(list, count, item)                                             \
	do {                                                               \
		(list) = mem_resize((list), (count) + 1, sizeof(*(list))); \
		(list)[(count)++] = (item);                                \
	} while (0)

/* ---- zhosts ---- */

static void offer_devices(struct fuzz *f, Samoza__V1__ZhostSpec *z)
{
	struct random *r = draws_random(f, DRAW_DEVICES);
	if (!random_percent(r, 60))
		return;
	Samoza__V1__DeviceOffer *offer =
		NEW(Samoza__V1__DeviceOffer, samoza__v1__device_offer__descriptor);
	offer->kind = mem_strdup("gpu");
	offer->has_count = true;
	offer->count = 1 + random_below(r, 3);
	ADD(z->devices, z->n_devices, offer);
}

/* What one may have at a time, in place of what all may have. */
static void offer_exclusive(struct fuzz *f, Samoza__V1__ZhostSpec *z)
{
	if (z->n_capabilities == 0 || !random_percent(draws_random(f, DRAW_DEVICES), 60))
		return;
	Samoza__V1__CapabilityOffer *offer =
		NEW(Samoza__V1__CapabilityOffer, samoza__v1__capability_offer__descriptor);
	schema_set_string(&offer->name, offer->name, z->capabilities[0]);
	offer->has_exclusive = offer->exclusive = true;
	free(z->capabilities[0]);
	z->n_capabilities = 0;
	ADD(z->offers, z->n_offers, offer);
}

/* Its device node goes, or is back. */
static void draw_node(struct fuzz *f, struct sim_machine *n)
{
	if (n->spec->n_offers == 0 || !draws_percent(f, DRAW_DEVICES, 40))
		return;
	Samoza__V1__CapabilityOffer *offer = n->spec->offers[0];
	bool is_back = offer->missing != NULL;
	free(offer->missing);
	offer->missing = is_back ? NULL : mem_strdup("/dev/video0");
	world_log(&f->world, "%s is to start %s %s", n->name, is_back ? "with" : "without",
		  offer->name);
}

static void offer_position(struct fuzz *f, Samoza__V1__ZhostSpec *z)
{
	struct random *r = draws_random(f, DRAW_NEAR);
	if (!random_percent(r, 70))
		return;
	z->has_latitude = z->has_longitude = true;
	z->latitude = 48;
	z->longitude = 11 + random_below(r, 3);
}

void draw_offers(struct fuzz *f, Samoza__V1__ZhostSpec *z)
{
	if (draws_have(f, DRAW_DEVICES)) {
		offer_devices(f, z);
		offer_exclusive(f, z);
	}
	if (draws_have(f, DRAW_NEAR))
		offer_position(f, z);
}

void draw_labels(struct fuzz *f, struct sim_machine *n)
{
	static const char *const racks[] = {"a", "b", "c"};
	draw_node(f, n);
	if (!draws_percent(f, DRAW_LABELS, 50))
		return;
	struct random *r = draws_random(f, DRAW_LABELS);
	draws_happened(f, DRAW_LABELS);
	schema_set_string(&n->spec->labels[0]->value, NULL,
			  racks[random_below(r, ARRAY_SIZE(racks))]);
	if (n->spec->n_capabilities > 0 && random_percent(r, 30)) {
		free(n->spec->capabilities[0]);
		n->spec->n_capabilities = 0;
	}
	world_log(&f->world, "%s is to start in rack %s", n->name, n->spec->labels[0]->value);
}

void draw_less(struct fuzz *f, struct sim_machine *n)
{
	static const char *const cores[] = {"500m", "1", "2", "4"};
	static const char *const sizes[] = {"512MiB", "1GiB", "2GiB", "4GiB"};
	if (!draws_percent(f, DRAW_SHRINKS, 60))
		return;
	struct random *r = draws_random(f, DRAW_SHRINKS);
	schema_set_string(&n->spec->cpu, NULL, cores[random_below(r, ARRAY_SIZE(cores))]);
	schema_set_string(&n->spec->memory, NULL, sizes[random_below(r, ARRAY_SIZE(sizes))]);
	if (n->spec->n_capabilities > 0 && random_percent(r, 30)) {
		free(n->spec->capabilities[0]);
		n->spec->n_capabilities = 0;
	}
	if (n->spec->n_devices > 0)
		n->spec->devices[0]->count = 1 + random_below(r, 3);
	world_log(&f->world, "%s is to start with %s cores and %s", n->name, n->spec->cpu,
		  n->spec->memory);
}

/* ---- spaces ---- */

static void need_devices(struct fuzz *f, Samoza__V1__Space *s)
{
	struct random *r = draws_random(f, DRAW_DEVICES);
	if (!random_percent(r, 30))
		return;
	Samoza__V1__DeviceNeed *need =
		NEW(Samoza__V1__DeviceNeed, samoza__v1__device_need__descriptor);
	need->kind = mem_strdup("gpu"); /* whole ones: place.c adds them up */
	need->has_count = true;
	need->count = 1 + (random_below(r, 4) == 0);
	ADD(s->resources->devices, s->resources->n_devices, need);
	draws_happened(f, DRAW_DEVICES);
}

static void need_position(struct fuzz *f, Samoza__V1__Space *s)
{
	static const char *const distances[] = {"10km", "80km", "200km"};
	struct random *r = draws_random(f, DRAW_NEAR);
	if (!random_percent(r, 30))
		return;
	Samoza__V1__Near *near = NEW(Samoza__V1__Near, samoza__v1__near__descriptor);
	near->latitude = 48;
	near->longitude = 11 + random_below(r, 3);
	near->within = mem_strdup(distances[random_below(r, ARRAY_SIZE(distances))]);
	s->placement->near = near;
	draws_happened(f, DRAW_NEAR);
}

static void need_spread(struct fuzz *f, Samoza__V1__Space *s)
{
	struct random *r = draws_random(f, DRAW_SPREAD);
	if (!random_percent(r, 40) || s->inside != NULL)
		return;
	Samoza__V1__Spread *spread = NEW(Samoza__V1__Spread, samoza__v1__spread__descriptor);
	spread->over = mem_strdup(random_percent(r, 50) ? "rack" : "zhost");
	spread->has_max_skew = spread->has_required = spread->required = true;
	spread->max_skew = 1 + random_below(r, 2);
	ADD(s->placement->spread, s->placement->n_spread, spread);
	draws_happened(f, DRAW_SPREAD);
}

/* The first space of a topology is inside of nothing. */
static void need_other_topology(struct fuzz *f, Samoza__V1__Space *s)
{
	struct random *r = draws_random(f, DRAW_ACROSS);
	if (!random_percent(r, 30) || s->inside != NULL)
		return;
	Samoza__V1__Affinity *a = NEW(Samoza__V1__Affinity, samoza__v1__affinity__descriptor);
	a->with = str_printf("t%u/a", 1 + random_below(r, 5));
	schema_set_string(&a->scope, a->scope, random_percent(r, 50) ? "zhost" : "rack");
	a->has_required = true;
	a->required = random_percent(r, 70);
	if (random_percent(r, 40))
		ADD(s->placement->affinity, s->placement->n_affinity, a);
	else
		ADD(s->placement->anti_affinity, s->placement->n_anti_affinity, a);
	draws_happened(f, DRAW_ACROSS);
}

/* Of a topology that there may not be, and a space that may not be public there. */
static void need_other_providers(struct fuzz *f, const Samoza__V1__Topology *t,
				 Samoza__V1__Space *s)
{
	static const char *const names[] = {"a", "a", "b", "red", "blue"};
	struct random *r = draws_random(f, DRAW_IMPORTS);
	s->has_public_ = true;
	s->public_ = random_percent(r, 75);
	if (!random_percent(r, 35))
		return;
	Samoza__V1__Import *import = NEW(Samoza__V1__Import, samoza__v1__import__descriptor);
	import->has_optional = true;
	import->optional = random_percent(r, 30);
	import->from = str_printf("t%u/%s", 1 + random_below(r, 4),
				  names[random_below(r, ARRAY_SIZE(names))]);
	size_t name_size = strlen(t->metadata->name);
	if (strncmp(import->from, t->metadata->name, name_size) == 0 &&
	    import->from[name_size] == '/')
		schema_message_free(&import->base);
	else
		ADD(s->imports, s->n_imports, import);
}

/* Little: a value that is written has up to 1500 bytes (draw_data.c). */
static void need_data(struct fuzz *f, Samoza__V1__Space *s)
{
	static const char *const quotas[] = {"1KiB", "2KiB", "4KiB"};
	struct random *r = draws_random(f, DRAW_QUOTAS);
	schema_set_string(&s->resources->data, s->resources->data,
			  quotas[random_below(r, ARRAY_SIZE(quotas))]);
}

/* The first one never is: not all may be. */
static void be_optional(struct fuzz *f, Samoza__V1__Topology *t)
{
	struct random *r = draws_random(f, DRAW_OPTIONAL);
	for (size_t k = 1; k < t->n_spaces; k++) {
		if (!random_percent(r, 40))
			continue;
		t->spaces[k]->has_optional = t->spaces[k]->optional = true;
		draws_happened(f, DRAW_OPTIONAL);
	}
}

static void wait_for_zhost(struct fuzz *f, Samoza__V1__Space *s)
{
	static const char *const times[] = {"1s", "90s", "5m", "5m", "never"};
	/* Longer than any failure timeout that is drawn. */
	static const char *const stops[] = {"181s", "5m", "20m", "never"};
	struct random *r = draws_random(f, DRAW_LOSS);
	if (!random_percent(r, 40))
		return;
	s->loss = NEW(Samoza__V1__Loss, samoza__v1__loss__descriptor);
	s->loss->replace_after = mem_strdup(times[random_below(r, ARRAY_SIZE(times))]);
	if (random_percent(r, 50))
		s->loss->stop_after = mem_strdup(stops[random_below(r, ARRAY_SIZE(stops))]);
	draws_happened(f, DRAW_LOSS);
}

static void bear_disruption(struct fuzz *f, Samoza__V1__Space *s)
{
	struct random *r = draws_random(f, DRAW_DRAINS);
	if (!random_percent(r, 25))
		return;
	s->disruption = NEW(Samoza__V1__Disruption, samoza__v1__disruption__descriptor);
	s->disruption->has_max_unavailable = true;
	s->disruption->max_unavailable = 1 + random_below(r, 3);
}

static void be_patient(struct fuzz *f, Samoza__V1__Space *s)
{
	static const char *const times[] = {"500ms", "5s", "20s", "20s", "90s"};
	struct random *r = draws_random(f, DRAW_PATIENCE);
	for (size_t k = 0; k < s->n_imports; k++)
		if (random_percent(r, 60))
			schema_set_string(&s->imports[k]->patience,
					  samoza__v1__import__patience__default_value,
					  times[random_below(r, ARRAY_SIZE(times))]);
}

static void have_pages(struct fuzz *f, Samoza__V1__Space *s)
{
	if (!random_percent(draws_random(f, DRAW_PAGES), 25))
		return;
	s->type = SAMOZA__V1__SPACE_TYPE__UI;
	s->has_access = random_percent(draws_random(f, DRAW_PAGES), 40);
	s->access = s->has_access ? SAMOZA__V1__PAGE_ACCESS__ACCESS_TOKEN
				  : SAMOZA__V1__PAGE_ACCESS__ACCESS_EVERYBODY;
	draws_happened(f, DRAW_PAGES);
}

static void have_paths(struct random *r, Samoza__V1__Topology *t, unsigned count,
		       const char *name)
{
	for (unsigned k = count; k > 0; k--) {
		Samoza__V1__Path *path = NEW(Samoza__V1__Path, samoza__v1__path__descriptor);
		path->from =
			mem_strdup(t->spaces[random_below(r, (uint32_t)t->n_spaces)]->name);
		path->to = mem_strdup(t->spaces[random_below(r, (uint32_t)t->n_spaces)]->name);
		path->name = str_printf("%s-%u", name, k);
		ADD(t->paths, t->n_paths, path);
	}
}

static void prefer_only(Samoza__V1__Affinity **list, size_t count, const char *name)
{
	for (size_t k = 0; k < count; k++)
		if (str_equal(list[k]->with, "self") || str_equal(list[k]->with, name))
			list[k]->required = false;
}

static void be_on_each(struct fuzz *f, Samoza__V1__Space *s)
{
	struct random *r = draws_random(f, DRAW_EACH);
	if (s->inside != NULL || !random_percent(r, 40))
		return;
	s->has_count = true;
	s->count = 0;
	prefer_only(s->placement->affinity, s->placement->n_affinity, s->name);
	prefer_only(s->placement->anti_affinity, s->placement->n_anti_affinity, s->name);
	for (size_t k = 0; k < s->placement->n_spread; k++)
		s->placement->spread[k]->required = false;
	if (s->loss != NULL)
		schema_set_string(&s->loss->replace_after, NULL, NULL);
}

void draw_needs(struct fuzz *f, Samoza__V1__Topology *t)
{
	if (draws_have(f, DRAW_PAGES)) {
		struct random *r = draws_random(f, DRAW_PAGES);
		have_paths(r, t, random_below(r, 4), "path");
	}
	if (draws_have(f, DRAW_MESSAGES)) {
		struct random *r = draws_random(f, DRAW_MESSAGES);
		have_paths(r, t, 1 + random_below(r, 5), "way");
	}
	if (draws_have(f, DRAW_OPTIONAL))
		be_optional(f, t);
	for (size_t k = 0; k < t->n_spaces; k++) {
		if (draws_have(f, DRAW_PAGES))
			have_pages(f, t->spaces[k]);
		if (draws_have(f, DRAW_IMPORTS))
			need_other_providers(f, t, t->spaces[k]);
		if (draws_have(f, DRAW_PATIENCE))
			be_patient(f, t->spaces[k]);
		if (draws_have(f, DRAW_DRAINS))
			bear_disruption(f, t->spaces[k]);
		if (draws_have(f, DRAW_LOSS))
			wait_for_zhost(f, t->spaces[k]);
		if (draws_have(f, DRAW_QUOTAS))
			need_data(f, t->spaces[k]);
		if (draws_have(f, DRAW_DEVICES))
			need_devices(f, t->spaces[k]);
		if (draws_have(f, DRAW_NEAR))
			need_position(f, t->spaces[k]);
		if (draws_have(f, DRAW_SPREAD))
			need_spread(f, t->spaces[k]);
		if (draws_have(f, DRAW_ACROSS))
			need_other_topology(f, t->spaces[k]);
		if (draws_have(f, DRAW_EACH))
			be_on_each(f, t->spaces[k]);
	}
	draw_api(f, t);
	draw_reloads(f, t);
	draw_secret_uses(f, t);
}
