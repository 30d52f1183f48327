/*
 * Packing of devices: the OpenB trace of a production cluster (Weng et al., USENIX ATC 2023),
 * placed by the engine of zrms with the strategy `pack`.
 *
 *   tasks ── equal ones ──► one topology with as many instances as there are, clones included
 *         ── clones drawn until the demand is reached, shuffled ──► placed one after another
 *
 * Score: allocated thousandths of devices, in percent of all.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zbench/bench_engine.h"
#include "zbench/benchmarks.h"
#include "zbench/csv.h"

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	char *nodes;
	char *tasks;
	struct cli_range seeds;
	char *demand;
};

static const struct cli_option options[] = {
	{.name = "nodes",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, nodes),
	 .required = true,
	 .help = "CSV with sn, cpu_milli, memory_mib, gpu, model"},
	{.name = "tasks",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, tasks),
	 .required = true,
	 .help = "CSV with cpu_milli, memory_mib, num_gpu, gpu_milli, and gpu_spec where tasks "
		 "are bound "
		 "to models"},
	{.name = "seeds",
	 .type = CLI_RANGE,
	 .offset = offsetof(struct options, seeds),
	 .fallback = "42..51",
	 .help = "seeds of the orders to try"},
	{.name = "demand",
	 .type = CLI_STRING,
	 .offset = offsetof(struct options, demand),
	 .fallback = "1.3",
	 .value = "RATIO",
	 .help = "devices that are requested, relative to those of the cluster"},
	{0},
};

const struct benchmark benchmark_openb = {
	.command =
		{
			.words = "openb",
			.summary = "packing of a GPU cluster from a production trace",
			.details = "All tasks, and random clones of them until they request "
				   "--demand times the "
				   "devices of the cluster, are shuffled and placed one after "
				   "another; none leaves. For each seed: allocated thousandths "
				   "of devices in percent of all.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.is_separate = true,
	.engine_only = true,
	.measure = run,
};

struct task {
	uint32_t cpu_milli, count, milli; /* devices, thousandths of each */
	uint64_t memory_mib;
	char *models;	/* "A|B"; "": any */
	uint32_t class; /* equal tasks have the same */
};

struct trace {
	VECTOR(char *) zhosts; /* texts */
	uint64_t devices_milli;
	VECTOR(struct task) tasks;
	uint32_t class_count;
};

static void trace_done(struct trace *t)
{
	vector_for_each (&t->zhosts, text)
		free(*text);
	vector_for_each (&t->tasks, task)
		free(task->models);
	vector_done(&t->zhosts);
	vector_done(&t->tasks);
}

/* ---- reading ---- */

static int read_nodes(struct trace *t, const char *path, struct error **err)
{
	static const char *const names[] = {"sn",  "cpu_milli", "memory_mib",
					    "gpu", "model",	NULL};
	CLEANUP(csv_done) struct csv csv = {0};
	int r = csv_open(&csv, path, names, err);
	while (r >= 0 && (r = csv_next(&csv, err)) > 0) {
		uint64_t cpu, memory, devices;
		if (csv_number(&csv, 1, 1000000000, &cpu, err) < 0 ||
		    csv_number(&csv, 2, 1u << 30, &memory, err) < 0 ||
		    csv_number(&csv, 3, 1024, &devices, err) < 0)
			return ERR_INVALID;
		char *text =
			str_printf("{name: '%s', cpu: %um, memory: %lluMiB", csv_text(&csv, 0),
				   (unsigned)cpu, (unsigned long long)memory);
		char *whole = devices > 0
				      ? str_printf("%s, devices: [{kind: gpu, count: %u, "
						   "model: '%s'}]}",
						   text, (unsigned)devices, csv_text(&csv, 4))
				      : str_printf("%s}", text);
		free(text);
		vector_push(&t->zhosts, whole);
		t->devices_milli += devices * 1000;
	}
	if (r == 0 && t->devices_milli == 0)
		return error_set(err, ERR_INVALID, "%s: no node has a device", path);
	return r;
}

