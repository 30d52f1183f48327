/* The newest rebalance, for people. */
#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/rebalance.h"
#include "core/control/state/state.h"
#include "core/control/view/view_parts.h"
#include "schema/message.h"

static Samoza__V1__RebalanceMoveView *view_move(const struct control *c,
						const struct rebalance_move *m)
{
	const struct control_application *a =
		application_by_id(&c->applications, m->application);
	Samoza__V1__RebalanceMoveView *v = (Samoza__V1__RebalanceMoveView *)schema_message_new(
		&samoza__v1__rebalance_move_view__descriptor);
	v->name = str_printf("%s/%s", a != NULL ? a->name : m->application, m->path);
	v->state = mem_strdup(rebalance_move_state_name(m->state));
	v->from = mem_strdup(m->from);
	v->to = mem_strdup(m->to);
	v->gain = mem_strdup(m->gain);
	v->why = mem_strdup(m->why);
	return v;
}

Samoza__V1__RebalanceProgressView *view_rebalance_progress(const struct control *c)
{
	const struct rebalance *r = c->rebalance;
	if (r == NULL || r->state != REBALANCE_RUNNING)
		return NULL;
	Samoza__V1__RebalanceProgressView *v =
		(Samoza__V1__RebalanceProgressView *)schema_message_new(
			&samoza__v1__rebalance_progress_view__descriptor);
	v->by = mem_strdup(r->by);
	v->since = iso8601_text(r->began_wall_ms);
	v->waiting = rebalance_count(r, REBALANCE_MOVE_WAITING);
	v->under_way = rebalance_count(r, REBALANCE_MOVE_UNDER_WAY);
	v->moved = rebalance_count(r, REBALANCE_MOVE_MOVED);
	v->stopped_by = mem_strdup(r->stopped_by);
	return v;
}

Samoza__V1__RebalanceView *control_view_rebalance(const struct control *c)
{
	const struct rebalance *r = c->rebalance;
	Samoza__V1__RebalanceView *v = (Samoza__V1__RebalanceView *)schema_message_new(
		&samoza__v1__rebalance_view__descriptor);
	v->state = mem_strdup(r != NULL ? rebalance_state_name(r->state) : "none");
	if (r == NULL)
		return v;
	v->by = mem_strdup(r->by);
	v->stopped_by = mem_strdup(r->stopped_by);
	v->since = iso8601_text(r->began_wall_ms);
	v->ended = r->ended_wall_ms != 0 ? iso8601_text(r->ended_wall_ms) : NULL;
	v->has_max_moves = true;
	v->max_moves = r->max_moves;
	v->include = mem_new_array(char *, r->include.count);
	vector_for_each (&r->include, name)
		v->include[v->n_include++] = mem_strdup(*name);
	v->moves = mem_new_array(Samoza__V1__RebalanceMoveView *, r->moves.count);
	vector_for_each (&r->moves, m)
		v->moves[v->n_moves++] = view_move(c, m);
	v->waiting = rebalance_count(r, REBALANCE_MOVE_WAITING);
	v->under_way = rebalance_count(r, REBALANCE_MOVE_UNDER_WAY);
	v->moved = rebalance_count(r, REBALANCE_MOVE_MOVED);
	v->stay = rebalance_count(r, REBALANCE_MOVE_STAYS) + r->stay_more;
	return v;
}
