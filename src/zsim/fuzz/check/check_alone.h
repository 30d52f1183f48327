/*
 * What a zhost starts that has not heard zrms since it began [change.loss.alone]: only what declares
 * `loss.offline_start`, not before a failure timeout is over, and not without a provider of each mandatory
 * import.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_ALONE_H
#define SAMOZA_ZSIM_FUZZ_CHECK_ALONE_H

#include "zsim/world/hooks.h"

struct fuzz;

/* Of a machine: since when its zhost runs, and in which of its lives zrms has sent it a full set. */
struct begun_zhost {
	uint64_t life, told_life;
	int64_t since_ms;
};

/* A frame arrives at a zhost. */
void alone_frame(struct fuzz *f, const struct sim_machine *n, Samoza__V1__FrameType type,
		 const ProtobufCMessage *message);
/* After every step of anything. */
void alone_watch_machines(struct fuzz *f);
/* An action begins. */
void check_alone(struct fuzz *f, const struct sim_machine *n, const struct agent_order *order);

#endif
