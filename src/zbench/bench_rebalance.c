/*
 * How long zrms looks for what a rebalance is to move, in a large cluster: its loop does nothing else meanwhile.
 * The engine of zrms without daemons.
 */
#include "base/str.h"
#include "zbench/bench_engine.h"
#include "zbench/benchmarks.h"

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t zhosts, units, joined;
};

static const struct cli_option options[] = {
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "1000",
	 .min = 2,
	 .max = 50000,
	 .help = "zhosts of the cluster"},
	{.name = "units",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, units),
	 .fallback = "10000",
	 .min = 1,
	 .max = 1000000,
	 .help = "spaces that are placed"},
	{.name = "joined",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, joined),
	 .fallback = "100",
	 .min = 1,
	 .max = 10000,
	 .help = "zhosts of them that have just joined, and are empty"},
	{0},
};

const struct benchmark benchmark_rebalance = {
	.command =
		{
			.words = "rebalance",
			.summary = "choosing the moves of a rebalance in a large cluster",
			.details = "Topologies of ten spaces each, of several sizes, some "
				   "with preferences, are placed; then empty zhosts join. "
				   "Measured is how long the engine looks for the moves of a "
				   "rebalance, and, when they are made, for those of a second "
				   "one, which finds none. Time is CPU time.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.engine_only = true,
	.measure = run,
};

#define MOVES_MAX 1000 /* of one rebalance */
#define COUNT	  10   /* of each topology */

static const char *const spaces[] = {
	"- {name: s, type: IO, count: 10, resources: {cpu: 0.5, memory: 256MiB}}\n",
	"- {name: s, type: IO, count: 10, resources: {cpu: 1, memory: 512MiB}}\n",
	"- {name: s, type: IO, count: 10, resources: {cpu: 0.25},\n"
	"   placement: {anti_affinity: [{with: self, weight: 20}]}}\n",
	"- {name: s, type: IO, count: 10, resources: {cpu: 0.25},\n"
	"   placement: {spread: [{over: region}]}}\n",
};

struct figures {
	struct samples choose_ms, again_ms, moves;
};

static int add_zhosts(struct bench_engine *engine, uint32_t from, uint32_t to,
		      struct error **err)
{
	int r = 0;
	for (uint32_t k = from; k < to && r == 0; k++) {
		CLEANUP(freep)
		char *text = str_printf("{name: n%u, cpu: 16, memory: 64GiB, region: r%u}", k,
					k % 5);
		r = bench_engine_add_zhost(engine, text, err);
	}
	return r;
}

static int place_units(struct bench_engine *engine, uint32_t count, struct error **err)
{
	int r = 0;
	for (uint32_t k = 0; k < count / COUNT && r == 0; k++) {
		CLEANUP(freep) char *name = str_printf("t%u", k);
		uint32_t topology = 0;
		r = bench_engine_add_text(engine, name, spaces[k % ARRAY_SIZE(spaces)],
					  &topology, err);
		if (r == 0)
			r = bench_engine_place_all(engine, topology, err);
	}
	return r;
}

/* Of all units; milliseconds. */
static double choose(struct bench_engine *engine, struct place_moves *ret)
{
	VECTOR(struct place_unit_request) units = {0};
	vector_for_each (&engine->topologies, t)
		for (unsigned i = 0; i < t->model->instance_count; i++)
			*vector_add(&units) = (struct place_unit_request){.unit = t->units[i]};
	const struct place_rebalance request = {.units = units.items,
						.unit_count = units.count,
						.movable = units.count,
						.max_moves = MOVES_MAX};
	double begin = thread_cpu_seconds();
	place_rebalance(engine->place, &request, ret);
	double seconds = thread_cpu_seconds() - begin;
	vector_done(&units);
	return seconds * 1000;
}

static void make_moves(struct bench_engine *engine, const struct place_moves *moves)
{
	for (size_t k = 0; k < moves->count; k++) {
		place_remove(engine->place, moves->items[k].unit);
		place_add(engine->place, moves->items[k].unit, moves->items[k].to);
	}
}

static int one_run(const struct options *given, struct figures *f, struct error **err)
{
	struct bench_engine engine;
	struct place_moves moves = {0};
	uint32_t before = given->zhosts > given->joined ? given->zhosts - given->joined : 1;
	bench_engine_init(&engine);
	int r = add_zhosts(&engine, 0, before, err);
	if (r == 0)
		r = place_units(&engine, given->units, err);
	if (r == 0)
		r = add_zhosts(&engine, before, given->zhosts, err);
	if (r == 0) {
		samples_add(&f->choose_ms, choose(&engine, &moves));
		samples_add(&f->moves, (double)moves.count);
		make_moves(&engine, &moves);
		place_moves_done(&moves);
		samples_add(&f->again_ms, choose(&engine, &moves));
		place_moves_done(&moves);
	}
	bench_engine_done(&engine);
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	struct figures f = {0};
	int r = 0;
	for (uint32_t k = 1; k <= bench->runs && r == 0; k++) {
		bench_progress(bench, "rebalance: run %u of %u", k, bench->runs);
		r = one_run(given, &f, err);
	}
	if (r == 0) {
		report_add(report, "choose_ms", "moves of a rebalance, empty zhosts joined",
			   "ms", "500 or less", &f.choose_ms);
		report_add(report, "moves", "moves that it finds", "moves", NULL, &f.moves);
		report_add(report, "again_ms", "a second one, when they are made", "ms",
			   "100 or less", &f.again_ms);
		report_number(report, "zhosts", given->zhosts);
		report_number(report, "units", given->units);
		report_number(report, "joined", given->joined);
	}
	samples_done(&f.choose_ms);
	samples_done(&f.again_ms);
	samples_done(&f.moves);
	return r;
}
