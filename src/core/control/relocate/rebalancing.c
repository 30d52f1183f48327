#include "core/control/relocate/rebalancing.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/relocate/disruption.h"
#include "core/control/relocate/rebalance_choose.h"
#include "core/control/slot/successor_place.h"
#include "core/control/state/input.h"
#include "core/control/state/rebalance.h"
#include "core/control/state/state.h"

/* As long as a handover may take [change.words.healthy]. */
#define BLOCKED_MS (INT64_C(5) * 60 * 1000)

static bool is_running(const struct control *c)
{
	return rebalance_is_running(c->rebalance);
}

/* The unit; NULL: it is gone. */
static struct slot_control *root_of(const struct control *c, const struct rebalance_move *m)
{
	const struct control_application *a =
		application_by_id(&c->applications, m->application);
	const struct slot *s = a != NULL ? slot_find(&a->slots, m->path) : NULL;
	return s != NULL && s->parent == NULL ? control_of_slot(s) : NULL;
}

/* ---- the request ---- */

static void emit(struct control *c, const char *from, const char *cause)
{
	emit_event(&c->emitter, "rebalance", "cluster", from,
		   rebalance_state_name(c->rebalance->state), NULL, cause);
}

static bool is_space(const struct control *c, const char *name)
{
	const char *slash = strchr(name, '/');
	if (slash == NULL)
		return false;
	CLEANUP(freep) char *topology = mem_strndup(name, (size_t)(slash - name));
	const struct control_application *a = application_by_name(&c->applications, topology);
	if (a == NULL)
		return false;
	vector_for_each (&a->slots.slots, s)
		if (str_equal((*s)->path, slash + 1) ||
		    str_equal(slot_declared_space(*s)->name, slash + 1))
			return true;
	return false;
}

static int check(const struct control *c, const struct control_input *input, struct error **err)
{
	const struct rebalance *r = c->rebalance;
	if (is_running(c)) {
		uint32_t made = rebalance_count(r, REBALANCE_MOVE_MOVED);
		uint32_t left = rebalance_count(r, REBALANCE_MOVE_WAITING) +
				rebalance_count(r, REBALANCE_MOVE_UNDER_WAY);
		return error_set(err, ERR_CONFLICT,
				 "a rebalance is under way, asked for by %s: %u of its moves "
				 "%s made, %u %s not",
				 r->by, made, str_are(made), left, str_are(left));
	}
	if (input->rebalance.max_moves > REBALANCE_MOVES_MAX)
		return error_set(err, ERR_INVALID, "a rebalance makes at most %u moves",
				 REBALANCE_MOVES_MAX);
	for (size_t k = 0; k < input->rebalance.include_count; k++)
		if (!is_space(c, input->rebalance.include[k]))
			return error_set(err, ERR_NOT_FOUND,
					 "no space '%s': expected TOPOLOGY/SPACE",
					 input->rebalance.include[k]);
	return 0;
}

static char *begun_text(const struct rebalance *r)
{
	uint32_t count = rebalance_count(r, REBALANCE_MOVE_WAITING);
	return count == 0 ? str_printf("asked for by %s: nothing is to be moved", r->by)
			  : str_printf("asked for by %s: %u %s", r->by, count,
				       count == 1 ? "move" : "moves");
}

static void start(struct control *c, const struct control_input *input)
{
	uint32_t max = input->rebalance.max_moves;
	const char *before =
		c->rebalance != NULL ? rebalance_state_name(c->rebalance->state) : NULL;
	rebalance_free(c->rebalance);
	struct rebalance *r =
		rebalance_new(c->actor, c->now.wall_ms, max > 0 ? max : REBALANCE_MOVES_MAX);
	c->rebalance = r;
	for (size_t k = 0; k < input->rebalance.include_count; k++)
		vector_push(&r->include, mem_strdup(input->rebalance.include[k]));
	/* Each of them is judged once more at its turn. */
	if (input->rebalance.chosen != NULL)
		rebalance_take_chosen(r, input->rebalance.chosen);
	else
		rebalance_choose(c, r);
	c->rebalance_due = true;
	CLEANUP(freep) char *cause = begun_text(r);
	emit(c, before, cause);
}

