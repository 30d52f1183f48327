/*
 * `spaces exec` in zrms: streams of clients that were upgraded, and their sessions.
 *
 *   client ── Exec ──► session ── Exec, with zrms' number ──► link ──► zhost
 *          ◄─ ExecReply ─┘     ◄───────── ExecReply ───────────┘
 *
 * Before a command goes to its zhost an event of it is durable. What waits here for a slow end is at most
 * the windows of its session (port/exec.h): who sends more loses the session. When either end goes, the
 * other one is told.
 *
 * A command that its zhost has not begun because it was about to go to another link is asked for again there, with all that
 * its client has sent since: the zhost's last frame on a link says how many it has begun, so none is begun twice.
 */
#ifndef SAMOZA_ZRMS_EXEC_H
#define SAMOZA_ZRMS_EXEC_H

#include "base/metrics.h"
#include "core/control/control.h"
#include "port/stream.h"
#include "zrms/links.h"

struct access_watches;
struct asker; /* zrms/access.h */
struct execs;

/* The core as sessions need it. `done` is called once, perhaps from within. */
typedef void exec_recorded_fn(void *waiting, const struct reply *reply);
struct exec_control {
	/* control_exec_find(). */
	int (*find)(void *user, const char *topology, const char *path,
		    struct control_exec *ret, struct error **err);
	/* CONTROL_EXEC. */
	void (*record)(void *user, const struct asker *who, const char *topology,
		       const char *path, const char *program, exec_recorded_fn *done,
		       void *waiting);
	/* Whether that zhost has left its link for another one, which has not come yet. */
	bool (*is_between_links)(void *user, const char *zhost);
};

/* All borrowed. `open`: what ends with a credential. */
struct execs *execs_new(struct loop *loop, struct links *links, struct access_watches *open,
			const struct exec_control *control, void *user);
/* PRE: execs_is_empty(). NULL is fine. */
void execs_free(struct execs *execs);

/* Whether a command can be run there; ERR_TIMEOUT: there are too many sessions. */
int execs_check(struct execs *execs, const char *topology, const char *path,
		struct error **err) must_check;
/* A client's stream, once its request was upgraded; taken over, as is `take_who`, with whose credential it
 * ends. NULL: the system itself. */
void execs_add(struct execs *execs, struct asker *take_who, const char *topology,
	       const char *path, struct stream *stream);

/* Of links_listener. */
void execs_reply(struct execs *execs, uint64_t link_id, Samoza__V1__ExecReply *reply);
/* The zhost goes to another link, and has begun the first `taken` commands of those that this one was asked for: the
 * others wait for that one. */
void execs_link_left(struct execs *execs, uint64_t link_id, uint64_t taken);
/* That one has come. */
void execs_link_accepted(struct execs *execs, const char *zhost);
void execs_link_gone(struct execs *execs, uint64_t link_id);

extern const struct metric_source execs_metrics; /* of struct execs */

void execs_end_all(struct execs *execs);
bool execs_is_empty(const struct execs *execs);

#endif
