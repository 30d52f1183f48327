/* Machines: the agent, its disk, actions and processes. */
#include "zsim/world.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/str.h"
#include "model/space_kind.h"

/* Owner of the epochs up to which local data was deleted, by topology name. */
#define FORGOTTEN "@forgotten"

/* ---- processes ---- */

static void process_free(struct sim_machine *n, struct sim_process *p)
{
	HASH_DELETE(hh, n->processes, p);
	free(p->id);
	free(p->slot);
	free(p->topology);
	free(p->path);
	free(p->name);
	free(p->imports);
	free(p);
}

static struct sim_process *process_find(struct sim_machine *n, const char *id)
{
	struct sim_process *p = NULL;
	HASH_FIND_STR(n->processes, id, p);
	return p;
}

static void plan_end(struct world *w, struct sim_machine *n, const struct sim_process *p,
		     int64_t at_ms)
{
	if (at_ms == NEVER_MS)
		return;
	struct sim_event *h = world_plan(w, at_ms, SIM_EVENT_END);
	h->machine = n->index;
	h->number = p->life;
	h->id = mem_strdup(p->id);
}

/* What must never be: checked where it would begin. A slot is what a topology name and a path name,
 * over all deployments of that name. */
static void check_pair(struct world *w, const struct sim_process *born,
		       const struct sim_machine *here, const struct sim_process *p,
		       const struct sim_machine *there)
{
	if (p == born || strcmp(p->name, born->name) != 0)
		return;
	if (str_equal(p->id, born->id))
		world_violate(w, "%s is live twice under epoch %" PRIu64 ": on %s and %s",
			      p->name, p->epoch, there->name, here->name);
	if (p->exclusive || born->exclusive)
		world_violate(w, "%s is exclusive and live twice: on %s and %s", p->name,
			      there->name, here->name);
	if (here == there && (p->alone || born->alone) && str_equal(p->slot, born->slot))
		world_violate(w, "two copies of %s are live on %s", p->name, here->name);
}

static void check_second_life(struct world *w, const struct sim_machine *n,
			      const struct sim_process *born)
{
	vector_for_each (&w->machines, other)
		for (struct sim_process *p = (*other)->processes; p != NULL; p = p->hh.next)
			check_pair(w, born, n, p, *other);
}

static void process_begin(struct world *w, struct sim_machine *n, const struct agent_order *o,
			  const char *id)
{
	struct sim_process *p = process_find(n, id);
	if (p != NULL) {
		world_violate(w, "%s is started on %s where its process still lives", p->name,
			      n->name);
		return;
	}
	p = mem_new(struct sim_process);
	p->id = mem_strdup(id);
	p->slot = str_printf("%s/%s", o->key->topology, o->key->path);
	p->placement = o->spec->placement;
	p->alone = o->spec->alone;
	p->topology = mem_strdup(o->key->topology);
	p->path = mem_strdup(o->key->path);
	p->name = str_printf("%s/%s", o->spec->topology_name, o->key->path);
	p->epoch = o->key->epoch;
	p->exclusive = o->spec->exclusive;
	p->deadline_ms = o->deadline_ms;
	p->orphan_ms = NEVER_MS;
	p->life = ++w->next_process;
	check_second_life(w, n, p);
	HASH_ADD_KEYPTR(hh, n->processes, p->id, strlen(p->id), p);
	plan_end(w, n, p, p->deadline_ms);
}

void machine_process_dies(struct world *w, struct sim_machine *n, struct sim_process *p,
			  const char *error)
{
	struct sim_process gone = *p;
	gone.topology = mem_strdup(p->topology);
	gone.path = mem_strdup(p->path);
	struct action *a = NULL;
	for (a = n->actions; a != NULL; a = a->hh.next)
		if (a->kind == ACTION_START && strcmp(a->id, p->id) == 0)
			a->fails = true;
	world_log(w, "%s on %s: its process ends (%s)", p->name, n->name,
		  error != NULL ? error : "well");
	process_free(n, p);
	if (n->agent != NULL)
		machine_take(w, n,
			     &(struct agent_input){.type = AGENT_PROCESS_ENDED,
						   .ended = {.topology = gone.topology,
							     .path = gone.path,
							     .epoch = gone.epoch,
							     .finished = error == NULL,
							     .error = error}});
	free(gone.topology);
	free(gone.path);
}

/* ---- actions ---- */

