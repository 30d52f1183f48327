#include "zsim/fuzz/check/check_api.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/control/control.h"
#include "schema/message.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/api_tokens.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/older_protocol.h"
#include "zsim/world/process.h"

enum { PAGE = 16 };

static const struct principal *owner_of(const struct fuzz *f, const struct sim_api_token *token)
{
	return f->world.control != NULL ? control_principal(f->world.control, token->hash,
							    world_instant(&f->world).wall_ms)
					: NULL;
}

const struct principal *check_api_some(struct fuzz *f, unsigned n)
{
	const size_t count = f->world.api_tokens.count;
	for (size_t k = 0; k < count; k++) {
		const struct principal *p =
			owner_of(f, &f->world.api_tokens.items[(n + k) % count]);
		if (p != NULL)
			return p;
	}
	return NULL;
}

/* ---- what they see ---- */

static void check_seen(struct fuzz *f, const struct principal *who)
{
	const struct list_filter filter = {.reader = who};
	struct list_position position = {0};
	ProtobufCMessage *views[PAGE];
	size_t n = PAGE;
	while (n == PAGE) {
		n = control_list_next(f->world.control, CONTROL_LIST_TOPOLOGIES, NULL, &filter,
				      &position, views, PAGE);
		for (size_t k = 0; k < n; k++) {
			const Samoza__V1__TopologySummaryView *v =
				(const Samoza__V1__TopologySummaryView *)views[k];
			bool is_seen = false;
			for (size_t i = 0; i < who->topology_count; i++)
				is_seen |= access_pattern_matches(who->topologies[i], v->name);
			if (!is_seen)
				world_violate(&f->world, "%s sees %s, which is not for it",
					      who->name, v->name);
			schema_message_free(views[k]);
		}
	}
	list_position_done(&position);
}

void check_api_step(struct fuzz *f)
{
	if (!draws_have(f, DRAW_API) || f->world.control == NULL || f->world.zrms_dies ||
	    !draws_percent(f, DRAW_API, 2))
		return;
	const struct principal *who =
		check_api_some(f, random_below(draws_random(f, DRAW_API), 1000));
	if (who == NULL)
		return;
	if (who->role != ACCESS_VIEWER && who->role != ACCESS_OPERATOR)
		world_violate(&f->world, "%s has the role %s", who->name,
			      access_role_name(who->role));
	if (who->topology_count == 0)
		world_violate(&f->world, "%s is limited to no names", who->name);
	check_seen(f, who);
}

/* ---- when all is settled ---- */

static const struct sim_process *process_of(const struct fuzz *f,
					    const struct sim_api_token *token,
					    const struct sim_machine **ret_machine)
{
	vector_for_each (&f->world.machines, n)
		for (const struct sim_process *p = (*n)->processes; p != NULL; p = p->hh.next)
			if (p->life == token->process) {
				*ret_machine = *n;
				return p;
			}
	return NULL;
}

void check_api_settled(struct fuzz *f)
{
	if (!draws_have(f, DRAW_API) || f->world.control == NULL)
		return;
	vector_for_each (&f->world.api_tokens, token) {
		const struct sim_machine *n = NULL;
		const struct sim_process *p = process_of(f, token, &n);
		const struct principal *owner = owner_of(f, token);
		/* A zhost of an earlier version cannot say again what zrms forgot while it was silent. */
		bool is_said = p != NULL && machine_executes(n) && n->link_id != 0 &&
			       !older_protocol_is(n->protocol);
		if (owner != NULL && p == NULL)
			world_violate(&f->world,
				      "a token of %s is good, and what showed it has ended",
				      token->name);
		else if (owner == NULL && is_said && p->started)
			world_violate(&f->world, "%s runs, and its token is not good",
				      token->name);
		else if (owner != NULL && !str_equal(owner->name, token->name))
			world_violate(&f->world, "a token of %s is that of %s", token->name,
				      owner->name);
		if (owner != NULL && p != NULL)
			draws_happened(f, DRAW_API);
	}
}
