#include "zsim/world/action.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/settings/settings.h"
#include "model/setting.h"
#include "model/space_kind.h"
#include "zsim/world/event.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/messages.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

struct action *action_find(struct sim_machine *n, uint64_t number)
{
	struct action *a = NULL;
	HASH_FIND(hh, n->actions, &number, sizeof(number), a);
	return a;
}

void action_free(struct sim_machine *n, struct action *a)
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

/* NULL: none. Exports are not known here, and stand for nothing. */
static char *settings_text(const struct agent_order *o)
{
	char *text = NULL;
	for (size_t k = 0; k < o->spec->n_env; k++) {
		CLEANUP(freep) char *value = NULL, *before = text;
		if (settings_fill(o->spec->env[k]->value, NULL, 0, o->imports, o->n_imports,
				  &value, NULL) < 0)
			value = mem_strdup("?");
		text = str_printf("%s%s%s=%s", before != NULL ? before : "",
				  before != NULL ? " " : "", o->spec->env[k]->name, value);
	}
	for (size_t k = 0; k < o->spec->n_secrets; k++) {
		const Samoza__V1__SecretGrant *secret = o->spec->secrets[k];
		CLEANUP(freep) char *before = text;
		text = str_printf("%s%s%s=%s#%" PRIu64, before != NULL ? before : "",
				  before != NULL ? " " : "",
				  secret->variable != NULL ? secret->variable : secret->file,
				  secret->name, secret->version);
	}
	return text;
}

static bool has_all_values(const struct agent_order *o)
{
	for (size_t k = 0; k < o->spec->n_references; k++)
		if (!settings_has(o->spec, o->imports, o->n_imports, o->spec->references[k]))
			return false;
	return true;
}

/* [workloads.configuration.missing] What runs does not lose a value for want of one. */
static void note_given(struct world *w, struct sim_process *p, const struct agent_order *o)
{
	CLEANUP(freep) char *before = steal_ptr(&p->given);
	p->given = mem_strdup("");
	for (size_t k = 0; k < o->spec->n_references; k++) {
		CLEANUP(freep) char *name = str_printf("%s ", o->spec->references[k]);
		CLEANUP(freep) char *all = steal_ptr(&p->given);
		bool has =
			settings_has(o->spec, o->imports, o->n_imports, o->spec->references[k]);
		if (!has && o->kind == ACTION_UPDATE && before != NULL &&
		    strstr(before, name) != NULL)
			world_violate(w, "%s loses the value of %s", p->name, name);
		p->given = str_printf("%s%s", all, has ? name : "");
	}
}

/* [workloads.configuration] While it runs, it takes other values only where its space says so. True: they are others. */
static bool take_settings(struct world *w, struct sim_process *p, const struct agent_order *o,
			  bool keeps)
{
	free(p->would);
	p->would = has_all_values(o) ? settings_text(o) : NULL;
	if (keeps || (o->kind == ACTION_UPDATE && settings_missing_secret(o->spec) != NULL))
		return false;
	if (o->kind == ACTION_UPDATE && !settings_in_place(o->spec))
		world_violate(w,
			      "%s gets other values while it runs, and its space does not "
			      "say so",
			      p->name);
	note_given(w, p, o);
	char *settings = settings_text(o);
	bool differs = !str_equal(p->settings, settings);
	free(p->settings);
	p->settings = settings;
	return differs;
}

/* The process takes its imports. No update for an unchanged set [lifecycle.dependency.unchanged]. */
static void take_imports(struct world *w, struct sim_process *p, const struct agent_order *o,
			 bool settings_failed)
{
	bool keeps = o->kind == ACTION_UPDATE && (o->keeps_settings || settings_failed);
	char *imports = imports_text(o);
	bool differs = take_settings(w, p, o, keeps) || settings_failed;
	if (o->kind == ACTION_UPDATE && str_equal(p->imports, imports) && !differs &&
	    !p->is_unsure)
		world_violate(w, "%s gets an update, and nothing has changed:\n%s", p->name,
			      imports);
	free(p->imports);
	p->imports = imports;
	p->is_unsure = settings_failed || (p->is_unsure && keeps);
}