static int read_tasks(struct trace *t, const char *path, struct error **err)
{
	static const char *const names[] = {"cpu_milli", "memory_mib", "num_gpu",
					    "gpu_milli", "?gpu_spec",  NULL};
	CLEANUP(csv_done) struct csv csv = {0};
	int r = csv_open(&csv, path, names, err);
	while (r >= 0 && (r = csv_next(&csv, err)) > 0) {
		uint64_t cpu, memory, count, milli = 1000;
		bool share = false;
		if (csv_number(&csv, 0, 1000000000, &cpu, err) < 0 ||
		    csv_number(&csv, 1, 1u << 30, &memory, err) < 0 ||
		    csv_number(&csv, 2, 1024, &count, err) < 0)
			return ERR_INVALID;
		share = count == 1 && csv_text(&csv, 3)[0] != '\0';
		if (share && csv_number(&csv, 3, 1000, &milli, err) < 0)
			return ERR_INVALID;
		if (count == 1 && milli == 0)
			return csv_error(&csv, err, "a share of a device of 0");
		vector_push(&t->tasks,
			    ((struct task){.cpu_milli = (uint32_t)cpu,
					   .memory_mib = memory,
					   .count = (uint32_t)count,
					   .milli = count > 0 ? (uint32_t)milli : 0,
					   .models = mem_strdup(csv_text(&csv, 4))}));
	}
	if (r == 0 && t->tasks.count == 0)
		return error_set(err, ERR_INVALID, "%s: no tasks", path);
	return r;
}

static int compare_tasks(const void *a, const void *b)
{
	const struct task *x = *(struct task *const *)a, *y = *(struct task *const *)b;
	if (x->cpu_milli != y->cpu_milli)
		return x->cpu_milli < y->cpu_milli ? -1 : 1;
	if (x->memory_mib != y->memory_mib)
		return x->memory_mib < y->memory_mib ? -1 : 1;
	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	if (x->milli != y->milli)
		return x->milli < y->milli ? -1 : 1;
	return strcmp(x->models, y->models);
}

static void classify(struct trace *t)
{
	struct task **sorted = mem_new_array(struct task *, t->tasks.count);
	for (size_t i = 0; i < t->tasks.count; i++)
		sorted[i] = &t->tasks.items[i];
	qsort(sorted, t->tasks.count, sizeof(*sorted), compare_tasks);
	for (size_t i = 0; i < t->tasks.count; i++) {
		if (i > 0 && compare_tasks(&sorted[i - 1], &sorted[i]) != 0)
			t->class_count++;
		sorted[i]->class = t->class_count;
	}
	t->class_count++;
	free(sorted);
}

/* ---- one seed ---- */

/* splitmix64. */
static uint64_t draw(uint64_t *state, uint64_t below)
{
	uint64_t x = *state += UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return (x ^ x >> 31) % below;
}

struct order {
	VECTOR(uint32_t) tasks; /* in the order in which they are placed */
};

static void order_draw(const struct trace *t, uint64_t seed, double demand, struct order *o)
{
	uint64_t requested = 0;
	for (uint32_t i = 0; i < t->tasks.count; i++) {
		vector_push(&o->tasks, i);
		requested += (uint64_t)t->tasks.items[i].count * t->tasks.items[i].milli;
	}
	while (requested > 0 && (double)requested < demand * (double)t->devices_milli) {
		uint32_t clone = (uint32_t)draw(&seed, t->tasks.count);
		vector_push(&o->tasks, clone);
		requested +=
			(uint64_t)t->tasks.items[clone].count * t->tasks.items[clone].milli;
	}
	for (size_t i = o->tasks.count; i > 1; i--) {
		size_t other = draw(&seed, i);
		uint32_t swapped = o->tasks.items[i - 1];
		o->tasks.items[i - 1] = o->tasks.items[other];
		o->tasks.items[other] = swapped;
	}
}

/* "A|B|B" -> ", model: ['A', 'B']" */
static void add_models(struct buffer *b, const char *models)
{
	const char *separator = ", model: [";
	for (const char *at = models; *at != '\0';) {
		size_t size = strcspn(at, "|");
		bool known = false;
		for (const char *before = models; before < at && !known;) {
			size_t other = strcspn(before, "|");
			known = other == size && memcmp(before, at, size) == 0;
			before += other + 1;
		}
		if (!known) {
			(void)buffer_printf(b, "%s'%.*s'", separator, (int)size, at);
			separator = ", ";
		}
		at += size + (at[size] == '|');
	}
	if (models[0] != '\0')
		(void)buffer_add_string(b, "]");
}

/* A declared amount is not 0: a task that needs no memory requests one byte. */
#define AT_LEAST_1(amount) ((amount) > 0 ? (amount) : 1)

