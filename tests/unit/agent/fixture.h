/*
 * An agent under test: inputs as short calls, everything that it does as lines of text.
 *
 *   desired(&f, true, "a@1 o1 started");
 *   expect(&f, "record a deploying\n"
 *              "do 1 deploy a@1\n"
 *              "report a@1 o1 deploying\n");
 *
 * Wishes: "PATH@EPOCH oORDER TARGET", then any of fFRESH, iIMPORTS_VERSION, in=PARENT,
 * port=VALUE (of the one provider that comes with iN; N where it is not given), nospec,
 * exclusive, attempts=N, window=MS, grace=MS, timeout=MS; several are separated by ';'.
 */
#ifndef TESTS_UNIT_AGENT_FIXTURE_H
#define TESTS_UNIT_AGENT_FIXTURE_H

#include "base/buffer.h"
#include "core/agent/agent.h"
#include "proto/agent.pb-c.h"

#define FIXTURE_RECORDS 16

struct fixture {
	struct agent *agent;
	struct buffer seen;
	int64_t now_ms;
	struct agent_record disk[FIXTURE_RECORDS]; /* the folder, for restart() */
	bool records_shown;
};

void setup(struct fixture *f);
void teardown(struct fixture *f);
/* Compares what was done since the last call, and forgets it. */
#define expect(f, text) expect_at((f), (text), __FILE__, __LINE__)
void expect_at(struct fixture *f, const char *text, const char *file, int line);
/* Forgets it unseen. */
void forget(struct fixture *f);

void up(struct fixture *f);
void down(struct fixture *f);
void hello_ack(struct fixture *f, Samoza__V1__HelloAck__Verdict verdict);
void heartbeat_ack(struct fixture *f, uint64_t counter);
/* up, accepted, an empty full set, and all of it forgotten. */
void join(struct fixture *f);
void desired(struct fixture *f, bool full, const char *wishes);
/* NULL: well done. */
void done(struct fixture *f, uint64_t action, const char *error);
void done_finished(struct fixture *f, uint64_t action);
/* Started, with one export. */
void done_exports(struct fixture *f, uint64_t action, const char *name, const char *value);
/* NULL: it finished well. */
void ended(struct fixture *f, const char *path, uint64_t epoch, const char *error);
/* Time goes on, timers fire as they come due. */
void wait_ms(struct fixture *f, int64_t ms);
/* The agent dies; a new one reads the folder. `alive`: paths whose processes live, each
 * followed by a blank. */
void restart(struct fixture *f, const char *alive);
/* The machine boots: nothing lives. */
void reboot(struct fixture *f);

#endif
