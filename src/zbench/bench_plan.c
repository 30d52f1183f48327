/*
 * What a plan costs: how long the loop of zrms is held, the checkpoint of the core, which a child of it writes, and the plan
 * of a change on it, in a thread beside. The cores of zrms without daemons, with zhosts that do what they are asked.
 */
#include "adapter/snapshot/snapshot.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/plan/plan.h"
#include "model/compile.h"
#include "schema/message.h"
#include "zbench/bench_engine.h"
#include "zbench/benchmarks.h"
#include "zbench/client.h"

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t zhosts, instances;
};

static const struct cli_option options[] = {
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "1000",
	 .min = 1,
	 .max = 100000,
	 .help = "zhosts of the cluster"},
	{.name = "instances",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, instances),
	 .fallback = "1000",
	 .min = 1,
	 .max = 10000,
	 .help = "instances of the topology that is changed"},
	{0},
};

const struct benchmark benchmark_plan = {
	.command =
		{.words = "plan",
		 .summary = "a plan of a change of a large topology",
		 .details =
			 "A topology of one space with many instances runs; the plan is that "
			 "of a version that\nreplaces all of them. Time is CPU time.",
		 .options = options,
		 .options_size = sizeof(struct options),
		 .run = benchmark_run},
	.engine_only = true,
	.measure = run,
};

/* ---- a cluster ---- */

struct cluster {
	struct control *control;
	struct ideal_zhosts *zhosts;
	struct outbox outbox;
	struct instant now;
	double submit_ms; /* the decision on the submit, in which the loop serves nobody else */
};

static void deliver(struct cluster *c)
{
	control_flush(c->control, c->now, &c->outbox);
	vector_for_each (&c->outbox.messages, message)
		if (c->zhosts != NULL)
			ideal_zhosts_take(c->zhosts, c->now.mono_ms, message);
	outbox_clear(&c->outbox);
}

static void join(struct cluster *c, uint32_t number)
{
	CLEANUP(freep) char *name = str_printf("z%05u", number);
	CLEANUP(freep)
	char *identity = str_printf("00000000-0000-4000-8000-%012u", number);
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	spec.name = name;
	spec.cpu = (char *)"4";
	spec.memory = (char *)"16GiB";
	hello.protocol = 5;
	hello.spec = &spec;
	hello.identity = identity;
	hello.incarnation = 1;
	const struct control_input input = {.type = CONTROL_HELLO,
					    .hello = {.link_id = number, .message = &hello}};
	control_handle(c->control, c->now, &input, &c->outbox);
}

/* Until all is idle. */
static void run_on(struct cluster *c)
{
	const struct control_input tick = {.type = CONTROL_TICK};
	while (!ideal_zhosts_are_idle(c->zhosts) || control_is_busy(c->control, c->now, NULL)) {
		int64_t core = control_next_ms(c->control);
		int64_t zhosts = ideal_zhosts_next_ms(c->zhosts);
		int64_t next = core < zhosts ? core : zhosts;
		c->now.wall_ms += next - c->now.mono_ms;
		c->now.mono_ms = next;
		(void)ideal_zhosts_run(c->zhosts, c->now, &c->outbox);
		if (control_next_ms(c->control) <= c->now.mono_ms)
			control_handle(c->control, c->now, &tick, &c->outbox);
		deliver(c);
	}
}

static Samoza__V1__RevisionRecord *record_new(const char *version, uint32_t instances)
{
	Samoza__V1__RevisionRecord *record = (Samoza__V1__RevisionRecord *)schema_message_new(
		&samoza__v1__revision_record__descriptor);
	Samoza__V1__Topology *t =
		(Samoza__V1__Topology *)schema_message_new(&samoza__v1__topology__descriptor);
	Samoza__V1__Space *space =
		(Samoza__V1__Space *)schema_message_new(&samoza__v1__space__descriptor);
	t->metadata = (Samoza__V1__TopologyMetadata *)schema_message_new(
		&samoza__v1__topology_metadata__descriptor);
	t->metadata->name = mem_strdup("shop");
	space->name = mem_strdup("api");
	space->has_type = true;
	space->type = SAMOZA__V1__SPACE_TYPE__DATA;
	space->has_count = true;
	space->count = instances;
	t->spaces = mem_new_array(Samoza__V1__Space *, 1);
	t->spaces[t->n_spaces++] = space;
	record->topology = t;
	record->application = mem_strdup("");
	record->version = mem_strdup(version);
	record->package_digest = mem_strdup(version);
	Samoza__V1__SpaceArtifacts *artifacts =
		(Samoza__V1__SpaceArtifacts *)schema_message_new(
			&samoza__v1__space_artifacts__descriptor);
	artifacts->space = mem_strdup("api");
	artifacts->module_digest = mem_strdup(version);
	record->artifacts = mem_new_array(Samoza__V1__SpaceArtifacts *, 1);
	record->artifacts[record->n_artifacts++] = artifacts;
	return record;
}