static void action_free(struct sim_machine *n, struct action *a)
{
	HASH_DELETE(hh, n->actions, a);
	for (size_t i = 0; i < a->export_count; i++) {
		free(a->export_names[i]);
		free(a->export_values[i]);
	}
	free(a->export_names);
	free(a->export_values);
	free(a->id);
	free(a);
}

/* `ip` and empty values are filled in when the instance starts [formats.topology.exports]. */
static void fill_exports(struct sim_machine *n, struct action *a, const struct agent_order *o)
{
	a->export_count = o->spec->n_exports;
	a->export_names = mem_new_array(char *, a->export_count + 1);
	a->export_values = mem_new_array(char *, a->export_count + 1);
	for (size_t i = 0; i < a->export_count; i++) {
		const Samoza__V1__Variable *v = o->spec->exports[i];
		a->export_names[i] = mem_strdup(v->name);
		if (v->value[0] != '\0')
			a->export_values[i] = mem_strdup(v->value);
		else if (strcmp(v->name, "ip") == 0)
			a->export_values[i] = mem_strdup(n->address);
		else
			a->export_values[i] = str_printf("%" PRIu32, n->next_port++);
	}
}

static char *imports_text(const struct agent_order *o)
{
	char *text = mem_strdup("");
	for (size_t i = 0; i < o->n_imports; i++) {
		const Samoza__V1__Provider *p = o->imports[i];
		char *longer = str_printf("%s%s from %s:", text, p->import, p->path);
		free(text);
		text = longer;
		for (size_t v = 0; v < p->n_variables; v++) {
			longer = str_printf("%s %s=%s", text, p->variables[v]->name,
					    p->variables[v]->value);
			free(text);
			text = longer;
		}
		longer = str_printf("%s\n", text);
		free(text);
		text = longer;
	}
	return text;
}

/* No update for an unchanged set [lifecycle.dependency.unchanged]. */
static void tell_imports(struct world *w, struct sim_process *p, const struct agent_order *o)
{
	char *imports = imports_text(o);
	if (o->kind == ACTION_UPDATE && str_equal(p->imports, imports))
		world_violate(w, "%s gets an update, and nothing has changed:\n%s", p->name,
			      imports);
	free(p->imports);
	p->imports = imports;
}

