/*
 * How large a recording becomes: a core of zrms with zhosts that do what they are asked, in virtual time, and a move every so
 * often; what the flight recorder would write is packed into blocks as zrms does it, one for each second in which there is
 * something, and these are merged as those of a file that is complete.
 */
#include <stdlib.h>

#include "adapter/recorder/block.h"
#include "adapter/recorder/merge.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/plan/ideal_zhost.h"
#include "core/plan/plan.h"
#include "core/record/recording.h"
#include "model/compile.h"
#include "schema/message.h"
#include "zbench/benchmarks.h"

#define SPACES_OF_TOPOLOGY 100
#define MS_OF_SECOND	   INT64_C(1000)
#define DAY_MS		   INT64_C(86400000)
#define YEAR_DAYS	   365

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t zhosts, instances, moves, minutes, seconds;
};

static const struct cli_option options[] = {
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "100",
	 .min = 2,
	 .max = 10000,
	 .help = "zhosts of the cluster"},
	{.name = "instances",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, instances),
	 .fallback = "1000",
	 .min = 100,
	 .max = 100000,
	 .help = "instances, of topologies of 100 each"},
	{.name = "moves",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, moves),
	 .fallback = "10000",
	 .min = 1,
	 .max = 1000000,
	 .help = "moves a day"},
	{.name = "minutes",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, minutes),
	 .fallback = "120",
	 .min = 1,
	 .max = 1440,
	 .help = "of virtual time that are recorded"},
	{.name = "seconds",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, seconds),
	 .fallback = "1",
	 .min = 1,
	 .max = 86400,
	 .help = "of virtual time in a block, other than zrms has them: what larger blocks "
		 "would "
		 "save"},
	{0},
};

const struct benchmark benchmark_record = {
	.command = {.words = "record",
		    .summary = "the size of what the flight recorder writes",
		    .details =
			    "A cluster in virtual time, with moves at equal distances; what is "
			    "written in that time is\nscaled to a day and a year.",
		    .options = options,
		    .options_size = sizeof(struct options),
		    .run = benchmark_run},
	.engine_only = true,
	.measure = run,
};

struct recorded {
	struct control *control;
	struct ideal_zhosts *zhosts;
	struct outbox outbox;
	struct instant now;
	struct recording *recording;
	struct block block;
	struct block_merger merger;
	uint64_t small_bytes; /* of the blocks before they are merged */
	uint64_t bytes, blocks;
	int64_t packed_ms, block_ms;
};

/* ---- the recorder ---- */

static void count_merged(struct recorded *c, const struct buffer *merged)
{
	c->bytes += merged->size;
}

static void pack(struct recorded *c)
{
	struct buffer packed = BUFFER_INIT(SIZE_MAX), merged = BUFFER_INIT(SIZE_MAX);
	if (!block_is_empty(&c->block) &&
	    block_merger_add(&c->merger, &c->block, &merged, NULL) == 0 &&
	    block_pack(&c->block, &packed, NULL) == 0) {
		c->small_bytes += packed.size;
		c->blocks++;
	}
	count_merged(c, &merged);
	buffer_done(&packed);
	buffer_done(&merged);
	c->packed_ms = c->now.mono_ms;
}

static void end_merging(struct recorded *c)
{
	struct buffer merged = BUFFER_INIT(SIZE_MAX);
	(void)!block_merger_end(&c->merger, &merged, NULL);
	count_merged(c, &merged);
	buffer_done(&merged);
}

static bool begins_block(void *user, bool begins)
{
	struct recorded *c = user;
	if (begins)
		pack(c);
	return block_is_empty(&c->block);
}

static void on_entry(void *user, struct instant at, bool begins, const void *data, size_t size)
{
	struct recorded *c = user;
	block_add(&c->block, at.wall_ms, begins, data, size);
}

static const struct recording_sink sink = {.begins_block = begins_block, .entry = on_entry};

/* ---- the cluster ---- */

static void deliver(struct recorded *c)
{
	control_flush(c->control, c->now, &c->outbox);
	vector_for_each (&c->outbox.messages, message)
		if (c->zhosts != NULL)
			ideal_zhosts_take(c->zhosts, c->now.mono_ms, message);
	outbox_clear(&c->outbox);
}

