/*
 * The instances that are placed on this zhost. The core issues actions:
 *
 *     deploy     fetch the artifacts into the cache
 *     start      launch zrun or, for a UI space, publish its pages
 *     update     send the new imports
 *     stop       stop; complete when the process has exited
 *     undeploy   remove the files, release the ports, forget the instance
 *
 * ORDER_KILL sends SIGKILL, or ends whatever the action waits for. ORDER_RENEW extends the lease.
 * Each action completes exactly once, through the listener.
 */
#ifndef SAMOZA_ZHOST_SPACE_RESIDENTS_H
#define SAMOZA_ZHOST_SPACE_RESIDENTS_H

#include "zhost/artifact/artifact.h"
#include "zhost/data/data_service.h"
#include "zhost/environment/ports.h"
#include "zhost/log/spacelog.h"
#include "zhost/mesh/mesh.h"
#include "zhost/native/native_runtime.h"
#include "zhost/process/process_usage.h"
#include "zhost/process/zrun_process.h"
#include "zhost/secret/secrets.h"
#include "zhost/space/task.h"
#include "zhost/uplink/uplink.h"

struct residents;

/* What residents are made with; all borrowed. */
struct residents_parts {
	struct loop *loop;
	const char *zhost; /* the name of this one */
	unsigned starts_at_once;
	struct artifacts *artifacts;
	struct data_service *data;
	struct secrets_service *secrets;
	struct mesh *mesh;
	struct native_runtime *native;
	struct ports *ports;
	struct spacelogs *logs;
	struct zrun_processes *processes;
	struct upstream *upstream;
	int run_fd; /* of DIR/run */
};

/* How an action ended. */
struct action_end {
	const char *error; /* NULL: it succeeded; borrowed */
	bool is_finished;  /* a start whose process has exited successfully already */
	bool is_ended; /* a start whose program ended with exit status 0, and has to keep running */
	bool is_unreached; /* an update of which the process got nothing, a start that zrms let wait; with `error` */
	bool settings_failed; /* an update of imports alone: env and config could not be made; with `error` */
};

struct residents_listener {
	/* The action is complete. Everything is borrowed. */
	void (*action_done)(void *user, uint64_t action, const struct action_end *end,
			    Samoza__V1__Variable *const *exports, size_t n_exports);
	/* A started instance has ended by itself; `is_ended`: its program, which has to keep
	 * running, with exit status 0; `not_renewed`: for want of a lease, or of a
	 * zhost. */
	void (*ended)(void *user, const Samoza__V1__InstanceKey *key, bool is_finished,
		      bool is_ended, bool not_renewed, const char *error);
	/* The health check of a started instance fails, or succeeds again. */
	void (*health)(void *user, const Samoza__V1__InstanceKey *key, bool is_healthy);
	/* The copy `id` holds other ports than before: ports_record() is to be kept. */
	void (*ports_changed)(void *user, const char *id);
	/* zrms has removed this zhost, and all is stopped: the program may end. */
	void (*removed)(void *user);
};

struct residents_counters {
	uint64_t starts, start_failures, deaths;
	struct histogram
		start_time; /* from the order until it runs, with the wait for a slot */
	/* now */
	uint64_t instances, processes, starting;
};

struct residents *residents_new(const struct residents_parts *parts,
				const struct residents_listener *listener, void *user);
/* The processes continue. NULL is fine. */
void residents_free(struct residents *rs);

/* Carries out one task; takes its imports. */
void residents_carry_out(struct residents *rs, struct task *task);
/* The program ends: queued starts stay where they are. */
void residents_close(struct residents *rs);

/* ---- after a restart: for each record, first all of load, then await_hello, then take_up ---- */

/* An instance that a record says is deployed here: finds its process. */
void residents_load(struct residents *rs, const Samoza__V1__DesiredInstance *desired,
		    Samoza__V1__Phase phase);
/* Waits until the processes that were found have said who they are. An error: of one it is not known
 * whether it lives, for want of descriptors or memory; the zhost must not go on and forget it. */
int residents_await_hello(struct residents *rs, struct error **err) must_check;
/* Whether it runs; then it is in the mesh again. If not, *ret_report says how its process ended,
 * as far as it is known; the caller frees the error (which may be NULL). False for an instance
 * that was not loaded. */
bool residents_take_up(struct residents *rs, const Samoza__V1__InstanceKey *key,
		       struct exit_report *ret_report);
/* Forgets what instances of a topology name have kept that were placed before `epoch`. */
void residents_forget_data(struct residents *rs, const char *topology, uint64_t epoch);
/* It is not on the disk yet, or that has failed. */
bool residents_forgets_data(const struct residents *rs, const char *topology);
/* The record of it is dropped, as none of those instances is left. PRE: !residents_forgets_data(). */
void residents_data_settled(struct residents *rs, const char *topology);
/* Whether a name is the file_name of an instance here. */
bool residents_has_file(const struct residents *rs, const char *file_name);
/* What zrms asks for may have a newer spec of an instance here: its log keeps to that budget. */
void residents_adjust_log(struct residents *rs, const Samoza__V1__DesiredInstance *desired);
/* A line of zhost's own in the instance's log. PRE: it is here. */
void residents_log(struct residents *rs, const Samoza__V1__InstanceKey *key, const char *level,
		   const char *text);

/* Names the artifacts that a next start needs beside its module: the templates of `config`. */
void residents_name_needed(void *residents);

/* zrms has accepted this zhost: it is told which tokens instances show (api_token.h). NULL is fine. */
void residents_connected(struct residents *rs);
/* What zrms says to such a token. */
void residents_token_taken(struct residents *rs, const Samoza__V1__ApiTokenTaken *taken);

struct residents_counters residents_counters(const struct residents *rs);
/* What there is to say of one of them, for metrics; all borrowed. */
struct resident_view {
	const Samoza__V1__InstanceKey *key;
	const Samoza__V1__InstanceSpec *spec;
	unsigned state; /* as in resident_state_names */
	int64_t pid;	/* -1: it runs in no process */
	uint64_t restarts;
	bool has_usage;
	struct usage_sum usage;
	const struct mesh_peer *peer; /* NULL: it is not in the mesh */
};
extern const char *const resident_state_names[];
extern const size_t resident_state_count;
/* `proc_fd`: of /proc. */
void residents_visit(const struct residents *rs, int proc_fd,
		     void (*visit)(void *user, const struct resident_view *view), void *user);
/* Adds what all of them use now. */
void residents_usage(const struct residents *rs, struct usage_sum *sum);

#endif
