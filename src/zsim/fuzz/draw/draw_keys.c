#include "zsim/fuzz/draw/draw_keys.h"

#include <inttypes.h>

#include "zsim/fuzz/check/check_keys.h"
#include "zsim/fuzz/draw/draw_leaders.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/client.h"
#include "zsim/world/controller.h"
#include "zsim/world/world.h"

uint64_t draw_keys_give(struct fuzz *f, struct control_input *input)
{
	if (!draws_percent(f, DRAW_KEYS, 60) || check_keys_of(f) == NULL)
		return 0;
	*vector_add(&f->keys->keys) = (struct key_seen){0};
	uint64_t number = f->keys->keys.count;
	check_keys_give(f, number, input);
	return number;
}

void draw_keys_again(struct fuzz *f, uint64_t number, struct control_input *input,
		     struct answer *a)
{
	struct answer again = {0};
	check_keys_answered(f, number, a);
	if (a->answered && !draws_percent(f, DRAW_KEYS, 40))
		return;
	if (f->world.control == NULL && !f->world.zrms_dies)
		leaders_start_zrms(f);
	if (f->world.control == NULL || f->world.violation != NULL)
		return;
	draws_happened(f, DRAW_KEYS);
	world_log(&f->world, "  and again under k%" PRIu64, number);
	client_ask(&f->world, input, &again);
	check_keys_answered(f, number, &again);
	f->is_told |= !again.answered;
	answer_done(a->answered ? &again : a);
	if (!a->answered)
		*a = again;
}

void draw_keys(struct fuzz *f)
{
	struct answer a = {0};
	if (!draws_percent(f, DRAW_KEYS, 15) || f->keys == NULL || f->keys->keys.count == 0 ||
	    f->world.control == NULL || f->world.violation != NULL)
		return;
	uint64_t number =
		1 + random_below(draws_random(f, DRAW_KEYS), (uint32_t)f->keys->keys.count);
	struct control_input input = {.type = CONTROL_REPEAT};
	check_keys_give(f, number, &input);
	world_log(&f->world, "STEP the answer under k%" PRIu64, number);
	client_ask(&f->world, &input, &a);
	if (a.answered)
		check_keys_answered(f, number, &a);
	answer_done(&a);
}