/* Whatever is inside of it has stopped [lifecycle.stop.bottom-up]. */
static void check_stop(struct world *w, struct sim_machine *n, const char *id, const char *name)
{
	const struct sim_process *own = process_find(n, id);
	if (own == NULL || !own->started)
		return; /* a start that nobody saw the end of */
	size_t length = strlen(own->slot);
	for (const struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
		if (strncmp(p->slot, own->slot, length) == 0 && p->slot[length] == '/' &&
		    p->placement == own->placement)
			world_violate(w, "%s is stopped on %s while %s lives", name, n->name,
				      p->name);
}

static bool is_planned_to_fail(struct world *w, const char *name, enum agent_action kind)
{
	vector_for_each (&w->failures, f) {
		if (f->times > 0 && f->action == kind && strcmp(f->name, name) == 0) {
			f->times--;
			return true;
		}
	}
	return w->hooks.action_fails != NULL && w->hooks.action_fails(w->hooks.user, kind);
}

static void plan_action(struct world *w, struct sim_machine *n, uint64_t number,
			int64_t after_ms)
{
	struct sim_event *h = world_plan(w, w->now_ms + after_ms, SIM_EVENT_ACTION);
	h->machine = n->index;
	h->life = n->life;
	h->number = number;
}

static void action_begins(struct world *w, struct sim_machine *n, const struct agent_order *o)
{
	CLEANUP(freep) char *id = agent_copy_id(o->key);
	CLEANUP(freep) char *name = str_printf("%s/%s", o->spec->topology_name, o->key->path);
	struct action *a = mem_new(struct action);
	a->number = o->action;
	a->kind = o->kind;
	a->id = mem_strdup(id);
	a->fails = is_planned_to_fail(w, name, o->kind);
	HASH_ADD(hh, n->actions, number, sizeof(a->number), a);
	if (o->kind == ACTION_START) {
		fill_exports(n, a, o);
		process_begin(w, n, o, id);
	}
	struct sim_process *p = process_find(n, id);
	/* One that died, and whose next start is called off, has left them behind already. */
	if (o->kind == ACTION_STOP && p != NULL && p->started)
		check_stop(w, n, id, name);
	if (p != NULL && (o->kind == ACTION_START || o->kind == ACTION_UPDATE))
		tell_imports(w, p, o);
	world_log(w, "%s on %s: %s begins", name, n->name, agent_action_name(o->kind));
	int64_t time = w->hooks.action_time != NULL
			       ? w->hooks.action_time(w->hooks.user, o->kind)
			       : w->options.recipe_ms;
	plan_action(w, n, a->number, time);
}

void machine_action_ends(struct world *w, struct sim_machine *n, uint64_t number)
{
	struct action *a = NULL;
	HASH_FIND(hh, n->actions, &number, sizeof(number), a);
	if (a == NULL)
		return;
	struct sim_process *p = process_find(n, a->id);
	if (a->kind == ACTION_START && p == NULL)
		a->fails = true;
	if (p != NULL && a->kind == ACTION_START && !a->fails)
		p->started = true;
	if (p != NULL && ((a->kind == ACTION_START && a->fails) || a->kind == ACTION_STOP))
		process_free(n, p);
	Samoza__V1__Variable *variables =
		mem_new_array(Samoza__V1__Variable, a->export_count + 1);
	const Samoza__V1__Variable **exports =
		mem_new_array(const Samoza__V1__Variable *, a->export_count + 1);
	for (size_t i = 0; i < a->export_count; i++) {
		samoza__v1__variable__init(&variables[i]);
		variables[i].name = a->export_names[i];
		variables[i].value = a->export_values[i];
		exports[i] = &variables[i];
	}
	world_log(w, "%s on %s: %s %s", a->id, n->name, agent_action_name(a->kind),
		  a->fails ? "fails" : "done");
	struct agent_input input = {.type = AGENT_ACTION_DONE,
				    .done = {.action = number,
					     .error = a->fails ? "exit status 1" : NULL,
					     .n_exports = a->export_count,
					     .exports = exports}};
	/* The answer may lead to the next action of the same instance. */
	HASH_DELETE(hh, n->actions, a);
	machine_take(w, n, &input);
	HASH_ADD(hh, n->actions, number, sizeof(a->number), a);
	action_free(n, a);
	free(variables);
	free(exports);
}

static void kill_action(struct world *w, struct sim_machine *n, const struct agent_order *o)
{
	CLEANUP(freep) char *id = agent_copy_id(o->key);
	world_log(w, "%s on %s: killed", id, n->name);
	struct sim_process *p = process_find(n, id);
	struct action *a = NULL;
	HASH_FIND(hh, n->actions, &o->action, sizeof(o->action), a);
	if (a != NULL) {
		a->fails = true;
		plan_action(w, n, a->number, 0);
	}
	bool only_recipe =
		o->kind == ACTION_DEPLOY || o->kind == ACTION_UNDEPLOY ||
		(o->kind == ACTION_UPDATE && space_kind_of(o->spec->type)->update_can_be_ended);
	if (p == NULL || only_recipe)
		return;
	if (o->kind == ACTION_UPDATE || a == NULL) {
		/* The agent hears of the death as of any other, after this. */
		p->deadline_ms = w->now_ms;
		plan_end(w, n, p, w->now_ms);
	} else {
		process_free(n, p);
	}
}

static void renew(struct world *w, struct sim_machine *n, const struct agent_order *o)
{
	CLEANUP(freep) char *id = agent_copy_id(o->key);
	struct sim_process *p = process_find(n, id);
	if (p == NULL || p->epoch != o->key->epoch)
		return;
	p->deadline_ms = o->deadline_ms;
	plan_end(w, n, p, p->deadline_ms);
}

/* ---- the agent ---- */

static void on_order(void *user, const struct agent_order *order)
{
	struct sim_machine *n = user;
	switch (order->type) {
	case ORDER_ACTION:
		action_begins(n->world, n, order);
		break;
	case ORDER_KILL:
		kill_action(n->world, n, order);
		break;
	case ORDER_RENEW:
		renew(n->world, n, order);
		break;
	case ORDER_WRITES:
		break; /* no data is written here */
	case ORDER_END:
		world_log(n->world, "%s ends: it was removed", n->name);
		n->death = MACHINE_AGENT_DIES;
		break;
	}
}

static void on_message(void *user, Samoza__V1__FrameType type, const ProtobufCMessage *message)
{
	struct sim_machine *n = user;
	sim_link_send(n->world, n->link, false, type, message);
}

static void on_stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	struct sim_machine *n = user;
	(void)outcome;
	world_log(n->world, "%s ends: %s", n->name, why->message);
	n->death = MACHINE_AGENT_DIES;
}

