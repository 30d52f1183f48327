/*
 * An agent under test: inputs as short calls, everything that it does as lines of text.
 *
 *   ask(f, "a@1 g1 started");
 *   expect(f, "record T/a#1 deploying\n"
 *             "do 1 deploy a@1\n"
 *             "report a@1 g1 deploying\n");
 *
 * An entry of a set is "PATH@EPOCH gGENERATION TARGET", then any of rRETRY_GENERATION,
 * iIMPORTS_VERSION, in=PARENT, port=VALUE (of the one provider that comes with iN; by default N),
 * of=PLACEMENT, revision=N, together (not alone), next-to=EPOCH (it may run beside that one), readonly (no writes), beside (another one serves), nospec, exclusive, attempts=N, window=MS, grace=MS, timeout=MS,
 * env (with ${imports.db.port}, taken in place; updates say "keeps-env"), list=ID for each list of providers; entries are separated by ';'.
 * "do N" is an order to carry out action number N; answer it by succeed(f, N) or fails(f, N, …).
 */
#ifndef TESTS_UNIT_AGENT_FIXTURE_H
#define TESTS_UNIT_AGENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "core/agent/agent.h"
#include "proto/agent.pb-c.h"

#define FIXTURE_RECORDS 16

struct fixture {
	struct agent *agent;
	struct buffer seen;
	int64_t now_ms;
	int64_t wall_ahead_ms;			   /* of where the wall clock is usually */
	struct agent_record disk[FIXTURE_RECORDS]; /* what restart() reads */
	bool records_shown, imports_shown;
	const char *lists; /* lists() */
	uint64_t sets;	   /* so far: the version of the last one */
};

/* A test that gets `struct fixture *f = *state`: an agent that has joined its zrms, whose set is
 * empty; or one that has no link yet. Each ends with everything expected. */
#define JOINED(test) cmocka_unit_test_setup_teardown(test, fixture_joined, fixture_end)
#define ALONE(test)  cmocka_unit_test_setup_teardown(test, fixture_alone, fixture_end)
int fixture_alone(void **state);
int fixture_joined(void **state);
int fixture_end(void **state);

/* Compares what the agent did since the last call. */
#define expect(f, text) expect_at((f), (text), __FILE__, __LINE__)
void expect_at(struct fixture *f, const char *text, const char *file, int line);
/* Drops what the agent did since the last call. */
void ignore(struct fixture *f);

/* ---- zrms ---- */
void up(struct fixture *f);
void down(struct fixture *f);
void hello_ack(struct fixture *f, Samoza__V1__HelloAck__Verdict verdict);
/* Refused, and this copy is taken over. */
void supersede(struct fixture *f, const char *path, uint64_t epoch);
void accept(struct fixture *f);
/* By a zrms of that term; the fixture's others say none. */
void hello_ack_of(struct fixture *f, Samoza__V1__HelloAck__Verdict verdict, uint64_t term);
/* By a zrms that has these times; else those of the agent. */
void accept_within(struct fixture *f, uint64_t heartbeat_ms, uint64_t timeout_ms);
void heartbeat_ack(struct fixture *f, uint64_t counter);
/* up, accepted, an empty full set; and up and accepted. What the agent did is ignored. */
void join(struct fixture *f);
void rejoin(struct fixture *f);
/* A set of changes; a full set. */
void ask(struct fixture *f, const char *entries);
void ask_full(struct fixture *f, const char *entries);
/* The next set comes with these lists of providers: "ID@VERSION", then "full", "PATH=PORT" of a provider,
 * "-PATH" of one that is removed; or "drop ID". Separated by ';'. */
void lists(struct fixture *f, const char *text);

/* ---- actions and processes ---- */
void succeed(struct fixture *f, uint64_t action);
void succeed_all(struct fixture *f, uint64_t first, uint64_t last);
void fails(struct fixture *f, uint64_t action, const char *error);
/* An update: its process got nothing of it; all but its env. */
void fails_unreached(struct fixture *f, uint64_t action, const char *error);
void fails_without_env(struct fixture *f, uint64_t action, const char *error);
/* A start whose process has exited successfully already. */
void succeed_finished(struct fixture *f, uint64_t action);
/* A start, with one export. */
void succeed_exporting(struct fixture *f, uint64_t action, const char *name, const char *value);
/* Asks for the first copy, which is deployed and started by actions 1 and 2. */
void run(struct fixture *f, const char *entry);
/* a, with a child a/b and its child a/b/c, which run; the next action is 7. `words` are for a. */
void run_family(struct fixture *f, const char *words);
void exits(struct fixture *f, const char *path, uint64_t epoch, const char *error);
/* With exit status 0, and it has to keep running. */
void ends_with_0(struct fixture *f, const char *path, uint64_t epoch, const char *error);
void finishes(struct fixture *f, const char *path, uint64_t epoch);
void health(struct fixture *f, const char *path, uint64_t epoch, bool is_healthy);

/* ---- time ---- */
/* Advances the clock; timers fire as they come due. */
void wait_ms(struct fixture *f, int64_t ms);
/* The agent is gone, and a new one reads the records. `alive`: copies whose processes were
 * found, each as "PATH@EPOCH" and a blank. */
void restart(struct fixture *f, const char *alive);
/* The machine boots: no process is left. */
void reboot(struct fixture *f);

#endif
