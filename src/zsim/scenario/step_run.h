/*
 * A step as it runs.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_STEP_RUN_H
#define SAMOZA_ZSIM_SCENARIO_STEP_RUN_H

#include <stdbool.h>

#include "base/vector.h"
#include "core/access/credentials.h"
#include "zsim/scenario/scenario.h"

struct availability;
struct control_input;
struct history;
struct world;

struct step_run {
	const struct scenario *scenario;
	struct world *world;
	struct history *history;
	struct availability *availability;
	const struct scenario_print *print;
	const Samoza__V1__ScenarioStep *step; /* that runs */
	const char *key;   /* of the next request: its Idempotency-Key; borrowed. NULL: none */
	const char *token; /* of the next request: whose token it shows; borrowed. NULL: none */
	VECTOR(char *) wrong; /* "what: expected X, seen Y" */
	bool known_seen;      /* the known failure was among them */
};

void step_fail(struct step_run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "shop/app/child": id of the topology, borrowed from the core until its next input, and the
 * path within; false: the reason is in `run->wrong`, unless ret_refusal takes it. */
bool step_find(struct step_run *run, const char *name, const char **ret_id,
	       const char **ret_path, char **ret_refusal);
/* Compares what came with what was to come: `error` NULL: it must succeed. */
void step_judge(struct step_run *run, const char *error, const char *refusal);
/* Its first bytes, where a hash would be: of 't' for a token, 'c' for a code, 's' for a session. Returns `to`. */
uint8_t *step_hash(char kind, const char *text, uint8_t to[CREDENTIAL_HASH_SIZE]);
/* Whose token it is now: of a user, or TOPOLOGY/PATH: the newest of an instance. Borrowed until the next input; NULL: nobody's. */
const struct principal *step_token_owner(const struct step_run *run, const char *name);
/* Asks the core; a step ends with its durable answer. */
void step_ask(struct step_run *run, struct control_input *input, const char *error);

#endif
