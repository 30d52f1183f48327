/*
 * No instance lives longer than its `loss.stop_after` and its grace after the last heartbeat of its zhost that
 * zrms acknowledged [change.loss.stop-after], whatever is restarted meanwhile. A machine that sleeps is
 * looked at when it is awake.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_CUT_OFF_H
#define SAMOZA_ZSIM_FUZZ_CHECK_CUT_OFF_H

#include <stdbool.h>
#include <stdint.h>

#include "zsim/world/hooks.h"

struct fuzz;

#define CUT_OFF_HEARTBEATS 64

/* Of a machine: when its last heartbeats reached zrms, and the latest one that was acknowledged. A HELLO that is
 * accepted is one: its zhost hears zrms. */
struct cut_off {
	struct {
		uint64_t incarnation, counter;
		int64_t at_ms;
	} sent[CUT_OFF_HEARTBEATS]; /* a ring */
	unsigned next;
	int64_t hello_ms; /* when its last HELLO reached zrms */
	int64_t heard_ms; /* 0: never */
	bool slept;	  /* when it was looked at last */
	int64_t awake_ms; /* seen so since; at that moment it may still act on what is over */
};

/* A frame arrives. */
void cut_off_frame(struct fuzz *f, const struct sim_machine *n, Samoza__V1__FrameType type,
		   const ProtobufCMessage *message);
/* After every step of anything. */
void check_cut_off(struct fuzz *f);

#endif
