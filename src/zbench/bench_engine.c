#include "zbench/bench_engine.h"

#include <time.h>

#include "base/str.h"
#include "model/compile.h"
#include "schema/message.h"

void bench_engine_init(struct bench_engine *engine)
{
	*engine = (struct bench_engine){.place = place_new(NULL)};
}

void bench_engine_done(struct bench_engine *engine)
{
	place_free(engine->place);
	vector_for_each (&engine->topologies, t) {
		topology_unref(t->model);
		free(t->units);
	}
	vector_done(&engine->topologies);
	vector_done(&engine->lost);
}

double thread_cpu_seconds(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int bench_engine_add_zhost(struct bench_engine *engine, const char *text, struct error **err)
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
	(void)place_zhost_set(engine->place, &spec, true, false);
	zhost_spec_done(&spec);
	return 0;
}

int bench_model(const char *name, const char *spaces, struct topology **ret_model,
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

uint32_t bench_engine_add(struct bench_engine *engine, struct topology *model)
{
	uint32_t topology = place_topology_add(engine->place, model, ++engine->order);
	while (engine->topologies.count <= topology)
		(void)vector_add(&engine->topologies);
	struct placed_topology *t = &engine->topologies.items[topology];
	*t = (struct placed_topology){model, mem_new_array(uint32_t, model->instance_count)};
	place_units_new(engine->place, topology, t->units);
	return topology;
}

int bench_engine_add_text(struct bench_engine *engine, const char *name, const char *spaces,
			  uint32_t *ret_topology, struct error **err)
{
	struct topology *model = NULL;
	int r = bench_model(name, spaces, &model, err);
	if (r == 0)
		*ret_topology = bench_engine_add(engine, model);
	return r;
}

static int try_units(struct bench_engine *engine, uint32_t topology,
		     const struct place_request *request, struct error **err)
{
	struct place_result result;
	int r = 0;
	place_try(engine->place, request, &result);
	if (!result.complete) {
		CLEANUP(freep) char *reason = place_reason_text(&result.reason);
		r = error_set(err, ERR_CONFLICT, "topology %s: %s",
			      engine->topologies.items[topology].model->name, reason);
	}
	place_result_done(&result);
	return r;
}

uint32_t bench_engine_unit(const struct bench_engine *engine, uint32_t topology,
			   uint32_t instance)
{
	return engine->topologies.items[topology].units[instance];
}

int bench_engine_place_all(struct bench_engine *engine, uint32_t topology, struct error **err)
{
	const struct placed_topology *t = &engine->topologies.items[topology];
	VECTOR(struct place_unit_request) units = {0};
	for (uint32_t i = 0; i < t->model->instance_count;
	     i += t->model->instances[i].subtree_count) {
		if (place_where(engine->place, t->units[i]) == PLACE_NONE)
			vector_add(&units)->unit = t->units[i];
	}
	int r = try_units(
		engine, topology,
		&(struct place_request){.units = units.items, .unit_count = units.count}, err);
	vector_done(&units);
	return r;
}

uint32_t bench_engine_place_one(struct bench_engine *engine, uint32_t topology,
				uint32_t instance)
{
	struct place_unit_request unit = {
		.unit = bench_engine_unit(engine, topology, instance)};
	struct place_result result;
	place_try(engine->place, &(struct place_request){.units = &unit, .unit_count = 1},
		  &result);
	uint32_t zhost = result.zhosts[0];
	place_result_done(&result);
	return zhost;
}

void bench_engine_lose(struct bench_engine *engine, uint32_t zhost)
{
	uint32_t unit = PLACE_NONE;
	size_t first = engine->lost.count;
	place_zhost_flags(engine->place, zhost, false, false);
	while ((unit = place_zhost_unit(engine->place, zhost, unit)) != PLACE_NONE)
		vector_push(&engine->lost, unit);
	for (size_t i = first; i < engine->lost.count; i++)
		place_remove(engine->place, engine->lost.items[i]);
}

static int compare_units(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* The lost units of one topology, from *at on; units were made topology by topology. */
static int recover_topology(struct bench_engine *engine, uint32_t topology, size_t *at,
			    struct error **err)
{
	uint32_t end = topology + 1 < engine->topologies.count
			       ? engine->topologies.items[topology + 1].units[0]
			       : PLACE_NONE;
	VECTOR(struct place_unit_request) units = {0};
	for (; *at < engine->lost.count && engine->lost.items[*at] < end; ++*at)
		vector_add(&units)->unit = engine->lost.items[*at];
	int r = units.count == 0 ? 0
				 : try_units(engine, topology,
					     &(struct place_request){.mode = PLACE_RECOVER,
								     .units = units.items,
								     .unit_count = units.count},
					     err);
	vector_done(&units);
	return r;
}

int bench_engine_recover(struct bench_engine *engine, struct error **err)
{
	int r = 0;
	size_t at = 0;
	if (engine->lost.count > 0)
		qsort(engine->lost.items, engine->lost.count, sizeof(uint32_t), compare_units);
	for (uint32_t t = 0; t < engine->topologies.count && r == 0; t++)
		r = recover_topology(engine, t, &at, err);
	vector_clear(&engine->lost);
	return r;
}
