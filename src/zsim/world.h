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
 */
#ifndef SAMOZA_ZSIM_WORLD_H
#define SAMOZA_ZSIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "adapter/sim/sim_kv.h"
#include "adapter/sim/sim_store.h"
#include "base/heap.h"
#include "base/random.h"
#include "base/vector.h"
#include "core/agent/agent_loop.h"
#include "core/control/control_loop.h"

/* Wall clock at virtual time 0: 2026-01-01T00:00:00Z. */
#define WORLD_WALL_MS INT64_C(1767225600000)
/* A process without its zhost stops by itself [topology.recovery.zrun]. */
#define WORLD_ORPHAN_MS INT64_C(600000)

struct world;

/* A process that really runs on a machine, from the beginning of its start to its end. */
struct sim_process {
	char *id;		      /* agent_copy_id() */
	char *slot;		      /* "TOPOLOGY-ID/PATH" */
	char *topology, *path, *name; /* name: "TOPOLOGY-NAME/PATH" */
	uint64_t epoch, placement;
	bool exclusive, alone;
	bool started;	     /* its start has ended well */
	int64_t deadline_ms; /* exclusive: it ends itself then; NEVER_MS */
	int64_t orphan_ms;   /* without its zhost: it ends itself then; NEVER_MS */
	char *imports;	     /* that it was last told of: a line for each provider */
	uint64_t life;	     /* which one it is, for ends that were planned */
	UT_hash_handle hh;
};

/* An action that the agent asked for. */
struct action {
	uint64_t number;
	enum agent_action kind;
	char *id; /* of the copy */
	bool fails;
	char **export_names, **export_values; /* of a start */
	size_t export_count;
	UT_hash_handle hh;
};

enum machine_death {
	MACHINE_LIVES,
	MACHINE_AGENT_DIES, /* the zhost process: its spaces live on */
	MACHINE_DIES,	    /* the machine with all on it */
};

struct sim_machine {
	struct world *world;
	char *name;
	unsigned index; /* in world.machines */
	Samoza__V1__ZhostSpec *spec;
	char *identity, *address;
	uint64_t incarnation;
	uint64_t boots;		  /* of the machine */
	uint64_t forgotten_epoch; /* local data is deleted up to this */
	int64_t frame_delay_ms;	  /* that each frame to or from it takes */
	bool powered;		  /* the machine is on */
	bool partitioned;
	struct agent *agent; /* NULL: the zhost does not run */
	struct agent_loop *commits;
	struct kv *kv;
	int64_t commit_ms;	  /* when the last commit that was asked for is answered */
	bool is_torn;		  /* it died between two steps of its commit loop */
	enum machine_death death; /* once the call that it is in has returned */
	uint64_t life;		  /* of the agent: grows with each start */
	uint64_t link;		  /* 0: none */
	char *refusal;		  /* why zrms last refused its hello; NULL: it did not */
	uint64_t tries;		  /* to connect; only the last one that was planned counts */
	struct sim_disk disk;	  /* of the zhost */
	struct sim_process *processes; /* by id */
	struct action *actions;	       /* of this life, by number */
	uint32_t next_port;
};

/* One connection. Numbers are never used again. */
struct sim_link {
	unsigned machine; /* its index */
	bool open;
	int64_t last_ms[2]; /* when the last frame of each direction arrives: order is kept */
};

/* The next `times` actions of that name of an instance fail. */
struct planned_failure {
	char *name; /* "TOPOLOGY-NAME/PATH" */
	enum agent_action action;
	uint32_t times;
};

struct world_options {
	struct batch_size limits; /* of the stores */
	int64_t heartbeat_ms, timeout_ms, check_ms, margin_ms, recipe_ms;
	int64_t on_disconnect_ms; /* 0: off */
	uint32_t restart_attempts;
};

/* What a request of a client came to. */
struct answer {
	bool answered;	/* false: zrms died before, or is not there */
	int code;	/* 0 or enum error_code */
	char *message;	/* of a refusal, or what an operator should know; may be NULL */
	char *topology; /* id */
};
void answer_done(struct answer *a);

