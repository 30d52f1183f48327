/*
 * Plans against what then happens. In peace, a request is planned (core/plan) before it is made: its moves are those
 * that follow, subject by subject and in their order. What is independent of each other may follow in another order,
 * as actions take other times.
 *
 *   check_plan_wanted(f)  ──► fuzz_ask() ──► check_plan_asked()     the plan, before the request
 *                                │
 *                             commits ─────► check_plan_committed() what happens
 *                             settled ─────► check_plan_end()       compared
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_PLAN_H
#define SAMOZA_ZSIM_FUZZ_CHECK_PLAN_H

#include <stdbool.h>
#include <stdint.h>

struct control_input;
struct fuzz;
struct outbox;

/* The next request is planned. PRE: peace. */
void check_plan_wanted(struct fuzz *f);
/* It is about to be made. */
void check_plan_asked(struct fuzz *f, const struct control_input *input);
void check_plan_committed(struct fuzz *f, const struct outbox *o);
/* All that follows has happened. `granted`: the request was. */
void check_plan_end(struct fuzz *f, bool granted);

/* Monotonic: so far ahead the plan of the last request has looked, and something that is kept may go by then;
 * 0: nothing is, or there is no plan. */
int64_t check_plan_until_ms(const struct fuzz *f);

#endif
