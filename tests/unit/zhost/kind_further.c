/*
 * A kind of space that is not part of zhost: this file, and one word in the list of kinds, add it
 * (model/space_kind.h). What its runtime is asked for is recorded.
 */
#include "kind_further.h"

#include "base/memory.h"
#include "model/space_kind.h"
#include "zhost/space/resident.h"

struct further further;

static const struct space_type_name types[] = {{FURTHER_TYPE, "FURTHER"}};

const struct space_kind space_kind_further = {
	.name = "further",
	.types = types,
	.type_count = ARRAY_SIZE(types),
	.is_in_mesh = true,
};

static void deploy(struct resident *r)
{
	further.resident = r;
	further.asked = "deploy";
}

static void start(struct resident *r)
{
	further.resident = r;
	further.asked = "start";
}

static void update(struct resident *r, const import_vector *imports)
{
	further.resident = r;
	further.asked = "update";
	further.imports = imports->count;
}

static void stop(struct resident *r, int64_t grace_ms)
{
	further.resident = r;
	further.asked = "stop";
	further.grace_ms = grace_ms;
}

static void undeploy(struct resident *r)
{
	further.resident = r;
	further.asked = "undeploy";
}

static void kill_action(struct resident *r, bool is_update)
{
	further.resident = r;
	further.asked = is_update ? "kill update" : "kill";
}

/* What an earlier zhost left: it runs, or it has ended as the report says. */
static void find(struct resident *r)
{
	if (!further.is_running && further.report.is_known) {
		r->last_report = further.report;
		r->last_report.error = mem_strdup(further.report.error);
	}
}

static bool probe(const struct resident *r)
{
	(void)r;
	return further.is_running;
}

static void usage(const struct resident *r, struct usage_sum *sum)
{
	(void)r;
	sum->memory_pages += 7;
}

const struct space_runtime space_runtime_further = {
	.kind = &space_kind_further,
	.imports = imports_for_guest,
	.deploy = deploy,
	.start = start,
	.update = update,
	.stop = stop,
	.undeploy = undeploy,
	.kill = kill_action,
	.find = find,
	.probe = probe,
	.usage = usage,
};