/* All instances inside of it have stopped [lifecycle.stop.bottom-up]. */
static void check_stop(struct world *w, struct sim_machine *n, const char *id, const char *name)
{
	const struct sim_process *own = process_find(n, id);
	if (own == NULL || !own->started)
		return; /* no start that has ended */
	size_t length = strlen(own->slot);
	for (const struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
		if (strncmp(p->slot, own->slot, length) == 0 && p->slot[length] == '/' &&
		    p->placement == own->placement)
			world_violate(w, "%s is stopped on %s while %s lives", name, n->name,
				      p->name);
}

static bool makes_settings(const struct agent_order *o)
{
	return o->kind == ACTION_UPDATE && !o->keeps_settings && settings_any(o->spec);
}

/* Of updates that fail by chance every other one does not reach its process, and of the others every other one without its
 * settings. */
static void plan_failure(struct world *w, struct action *a, const char *name,
			 const struct agent_order *o)
{
	const char *version = o->spec->version;
	vector_for_each (&w->failures, f) {
		if (f->times > 0 && f->action == a->kind && strcmp(f->name, name) == 0 &&
		    (f->version == NULL || str_equal(f->version, version))) {
			f->times--;
			a->fails = true;
			a->unreached = f->unreached;
			a->settings_failed = f->settings && makes_settings(o);
			return;
		}
	}
	a->fails =
		w->hooks.action_fails != NULL && w->hooks.action_fails(w->hooks.user, a->kind);
	a->unreached = a->fails && a->kind == ACTION_UPDATE && a->number % 2 == 0;
	a->settings_failed =
		a->fails && !a->unreached && a->number % 4 == 1 && makes_settings(o);
}

static void plan_action(struct world *w, struct sim_machine *n, uint64_t number,
			int64_t after_ms)
{
	struct sim_event *h = world_plan(w, w->now_ms + after_ms, SIM_EVENT_ACTION);
	h->machine = n->index;
	h->life = n->life;
	h->number = number;
}

void action_end_now(struct world *w, struct sim_machine *n, struct action *a, bool fails)
{
	a->fails = fails;
	plan_action(w, n, a->number, 0);
}

void action_begin(struct world *w, struct sim_machine *n, const struct agent_order *o)
{
	CLEANUP(freep) char *id = agent_copy_id(o->key);
	CLEANUP(freep) char *name = str_printf("%s/%s", o->spec->topology_name, o->key->path);
	struct action *a = mem_new(struct action);
	a->number = o->action;
	a->kind = o->kind;
	a->id = mem_strdup(id);
	plan_failure(w, a, name, o);
	a->fails |= o->kind == ACTION_START && settings_missing_secret(o->spec) != NULL;
	HASH_ADD(hh, n->actions, number, sizeof(a->number), a);
	bool is_too_late = o->kind == ACTION_START && o->deadline_ms <= w->now_ms;
	if (o->kind == ACTION_START && !is_too_late) {
		fill_exports(n, a, o);
		process_begin(w, n, o, id);
	}
	struct sim_process *p = process_find(n, id);
	if (o->kind == ACTION_START && !is_too_late && p != NULL)
		api_token_begin(w, n, p, o);
	/* One that died, and whose next start is called off, has left them behind already. */
	if (o->kind == ACTION_STOP && p != NULL && p->started)
		check_stop(w, n, id, name);
	if (p != NULL && (o->kind == ACTION_START || o->kind == ACTION_UPDATE) && !a->unreached)
		take_imports(w, p, o, a->settings_failed);
	else if (p != NULL && a->unreached)
		p->is_unsure = true;
	if (p != NULL)
		messages_serve(p, o->serves);
	world_log(w, "%s on %s: %s begins", name, n->name, agent_action_name(o->kind));
	if (w->hooks.action_begins != NULL)
		w->hooks.action_begins(w->hooks.user, n, o);
	if (o->kind == ACTION_STOP && p != NULL)
		messages_stop(p);
	if (is_too_late) {
		a->fails = true;
		plan_action(w, n, a->number, 0);
		return;
	}
	int64_t time = w->hooks.action_time != NULL
			       ? w->hooks.action_time(w->hooks.user, o->kind)
			       : w->options.recipe_ms;
	if (time != NEVER_MS)
		plan_action(w, n, a->number, time);
}

void action_kill(struct world *w, struct sim_machine *n, const struct agent_order *o)
{
	CLEANUP(freep) char *id = agent_copy_id(o->key);
	world_log(w, "%s on %s: killed", id, n->name);
	struct sim_process *p = process_find(n, id);
	struct action *a = action_find(n, o->action);
	if (a != NULL)
		action_end_now(w, n, a, true);
	bool only_recipe =
		o->kind == ACTION_DEPLOY || o->kind == ACTION_UNDEPLOY ||
		(o->kind == ACTION_UPDATE && space_kind_of(o->spec->type)->update_can_be_ended);
	if (p == NULL || only_recipe)
		return;
	if (o->kind == ACTION_UPDATE || a == NULL) {
		/* The agent notices this end as any other, later. */
		p->killed = true;
		process_plan_end(w, n, p, w->now_ms);
	} else {
		process_free(n, p);
	}
}

void actions_drop(struct sim_machine *n)
{
	struct action *a = NULL;
	struct action *next = NULL;
	HASH_ITER (hh, n->actions, a, next)
		action_free(n, a);
}
