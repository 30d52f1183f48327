#include "zsim/fuzz/draw/draw_late.h"

#include "base/check.h"
#include "schema/message.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/world.h"

/* Enough to overtake each other; the others are as old as the life. */
enum { KEPT_MAX = 4, INPUT_MAX = 1 << 20 };

/* What people ask of topologies and zhosts. What has a key is asked again by draw_keys.h. */
static bool may_be_late(const struct control_input *input)
{
	static const enum control_input_type asked[] = {
		CONTROL_SUBMIT, CONTROL_TOPOLOGY,  CONTROL_GOAL,
		CONTROL_MOVE,	CONTROL_ROLLOUT,   CONTROL_ROLLBACK,
		CONTROL_SCALE,	CONTROL_REBALANCE, CONTROL_ZHOST};
	for (size_t k = 0; k < ARRAY_SIZE(asked); k++)
		if (input->type == asked[k])
			return input->key.text == NULL;
	return false;
}

/* What it borrows may be gone when it comes. */
static struct decoded_input *copied(const struct control_input *input)
{
	struct buffer bytes = BUFFER_INIT(INPUT_MAX);
	ProtobufCMessage *message = NULL;
	struct decoded_input *copy = mem_new(struct decoded_input);
	if (input_encode(input, &bytes) < 0 ||
	    schema_message_unpack(&samoza__v1__recorded_input__descriptor, bytes.data,
				  bytes.size, &message, NULL) < 0 ||
	    input_decode((Samoza__V1__RecordedInput *)message, copy, NULL) < 0)
		IMPOSSIBLE("the recorder writes each input, and a replay reads it");
	buffer_done(&bytes);
	return copy;
}

bool draw_late_keeps(struct fuzz *f, const struct control_input *input)
{
	if (!may_be_late(input) || f->late.count >= KEPT_MAX ||
	    !draws_percent(f, DRAW_LATE, 30))
		return false;
	bool is_overtaken = random_percent(draws_random(f, DRAW_LATE), 50);
	vector_push(&f->late, copied(input));
	world_log(&f->world, is_overtaken ? "  it comes later" : "  and once more, later");
	return is_overtaken;
}

struct decoded_input *draw_late_next(struct fuzz *f)
{
	if (f->late.count == 0 || f->world.control == NULL || f->world.violation != NULL ||
	    !draws_percent(f, DRAW_LATE, 20))
		return NULL;
	size_t which = random_below(draws_random(f, DRAW_LATE), (uint32_t)f->late.count);
	struct decoded_input *late = f->late.items[which];
	vector_remove_at(&f->late, which);
	draws_happened(f, DRAW_LATE);
	return late;
}

void draw_late_free(struct decoded_input *late)
{
	decoded_input_done(late);
	free(late);
}

void draw_late_done(struct fuzz *f)
{
	vector_for_each (&f->late, late)
		draw_late_free(*late);
	vector_done(&f->late);
}
