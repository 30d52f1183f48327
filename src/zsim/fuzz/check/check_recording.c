#include "zsim/fuzz/check/check_recording.h"

#include "base/memory.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/controller.h"
#include "zsim/world/recorder.h"

void check_recording_begin(struct fuzz *f)
{
	if (draws_have(f, DRAW_RECORDINGS) && f->world.recorder == NULL)
		f->world.recorder = f->replayed = sim_recorder_new_replaying();
}

void check_recording_step(struct fuzz *f)
{
	if (f->replayed == NULL || f->world.life == NULL || f->world.zrms_dies ||
	    control_loop_is_due(f->world.commits) ||
	    !random_percent(draws_random(f, DRAW_RECORDINGS), 1))
		return;
	sim_recording_checkpoint(f->world.life->recording, world_instant(&f->world));
}

void check_recording_end(struct fuzz *f)
{
	if (!draws_have(f, DRAW_RECORDINGS))
		return;
	draws_happened(f, DRAW_RECORDINGS);
	if (f->replayed == NULL || f->world.life == NULL || f->world.violation != NULL)
		return;
	CLEANUP(freep)
	char *difference =
		sim_recording_difference(f->world.life->recording, world_instant(&f->world));
	if (difference != NULL)
		world_violate(&f->world, REPLAY_DIFFERS, difference);
}

void check_recording_done(struct fuzz *f)
{
	sim_recorder_free(f->replayed);
	f->replayed = NULL;
}
