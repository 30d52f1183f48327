#include "zsim/fuzz/check/check_checkpoint.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/str.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/control/state/state.h"
#include "schema/message.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/controller.h"

/* The first line in which they differ, and both of its forms. */
static void report(struct fuzz *f, const char *before, const char *after)
{
	for (;;) {
		size_t n = strcspn(before, "\n"), m = strcspn(after, "\n");
		if (n != m || memcmp(before, after, n) != 0 || before[n] == '\0') {
			world_violate(
				&f->world,
				"a core that is loaded from a checkpoint has '%.*s' where the "
				"one that wrote it has '%.*s'",
				(int)m, after, (int)n, before);
			return;
		}
		before += n + 1;
		after += m + (after[m] != '\0');
	}
}

/* As another process gets it. */
static int transfer(Samoza__V1__Checkpoint *take, const char *const *drivers,
		    struct control **ret_copy, struct error **err)
{
	static const char *const none[] = {NULL};
	struct buffer bytes = BUFFER_INIT(SIZE_MAX);
	ProtobufCMessage *taken = NULL;
	int r = schema_message_pack(&take->base, &bytes, err);
	schema_message_free(take);
	if (r >= 0)
		r = schema_message_unpack(&samoza__v1__checkpoint__descriptor, bytes.data,
					  bytes.size, &taken, err);
	if (r >= 0)
		r = checkpoint_load_whole((const Samoza__V1__Checkpoint *)taken,
					  drivers != NULL ? drivers : none, ret_copy, err);
	buffer_done(&bytes);
	schema_message_free(taken);
	return r;
}

struct control *checkpoint_copy(struct fuzz *f)
{
	struct control *copy = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	if (transfer(checkpoint_new(f->world.control, world_instant(&f->world)),
		     f->world.control->config.drivers, &copy, &err) < 0) {
		CLEANUP(freep) char *text = error_text(err);
		world_violate(&f->world, "a checkpoint cannot be loaded: %s", text);
	}
	return copy;
}

void check_checkpoint(struct fuzz *f)
{
	struct control *control = f->world.control;
	if (!draws_have(f, DRAW_CHECKPOINTS) || control == NULL || f->world.zrms_dies ||
	    control_loop_is_due(f->world.commits) || f->world.violation != NULL ||
	    !random_percent(draws_random(f, DRAW_CHECKPOINTS), 2))
		return;
	CLEANUP(freep) char *before = control_digest(control, world_instant(&f->world));
	struct control *copy = checkpoint_copy(f);
	if (copy == NULL)
		return;
	CLEANUP(freep) char *after = control_digest(copy, world_instant(&f->world));
	if (!str_equal(before, after))
		report(f, before, after);
	control_free(copy);
	draws_happened(f, DRAW_CHECKPOINTS);
}