static int submit(struct cluster *c, uint32_t instances, struct error **err)
{
	CLEANUP(topology_unrefp) struct topology *model = NULL;
	Samoza__V1__RevisionRecord *record = record_new("1.0.0", instances);
	int r = topology_compile(record->topology, NULL, NULL, NULL, &model, err);
	const struct control_input input = {
		.type = CONTROL_SUBMIT,
		.submit = {.id = "00000000-0000-4000-8000-000000000000",
			   .topology = model,
			   .record = record,
			   .options = {.start = true}}};
	if (r >= 0) {
		double begin = thread_cpu_seconds();
		control_handle(c->control, c->now, &input, &c->outbox);
		control_flush(c->control, c->now, &c->outbox);
		c->submit_ms = (thread_cpu_seconds() - begin) * 1000;
		deliver(c);
		run_on(c);
	}
	schema_message_free(&record->base);
	return r;
}

static void cluster_done(struct cluster *c)
{
	ideal_zhosts_free(c->zhosts);
	control_free(c->control);
	outbox_done(&c->outbox);
}

static int cluster_init(struct cluster *c, const struct options *given, struct error **err)
{
	const struct control_config config = CONTROL_CONFIG_DEFAULT;
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	*c = (struct cluster){.now = {.mono_ms = 1000, .wall_ms = INT64_C(1767225600000)}};
	outbox_init(&c->outbox);
	c->control = control_new(&config, "00000000-0000-4000-8000-000000000001");
	int r = control_start(c->control, c->now, &c->outbox, err);
	for (uint32_t k = 1; k <= given->zhosts && r >= 0; k++)
		join(c, k);
	if (r < 0)
		return r;
	deliver(c);
	c->zhosts = ideal_zhosts_new(c->control, &limits.times, c->now.mono_ms);
	return submit(c, given->instances, err);
}

/* ---- the measures ---- */

struct measures {
	struct samples submit, held, checkpoint, load, plan, moves;
};

static int write_checkpoint(void *user, struct buffer *to, struct error **err)
{
	struct cluster *c = user;
	Samoza__V1__Checkpoint *now = checkpoint_new(c->control, c->now);
	int r = schema_message_pack(&now->base, to, err);
	schema_message_free(&now->base);
	return r;
}

/* As zrms does; how long its loop would be held. */
static int take_snapshot(struct cluster *c, struct measures *to, struct error **err)
{
	CLEANUP(buffer_done) struct buffer bytes = {0};
	struct snapshot snapshot;
	uint64_t begin = now_ns();
	snapshot_take(write_checkpoint, c, &snapshot);
	samples_add(&to->held, seconds_between(begin, now_ns()) * 1000);
	return snapshot_read(&snapshot, &bytes, err);
}

static int measure(struct cluster *c, const struct options *given, struct measures *to,
		   struct error **err)
{
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	Samoza__V1__RevisionRecord *next = record_new("1.1.0", given->instances);
	const struct plan_request request = {.kind = PLAN_SUBMIT, .record = next};
	Samoza__V1__PlanView *plan = NULL;
	struct control *copy = NULL;
	int taken = take_snapshot(c, to, err);
	double begin = thread_cpu_seconds();
	Samoza__V1__Checkpoint *now = checkpoint_new(c->control, c->now);
	samples_add(&to->checkpoint, (thread_cpu_seconds() - begin) * 1000);
	begin = thread_cpu_seconds();
	int r = taken < 0 ? taken : checkpoint_load(now, &copy, err);
	samples_add(&to->load, (thread_cpu_seconds() - begin) * 1000);
	if (r >= 0)
		control_free(copy);
	begin = thread_cpu_seconds();
	if (r >= 0)
		r = plan_make(now, &request, &limits, &plan, err);
	samples_add(&to->plan, (thread_cpu_seconds() - begin) * 1000);
	if (r >= 0)
		samples_add(&to->moves, (double)plan->n_moves);
	schema_message_free(plan != NULL ? &plan->base : NULL);
	schema_message_free(&now->base);
	schema_message_free(&next->base);
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	struct measures m = {0};
	struct cluster c;
	int r = cluster_init(&c, given, err);
	for (uint32_t k = 1; k <= bench->runs && r >= 0; k++) {
		bench_progress(bench, "plan: run %u of %u", k, bench->runs);
		r = measure(&c, given, &m, err);
	}
	if (r >= 0) {
		samples_add(&m.submit, c.submit_ms);
		report_add(report, "plan_submit_ms", "decision on the submit", "ms",
			   "50 or less", &m.submit);
		report_add(report, "plan_held_ms", "the loop is held", "ms", "10 or less",
			   &m.held);
		report_add(report, "plan_checkpoint_ms", "checkpoint, in a child", "ms", "",
			   &m.checkpoint);
		report_add(report, "plan_load_ms", "a core loaded from it", "ms", "", &m.load);
		report_add(report, "plan_ms", "plan of the change, with loading", "ms",
			   "100 or less", &m.plan);
		report_add(report, "plan_moves", "moves of the plan", "moves", "", &m.moves);
	}
	samples_done(&m.submit);
	samples_done(&m.held);
	samples_done(&m.checkpoint);
	samples_done(&m.load);
	samples_done(&m.plan);
	samples_done(&m.moves);
	cluster_done(&c);
	return r < 0 ? r : 0;
}