/* What the fuzzer decides and looks at. All may be NULL. */
struct world_hooks {
	void *user;
	/* How long a frame takes. */
	int64_t (*frame_delay)(void *user);
	/* How long an action takes; the recipe time otherwise. */
	int64_t (*action_time)(void *user, enum agent_action kind);
	/* Whether an action fails that was not planned to. */
	bool (*action_fails)(void *user, enum agent_action kind);
	/* Between two steps of the commit loop of zrms: whether it dies. */
	bool (*crash_here)(void *user, enum commit_step step);
	/* The same for a zhost. */
	enum machine_death (*machine_dies_here)(void *user, const struct sim_machine *machine,
						enum commit_step step);
	/* zrms or a zhost dies while batches wait for its store: how many of them, the oldest
	 * first, are on disk all the same. */
	size_t (*written_at_crash)(void *user, size_t waiting);
	/* How long a commit takes, and how it ends; `ret_is_written`: one that fails is on disk all
	 * the same. */
	int64_t (*commit_delay)(void *user, bool is_zrms);
	enum commit_outcome (*commit_outcome)(void *user, bool is_zrms, bool *ret_is_written);
	/* Whether the store of zrms, or the kv of a zhost, cannot be read at its start: then it
	 * does not run. */
	bool (*load_fails)(void *user, bool is_zrms);
	/* zrms asked its store to commit a batch. */
	void (*asked)(void *user);
	/* Whether zrms or a zhost takes one more input that waits before it ends its batch. */
	bool (*batch_more)(void *user);
	/* After every step of anything. */
	void (*after_step)(void *user);
	/* What was committed, before it is told to anybody. */
	void (*committed)(void *user, const struct outbox *o);
	/* A frame arrives. */
	void (*frame)(void *user, const struct sim_machine *machine, bool to_agent,
		      Samoza__V1__FrameType type, const ProtobufCMessage *message);
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
	struct sim_disk disk;	/* of zrms */
	bool zrms_dies;		/* once the call that it is in has returned */
	uint64_t zrms_life;	/* grows with each start and each death */
	int64_t zrms_commit_ms; /* when the last commit that was asked for is answered */
	char *cluster;
	VECTOR(struct sim_machine *) machines;
	VECTOR(struct sim_link) links; /* link number - 1 */
	VECTOR(struct planned_failure) failures;
	VECTOR(char *) log; /* one line per thing that happened, when `keep_log` */
	bool keep_log;
	FILE *print_log; /* or at once to here */
	uint64_t next_request, next_identity, next_process;
	struct answer *waiting; /* the client that waits */
	uint64_t waiting_request;
	char *violation; /* first thing that must never be; NULL */
};

void world_init(struct world *w, const struct world_options *options);
void world_done(struct world *w);

static inline struct instant world_instant(const struct world *w)
{
	return (struct instant){.mono_ms = w->now_ms, .wall_ms = WORLD_WALL_MS + w->now_ms};
}

