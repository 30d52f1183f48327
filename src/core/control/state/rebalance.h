/*
 * A rebalance of the cluster: units that would be placed better elsewhere are handed over to there. There is one
 * at a time; the last one is kept, with what it has done and what it has left.
 *
 *   (asked for) ──► running ──nothing waits, and nothing is under way──► done ──asked for again──► running
 *                      └──stopped: what waits stays; what is under way ends──► done
 *
 * One move:
 *
 *   waiting ──turn, place──► under way ──its unit is there──► moved
 *      │                         └──it is not──► stays
 *      └──it cannot be made any longer─────────► stays       and so does what is better off elsewhere, but is
 *                                                            not to be moved, from the start
 *
 * Source: [change.drain.rebalance].
 */
#ifndef SAMOZA_CORE_CONTROL_REBALANCE_H
#define SAMOZA_CORE_CONTROL_REBALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/state_machine.h"
#include "base/vector.h"
#include "proto/record.pb-c.h"

struct slot_control;

/* So many moves at most, and by default. */
#define REBALANCE_MOVES_MAX 1000u
/* Of what stays, so much is listed. */
#define REBALANCE_STAYS_MAX 100u

enum __attribute__((packed)) rebalance_state { REBALANCE_RUNNING, REBALANCE_DONE };
#define REBALANCE_STATE_COUNT 2
enum __attribute__((packed)) rebalance_move_state {
	REBALANCE_MOVE_WAITING,
	REBALANCE_MOVE_UNDER_WAY,
	REBALANCE_MOVE_MOVED,
	REBALANCE_MOVE_STAYS,
};
#define REBALANCE_MOVE_STATE_COUNT 4
extern const struct state_machine_type rebalance_machine, rebalance_move_machine;

struct rebalance_move {
	enum rebalance_move_state state;
	char *application; /* id: it may be gone */
	char *path;	   /* of a root */
	char *from, *to;   /* zhosts */
	char *gain;	   /* what is better there: "neighbours 2 fewer" */
	char *why;	   /* it stays, or waits; NULL */
};

struct rebalance {
	enum rebalance_state state;
	char *by;	  /* who asked */
	char *stopped_by; /* NULL: nobody */
	int64_t began_wall_ms, ended_wall_ms;
	uint32_t max_moves;
	VECTOR(char *)
	include; /* what may move though it stops first: "shop/db", also of an instance */
	VECTOR(struct rebalance_move) moves;
	uint32_t stay_more;
	int64_t blocked_since_ms; /* monotonic: some wait, and none is under way; 0: not so */
	bool changed;		  /* its record is to be written */
};

/* NULL: none was ever asked for. */
bool rebalance_is_running(const struct rebalance *r);
const char *rebalance_state_name(enum rebalance_state state);
const char *rebalance_move_state_name(enum rebalance_move_state state);
/* Running, without moves. `by` is copied. */
struct rebalance *rebalance_new(const char *by, int64_t now_wall_ms, uint32_t max_moves);
/* Its moves are those that another core has chosen from the same state, or an earlier one. */
void rebalance_take_chosen(struct rebalance *r, const Samoza__V1__RebalanceRecord *chosen);
struct rebalance *rebalance_from_record(const Samoza__V1__RebalanceRecord *record);
/* Of `r`, with pointers into it: good while that does not change. The caller frees the two arrays. */
void rebalance_fill_record(const struct rebalance *r, Samoza__V1__RebalanceRecord *ret);
void rebalance_free(struct rebalance *r);

/* The gate of a move. Takes the text (NULL: nothing is to be said). */
void rebalance_move_enter(struct rebalance *r, struct rebalance_move *m,
			  enum rebalance_move_state to, char *take_why);
uint32_t rebalance_count(const struct rebalance *r, enum rebalance_move_state state);
/* The unit, or one of its instances, is named by what may move. */
bool rebalance_includes(const struct rebalance *r, const struct slot_control *root);

#endif