static void handle(struct recorded *c, const struct control_input *input)
{
	control_handle(c->control, c->now, input, &c->outbox);
	deliver(c);
}

static void join(struct recorded *c, uint32_t number)
{
	CLEANUP(freep) char *name = str_printf("z%05u", number);
	CLEANUP(freep)
	char *identity = str_printf("00000000-0000-4000-8000-%012u", number);
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	spec.name = name;
	spec.cpu = (char *)"16";
	spec.memory = (char *)"64GiB";
	hello.protocol = 5;
	hello.spec = &spec;
	hello.identity = identity;
	hello.incarnation = 1;
	handle(c, &(struct control_input){.type = CONTROL_HELLO,
					  .hello = {.link_id = number, .message = &hello}});
}

/* What happens until then. */
static void run_until(struct recorded *c, int64_t mono_ms)
{
	const struct control_input tick = {.type = CONTROL_TICK};
	for (;;) {
		int64_t core = control_next_ms(c->control);
		int64_t zhosts = ideal_zhosts_next_ms(c->zhosts);
		int64_t next = core < zhosts ? core : zhosts;
		if (next > mono_ms)
			next = mono_ms;
		if (next < c->now.mono_ms)
			next = c->now.mono_ms;
		c->now.wall_ms += next - c->now.mono_ms;
		c->now.mono_ms = next;
		if (c->now.mono_ms - c->packed_ms >= c->block_ms)
			pack(c);
		if (core > mono_ms && zhosts > mono_ms)
			return;
		(void)ideal_zhosts_run(c->zhosts, c->now, &c->outbox);
		if (control_next_ms(c->control) <= c->now.mono_ms)
			control_handle(c->control, c->now, &tick, &c->outbox);
		deliver(c);
	}
}

static Samoza__V1__RevisionRecord *record_new(const char *name, uint32_t instances)
{
	Samoza__V1__RevisionRecord *record = (Samoza__V1__RevisionRecord *)schema_message_new(
		&samoza__v1__revision_record__descriptor);
	Samoza__V1__Topology *t =
		(Samoza__V1__Topology *)schema_message_new(&samoza__v1__topology__descriptor);
	Samoza__V1__Space *space =
		(Samoza__V1__Space *)schema_message_new(&samoza__v1__space__descriptor);
	Samoza__V1__SpaceArtifacts *artifacts =
		(Samoza__V1__SpaceArtifacts *)schema_message_new(
			&samoza__v1__space_artifacts__descriptor);
	t->metadata = (Samoza__V1__TopologyMetadata *)schema_message_new(
		&samoza__v1__topology_metadata__descriptor);
	t->metadata->name = mem_strdup(name);
	space->name = mem_strdup("api");
	space->has_type = true;
	space->type = SAMOZA__V1__SPACE_TYPE__DATA;
	space->has_count = true;
	space->count = instances;
	t->spaces = mem_new_array(Samoza__V1__Space *, 1);
	t->spaces[t->n_spaces++] = space;
	record->topology = t;
	record->application = mem_strdup("");
	record->version = mem_strdup("1.0.0");
	record->package_digest = mem_strdup(name);
	artifacts->space = mem_strdup("api");
	artifacts->module_digest = mem_strdup(name);
	record->artifacts = mem_new_array(Samoza__V1__SpaceArtifacts *, 1);
	record->artifacts[record->n_artifacts++] = artifacts;
	return record;
}

static char *id_of(uint32_t topology)
{
	return str_printf("00000000-0000-4000-9000-%012u", topology);
}

static int submit(struct recorded *c, uint32_t topology, struct error **err)
{
	CLEANUP(topology_unrefp) struct topology *model = NULL;
	CLEANUP(freep) char *name = str_printf("shop%u", topology);
	CLEANUP(freep) char *id = id_of(topology);
	Samoza__V1__RevisionRecord *record = record_new(name, SPACES_OF_TOPOLOGY);
	int r = topology_compile(record->topology, NULL, NULL, NULL, &model, err);
	if (r >= 0)
		handle(c, &(struct control_input){.type = CONTROL_SUBMIT,
						  .submit = {.id = id,
							     .topology = model,
							     .record = record,
							     .options = {.start = true}}});
	schema_message_free(&record->base);
	return r < 0 ? r : 0;
}

