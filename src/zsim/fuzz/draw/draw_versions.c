#include "zsim/fuzz/draw/draw_versions.h"

#include "base/memory.h"
#include "base/str.h"
#include "model/compile.h"
#include "schema/message.h"
#include "zsim/fuzz/life/draws.h"
#include "zsim/fuzz/life/fuzz.h"

#define PROGRAMS 3 /* of a space: few, so that many spaces stay as they are */

static Samoza__V1__RolloutCanary *draw_canary(struct random *r)
{
	static const char *const steps[][2] = {
		{"10%", "50%"}, {"34%", "100%"}, {"50%", NULL}, {"100%", NULL}};
	static const char *const pauses[] = {"manual", "manual", "2s", "20s"};
	const char *const *chosen = steps[random_below(r, ARRAY_SIZE(steps))];
	Samoza__V1__RolloutCanary *canary = (Samoza__V1__RolloutCanary *)schema_message_new(
		&samoza__v1__rollout_canary__descriptor);
	canary->steps = mem_new_array(char *, 2);
	while (canary->n_steps < 2 && chosen[canary->n_steps] != NULL) {
		canary->steps[canary->n_steps] = mem_strdup(chosen[canary->n_steps]);
		canary->n_steps++;
	}
	schema_set_string(&canary->pause, samoza__v1__rollout_canary__pause__default_value,
			  pauses[random_below(r, ARRAY_SIZE(pauses))]);
	return canary;
}

static Samoza__V1__Rollout *draw_policy(struct random *r)
{
	Samoza__V1__Rollout *rollout =
		(Samoza__V1__Rollout *)schema_message_new(&samoza__v1__rollout__descriptor);
	rollout->has_policy = rollout->has_on_failure = true;
	static const Samoza__V1__RolloutPolicy policies[] = {
		SAMOZA__V1__ROLLOUT_POLICY__REPLACE, SAMOZA__V1__ROLLOUT_POLICY__ROLLING,
		SAMOZA__V1__ROLLOUT_POLICY__CANARY, SAMOZA__V1__ROLLOUT_POLICY__BLUE_GREEN,
		SAMOZA__V1__ROLLOUT_POLICY__BLUE_GREEN};
	rollout->policy = policies[random_below(r, ARRAY_SIZE(policies))];
	if (rollout->policy == SAMOZA__V1__ROLLOUT_POLICY__CANARY)
		rollout->canary = draw_canary(r);
	rollout->on_failure = random_percent(r, 80) ? SAMOZA__V1__ROLLOUT_ON_FAILURE__ROLLBACK
						    : SAMOZA__V1__ROLLOUT_ON_FAILURE__PAUSE;
	static const char *const batches[] = {"1", "2", "50%", "100%"};
	static const char *const times[] = {"0s", "1s", "5s"};
	static const char *const limits[] = {"6s", "30s", "5m"};
	static const char *const keeps[] = {"0s", "5s", "1m", "10m"};
	schema_set_string(&rollout->keep, samoza__v1__rollout__keep__default_value,
			  keeps[random_below(r, ARRAY_SIZE(keeps))]);
	schema_set_string(&rollout->batch, samoza__v1__rollout__batch__default_value,
			  batches[random_below(r, ARRAY_SIZE(batches))]);
	rollout->healthy = (Samoza__V1__RolloutHealthy *)schema_message_new(
		&samoza__v1__rollout_healthy__descriptor);
	schema_set_string(&rollout->healthy->for_,
			  samoza__v1__rollout_healthy__for__default_value,
			  times[random_below(r, ARRAY_SIZE(times))]);
	schema_set_string(&rollout->healthy->within,
			  samoza__v1__rollout_healthy__within__default_value,
			  limits[random_below(r, ARRAY_SIZE(limits))]);
	return rollout;
}

static bool must_stop_first(const Samoza__V1__Space *s)
{
	bool stops = s->has_exclusive && s->exclusive;
	for (size_t k = 0; k < s->n_capabilities; k++)
		stops = stops || str_equal(s->capabilities[k], "data.write");
	return stops;
}

static void draw_handover(struct random *r, Samoza__V1__Space *s)
{
	s->has_handover = random_percent(r, 20);
	if (!s->has_handover)
		return;
	s->handover = must_stop_first(s) || random_percent(r, 50)
			      ? SAMOZA__V1__HANDOVER__HANDOVER_STOP_FIRST
			      : SAMOZA__V1__HANDOVER__HANDOVER_START_FIRST;
}

static bool compiles(const Samoza__V1__Topology *message)
{
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	return topology_compile(message, NULL, NULL, NULL, &topology, NULL) >= 0;
}

