/*
 * A world in which the real cores live: virtual time, one zrms with its store, machines with a
 * zhost each, their processes and disks, and links between them that can be cut.
 *
 *        requests                     ┌──────────┐ link, frames really packed ┌─────────┐
 *     ──────────► control_handle ───► │  store   │ ◄────────────────────────► │ agent   │ disk
 *        answers  control_flush       │  events  │      both ways, in order   │ of host │
 *     ◄──────────                     └──────────┘                            └────┬────┘
 *                                                                 actions, results │ processes
 *
 * One queue of things that will happen, by time and then by insertion, and the timers of the
 * cores; nothing else moves time. A link delivers in order, and may be cut: what it carried is
 * lost. A crash of zrms leaves what was committed; a machine that is killed leaves its disk; a
 * zhost that restarts leaves its processes.
 *
 *   client.h      asks zrms, waits for the answer
 *   simulation.h  birth, end, and time
 *   dispatch.h    what an event does when its time has come
 *   members.h     several zrms, of which one leads
 *   controller.h  zrms                machine.h        machines, and what reaches their zhost
 *                                     machine_agent.h  the zhost of a machine, and its end
 *                                     action.h         actions
 *                                     process.h        processes
 *   driver.h      machines that drivers make
 *   messages.h    messages between spaces
 *   link.h        links between them      older_protocol.h  what an older zhost leaves out
 *   event.h       the queue           recorder.h       what zrms was told, in a file
 *   world.h       the state of it all, and its log
 *
 * A part uses those below it.
 */
#ifndef SAMOZA_ZSIM_WORLD_WORLD_H
#define SAMOZA_ZSIM_WORLD_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "adapter/sim/sim_election.h"
#include "adapter/sim/sim_store.h"
#include "base/heap.h"
#include "base/random.h"
#include "base/vector.h"
#include "core/control/control_loop.h"
#include "zsim/world/api_tokens.h"
#include "zsim/world/hooks.h"
#include "zsim/world/options.h"

/* Wall clock at virtual time 0: 2026-01-01T00:00:00Z. */
#define WORLD_WALL_MS INT64_C(1767225600000)

struct answer;
struct sim_event;
struct sim_life;
struct sim_recorder;
struct sim_member;
struct sim_link;

/* The next `times` actions of that name of an instance fail. */
struct planned_failure {
	char *name; /* "TOPOLOGY-NAME/PATH" */
	enum agent_action action;
	uint32_t times;
	char *version;	/* of copies of this version only; NULL: of all */
	bool unreached; /* update: its process gets nothing of it */
	bool settings;	/* update: its process gets its imports alone */
};

/* The probes of what has that name fail. */
struct planned_illness {
	char *name;	  /* "TOPOLOGY-NAME/PATH" */
	char *version;	  /* of copies of this version only; NULL: of all */
	int64_t until_ms; /* NEVER_MS: for good */
};

struct world {
	struct world_options options;
	struct world_hooks hooks;
	int64_t now_ms;
	struct heap queue;	 /* of struct sim_event */
	size_t foreground;	 /* how many of them settle waits for */
	struct control *control; /* NULL: zrms does not run */
	struct control_loop *commits;
	struct store *store;
	struct sim_life *life;		   /* of it, with the three above; NULL as they are */
	VECTOR(struct sim_life *) formers; /* lives that led, and go on */
	VECTOR(struct sim_member *)
	members;		      /* several zrms on one store; empty: there is one */
	struct sim_seat seat;	      /* of their election */
	struct sim_disk disk;	      /* of zrms */
	bool store_is_older;	      /* it was restored, and its next start knows it */
	bool load_fails;	      /* the last load of anything was made to fail */
	bool zrms_dies;		      /* once the call that it is in has returned */
	uint64_t zrms_life;	      /* grows with each start and each death */
	int64_t zrms_disk_delay_ms;   /* that each commit takes, where no hook says it */
	int64_t zrms_commit_ms;	      /* when the last commit that was asked for is answered */
	int64_t zrms_stalls_until_ms; /* it stands still, and its links stay */
	VECTOR(struct sim_event *) zrms_backlog; /* what came meanwhile, in order */
	int64_t wall_step_ms;			 /* by which all wall clocks were set */
	char *cluster;
	VECTOR(struct sim_machine *) machines;
	VECTOR(struct driven_machine)
	driven; /* by drivers, in the order in which they were made */
	VECTOR(struct planned_driver_fault) driver_faults;
	VECTOR(struct sim_api_token) api_tokens; /* all that were made */
	VECTOR(char *) driver_said;		 /* causes of events of drivers */
	const char **driver_keys;		 /* of the last list */
	char *token_id;				 /* the last one that was drawn for a machine */
	uint64_t next_token;
	VECTOR(struct sim_link) links; /* link number - 1 */
	VECTOR(struct planned_failure) failures;
	VECTOR(struct planned_illness) illnesses;
	VECTOR(char *) log; /* one line per thing that happened, when `keep_log` */
	bool keep_log;
	FILE *print_log; /* or at once to here */
	uint64_t next_request, next_identity, next_process;
	struct answer *waiting; /* the client that waits */
	uint64_t waiting_request;
	struct sim_recorder *recorder; /* of its lives of zrms; borrowed; NULL: none */
	char *violation;	       /* first thing that must never be; NULL */
};

static inline struct instant world_instant(const struct world *w)
{
	return (struct instant){.mono_ms = w->now_ms,
				.wall_ms = WORLD_WALL_MS + w->now_ms + w->wall_step_ms};
}

/* Keeps the first one. */
void world_violate(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void world_log(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A uuid that follows from `what` and how many were drawn before. The caller frees. */
char *world_uuid(struct world *w, const char *what);

#endif
