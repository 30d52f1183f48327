#include "zbench/placing.h"

#include <time.h>

#include "base/str.h"
#include "model/compile.h"
#include "schema/message.h"

void placing_init(struct placing *pl)
{
	*pl = (struct placing){.place = place_new(NULL)};
}

void placing_done(struct placing *pl)
{
	place_free(pl->place);
	vector_for_each (&pl->models, model)
		topology_unref(*model);
	vector_done(&pl->models);
	vector_done(&pl->lost);
}

double placing_now(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int placing_zhost(struct placing *pl, const char *text, struct error **err)
{
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	struct zhost_spec spec;
	int r = schema_read_yaml(&samoza__v1__zhost_spec__descriptor, NULL, text, strlen(text),
				 0, NULL, &message, NULL, err);
	if (r == 0)
		r = zhost_spec_compile((const Samoza__V1__ZhostSpec *)message, "", NULL, NULL,
				       &spec, err);
	if (r < 0)
		return error_wrap(err, "%s", text);
	(void)place_zhost_set(pl->place, &spec, true, false);
	zhost_spec_done(&spec);
	return 0;
}

int placing_model(const char *name, const char *spaces, struct topology **ret_model,
		  struct error **err)
{
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	CLEANUP(freep)
	char *text = str_printf("apiVersion: samoza/v1\nkind: Topology\n"
				"metadata: {name: %s}\nspaces:\n%s",
				name, spaces);
	int r = schema_read_yaml(&samoza__v1__topology__descriptor, NULL, text, strlen(text), 0,
				 NULL, &message, NULL, err);
	if (r == 0)
		r = topology_compile((const Samoza__V1__Topology *)message, NULL, NULL, NULL,
				     ret_model, err);
	return r < 0 ? error_wrap(err, "topology %s", name) : 0;
}

uint32_t placing_add(struct placing *pl, struct topology *model)
{
	uint32_t topology = place_topology_add(pl->place, model, ++pl->order);
	while (pl->models.count <= topology)
		vector_push(&pl->models, NULL);
	pl->models.items[topology] = model;
	return topology;
}

int placing_topology(struct placing *pl, const char *name, const char *spaces,
		     uint32_t *ret_topology, struct error **err)
{
	struct topology *model = NULL;
	int r = placing_model(name, spaces, &model, err);
	if (r == 0)
		*ret_topology = placing_add(pl, model);
	return r;
}

static int try_wants(struct placing *pl, const struct place_request *request,
		     struct error **err)
{
	struct place_result result;
	int r = 0;
	place_try(pl->place, request, &result);
	if (!result.complete) {
		CLEANUP(freep) char *reason = place_reason_text(&result.reason);
		r = error_set(err, ERR_CONFLICT, "topology %s: %s",
			      pl->models.items[request->topology]->name, reason);
	}
	place_result_done(&result);
	return r;
}

int placing_all(struct placing *pl, uint32_t topology, struct error **err)
{
	const struct topology *t = pl->models.items[topology];
	VECTOR(struct place_want) wants = {0};
	for (uint32_t i = 0; i < t->instance_count; i += t->instances[i].subtree_count) {
		if (place_where(pl->place, topology, i) == PLACE_NONE)
			*vector_add(&wants) = (struct place_want){.instance = i};
	}
	int r = try_wants(pl,
			  &(struct place_request){.topology = topology,
						  .wants = wants.items,
						  .want_count = wants.count},
			  err);
	vector_done(&wants);
	return r;
}

uint32_t placing_one(struct placing *pl, uint32_t topology, uint32_t instance)
{
	struct place_want want = {.instance = instance};
	struct place_result result;
	place_try(
		pl->place,
		&(struct place_request){.topology = topology, .wants = &want, .want_count = 1},
		&result);
	uint32_t zhost = result.zhosts[0];
	place_result_done(&result);
	return zhost;
}

void placing_lose(struct placing *pl, uint32_t zhost)
{
	struct place_unit unit = {PLACE_NONE, PLACE_NONE};
	size_t first = pl->lost.count;
	place_zhost_flags(pl->place, zhost, false, false);
	while (place_zhost_unit(pl->place, zhost, &unit))
		vector_push(&pl->lost, unit);
	for (size_t i = first; i < pl->lost.count; i++)
		place_remove(pl->place, pl->lost.items[i].topology, pl->lost.items[i].instance);
}

static int compare_units(const void *a, const void *b)
{
	const struct place_unit *x = a, *y = b;
	if (x->topology != y->topology)
		return x->topology < y->topology ? -1 : 1;
	return x->instance < y->instance ? -1 : x->instance > y->instance;
}

int placing_recover(struct placing *pl, struct error **err)
{
	VECTOR(struct place_want) wants = {0};
	int r = 0;
	if (pl->lost.count > 0)
		qsort(pl->lost.items, pl->lost.count, sizeof(*pl->lost.items), compare_units);
	for (size_t i = 0; i < pl->lost.count && r == 0; i++) {
		uint32_t topology = pl->lost.items[i].topology;
		*vector_add(&wants) =
			(struct place_want){.instance = pl->lost.items[i].instance};
		if (i + 1 < pl->lost.count && pl->lost.items[i + 1].topology == topology)
			continue;
		r = try_wants(pl,
			      &(struct place_request){.topology = topology,
						      .mode = PLACE_RECOVER,
						      .wants = wants.items,
						      .want_count = wants.count},
			      err);
		vector_clear(&wants);
	}
	vector_done(&wants);
	vector_clear(&pl->lost);
	return r;
}