static void draw_count(struct random *r, Samoza__V1__Topology *t)
{
	Samoza__V1__Space *s = t->spaces[random_below(r, (uint32_t)t->n_spaces)];
	uint32_t count = s->count;
	s->count = 1 + random_below(r, 4);
	if (!s->has_count || !compiles(t))
		s->count = count;
}

static void draw_public(struct random *r, Samoza__V1__Topology *t)
{
	Samoza__V1__Space *s = t->spaces[random_below(r, (uint32_t)t->n_spaces)];
	s->has_public_ = true;
	s->public_ = !s->public_;
}

static void leave_out(Samoza__V1__Topology *t, size_t at)
{
	Samoza__V1__Space *s = t->spaces[at];
	t->spaces[at] = t->spaces[--t->n_spaces];
	if (t->n_spaces > 0 && compiles(t)) {
		samoza__v1__space__free_unpacked(s, NULL);
		return;
	}
	t->spaces[t->n_spaces++] = t->spaces[at];
	t->spaces[at] = s;
}

/* Zhosts know the former copy of what was inside of a unit until that has gone. */
static void leave_out_inside(struct random *r, Samoza__V1__Topology *t)
{
	size_t first = random_below(r, (uint32_t)t->n_spaces);
	for (size_t k = 0; k < t->n_spaces; k++) {
		size_t at = (first + k) % t->n_spaces;
		if (t->spaces[at]->inside == NULL || t->spaces[at]->inside[0] == '\0')
			continue;
		leave_out(t, at);
		return;
	}
}

/* A count is written, or is written no longer: the first instance has another name. */
static void draw_name(struct random *r, Samoza__V1__Topology *t)
{
	Samoza__V1__Space *s = t->spaces[random_below(r, (uint32_t)t->n_spaces)];
	uint32_t count = s->count;
	s->has_count = !s->has_count;
	s->count = s->has_count ? 1 + random_below(r, 3) : 1;
	if (compiles(t))
		return;
	s->has_count = !s->has_count;
	s->count = count;
}

/* Rules of its placement go with it, too. */
static void draw_each(struct random *r, Samoza__V1__Topology *t)
{
	Samoza__V1__Space *s = t->spaces[random_below(r, (uint32_t)t->n_spaces)];
	uint32_t count = s->count;
	bool is_written = s->has_count;
	size_t constraints = s->placement->n_constraints;
	s->has_count = true;
	s->count = random_percent(r, 70) ? 0 : 2;
	if (constraints > 0 && random_percent(r, 50)) {
		free(s->placement->constraints[0]);
		s->placement->constraints[0] = mem_strdup("rack exists");
	}
	if (compiles(t))
		return;
	s->has_count = is_written;
	s->count = count;
}

/* Other versions have other instances, where the rest still means something. */
static void draw_members(struct fuzz *f, struct random *r, Samoza__V1__Topology *t)
{
	if (draws_percent(f, DRAW_IMPORTS, 30))
		draw_public(draws_random(f, DRAW_IMPORTS), t);
	if (draws_percent(f, DRAW_NAMES, 50))
		draw_name(draws_random(f, DRAW_NAMES), t);
	if (random_percent(r, 30))
		draw_count(r, t);
	if (draws_percent(f, DRAW_EACH, 30))
		draw_each(draws_random(f, DRAW_EACH), t);
	if (random_percent(r, 20))
		leave_out(t, random_below(r, (uint32_t)t->n_spaces));
	if (draws_percent(f, DRAW_PAGES, 30))
		leave_out_inside(draws_random(f, DRAW_PAGES), t);
}

Samoza__V1__RevisionRecord *draw_version(struct fuzz *f, const Samoza__V1__Topology *message)
{
	struct random *r = draws_random(f, DRAW_ROLLOUTS);
	Samoza__V1__RevisionRecord *record = (Samoza__V1__RevisionRecord *)schema_message_new(
		&samoza__v1__revision_record__descriptor);
	record->application = mem_strdup("");
	record->version = str_printf("1.0.%u", f->versions++);
	record->package_digest = str_printf("%s %s", message->metadata->name, record->version);
	record->topology = (Samoza__V1__Topology *)schema_message_copy(&message->base);
	record->rollout = draw_policy(r);
	message = record->topology;
	draw_members(f, r, record->topology);
	record->artifacts = mem_new_array(Samoza__V1__SpaceArtifacts *, message->n_spaces);
	for (size_t k = 0; k < message->n_spaces; k++) {
		Samoza__V1__SpaceArtifacts *a =
			(Samoza__V1__SpaceArtifacts *)schema_message_new(
				&samoza__v1__space_artifacts__descriptor);
		a->space = mem_strdup(message->spaces[k]->name);
		a->module_digest = str_printf("program %u", random_below(r, PROGRAMS));
		record->artifacts[record->n_artifacts++] = a;
		draw_handover(r, record->topology->spaces[k]);
	}
	return record;
}
