#include "zsim/fuzz/draw/draw_rotation.h"

#include "zsim/fuzz/check/check_joins.h"
#include "zsim/fuzz/draw/draw_joins.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/authority.h"

static struct random *chance(struct fuzz *f)
{
	return draws_random(f, DRAW_ROTATIONS);
}

static void rotate(struct fuzz *f)
{
	static const char *const verbs[] = {[AUTHORITY_BEGIN] = "rotate",
					    [AUTHORITY_FINISH] = "finish",
					    [AUTHORITY_ABORT] = "abort"};
	struct rotations *rotations = &f->joins->rotations;
	struct sim_authority first, next;
	uint32_t draw = random_below(chance(f), 100);
	bool answered;
	sim_authority_init(&first, 1);
	sim_authority_init(&next, sim_authority_next(f->world.control));
	struct control_input input = {.type = CONTROL_AUTHORITY,
				      .authority = {.action = draw < 75	  ? AUTHORITY_BEGIN
							      : draw < 87 ? AUTHORITY_FINISH
									  : AUTHORITY_ABORT,
						    .first = &first.record,
						    .next = &next.record,
						    .force = draw < 80}};
	world_log(&f->world, "STEP authority: %s", verbs[input.authority.action]);
	bool was_forced = rotations->forced;
	rotations->forced |= input.authority.action == AUTHORITY_FINISH;
	bool granted = draw_joins_ask(f, chance(f), &input, &answered);
	if (granted && input.authority.action == AUTHORITY_BEGIN)
		rotations->forced = false;
	else if (answered && !granted && !f->is_told)
		rotations->forced = was_forced;
}

void draw_rotation(struct fuzz *f)
{
	if (f->joins == NULL || !draws_have(f, DRAW_ROTATIONS))
		return;
	if (draws_percent(f, DRAW_ROTATIONS, 5) && f->world.control != NULL &&
	    !f->world.zrms_dies && f->world.violation == NULL)
		rotate(f);
	if (f->world.violation == NULL)
		check_rotation_goes_on(f);
}
