#include "zsim/world/process.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zsim/world/event.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/messages.h"
#include "zsim/world/world.h"

void process_free(struct sim_machine *n, struct sim_process *p)
{
	messages_leave(p);
	HASH_DELETE(hh, n->processes, p);
	free(p->id);
	free(p->slot);
	free(p->topology);
	free(p->path);
	free(p->name);
	free(p->version);
	free(p->imports);
	free(p->settings);
	free(p->given);
	free(p->would);
	free(p->listens);
	free(p->devices);
	free(p);
}

struct sim_process *process_find(const struct sim_machine *n, const char *id)
{
	struct sim_process *p = NULL;
	HASH_FIND_STR(n->processes, id, p);
	return p;
}

void process_plan_end(struct world *w, struct sim_machine *n, const struct sim_process *p,
		      int64_t at_ms)
{
	if (at_ms == NEVER_MS)
		return;
	struct sim_event *h = world_plan(w, at_ms, SIM_EVENT_END);
	h->machine = n->index;
	h->number = p->life;
	h->id = mem_strdup(p->id);
}

static bool is_vouched_for(const struct sim_machine *n)
{
	return n->removed || n->replaced;
}

/* [change.loss.alone] Neither can know of the other before it reaches zrms. What is exclusive starts on none of them. */
static bool are_alone_with_one_disk(const struct sim_process *born,
				    const struct sim_machine *here,
				    const struct sim_machine *there)
{
	return here != there && str_equal(here->identity, there->identity) &&
	       here->link_id == 0 && !born->exclusive;
}

/* What must never be, checked where it would begin. A slot is a path under a topology's name, over
 * all revisions of that application. */
static void check_pair(struct world *w, const struct sim_process *born,
		       const struct sim_machine *here, const struct sim_process *p,
		       const struct sim_machine *there)
{
	if (p == born || strcmp(p->name, born->name) != 0)
		return;
	if ((is_vouched_for(there) && p->deadline_ms == NEVER_MS) ||
	    (is_vouched_for(here) && born->deadline_ms == NEVER_MS))
		return; /* who removes or replaces a silent zhost vouches for what has no lease */
	if (there->suspended && p->deadline_ms <= w->now_ms)
		return; /* it ends before it does anything else */
	if (str_equal(p->id, born->id) && !are_alone_with_one_disk(born, here, there))
		world_violate(w, "%s is live twice under epoch %" PRIu64 ": on %s and %s",
			      p->name, p->epoch, there->name, here->name);
	if (p->exclusive || born->exclusive)
		world_violate(w, "%s is exclusive and live twice: on %s and %s", p->name,
			      there->name, here->name);
	bool beside = p->beside == born->epoch || born->beside == p->epoch;
	if (here == there && !beside && str_equal(p->slot, born->slot))
		world_violate(w, "two copies of %s are live on %s", p->name, here->name);
}

static void check_second_life(struct world *w, const struct sim_machine *n,
			      const struct sim_process *born)
{
	vector_for_each (&w->machines, other)
		for (struct sim_process *p = (*other)->processes; p != NULL; p = p->hh.next)
			check_pair(w, born, n, p, *other);
}

void process_lease(struct world *w, struct sim_machine *n, struct sim_process *p,
		   int64_t stop_ms, int64_t deadline_ms)
{
	int64_t early = 0;
	p->deadline_ms = deadline_ms;
	if (p->deadline_ms != NEVER_MS && w->hooks.stops_early != NULL)
		early = w->hooks.stops_early(w->hooks.user, deadline_ms - stop_ms);
	p->own_end_ms = p->deadline_ms - early;
	process_plan_end(w, n, p, p->own_end_ms);
}

void process_check_lease(struct world *w, struct sim_machine *n, const struct sim_process *p)
{
	size_t length = strlen(p->slot);
	for (const struct sim_process *c = n->processes; c != NULL; c = c->hh.next)
		if (strncmp(c->slot, p->slot, length) == 0 && c->slot[length] == '/' &&
		    c->placement == p->placement && c->deadline_ms > p->own_end_ms)
			world_violate(w, "the lease of %s on %s ends before that of %s",
				      p->name, n->name, c->name);
}

/* The caller frees. */
static char *devices_text(const Samoza__V1__InstanceSpec *spec)
{
	struct buffer text = BUFFER_INIT(SIZE_MAX);
	(void)buffer_printf(&text, " ");
	for (size_t k = 0; k < spec->n_devices; k++)
		(void)buffer_printf(&text, "%s/%u ", spec->devices[k]->kind,
				    spec->devices[k]->index);
	for (size_t k = 0; k < spec->n_capabilities; k++)
		(void)buffer_printf(&text, "%s ", spec->capabilities[k]);
	return buffer_steal(&text);
}

void process_begin(struct world *w, struct sim_machine *n, const struct agent_order *o,
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
	p->beside = o->spec->beside;
	p->topology = mem_strdup(o->key->topology);
	p->path = mem_strdup(o->key->path);
	p->name = str_printf("%s/%s", o->spec->topology_name, o->key->path);
	p->version = mem_strdup(o->spec->version);
	p->epoch = o->key->epoch;
	p->exclusive = o->spec->exclusive;
	p->devices = devices_text(o->spec);
	p->orphan_ms = NEVER_MS;
	p->life = ++w->next_process;
	p->deadline_ms = o->deadline_ms;
	check_second_life(w, n, p);
	HASH_ADD_KEYPTR(hh, n->processes, p->id, strlen(p->id), p);
	messages_join(n, p, o->key, o->spec);
	process_lease(w, n, p, o->stop_ms, o->deadline_ms);
}

void processes_drop(struct sim_machine *n)
{
	struct sim_process *p = NULL;
	struct sim_process *next = NULL;
	HASH_ITER (hh, n->processes, p, next)
		process_free(n, p);
}
