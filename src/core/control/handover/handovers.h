/*
 * Handovers of units: how each begins, gets a place, moves on by the table in core/application/handover.h,
 * and ends, and what the copies beside the one that serves are asked for. One root slot has at most one.
 *
 *   request ──► handover_start()             reports, losses, time ──► mark_application(HANDOVER)
 *                    │                                                        │
 *                    ▼            in a flush                                  ▼
 *               placing ◄──► placement.c: handover_placed()            handovers_run()
 *                                                              facts ─► handover_next() ─► the move
 *
 * What belongs to a move is in handover_moves.h, what zhosts say of the copies in handover_reports.h.
 * Source: [change.handover].
 */
#ifndef SAMOZA_CORE_CONTROL_HANDOVERS_H
#define SAMOZA_CORE_CONTROL_HANDOVERS_H

#include "core/control/state/application.h"
#include "proto/wire.pb-c.h"

struct control_input;

/* `spaces move`. */
void handover_request(struct control *c, const struct control_input *input);

/* The unit is to be handed over to another zhost; `to` NULL: to any. Copies. PRE: it is placed and has
 * no handover. */
void handover_start(struct control *c, struct slot_control *root, const char *to,
		    const char *cause);
/* The same, to copies of another revision: stop-first on the zhost where it is, while that is eligible.
 * Nothing stops before handovers_stop() where it is `held`, which is stop-first. */
void handover_start_change(struct control *c, struct slot_control *root,
			   struct revision *revision, enum handover_kind kind, bool is_return,
			   bool held, const char *cause);
/* Those of a rollout that are in the state `from`, and wanted or not, stop together, importers before
 * providers: from preparing they are deployed, from starting and proving they return. */
void handovers_stop(struct control *c, struct control_application *a, bool unwanted);
/* What is installed may have waited for others, or for its turn: that time does not count from now on. */
void handovers_begin_step(struct control *c, struct control_application *a);
/* Those that are ready take over, all in one commit, and those that stop first begin to stop; what they replace is
 * kept, if it runs on (`keeps`), or retired. */
void handovers_switch(struct control *c, struct control_application *a, bool keeps);
/* It was a return, and a rollout leads to the same now: its successor may fail, and its time begins. PRE: there is a
 * handover. */
void handover_judge(struct control *c, struct slot_control *root);
/* It has just begun, and copies that ran before are its successor. */
void handover_adopted(struct control *c, struct slot_control *root);
/* Everything of its successor that is to run runs, and its probes pass. */
bool handover_is_healthy(const struct slot_control *root);
/* Everything of it that is to be deployed is. */
bool handover_is_deployed(const struct slot_control *root);
/* One that a record holds, once all copies are loaded. */
void handover_load(struct control *c, struct slot_control *root,
		   const Samoza__V1__HandoverRecord *record);
/* The unit is unloaded, or forgotten: what stands beside the one that serves is retired. Nothing where
 * there is no handover. */
void handover_end(struct control *c, struct slot_control *root);

/* That its successor is to have. PRE: there is a handover. */
struct revision *handover_revision(const struct slot_control *root);
/* It looks for a place for its successor. */
bool handover_seeks(const struct slot_control *root);
/* It does, and nothing of the one that serves runs: it takes over in the flush in which it gets that place. */
bool handover_moves_at_once(const struct slot_control *root);
/* There is one. Takes `place_unit`. */
void handover_placed(struct control *c, struct slot_control *root, struct control_zhost *z,
		     uint32_t place_unit);
/* The unit was placed again on `z`, because its zhost was lost or its attempts were used up. A handover
 * that had not found a place yet ends, if that is where it was to go; else it looks once more, since what is optional is
 * placed after the look at all that are handed over. */
void handover_re_placed(struct control *c, struct slot_control *root,
			const struct control_zhost *z);
/* The unit leaves its zhost: a successor that waits beside it goes, and is placed again afterwards. */
void handover_make_way(struct control *c, struct slot_control *root);
/* There is none, why, and which zhosts lack only the room, when it was looked for (placement_reason_of_successor(): now);
 * NULL: nothing is waited for. Takes the texts. */
void handover_set_waits(struct slot_control *root, char *take_reason, char *take_room_on);

/* In a flush: moves on what can. True: something was looked at, so there may be more to place. */
bool handovers_run(struct control *c);
bool handovers_are_due(const struct control *c);
void handovers_tick(struct control *c);
int64_t handovers_next_ms(const struct control *c);
/* One that time will move on; NULL: there is none. */
const struct unit_handover *handovers_first_timed(const struct control *c);

#endif