/* What is under way ends: to take it back would be one more move. */
static int stop(struct control *c, struct error **err)
{
	struct rebalance *r = c->rebalance;
	if (!is_running(c))
		return error_set(err, ERR_CONFLICT, "no rebalance is under way");
	if (r->stopped_by != NULL)
		return 0;
	uint32_t dropped = rebalance_count(r, REBALANCE_MOVE_WAITING);
	vector_for_each (&r->moves, m)
		if (m->state == REBALANCE_MOVE_WAITING)
			rebalance_move_enter(
				r, m, REBALANCE_MOVE_STAYS,
				str_printf("the rebalance was stopped by %s", c->actor));
	r->stopped_by = mem_strdup(c->actor);
	r->changed = c->rebalance_due = true;
	CLEANUP(freep)
	char *cause = str_printf("stopped by %s: %u under way, %u dropped", c->actor,
				 rebalance_count(r, REBALANCE_MOVE_UNDER_WAY), dropped);
	emit(c, rebalance_state_name(r->state), cause);
	return 0;
}

void rebalance_request(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	if (input->rebalance.stop)
		(void)!stop(c, &err);
	else if (check(c, input, &err) == 0)
		start(c, input);
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
}

void rebalancing_load(struct control *c, const Samoza__V1__RebalanceRecord *record)
{
	rebalance_free(c->rebalance);
	c->rebalance = rebalance_from_record(record);
	c->rebalance_due = true;
}

/* ---- what is under way ---- */

static bool is_moving(const struct slot_control *root)
{
	return root != NULL && root->handover != NULL && root->handover->rebalances;
}

static char *where_text(const struct slot_control *root)
{
	if (root == NULL)
		return mem_strdup("it is gone");
	if (!slot_is_placed(root))
		return mem_strdup("it has no place");
	return str_printf("it is on %s", slot_zhost(root)->name);
}

static bool is_at(const struct slot_control *root, const char *zhost)
{
	return root != NULL && slot_is_placed(root) && str_equal(slot_zhost(root)->name, zhost);
}

/* The place of its successor has gone, and another one is not looked for. True: there was one. */
static bool end_waiting(struct control *c)
{
	bool any = false;
	vector_for_each (&c->rebalance->moves, m) {
		struct slot_control *root =
			m->state == REBALANCE_MOVE_UNDER_WAY ? root_of(c, m) : NULL;
		if (!is_moving(root) || root->handover->handover.state != HANDOVER_PLACING ||
		    root->of_path->next != NULL || root->handover->waits == NULL)
			continue;
		char *why = mem_strdup(root->handover->waits);
		handover_end(c, root);
		rebalance_move_enter(c->rebalance, m, REBALANCE_MOVE_STAYS, why);
		any = true;
	}
	return any;
}

/* Those that have ended. How many have not. */
static uint32_t settle(struct control *c, struct rebalance *r)
{
	uint32_t under_way = 0;
	vector_for_each (&r->moves, m) {
		const struct slot_control *root = NULL;
		if (m->state != REBALANCE_MOVE_UNDER_WAY)
			continue;
		root = root_of(c, m);
		if (is_moving(root)) {
			under_way++;
		} else if (is_at(root, m->to)) {
			rebalance_move_enter(r, m, REBALANCE_MOVE_MOVED, NULL);
		} else {
			char *where = where_text(root);
			rebalance_move_enter(
				r, m, REBALANCE_MOVE_STAYS,
				str_printf("its move to %s has failed: %s", m->to, where));
			free(where);
		}
	}
	return under_way;
}

/* ---- what waits ---- */

/* What one look at all moves counts. */
struct look {
	struct tally tally;
	uint32_t under_way; /* of its own */
	bool begun, turns;  /* turns: what waits gets one in time */
};

static void stays(struct rebalance *r, struct rebalance_move *m, char *take_why)
{
	rebalance_move_enter(r, m, REBALANCE_MOVE_STAYS, take_why);
}

/* Takes the text. Progress is not durable, nor is why something waits. */
static void waits(struct rebalance_move *m, char *take_why)
{
	free(m->why);
	m->why = take_why;
}