/* Keeps the first one. */
void world_violate(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void world_log(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A uuid that follows from `what` and how many were drawn before. The caller frees. */
char *world_uuid(struct world *w, const char *what);

/* ---- time ---- */

/* Everything that happens at this instant. */
void world_drain(struct world *w);
/* The next thing that happens, if it is not after `until_ms`; false: nothing, and time stands
 * at until_ms. */
bool world_step(struct world *w, int64_t until_ms);
void world_advance(struct world *w, int64_t duration_ms);
/* Until *is_done, at most until `until_ms`, and while zrms lives. */
void world_run_until(struct world *w, const bool *is_done, int64_t until_ms);
/* Until nothing is in flight [scenario.meaning.settle]. False after an hour, with what is left;
 * the caller frees it. */
bool world_settle(struct world *w, char **ret_left);
/* What is in flight at this instant; NULL: nothing. The caller frees. */
char *world_in_flight(const struct world *w);

/* ---- zrms (controller.c) ---- */

/* Loads the store and starts. A store that cannot be loaded is a violation. */
void controller_start(struct world *w);
/* Frees zrms; of the batches that wait for its store, the `written` oldest are on disk. */
void controller_free(struct world *w, size_t written);
/* What was not committed is lost, links break. */
void controller_crash(struct world *w);
/* Asks and waits for the answer, at this instant. `request` is filled in. */
void controller_ask(struct world *w, struct control_input *input, struct answer *ret_answer);
/* A frame, an end of a link or a timer has come. */
void controller_take(struct world *w, const struct control_input *input);
/* Ends the batch. */
void controller_turn(struct world *w);
/* The oldest commit that waits has ended. */
void controller_answer_commit(struct world *w);

/* ---- machines (machine.c) ---- */

/* Adds a machine; it is on, with an empty disk. */
struct sim_machine *machine_add(struct world *w, const Samoza__V1__ZhostSpec *spec);
void machine_free(struct sim_machine *n);
/* The one that is on, else the newest; NULL. */
struct sim_machine *machine_find(struct world *w, const char *name);
/* The machine boots, or its zhost starts again: a new incarnation reads its disk. */
void machine_start(struct world *w, struct sim_machine *n);
/* The machine dies with all on it. */
void machine_kill(struct world *w, struct sim_machine *n);
/* Only the zhost process dies; processes live on. */
void machine_stop_agent(struct world *w, struct sim_machine *n);
void machine_partition(struct world *w, struct sim_machine *n);
/* The same, and neither end notices before it heals. */
void machine_partition_silently(struct world *w, struct sim_machine *n);
void machine_heal(struct world *w, struct sim_machine *n);
/* A process of it dies (`error`) or finishes (NULL). */
void machine_process_dies(struct world *w, struct sim_machine *n, struct sim_process *p,
			  const char *error);
/* The time of an action is over: its result goes to the agent. */
void machine_action_ends(struct world *w, struct sim_machine *n, uint64_t number);
/* An input for its agent. */
void machine_take(struct world *w, struct sim_machine *n, const struct agent_input *input);
/* Ends the batch of its agent. */
void machine_turn(struct world *w, struct sim_machine *n);
/* The oldest commit that waits has ended. */
void machine_answer_commit(struct world *w, struct sim_machine *n);
/* Local data is to be deleted: it is, and zrms is told. */
void machine_forget(struct world *w, struct sim_machine *n,
		    const Samoza__V1__DataForget *forget);
/* zrms closed its link: it does not try again at once. */
void machine_link_closed(struct world *w, struct sim_machine *n, uint64_t link);
/* Tries to connect, now or after `delay_ms`. */
void machine_connect_later(struct world *w, struct sim_machine *n, int64_t delay_ms);

/* ---- links (link.c) ---- */

uint64_t sim_link_open(struct world *w, struct sim_machine *n);
/* Packs and sends. A link that is closed drops it. */
void sim_link_send(struct world *w, uint64_t link, bool to_agent, Samoza__V1__FrameType type,
		   const ProtobufCMessage *message);
/* Closes behind what was sent to the agent. */
void sim_link_close_after(struct world *w, uint64_t link);
/* Breaks now: what it carried is lost. Who is told, is told at once. */
void sim_link_break(struct world *w, uint64_t link, bool tell_control, bool tell_agent);

/* ---- the queue (world.c), for the files above ---- */

enum sim_event_type {
	SIM_EVENT_FRAME,     /* arrives */
	SIM_EVENT_CLOSE,     /* sim_link_close_after() */
	SIM_EVENT_CLOSED,    /* zrms notices that a link is gone */
	SIM_EVENT_DOWN,	     /* an agent notices */
	SIM_EVENT_CONNECT,   /* an agent tries; settle does not wait for it */
	SIM_EVENT_ACTION,    /* an action ends */
	SIM_EVENT_END,	     /* a process ends itself; settle does not wait for it */
	SIM_EVENT_COMMITTED, /* the store of zrms, or the kv of a zhost, answers */
};

#define MACHINE_NONE UINT32_MAX

struct sim_event {
	struct heap_node node;
	enum sim_event_type type;
	uint64_t link;
	bool to_agent;
	Samoza__V1__FrameType frame;
	uint8_t *data;
	size_t size;
	unsigned machine; /* MACHINE_NONE: zrms */
	uint64_t life, number;
	char *id;
};

struct sim_event *world_plan(struct world *w, int64_t at_ms, enum sim_event_type type);

#endif
