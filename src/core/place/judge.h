/*
 * Rules 2 to 6 as single requirements, each of which holds or fails on a zhost, with figures.
 * Slow and complete, for reasons and explanations; eligibility.c decides the same fast, and
 * tests hold the two together.
 */
#ifndef SAMOZA_CORE_PLACE_JUDGE_H
#define SAMOZA_CORE_PLACE_JUDGE_H

#include "core/place/engine.h"

enum row_kind {
	ROW_CAPABILITY,
	ROW_CONSTRAINT,
	ROW_NEAR,
	ROW_REQUIRE,
	ROW_FORBID,    /* own anti-affinity */
	ROW_UNWELCOME, /* anti-affinity of somebody who is placed */
	ROW_SPREAD,
	ROW_CPU,
	ROW_MEMORY,
	ROW_DEVICES,
};

struct row {
	enum row_kind kind;
	enum place_rule rule;
	union {
		const char *capability;
		const struct constraint *constraint;
		const struct near_rule *near;
		const struct term *term;
		uint32_t skew; /* index in need->skews */
		struct {
			uint32_t counter; /* of those who forbid */
			uint32_t
				own; /* counter of members that ROW_FORBID covers; UINT32_MAX */
			char *owner; /* "store", "other/store", "others" */
		} unwelcome;
	};
};

struct judge {
	struct place *place;
	const struct place_unit_request *request;
	const struct need *need;
	struct view view;
	enum strictness strictness;
	struct floors floors;
	VECTOR(struct row) rows; /* by rule, then as declared */
};

/* Opens a view of the request, until judge_done(). PRE: its unit is not placed. */
void judge_init(struct judge *j, struct place *p, const struct place_unit_request *r,
		enum strictness strictness);
void judge_done(struct judge *j);

bool row_holds(const struct judge *j, const struct row *r, uint32_t zhost);
/* "memory", "constraint 'rack == a'"; the caller frees all three. */
char *row_what(const struct judge *j, const struct row *r);
/* `what` and how it fails there. PRE: it does. */
struct place_failure row_failure(const struct judge *j, const struct row *r, uint32_t zhost);
/* "no zhost satisfies ..." */
char *row_sentence(const struct judge *j, const struct row *r);

/* "1.5", "512 MiB", "2": for people. The caller frees. */
char *quantity_text(enum place_quantity quantity, int64_t amount);
/* "2 gpu (T4, V100), 300m each" */
char *ask_text(const struct place *p, const struct ask *a);

/* Why no zhost is eligible for the need, judged over those that are available and not excluded.
 * False (and nothing set) when one is. Sets sentence and detail. */
bool reason_find(struct judge *j, const char *path, struct place_reason *reason);
/* The smallest change that would make one eligible; NULL when none is known. */
char *change_find(struct judge *j);

#endif
