/*
 * What the random search decides and observes in a world.
 */
#ifndef SAMOZA_ZSIM_WORLD_HOOKS_H
#define SAMOZA_ZSIM_WORLD_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/agent/agent.h"
#include "core/commit/commit.h"
#include "core/control/control.h"
#include "zsim/world/driver.h"
#include "zsim/world/machine_state.h"

/* What the random search decides and observes. All may be NULL. */
struct world_hooks {
	void *user;
	/* The key that a machine has proved on the link of its HELLO; NULL: none was asked for. */
	const uint8_t *(*hello_key)(void *user, const struct sim_machine *machine);
	/* How long a frame takes. */
	int64_t (*frame_delay)(void *user);
	/* Whether it arrives twice. */
	bool (*frame_repeats)(void *user, Samoza__V1__FrameType type);
	/* How long an action takes (NEVER_MS: until it is killed); the recipe time otherwise. */
	int64_t (*action_time)(void *user, enum agent_action kind);
	/* Whether an action fails that was not planned to. */
	bool (*action_fails)(void *user, enum agent_action kind);
	/* An action begins on a machine. */
	void (*action_begins)(void *user, const struct sim_machine *machine,
			      const struct agent_order *order);
	/* How long before the end of its lease an exclusive process, which is to stop within `grace_ms`,
	 * has stopped by itself. */
	int64_t (*stops_early)(void *user, int64_t grace_ms);
	/* Between two steps of the commit loop of zrms: whether it dies. */
	bool (*crash_here)(void *user, enum commit_step step);
	/* The same for a zhost. */
	enum machine_death (*machine_dies_here)(void *user, const struct sim_machine *machine,
						enum commit_step step);
	/* zrms or a zhost dies while batches wait for its store: how many of them, the oldest
	 * first, are on disk all the same. */
	size_t (*written_at_crash)(void *user, size_t waiting);
	/* How long a commit takes, and how it ends; `ret_is_written`: one that fails is on disk all
	 * the same. `machine`: of the zhost; NULL: of zrms. */
	int64_t (*commit_delay)(void *user, const struct sim_machine *machine);
	enum commit_outcome (*commit_outcome)(void *user, const struct sim_machine *machine,
					      bool *ret_is_written);
	/* Whether nobody knows at first how a commit of zrms ended; `ret_is_written`: it is on disk. */
	bool (*commit_is_unknown)(void *user, bool *ret_is_written);
	/* Of several zrms: how long a call of the election takes to the store, or back; whether its answer is lost. */
	int64_t (*election_delay)(void *user);
	bool (*election_is_lost)(void *user);
	/* Whether what was written is not heard of yet by one that reads ahead; whether it is never heard of; one that leads has
	 * loaded what was read ahead. */
	bool (*watch_is_late)(void *user);
	bool (*watch_is_lost)(void *user);
	void (*read_ahead)(void *user);
	/* Whether a zhost that connects reaches one that leads no more. */
	bool (*reaches_former)(void *user);
	/* One of several zrms is about to lead; it leads, and has loaded. */
	void (*zrms_starts)(void *user);
	void (*zrms_started)(void *user);
	/* A write of one that leads no more was refused. */
	void (*write_refused)(void *user);
	/* Whether the store of zrms, or the kv of a zhost, cannot be read at its start: then it
	 * does not run. */
	bool (*load_fails)(void *user, bool is_zrms);
	/* zrms asked its store to commit a batch. */
	void (*asked)(void *user);
	/* Whether zrms or a zhost takes one more input that waits before it ends its batch. */
	bool (*batch_more)(void *user);
	/* What a driver does when it is called, and how long that takes. */
	enum driver_fault (*driver_fault)(void *user, const struct driver_call *call);
	int64_t (*driver_time)(void *user);
	/* What a machine is that it makes; the name is set afterwards. The caller frees it. */
	Samoza__V1__ZhostSpec *(*driver_spec)(void *user);
	/* zrms dies, and the driver with it: whether it has done what it was asked. */
	bool (*driver_acts)(void *user);
	void (*driver_called)(void *user, const struct driver_call *call);
	/* After every step of anything. */
	void (*after_step)(void *user);
	/* What was committed, before it is sent to anyone, with the answers to its changes of data. */
	void (*committed)(void *user, const struct outbox *o,
			  const struct data_answer *answers);
	/* A frame arrives. */
	void (*frame)(void *user, const struct sim_machine *machine, bool to_agent,
		      Samoza__V1__FrameType type, const ProtobufCMessage *message);
	/* A message leaves its zhost for another one. */
	void (*message_leaves)(void *user, const struct sim_machine *machine,
			       const Samoza__V1__MeshMessage *message);
	/* A process gets a message of the instance `sender`; 0, or -EAGAIN: it takes no more now. */
	int (*message_arrives)(void *user, const struct sim_process *receiver,
			       const char *path_name, const char *sender, const char *payload,
			       size_t size);
	/* It came to the zhost of that machine, and nothing there takes it. */
	void (*message_dropped)(void *user, const struct sim_machine *machine,
				const Samoza__V1__MeshMessage *message);
};

#endif
