#include "zsim/fuzz/draw/draw_rotation.h"

#include "zsim/fuzz/check/check_joins.h"
#include "zsim/fuzz/draw/draw_joins.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/authority.h"
#include "zsim/world/controller.h"

static struct random *chance(struct fuzz *f)
{
	return draws_random(f, DRAW_ROTATIONS);
}

static void rotate(struct fuzz *f)
{
	static const char *const verbs[] = {[AUTHORITY_BEGIN] = "rotate",
					    [AUTHORITY_FINISH] = "finish",
					    [AUTHORITY_ABORT] = "abort",
					    [AUTHORITY_STORE] = "store"};
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
						    .force = draw < 80,
						    .asks_store = draw % 2 == 1}};
	world_log(&f->world, "STEP authority: %s", verbs[input.authority.action]);
	bool was_forced = rotations->forced;
	rotations->forced |= input.authority.action == AUTHORITY_FINISH;
	rotations->aborts |= input.authority.action == AUTHORITY_ABORT;
	bool granted = draw_joins_ask(f, chance(f), &input, &answered);
	if (granted && input.authority.action == AUTHORITY_BEGIN)
		rotations->forced = rotations->aborts = false;
	else if (answered && !granted && !f->is_told)
		rotations->forced = was_forced;
}

/* Its servers were restarted, or not; what is said of another time is late. */
static void store_looked_at(struct fuzz *f)
{
	const struct rotation_seen *now = check_rotation_now(&f->joins->rotations);
	char *missing[] = {(char *)(uintptr_t) "a server that was not restarted"};
	struct control_input input = {
		.type = CONTROL_AUTHORITY,
		.authority = {.action = AUTHORITY_STORE,
			      .generation = now->generation - random_below(chance(f), 2),
			      .missing = missing,
			      .n_missing = random_below(chance(f), 2)}};
	world_log(&f->world, "STEP authority: store, %zu missing", input.authority.n_missing);
	controller_take(&f->world, &input);
}

void draw_rotation(struct fuzz *f)
{
	if (f->joins == NULL || !draws_have(f, DRAW_ROTATIONS))
		return;
	if (draws_percent(f, DRAW_ROTATIONS, 5) && f->world.control != NULL &&
	    !f->world.zrms_dies && f->world.violation == NULL)
		rotate(f);
	if (draws_percent(f, DRAW_ROTATIONS, 10) && f->world.control != NULL &&
	    !f->world.zrms_dies && !controller_stalls(&f->world) && f->world.violation == NULL)
		store_looked_at(f);
	if (f->world.violation == NULL)
		check_rotation_goes_on(f);
}
