#include "zsim/story.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/str.h"
#include "core/control/control.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "schema/message.h"

#define NEW(type, name) \
	((Samoza__V1__##type *)schema_message_new(&samoza__v1__##name##__descriptor))

struct failing {
	char *space;
	Samoza__V1__ScenarioAction action;
	uint32_t times;
};

struct story {
	Samoza__V1__Scenario *scenario; /* NULL: nothing has begun */
	VECTOR(struct failing) failing;
	VECTOR(char *) away; /* zhosts whose links are closed */
	int64_t last_ms;     /* wall clock: of the last step */
};

static void append(void *items_pointer, size_t *count, void *item)
{
	void ***items = items_pointer;
	*items = mem_resize(*items, *count + 1, sizeof(void *));
	(*items)[(*count)++] = item;
}
#define APPEND(message, field, item) append(&(message)->field, &(message)->n_##field, item)

/* ---- steps ---- */

static char *duration(int64_t ms)
{
	return str_printf("%" PRId64 "ms", ms);
}

static Samoza__V1__ScenarioStep *step(struct story *s)
{
	Samoza__V1__ScenarioStep *new = NEW(ScenarioStep, scenario_step);
	APPEND(s->scenario, steps, new);
	return new;
}

static void pass_time(struct story *s, int64_t wall_ms)
{
	if (wall_ms > s->last_ms)
		step(s)->advance = duration(wall_ms - s->last_ms);
	if (wall_ms > s->last_ms)
		s->last_ms = wall_ms;
}

static void settle(struct story *s)
{
	Samoza__V1__ScenarioStep *new = step(s);
	new->has_settle = new->settle = true;
}

static void zhost_step(struct story *s, const char *name, Samoza__V1__ZhostEvent event)
{
	Samoza__V1__ZhostStep *z = NEW(ZhostStep, zhost_step);
	schema_set_string(&z->name, NULL, name);
	z->do_ = event;
	step(s)->zhost = z;
}

static void zrms_step(struct story *s, Samoza__V1__ZrmsEvent event)
{
	Samoza__V1__ScenarioStep *new = step(s);
	new->has_zrms = true;
	new->zrms = event;
}

static bool has_topology(const struct story *s, const Samoza__V1__Topology *t)
{
	const Samoza__V1__Scenario *m = s->scenario;
	for (size_t k = 0; k < m->n_topologies; k++)
		if (str_equal(m->topologies[k]->metadata->name, t->metadata->name) &&
		    str_equal(m->topologies[k]->version, t->version))
			return true;
	return false;
}

static void submit(struct story *s, const Samoza__V1__RevisionRecord *r, bool starts)
{
	Samoza__V1__SubmitStep *submit = NEW(SubmitStep, submit_step);
	if (!has_topology(s, r->topology))
		APPEND(s->scenario, topologies, schema_message_copy(&r->topology->base));
	schema_set_string(&submit->name, NULL, r->topology->metadata->name);
	submit->version = mem_strdup(r->topology->version);
	submit->has_start = !starts;
	submit->start = starts;
	step(s)->submit = submit;
}

static void goal_step(struct story *s, const char *name, const char *path, const char *goal)
{
	Samoza__V1__GoalStep *g = NEW(GoalStep, goal_step);
	g->space = str_printf("%s/%s", name, path);
	g->to = mem_strdup(goal);
	step(s)->goal = g;
}

/* ---- the beginning ---- */

static void begin_zhosts(struct story *s, struct outbox *records)
{
	vector_for_each (&records->records, r) {
		Samoza__V1__ZhostRecord *z =
			r->kind == RECORD_ZHOST && r->data != NULL
				? samoza__v1__zhost_record__unpack(NULL, r->size, r->data)
				: NULL;
		if (z != NULL && !z->removed) {
			APPEND(s->scenario, zhosts, schema_message_copy(&z->spec->base));
			if (z->cordoned)
				zhost_step(s, z->spec->name,
					   SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_CORDON);
		}
		schema_message_free(z);
	}
}

static const Samoza__V1__RevisionRecord *revision_of(struct outbox *records,
						     const struct control_application *a,
						     Samoza__V1__RevisionRecord **ret)
{
	vector_for_each (&records->records, r) {
		*ret = r->kind == RECORD_REVISION && r->data != NULL
			       ? samoza__v1__revision_record__unpack(NULL, r->size, r->data)
			       : NULL;
		if (*ret != NULL && str_equal((*ret)->application, a->id) &&
		    a->application.served != NULL &&
		    (*ret)->number == a->application.served->number)
			return *ret;
		schema_message_free(*ret);
	}
	*ret = NULL;
	return NULL;
}

/* Submitted, and what has another goal than the others is asked for it. */
static void begin_application(struct story *s, struct outbox *records,
			      const struct control_application *a)
{
	Samoza__V1__RevisionRecord *revision = NULL;
	size_t started = 0;
	if (revision_of(records, a, &revision) == NULL)
		return;
	vector_for_each (&a->slots.slots, slot)
		started += (*slot)->goal == GOAL_DEPLOYED_STARTED;
	bool starts = 2 * started > a->slots.slots.count;
	submit(s, revision, starts);
	vector_for_each (&a->slots.slots, slot) {
		bool is_started = (*slot)->goal == GOAL_DEPLOYED_STARTED;
		if (is_started != starts || (!starts && (*slot)->goal != GOAL_NOT_DEPLOYED))
			goal_step(s, a->name, (*slot)->path, goal_name((*slot)->goal));
	}
	schema_message_free(revision);
}

/* Their values of now are the defaults of the language, which are static. */
static void set_duration(char **field, int64_t ms)
{
	CLEANUP(freep) char *text = duration(ms);
	schema_set_string(field, *field, text);
}

static Samoza__V1__ScenarioOptions *options_of(const struct control_config *config)
{
	Samoza__V1__ScenarioOptions *o = NEW(ScenarioOptions, scenario_options);
	set_duration(&o->heartbeat, config->heartbeat_ms);
	set_duration(&o->timeout, config->failure_timeout_ms);
	set_duration(&o->check, config->check_ms);
	set_duration(&o->margin, config->margin_ms);
	set_duration(&o->on_disconnect, config->on_disconnect_ms);
	return o;
}

static void begin(struct story *s, struct control *c, int64_t wall_ms)
{
	struct outbox records;
	struct outbox *before = c->emitter.outbox;
	outbox_init(&records);
	c->emitter.outbox = &records;
	records_write_all(c);
	c->emitter.outbox = before;
	s->scenario = NEW(Scenario, scenario);
	s->last_ms = wall_ms;
	s->scenario->options = options_of(&c->config);
	begin_zhosts(s, &records);
	application_for_each (&c->applications, a)
		begin_application(s, &records, a);
	if (s->scenario->n_steps > 0)
		settle(s);
	zhost_for_each (&c->zhosts, z)
		if (!z->removed && z->state == ZHOST_PROBLEM)
			zhost_step(s, z->name, SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_KILL);
	outbox_done(&records);
}

/* ---- what people asked for ---- */

static const struct control_application *application(struct control *c, const char *id)
{
	return application_by_id(&c->applications, id);
}

static void take_topology(struct story *s, struct control *c,
			  const Samoza__V1__RecordedTopology *t)
{
	static const Samoza__V1__TopologyVerb verbs[] = {
		[TOPOLOGY_START] = SAMOZA__V1__TOPOLOGY_VERB__TOPOLOGY_VERB_START,
		[TOPOLOGY_STOP] = SAMOZA__V1__TOPOLOGY_VERB__TOPOLOGY_VERB_STOP,
		[TOPOLOGY_RECOVER] = SAMOZA__V1__TOPOLOGY_VERB__TOPOLOGY_VERB_RECOVER,
		[TOPOLOGY_REMOVE] = SAMOZA__V1__TOPOLOGY_VERB__TOPOLOGY_VERB_REMOVE,
	};
	static const char *const actions[] = {
		[TOPOLOGY_DEPLOY_ALL] = "deploy-all",
		[TOPOLOGY_START_ALL] = "start-all",
		[TOPOLOGY_STOP_ALL] = "stop-all",
		[TOPOLOGY_UNDEPLOY_ALL] = "undeploy-all",
	};
	const struct control_application *a = application(c, t->id);
	if (a == NULL || t->action > TOPOLOGY_UNDEPLOY_ALL)
		return;
	if (t->action <= TOPOLOGY_REMOVE) {
		Samoza__V1__TopologyStep *new = NEW(TopologyStep, topology_step);
		new->name = mem_strdup(a->name);
		new->do_ = verbs[t->action];
		new->has_data = new->data = t->data;
		step(s)->topology = new;
		return;
	}
	Samoza__V1__BulkStep *new = NEW(BulkStep, bulk_step);
	new->topology = mem_strdup(a->name);
	new->action = mem_strdup(actions[t->action]);
	new->path = mem_strdup(t->path);
	step(s)->bulk = new;
}

static void take_zhost(struct story *s, const Samoza__V1__RecordedZhost *z)
{
	static const Samoza__V1__ZhostEvent events[] = {
		[ZHOST_CORDON] = SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_CORDON,
		[ZHOST_UNCORDON] = SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_UNCORDON,
		[ZHOST_REMOVE] = SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_REMOVE,
		[ZHOST_DRAIN] = SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_DRAIN,
	};
	if (z->action <= ZHOST_DRAIN)
		zhost_step(s, z->name, events[z->action]);
}

static void take_rollback(struct story *s, struct control *c,
			  const Samoza__V1__RecordedRollback *r)
{
	const struct control_application *a = application(c, r->id);
	if (a == NULL)
		return;
	Samoza__V1__RollbackStep *new = NEW(RollbackStep, rollback_step);
	new->topology = mem_strdup(a->name);
	new->has_to = r->has_to;
	new->to = r->to;
	step(s)->rollback = new;
}

static void take_move(struct story *s, struct control *c, const Samoza__V1__RecordedMove *m)
{
	const struct control_application *a = application(c, m->id);
	if (a == NULL)
		return;
	Samoza__V1__MoveStep *new = NEW(MoveStep, move_step);
	new->space = str_printf("%s/%s", a->name, m->path);
	new->to = mem_strdup(m->zhost);
	step(s)->move = new;
}

/* ---- what happened ---- */

static size_t find_away(const struct story *s, const char *name)
{
	size_t k = 0;
	while (k < s->away.count && !str_equal(s->away.items[k], name))
		k++;
	return k;
}

static void take_closed(struct story *s, struct control *c,
			const Samoza__V1__RecordedClosed *closed)
{
	const struct control_zhost *z = zhost_by_link(&c->zhosts, closed->link);
	if (z == NULL || find_away(s, z->name) < s->away.count)
		return;
	vector_push(&s->away, mem_strdup(z->name));
	zhost_step(s, z->name, SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_PARTITION);
}

static bool has_zhost(const struct story *s, const char *name)
{
	for (size_t k = 0; k < s->scenario->n_zhosts; k++)
		if (str_equal(s->scenario->zhosts[k]->name, name))
			return true;
	return false;
}

/* One that comes later is there from the beginning. */
static void take_hello(struct story *s, struct control *c, const Samoza__V1__Hello *hello)
{
	const char *name = hello->spec->name;
	const struct control_zhost *z = zhost_find(&c->zhosts, name);
	size_t at = find_away(s, name);
	if (!has_zhost(s, name)) {
		APPEND(s->scenario, zhosts, schema_message_copy(&hello->spec->base));
		return;
	}
	if (at < s->away.count) {
		free(s->away.items[at]);
		vector_remove_at(&s->away, at);
		zhost_step(s, name, SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_HEAL);
	}
	if (z != NULL && z->incarnation != hello->incarnation)
		zhost_step(s, name, SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_RESTART);
}

/* The actions of an instance that fail do so from the beginning on, as often as they did. */
static void count_failure(struct story *s, const char *space, Samoza__V1__ScenarioAction action)
{
	vector_for_each (&s->failing, f)
		if (str_equal(f->space, space) && f->action == action) {
			f->times++;
			return;
		}
	*vector_add(&s->failing) =
		(struct failing){.space = mem_strdup(space), .action = action, .times = 1};
}

static void take_instance(struct story *s, struct control *c,
			  const Samoza__V1__InstanceReport *i)
{
	const struct control_application *a = application(c, i->key->topology);
	if (a == NULL || i->error == NULL)
		return;
	CLEANUP(freep) char *space = str_printf("%s/%s", a->name, i->key->path);
	switch (i->failed_action) {
	case SAMOZA__V1__FAILED_ACTION__FAILED_DEPLOY:
		count_failure(s, space, SAMOZA__V1__SCENARIO_ACTION__DEPLOY);
		break;
	case SAMOZA__V1__FAILED_ACTION__FAILED_START:
		count_failure(s, space, SAMOZA__V1__SCENARIO_ACTION__START);
		break;
	case SAMOZA__V1__FAILED_ACTION__FAILED_UPDATE:
		count_failure(s, space, SAMOZA__V1__SCENARIO_ACTION__UPDATE);
		break;
	case SAMOZA__V1__FAILED_ACTION__FAILED_STOP:
		count_failure(s, space, SAMOZA__V1__SCENARIO_ACTION__STOP);
		break;
	case SAMOZA__V1__FAILED_ACTION__FAILED_UNDEPLOY:
		count_failure(s, space, SAMOZA__V1__SCENARIO_ACTION__UNDEPLOY);
		break;
	case SAMOZA__V1__FAILED_ACTION__FAILED_ENDED:
		step(s)->exit = NEW(ExitStep, exit_step);
		schema_set_string(&s->scenario->steps[s->scenario->n_steps - 1]->exit->space,
				  NULL, space);
		break;
	case SAMOZA__V1__FAILED_ACTION__FAILED_PROCESS:
	case SAMOZA__V1__FAILED_ACTION__FAILED_NONE:
	case _SAMOZA__V1__FAILED_ACTION_IS_INT_SIZE:
		step(s)->kill = NEW(KillStep, kill_step);
		schema_set_string(&s->scenario->steps[s->scenario->n_steps - 1]->kill->space,
				  NULL, space);
		break;
	}
}

static bool is_told(const Samoza__V1__RecordedInput *in)
{
	if (in->body_case == SAMOZA__V1__RECORDED_INPUT__BODY_REPORT) {
		for (size_t k = 0; k < in->report->message->n_instances; k++)
			if (in->report->message->instances[k]->error != NULL)
				return true;
		return false;
	}
	return in->body_case != SAMOZA__V1__RECORDED_INPUT__BODY_HEARTBEAT &&
	       in->body_case != SAMOZA__V1__RECORDED_INPUT__BODY_TICK;
}

static void take_input(struct story *s, struct control *c, const Samoza__V1__RecordedInput *in)
{
	const struct control_application *a = NULL;
	if (in->body_case == SAMOZA__V1__RECORDED_INPUT__BODY_SUBMIT) {
		if (!in->submit->dry_run && !in->submit->plan)
			submit(s, in->submit->record, in->submit->start);
	} else if (in->body_case == SAMOZA__V1__RECORDED_INPUT__BODY_TOPOLOGY) {
		take_topology(s, c, in->topology);
	} else if (in->body_case == SAMOZA__V1__RECORDED_INPUT__BODY_GOAL) {
		a = application(c, in->goal->id);
		if (a != NULL)
			goal_step(s, a->name, in->goal->path, in->goal->goal);
	} else if (in->body_case == SAMOZA__V1__RECORDED_INPUT__BODY_MOVE) {
		take_move(s, c, in->move);
	} else if (in->body_case == SAMOZA__V1__RECORDED_INPUT__BODY_ROLLBACK) {
		take_rollback(s, c, in->rollback);
	} else if (in->body_case == SAMOZA__V1__RECORDED_INPUT__BODY_ZHOST) {
		take_zhost(s, in->zhost);
	} else if (in->body_case == SAMOZA__V1__RECORDED_INPUT__BODY_CLOSED) {
		take_closed(s, c, in->closed);
	} else if (in->body_case == SAMOZA__V1__RECORDED_INPUT__BODY_HELLO) {
		take_hello(s, c, in->hello->message);
	} else if (in->body_case == SAMOZA__V1__RECORDED_INPUT__BODY_REPORT) {
		for (size_t k = 0; k < in->report->message->n_instances; k++)
			take_instance(s, c, in->report->message->instances[k]);
	}
}

void story_before(struct story *s, struct control *c, const struct replay_entry *entry)
{
	ProtobufCMessage *message = NULL;
	if (s->scenario == NULL || c == NULL ||
	    entry->message->what_case != SAMOZA__V1__RECORDING_ENTRY__WHAT_INPUT ||
	    schema_message_unpack(&samoza__v1__recorded_input__descriptor,
				  entry->message->input.data, entry->message->input.len,
				  &message, NULL) < 0)
		return;
	const Samoza__V1__RecordedInput *in = (const Samoza__V1__RecordedInput *)message;
	if (is_told(in)) {
		pass_time(s, entry->at.wall_ms);
		take_input(s, c, in);
	}
	schema_message_free(message);
}

void story_after(struct story *s, struct control *c, const struct replay_entry *entry)
{
	bool is_birth = entry->message->what_case == SAMOZA__V1__RECORDING_ENTRY__WHAT_BIRTH;
	if (c == NULL)
		return;
	if (s->scenario == NULL) {
		begin(s, c, entry->at.wall_ms);
	} else if (is_birth) {
		zrms_step(s, SAMOZA__V1__ZRMS_EVENT__ZRMS_CRASH);
		pass_time(s, entry->at.wall_ms);
		zrms_step(s, SAMOZA__V1__ZRMS_EVENT__ZRMS_START);
		vector_for_each (&s->away, name) {
			zhost_step(s, *name, SAMOZA__V1__ZHOST_EVENT__ZHOST_EVENT_HEAL);
			free(*name);
		}
		vector_clear(&s->away);
	}
}

/* ---- the end ---- */

static void expect_topology(Samoza__V1__ExpectStep *to,
			    const Samoza__V1__TopologySummaryView *t)
{
	Samoza__V1__ExpectStep__TopologiesEntry *entry =
		(Samoza__V1__ExpectStep__TopologiesEntry *)schema_message_new(
			&samoza__v1__expect_step__topologies_entry__descriptor);
	schema_set_string(&entry->key, NULL, t->name);
	entry->value = NEW(ExpectTopology, expect_topology);
	entry->value->state = mem_strdup(t->state);
	APPEND(to, topologies, entry);
}

static void expect_space(Samoza__V1__ExpectStep *to, const Samoza__V1__SpaceView *s)
{
	Samoza__V1__ExpectStep__SpacesEntry *entry =
		(Samoza__V1__ExpectStep__SpacesEntry *)schema_message_new(
			&samoza__v1__expect_step__spaces_entry__descriptor);
	schema_set_string(&entry->key, NULL, s->name);
	entry->value = NEW(ExpectSpace, expect_space);
	entry->value->state = mem_strdup(s->state);
	APPEND(to, spaces, entry);
}

static bool is_wrong(const char *state)
{
	return str_equal(state, "failed") || str_equal(state, "degraded") ||
	       str_equal(state, "pending");
}

/* What went wrong; where nothing did, that nothing did. */
static Samoza__V1__ExpectStep *expectation(struct control *c)
{
	Samoza__V1__ExpectStep *to = NEW(ExpectStep, expect_step);
	Samoza__V1__TopologyListView *topologies = control_view_topologies(c);
	Samoza__V1__SpaceListView *spaces = control_view_spaces(c, NULL);
	size_t wrong = 0;
	for (size_t k = 0; k < topologies->n_topologies; k++)
		wrong += is_wrong(topologies->topologies[k]->state);
	for (size_t k = 0; k < topologies->n_topologies; k++)
		if (wrong == 0 || is_wrong(topologies->topologies[k]->state))
			expect_topology(to, topologies->topologies[k]);
	for (size_t k = 0; k < spaces->n_spaces && wrong > 0; k++)
		if (spaces->spaces[k]->last_error != NULL &&
		    !str_equal(spaces->spaces[k]->state, spaces->spaces[k]->goal))
			expect_space(to, spaces->spaces[k]);
	schema_message_free(topologies);
	schema_message_free(spaces);
	return to;
}

/* Before everything else. */
static void put_failures(struct story *s)
{
	Samoza__V1__Scenario *m = s->scenario;
	vector_for_each (&s->failing, f) {
		Samoza__V1__ScenarioStep *new = step(s);
		new->fail = NEW(FailStep, fail_step);
		schema_set_string(&new->fail->space, NULL, f->space);
		new->fail->action = f->action;
		new->fail->has_times = true;
		new->fail->times = f->times;
		memmove(m->steps + 1, m->steps, (m->n_steps - 1) * sizeof(*m->steps));
		m->steps[0] = new;
	}
}

Samoza__V1__Scenario *story_end(struct story *s, struct control *c, struct instant now)
{
	if (s->scenario == NULL || c == NULL)
		return NULL;
	put_failures(s);
	pass_time(s, now.wall_ms);
	step(s)->expect = expectation(c);
	return steal_ptr(&s->scenario);
}

/* ---- life ---- */

struct story *story_new(void)
{
	return mem_new(struct story);
}

void story_free(struct story *s)
{
	if (s == NULL)
		return;
	schema_message_free(s->scenario);
	vector_for_each (&s->failing, f)
		free(f->space);
	vector_for_each (&s->away, name)
		free(*name);
	vector_done(&s->failing);
	vector_done(&s->away);
	free(s);
}