static void on_step(void *user, enum commit_step step)
{
	struct sim_machine *n = user;
	const struct world_hooks *hooks = &n->world->hooks;
	enum machine_death death = hooks->machine_dies_here != NULL
					   ? hooks->machine_dies_here(hooks->user, n, step)
					   : MACHINE_LIVES;
	if (death == MACHINE_LIVES)
		return;
	n->death = death;
	agent_loop_stop(n->commits);
}

static const struct agent_loop_listener listener = {
	.on_order = on_order,
	.on_message = on_message,
	.on_stopped = on_stopped,
	.on_step = on_step,
};

/* It dies inside of its own calls: what is left of it goes once they have returned. */
static void bury(struct world *w, struct sim_machine *n)
{
	enum machine_death death = n->death;
	n->death = MACHINE_LIVES;
	n->is_torn = death != MACHINE_LIVES;
	if (death == MACHINE_AGENT_DIES)
		machine_stop_agent(w, n);
	else if (death == MACHINE_DIES)
		machine_kill(w, n);
}

static void on_asked(void *user)
{
	struct sim_machine *n = user;
	struct world *w = n->world;
	if (w->hooks.commit_delay == NULL)
		return; /* answered at the end of the turn */
	int64_t at = w->now_ms + w->hooks.commit_delay(w->hooks.user, false);
	if (at < n->commit_ms)
		at = n->commit_ms; /* in order */
	n->commit_ms = at;
	struct sim_event *h = world_plan(w, at, SIM_EVENT_COMMITTED);
	h->machine = n->index;
	h->life = n->life;
}

static bool on_load(void *user)
{
	struct sim_machine *n = user;
	const struct world_hooks *hooks = &n->world->hooks;
	return hooks->load_fails != NULL && hooks->load_fails(hooks->user, false);
}

static void answer_commit(struct sim_machine *n)
{
	const struct world_hooks *hooks = &n->world->hooks;
	bool is_written = true;
	enum commit_outcome outcome =
		hooks->commit_outcome != NULL
			? hooks->commit_outcome(hooks->user, false, &is_written)
			: COMMIT_DURABLE;
	if (sim_kv_waiting(n->kv) > 0)
		sim_kv_answer(n->kv, outcome, is_written);
}

void machine_answer_commit(struct world *w, struct sim_machine *n)
{
	answer_commit(n);
	bury(w, n);
}

/* All at once. */
static void answer_commits(struct sim_machine *n)
{
	while (n->death == MACHINE_LIVES && sim_kv_waiting(n->kv) > 0)
		answer_commit(n);
}

void machine_turn(struct world *w, struct sim_machine *n)
{
	(void)agent_loop_turn(n->commits);
	if (w->hooks.commit_delay == NULL)
		answer_commits(n);
	bury(w, n);
}

void machine_take(struct world *w, struct sim_machine *n, const struct agent_input *input)
{
	agent_loop_input(n->commits, world_instant(w), input);
	if (n->death == MACHINE_LIVES && w->hooks.batch_more == NULL)
		machine_turn(w, n);
	else
		bury(w, n);
}

