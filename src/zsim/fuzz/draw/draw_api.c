#include "zsim/fuzz/draw/draw_api.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/space_kind.h"
#include "model/zhost.h"
#include "schema/message.h"
#include "zsim/fuzz/life/fuzz.h"

static const char *const patterns[] = {"*", "t*", "t1", "t2-*"};

static void draw_rights(struct random *r, Samoza__V1__Space *s)
{
	unsigned first = random_below(r, ARRAY_SIZE(patterns));
	unsigned count = random_below(r, 3);
	s->api = (Samoza__V1__ClusterApi *)schema_message_new(
		&samoza__v1__cluster_api__descriptor);
	s->api->has_role = random_percent(r, 70);
	s->api->role = random_percent(r, 60) ? SAMOZA__V1__API_ROLE__API_OPERATOR
					     : SAMOZA__V1__API_ROLE__API_VIEWER;
	s->api->topologies = mem_new_array(char *, count);
	for (; s->api->n_topologies < count; s->api->n_topologies++)
		s->api->topologies[s->api->n_topologies] = mem_strdup(
			patterns[(first + s->api->n_topologies) % ARRAY_SIZE(patterns)]);
}

void draw_api(struct fuzz *f, Samoza__V1__Topology *t)
{
	if (!draws_have(f, DRAW_API))
		return;
	struct random *r = draws_random(f, DRAW_API);
	for (size_t k = 0; k < t->n_spaces; k++) {
		Samoza__V1__Space *s = t->spaces[k];
		if (!space_kind_of(s->type)->has_recipes || !random_percent(r, 60))
			continue;
		s->capabilities = mem_resize(s->capabilities, s->n_capabilities + 1,
					     sizeof(*s->capabilities));
		s->capabilities[s->n_capabilities++] = mem_strdup(CAPABILITY_CLUSTER_API);
		if (random_percent(r, 60))
			draw_rights(r, s);
	}
}
