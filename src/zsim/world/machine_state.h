/*
 * A machine: its zhost, its disk, its processes and the actions that are under way.
 */
#ifndef SAMOZA_ZSIM_WORLD_MACHINE_STATE_H
#define SAMOZA_ZSIM_WORLD_MACHINE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "adapter/sim/sim_kv.h"
#include "base/vector.h"
#include "core/agent/agent_loop.h"
#include "port/mesh.h"

struct action;
struct mesh;
struct sim_event;
struct sim_process;
struct world;

enum machine_death {
	MACHINE_LIVES,
	MACHINE_AGENT_DIES, /* the zhost process: its spaces continue */
	MACHINE_DIES,	    /* the machine with all on it */
};

#define HEARTBEATS_KEPT 32
struct sim_heartbeat {
	uint64_t counter, link_id;
	int64_t sent_ms;
};

struct sim_machine {
	struct world *world;
	char *name;
	unsigned index; /* in world.machines */
	Samoza__V1__ZhostSpec *spec;
	char *identity, *address;
	char *machine; /* that a copy of its disk does not have */
	uint64_t incarnation;
	uint64_t boots;		  /* of the machine */
	uint64_t forgotten_epoch; /* local data is deleted up to this */
	uint32_t protocol;	  /* of the link, that its zhost speaks: older_protocol.h */
	int64_t frame_delay_ms;	  /* that each frame to or from it takes */
	int64_t disk_delay_ms;	  /* that each commit takes, where no hook says it */
	bool powered;		  /* the machine is on */
	bool is_made;		  /* by a driver (driver.h) */
	bool scrapped;		  /* a driver has destroyed it: it is never on again */
	bool removed;		  /* from the cluster: what has no lease counts as gone */
	bool replaced;		  /* another machine has taken its name: the same */
	bool suspended;		  /* it sleeps: nothing on it executes */
	VECTOR(struct sim_event *) delayed; /* what came for it meanwhile */
	bool partitioned;
	struct mesh *mesh;		 /* of its zhost: messages.h; NULL as the agent */
	struct mesh_transport transport; /* of the mesh: through its link */
	struct agent *agent;		 /* NULL: the zhost does not run */
	struct agent_loop *commits;
	struct kv *kv;
	int64_t commit_ms;	  /* when the last commit that was asked for is answered */
	bool is_torn;		  /* it died between two steps of its commit loop */
	enum machine_death death; /* once the call that it is in has returned */
	uint64_t life;		  /* of the agent: grows with each start */
	uint64_t link_id;	  /* 0: none */
	uint64_t accepted_link;	  /* by zrms, the last that was */
	struct sim_heartbeat heartbeats[HEARTBEATS_KEPT]; /* that it sent last, by counter */
	char *refusal;	      /* why zrms last refused its hello; NULL: it did not */
	uint64_t tries;	      /* to connect; only the last one that was planned counts */
	struct sim_disk disk; /* of the zhost */
	/* Copies whose process ended for want of renewal while no zhost ran: it left a report. */
	VECTOR(char *) exit_reports;
	struct sim_process *processes; /* by id */
	struct action *actions;	       /* of this life, by number */
	uint32_t next_port;
};

/* Its zhost runs, and the machine is awake. */
static inline bool machine_executes(const struct sim_machine *n)
{
	return n->agent != NULL && !n->suspended;
}

#endif