/* What it has in memory goes; of the batches that wait for its disk, some are there. */
static void agent_end(struct world *w, struct sim_machine *n)
{
	if (n->agent == NULL)
		return;
	size_t waiting = sim_kv_waiting(n->kv);
	/* What its processes were last told may not be on its disk. */
	if (n->is_torn || waiting > 0 || agent_loop_is_due(n->commits))
		for (struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
			free(steal_ptr(&p->imports));
	n->is_torn = false;
	size_t written = waiting > 0 && w->hooks.written_at_crash != NULL
				 ? w->hooks.written_at_crash(w->hooks.user, waiting)
				 : 0;
	agent_loop_stop(n->commits);
	sim_kv_crash(steal_ptr(&n->kv), written);
	agent_loop_free(steal_ptr(&n->commits));
	agent_free(steal_ptr(&n->agent));
	n->death = MACHINE_LIVES;
}

/* There is no data here; what must hold is the order: each one once, and never one that would
 * take the data of a placement that came after it. */
void machine_forget(struct world *w, struct sim_machine *n,
		    const Samoza__V1__DataForget *forget)
{
	for (size_t i = 0; i < forget->n_topologies; i++) {
		const Samoza__V1__ForgottenData *f = forget->topologies[i];
		if (f->epoch <= n->forgotten_epoch)
			continue;
		n->forgotten_epoch = f->epoch;
		world_log(w, "%s deletes the local data of %s", n->name, f->topology_name);
		char *epoch = str_printf("%" PRIu64, f->epoch);
		agent_loop_put(n->commits, FORGOTTEN, f->topology_name, epoch, strlen(epoch));
		size_t length = strlen(f->topology_name);
		for (struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
			if (p->epoch > f->epoch &&
			    strncmp(p->name, f->topology_name, length) == 0 &&
			    p->name[length] == '/')
				world_violate(w,
					      "%s on %s was placed after the data that it "
					      "uses was to be deleted",
					      p->name, n->name);
	}
	Samoza__V1__DataForgotten *answer = mem_new(Samoza__V1__DataForgotten);
	samoza__v1__data_forgotten__init(answer);
	answer->epoch = n->forgotten_epoch;
	agent_loop_message(n->commits, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN,
			   &answer->base);
	if (w->hooks.batch_more == NULL)
		machine_turn(w, n);
}

struct sim_machine *machine_add(struct world *w, const Samoza__V1__ZhostSpec *spec)
{
	struct sim_machine *n = mem_new(struct sim_machine);
	n->world = w;
	n->index = (unsigned)w->machines.count;
	n->name = mem_strdup(spec->name);
	size_t size = samoza__v1__zhost_spec__get_packed_size(spec);
	CLEANUP(freep) uint8_t *data = mem_calloc(1, size + 1);
	samoza__v1__zhost_spec__pack(spec, data);
	n->spec = samoza__v1__zhost_spec__unpack(NULL, size, data);
	n->identity = world_uuid(w, n->name);
	n->address = str_printf("10.0.%u.%u", (n->index + 1) / 256, (n->index + 1) % 256);
	n->next_port = 30000;
	vector_push(&w->machines, n);
	machine_start(w, n);
	return n;
}

static void drop_actions(struct sim_machine *n)
{
	struct action *a = NULL;
	struct action *next = NULL;
	HASH_ITER (hh, n->actions, a, next)
		action_free(n, a);
}

static void drop_processes(struct sim_machine *n)
{
	struct sim_process *p = NULL;
	struct sim_process *next = NULL;
	HASH_ITER (hh, n->processes, p, next)
		process_free(n, p);
}

void machine_free(struct sim_machine *n)
{
	if (n->agent != NULL) {
		agent_loop_stop(n->commits);
		sim_kv_crash(n->kv, 0);
		agent_loop_free(n->commits);
		agent_free(n->agent);
	}
	drop_actions(n);
	drop_processes(n);
	sim_disk_done(&n->disk);
	samoza__v1__zhost_spec__free_unpacked(n->spec, NULL);
	free(n->name);
	free(n->identity);
	free(n->refusal);
	free(n->address);
	free(n);
}

struct sim_machine *machine_find(struct world *w, const char *name)
{
	struct sim_machine *found = NULL;
	vector_for_each (&w->machines, n)
		if (strcmp((*n)->name, name) == 0 && (found == NULL || !found->powered))
			found = *n;
	return found;
}

static int load_record(void *user, const void *key, size_t key_size, const void *value,
		       size_t size, struct error **err)
{
	struct sim_machine *n = user;
	Samoza__V1__DesiredInstance *desired = NULL;
	CLEANUP(freep) char *id = mem_strndup(key, key_size);
	int r = agent_record_read(value, size, &desired, err);
	if (r < 0)
		return r;
	const struct sim_process *p = process_find(n, id);
	bool is_alive = p != NULL && p->epoch == desired->key->epoch;
	samoza__v1__desired_instance__free_unpacked(desired, NULL);
	return agent_load(n->agent, value, size, is_alive, err);
}

static int load_forgotten(void *user, const void *key, size_t key_size, const void *value,
			  size_t size, struct error **err)
{
	struct sim_machine *n = user;
	uint64_t epoch = 0;
	CLEANUP(freep) char *text = mem_strndup(value, size);
	if (str_to_u64(text, &epoch) < 0)
		return error_set(err, ERR_INVALID, "the epoch of forgotten data");
	if (epoch > n->forgotten_epoch)
		n->forgotten_epoch = epoch;
	return 0;
}

static int load_disk(struct world *w, struct sim_machine *n)
{
	CLEANUP(error_freep) struct error *err = NULL;
	n->forgotten_epoch = 0;
	int r = n->kv->ops->load(n->kv, FORGOTTEN, load_forgotten, n, &err);
	if (r == 0)
		r = n->kv->ops->load(n->kv, AGENT_RECORDS, load_record, n, &err);
	if (r < 0 && w->hooks.load_fails == NULL)
		world_violate(w, "%s cannot read its own records: %s", n->name, err->message);
	return r;
}

void machine_start(struct world *w, struct sim_machine *n)
{
	PRE(n->agent == NULL);
	if (!n->powered)
		n->boots++;
	n->powered = true;
	n->life++;
	n->incarnation++;
	CLEANUP(freep) char *boot = str_printf("%" PRIu64, n->boots);
	n->agent = agent_new(&(struct agent_config){
		.identity = n->identity,
		.incarnation = n->incarnation,
		.boot = boot,
		.spec = n->spec,
		.address = n->address,
		.heartbeat_ms = w->options.heartbeat_ms,
		.failure_timeout_ms = w->options.timeout_ms,
	});
	n->kv = sim_kv_new(
		&n->disk,
		&(struct sim_kv_hooks){.asked = on_asked, .load_fails = on_load, .user = n});
	n->kv->limits = w->options.limits;
	n->commit_ms = w->now_ms;
	n->commits = agent_loop_new(n->agent, n->kv, &listener, n);
	world_log(w, "%s starts, incarnation %" PRIu64, n->name, n->incarnation);
	if (load_disk(w, n) < 0) {
		machine_stop_agent(w, n);
		return;
	}
	for (struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
		p->orphan_ms = NEVER_MS;
	machine_take(w, n, &(struct agent_input){.type = AGENT_TICK});
	machine_connect_later(w, n, 0);
}

void machine_stop_agent(struct world *w, struct sim_machine *n)
{
	if (n->agent == NULL)
		return;
	world_log(w, "%s: the zhost process is gone", n->name);
	agent_end(w, n);
	n->life++;
	/* A process that was told to stop goes on with that. Whether one heard of its update,
	 * nobody knows. */
	for (struct action *a = n->actions; a != NULL; a = a->hh.next) {
		struct sim_process *p = process_find(n, a->id);
		if (p != NULL && a->kind == ACTION_UPDATE)
			free(steal_ptr(&p->imports));
		if (p != NULL && a->kind == ACTION_STOP)
			process_free(n, p);
	}
	drop_actions(n);
	for (struct sim_process *p = n->processes; p != NULL; p = p->hh.next) {
		p->orphan_ms = w->now_ms + WORLD_ORPHAN_MS;
		plan_end(w, n, p, p->orphan_ms);
	}
	if (n->link != 0)
		sim_link_break(w, n->link, true, false);
	n->link = 0;
}

void machine_kill(struct world *w, struct sim_machine *n)
{
	world_log(w, "%s: the machine dies", n->name);
	agent_end(w, n);
	n->life++;
	n->powered = false;
	drop_actions(n);
	drop_processes(n);
	if (n->link != 0)
		sim_link_break(w, n->link, false, false);
	n->link = 0;
}

void machine_partition(struct world *w, struct sim_machine *n)
{
	world_log(w, "%s is cut off", n->name);
	n->partitioned = true;
	if (n->link != 0)
		sim_link_break(w, n->link, true, true);
}

void machine_partition_silently(struct world *w, struct sim_machine *n)
{
	world_log(w, "%s is cut off, and nobody notices", n->name);
	n->partitioned = true;
	if (n->link != 0)
		sim_link_break(w, n->link, false, false);
}

void machine_heal(struct world *w, struct sim_machine *n)
{
	world_log(w, "%s can be reached again", n->name);
	n->partitioned = false;
	if (n->link != 0 && !w->links.items[n->link - 1].open)
		sim_link_break(w, n->link, true, true);
	else if (n->agent != NULL && n->link == 0)
		machine_connect_later(w, n, 0);
}

void machine_link_closed(struct world *w, struct sim_machine *n, uint64_t link)
{
	if (n->agent == NULL || n->link != link)
		return;
	n->link = 0;
	machine_take(w, n, &(struct agent_input){.type = AGENT_LINK_DOWN});
	machine_connect_later(w, n, w->options.heartbeat_ms);
}

void machine_connect_later(struct world *w, struct sim_machine *n, int64_t delay_ms)
{
	struct sim_event *h = world_plan(w, w->now_ms + delay_ms, SIM_EVENT_CONNECT);
	h->machine = n->index;
	h->life = n->life;
	h->number = ++n->tries;
}