/* Why it is not to be made any longer; NULL: it may be. */
static char *is_over(const struct control *c, const struct rebalance_move *m,
		     struct slot_control *root)
{
	const struct control_zhost *to = zhost_find(&c->zhosts, m->to);
	if (!is_at(root, m->from))
		return where_text(root);
	if (to == NULL || to->removed)
		return str_printf("zhost %s is removed", m->to);
	if (root->handover != NULL)
		return NULL;
	char *why = handover_obstacle(root);
	return why != NULL ? why : rebalance_forbids(c->rebalance, root, to);
}

static void begin(struct control *c, struct rebalance_move *m, struct slot_control *root,
		  struct look *look)
{
	struct rebalance *r = c->rebalance;
	CLEANUP(freep) char *cause = str_printf("rebalanced by %s: %s", r->by, m->gain);
	handover_start(c, root, m->to, cause);
	root->handover->rebalances = true;
	rebalance_move_enter(r, m, REBALANCE_MOVE_UNDER_WAY, NULL);
	tally_add(&look->tally);
	look->under_way++;
	look->begun = true;
}

static void try_move(struct control *c, struct rebalance_move *m, struct look *look)
{
	struct rebalance *r = c->rebalance;
	struct slot_control *root = root_of(c, m);
	char *why = is_over(c, m, root);
	if (why != NULL) {
		stays(r, m, why);
		return;
	}
	if (root->handover != NULL) {
		waits(m, handover_on_its_way(root));
		return;
	}
	why = turns_taken(c, &look->tally);
	if (why != NULL) {
		look->turns = true;
		waits(m, why);
		return;
	}
	why = disruption_of(&look->tally, root);
	bool is_allowed = why == NULL;
	if (is_allowed && successor_has_place(c, root, m->to, &why))
		begin(c, m, root, look);
	else if (is_allowed && look->under_way == 0) /* else room may follow from those */
		stays(r, m, why);
	else
		waits(m, why);
}

/* ---- its end ---- */

static void end(struct control *c, struct rebalance *r)
{
	uint32_t moved = rebalance_count(r, REBALANCE_MOVE_MOVED);
	uint32_t stay = rebalance_count(r, REBALANCE_MOVE_STAYS) + r->stay_more;
	r->ended_wall_ms = c->now.wall_ms;
	r->changed = true;
	state_machine_move(&rebalance_machine, r, &r->state, REBALANCE_DONE);
	CLEANUP(freep)
	char *cause = stay == 0 ? str_printf("%u moved", moved)
				: str_printf("%u moved, %u %s though better off elsewhere",
					     moved, stay, stay == 1 ? "stays" : "stay");
	emit(c, "running", cause);
}

static bool is_due(const struct control *c)
{
	return c->rebalance_due || c->dirty.applications.count > 0 ||
	       c->dirty.zhosts.count > 0 || c->dirty.copies.count > 0 ||
	       c->dirty.slots.count > 0;
}

bool rebalancing_run(struct control *c)
{
	struct rebalance *r = c->rebalance;
	bool due = is_due(c);
	c->rebalance_due = false;
	if (!due || !is_running(c))
		return false;
	bool ended = end_waiting(c);
	struct look look = {.tally = tally_begin(c), .under_way = settle(c, r)};
	vector_for_each (&r->moves, m)
		if (m->state == REBALANCE_MOVE_WAITING)
			try_move(c, m, &look);
	uint32_t waiting = rebalance_count(r, REBALANCE_MOVE_WAITING);
	if (waiting == 0 && look.under_way == 0)
		end(c, r);
	if (waiting == 0 || look.under_way > 0 || look.turns)
		r->blocked_since_ms = 0;
	else if (r->blocked_since_ms == 0)
		r->blocked_since_ms = c->now.mono_ms;
	return look.begun || ended;
}

/* ---- time ---- */

bool rebalancing_is_blocked(const struct control *c)
{
	return is_running(c) && c->rebalance->blocked_since_ms != 0;
}

int64_t rebalancing_next_ms(const struct control *c)
{
	return rebalancing_is_blocked(c) ? c->rebalance->blocked_since_ms + BLOCKED_MS
					 : NEVER_MS;
}

void rebalancing_tick(struct control *c)
{
	if (rebalancing_next_ms(c) > c->now.mono_ms)
		return;
	vector_for_each (&c->rebalance->moves, m)
		if (m->state == REBALANCE_MOVE_WAITING)
			stays(c->rebalance, m, steal_ptr(&m->why));
	c->rebalance_due = true;
}