/* A topology for each class; ret_topologies[class] is its handle. */
static int add_classes(struct bench_engine *engine, const struct trace *t,
		       const struct order *o, uint32_t *ret_topologies, struct error **err)
{
	uint32_t *counts = mem_new_array(uint32_t, t->class_count);
	const struct task **samples = mem_new_array(const struct task *, t->class_count);
	int r = 0;
	vector_for_each (&o->tasks, i) {
		counts[t->tasks.items[*i].class]++;
		samples[t->tasks.items[*i].class] = &t->tasks.items[*i];
	}
	for (uint32_t c = 0; c < t->class_count && r == 0; c++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 16);
		CLEANUP(freep) char *name = str_printf("class-%u", c);
		const struct task *task = samples[c];
		(void)buffer_printf(
			&b,
			"- {name: task, type: NATIVE, count: %u, placement: {strategy: "
			"pack}, resources: {cpu: %um, memory: %llu",
			counts[c], AT_LEAST_1(task->cpu_milli),
			(unsigned long long)AT_LEAST_1(task->memory_mib << 20));
		if (task->count > 0) {
			(void)buffer_printf(&b, ", devices: [{kind: gpu, count: %u",
					    task->count);
			if (task->milli < 1000)
				(void)buffer_printf(&b, ", share: %um", task->milli);
			add_models(&b, task->models);
			(void)buffer_add_string(&b, "}]");
		}
		(void)buffer_add_string(&b, "}}\n");
		r = bench_engine_add_text(engine, name, b.data, &ret_topologies[c], err);
	}
	free(counts);
	free(samples);
	return r;
}

struct outcome {
	double allocated, seconds;
};

static int run_seed(const struct trace *t, uint64_t seed, double demand, struct outcome *ret,
		    struct error **err)
{
	CLEANUP(bench_engine_done) struct bench_engine engine;
	struct order order = {0};
	uint32_t *topologies = mem_new_array(uint32_t, t->class_count);
	uint32_t *next = mem_new_array(uint32_t, t->class_count);
	uint64_t allocated = 0;
	int r = 0;
	bench_engine_init(&engine);
	order_draw(t, seed, demand, &order);
	for (size_t i = 0; i < t->zhosts.count && r == 0; i++)
		r = bench_engine_add_zhost(&engine, t->zhosts.items[i], err);
	if (r == 0)
		r = add_classes(&engine, t, &order, topologies, err);
	double begin = thread_cpu_seconds();
	for (size_t i = 0; i < order.tasks.count && r == 0; i++) {
		const struct task *task = &t->tasks.items[order.tasks.items[i]];
		uint32_t instance = next[task->class]++;
		if (bench_engine_place_one(&engine, topologies[task->class], instance) !=
		    PLACE_NONE)
			allocated += (uint64_t)task->count * task->milli;
	}
	*ret = (struct outcome){100.0 * (double)allocated / (double)t->devices_milli,
				thread_cpu_seconds() - begin};
	vector_done(&order.tasks);
	free(topologies);
	free(next);
	return r;
}

/* ---- the command ---- */

static int parse_demand(const char *text, double *ret_demand, struct error **err)
{
	char *end;
	errno = 0;
	*ret_demand = strtod(text, &end);
	if (errno != 0 || !isdigit((unsigned char)text[0]) || *end != '\0' || *ret_demand > 100)
		return error_set(err, ERR_INVALID,
				 "--demand %s: expected a number such as 1.3, at most 100",
				 text);
	return 0;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	CLEANUP(trace_done) struct trace trace = {0};
	CLEANUP(samples_done) struct samples allocated = {0}, seconds = {0};
	uint64_t first = given->seeds.first, last = given->seeds.last;
	double demand = 0, sum = 0;
	int r = parse_demand(given->demand, &demand, err);
	if (r == 0)
		r = read_nodes(&trace, given->nodes, err);
	if (r == 0)
		r = read_tasks(&trace, given->tasks, err);
	if (r < 0)
		return r;
	classify(&trace);
	json_t *list = json_array();
	for (uint64_t seed = first; seed <= last && r == 0; seed++) {
		struct outcome o = {0};
		bench_progress(bench, "openb: seed %llu", (unsigned long long)seed);
		r = run_seed(&trace, seed, demand, &o, err);
		(void)json_array_append_new(list, json_pack("{s:I, s:f, s:f}", "seed",
							    (json_int_t)seed, "allocated",
							    o.allocated, "seconds", o.seconds));
		samples_add(&allocated, o.allocated);
		samples_add(&seconds, o.seconds);
		sum += o.allocated;
	}
	if (r == 0) {
		report_number(report, "runs", 1); /* the seeds are what repeats */
		(void)json_object_set_new(report->json, "mean",
					  json_real(sum / (double)(last - first + 1)));
		(void)json_object_set_new(report->json, "seeds", json_incref(list));
		report_add(report, "allocated", "devices allocated, each seed", "%", NULL,
			   &allocated);
		report_add(report, "seconds", "one run", "s", "1 or less", &seconds);
	}
	json_decref(list);
	return r;
}