static int begin(struct recorded *c, const struct options *given, struct error **err)
{
	const struct control_config config = CONTROL_CONFIG_DEFAULT;
	const struct plan_limits limits = PLAN_LIMITS_DEFAULT;
	*c = (struct recorded){.now = {.mono_ms = 1000, .wall_ms = INT64_C(1767225600000)}};
	c->block_ms = given->seconds * MS_OF_SECOND;
	outbox_init(&c->outbox);
	block_init(&c->block);
	block_merger_init(&c->merger);
	c->control = control_new(&config, "00000000-0000-4000-8000-000000000001");
	c->recording = recording_new(c->control, &sink, c, false);
	int r = control_start(c->control, c->now, &c->outbox, err);
	for (uint32_t k = 1; k <= given->zhosts && r >= 0; k++)
		join(c, k);
	if (r < 0)
		return r;
	deliver(c);
	c->zhosts = ideal_zhosts_new(c->control, &limits.times, c->now.mono_ms);
	for (uint32_t k = 0; k < given->instances / SPACES_OF_TOPOLOGY && r >= 0; k++)
		r = submit(c, k, err);
	run_until(c, c->now.mono_ms + 60000);
	return r;
}

static void end(struct recorded *c)
{
	recording_free(c->recording);
	ideal_zhosts_free(c->zhosts);
	control_free(c->control);
	outbox_done(&c->outbox);
	block_done(&c->block);
	block_merger_done(&c->merger);
}

static void move(struct recorded *c, const struct options *given, uint32_t number)
{
	uint32_t instance = number % given->instances;
	CLEANUP(freep) char *id = id_of(instance / SPACES_OF_TOPOLOGY);
	CLEANUP(freep) char *path = str_printf("api-%u", instance % SPACES_OF_TOPOLOGY + 1);
	handle(c, &(struct control_input){.type = CONTROL_MOVE,
					  .request = number + 1,
					  .move = {.id = id, .path = path}});
}

/* Returns the moves. */
static uint32_t live(struct recorded *c, const struct options *given)
{
	int64_t begin_ms = c->now.mono_ms;
	int64_t end_ms = begin_ms + (int64_t)given->minutes * 60000;
	uint32_t number = 0;
	for (;; number++) {
		int64_t next = begin_ms + (int64_t)(number + 1) * DAY_MS / given->moves;
		run_until(c, next < end_ms ? next : end_ms);
		if (next >= end_ms)
			break;
		move(c, given, number);
	}
	pack(c);
	return number;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	struct samples day = {0}, year = {0}, each = {0}, placed = {0}, small = {0};
	struct recorded c;
	int r = begin(&c, given, err);
	bench_progress(bench, "record: %u minutes", given->minutes);
	if (r >= 0) {
		pack(&c);
		end_merging(&c);
		c.bytes = c.small_bytes = c.blocks = 0;
		uint64_t before = control_placements(c.control);
		uint32_t moves = live(&c, given);
		end_merging(&c);
		double scale = 1440.0 / given->minutes;
		samples_add(&placed, (double)(control_placements(c.control) - before) * scale);
		samples_add(&day, (double)c.bytes * scale / 1e6);
		samples_add(&year, (double)c.bytes * scale * YEAR_DAYS / 1e9);
		samples_add(&small, (double)c.small_bytes * scale / 1e6);
		samples_add(&each, moves > 0 ? (double)c.bytes / moves : 0);
		report_number(report, "zhosts", given->zhosts);
		report_number(report, "instances", given->instances);
		report_number(report, "minutes", given->minutes);
		report_number(report, "blocks", c.blocks);
		report_add(report, "record_day_mb", "recorded in a day", "MB", "", &day);
		report_add(report, "record_day_small_mb",
			   "the same before its file is complete", "MB", "", &small);
		report_add(report, "record_year_gb", "recorded in a year", "GB", "1 or less",
			   &year);
		report_add(report, "record_move_bytes", "for each move, with all else", "bytes",
			   "", &each);
		report_add(report, "record_placements", "placements in a day", "placements", "",
			   &placed);
	}
	end(&c);
	samples_done(&day);
	samples_done(&small);
	samples_done(&year);
	samples_done(&each);
	samples_done(&placed);
	return r;
}
