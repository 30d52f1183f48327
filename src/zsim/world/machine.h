/*
 * Machines: life, faults, and what reaches their zhost.
 */
#ifndef SAMOZA_ZSIM_WORLD_MACHINE_H
#define SAMOZA_ZSIM_WORLD_MACHINE_H

#include "zsim/world/machine_state.h"

/* Adds a machine; it is on, with an empty disk. */
struct sim_machine *machine_add(struct world *w, const Samoza__V1__ZhostSpec *spec);
/* One that is off, and has been in the cluster: `machine` NULL: it has one of its own. */
struct sim_machine *machine_add_off(struct world *w, const Samoza__V1__ZhostSpec *spec,
				    const char *identity, const char *machine,
				    uint64_t incarnation);
/* Adds a machine with a copy of the disk of another one; it is on. */
struct sim_machine *machine_add_copy(struct world *w, const struct sim_machine *of);
void machine_free(struct sim_machine *n);
/* The one that is on, else the newest; NULL. */
struct sim_machine *machine_find(struct world *w, const char *name);
/* The machine boots, or its zhost starts again: a new incarnation reads its disk. To end one:
 * machine_agent.h. */
void machine_start(struct world *w, struct sim_machine *n);
/* From its next start on; NULL: it has the label no longer. */
void machine_label(struct sim_machine *n, const char *name, const char *value);
/* From its next start on, in place of those that it has. Copies. */
void machine_offer_capabilities(struct sim_machine *n,
				Samoza__V1__CapabilityOffer *const *offers, size_t count);
/* The same of devices. */
void machine_offer(struct sim_machine *n, Samoza__V1__DeviceOffer *const *devices,
		   size_t count);
/* It sleeps: its processes and its zhost execute nothing, its boot-time clock runs, and what comes for
 * them waits. */
void machine_suspend(struct world *w, struct sim_machine *n);
/* It continues, with what came meanwhile. PRE: suspended. */
void machine_resume(struct world *w, struct sim_machine *n);
void machine_partition(struct world *w, struct sim_machine *n);
/* The same, and neither end notices before it heals. */
void machine_partition_silently(struct world *w, struct sim_machine *n);
void machine_heal(struct world *w, struct sim_machine *n);

enum process_end {
	PROCESS_FINISHED,
	PROCESS_FAILED,
	PROCESS_EXITED,	     /* its program has to keep running, and ended with exit status 0 */
	PROCESS_NOT_RENEWED, /* its lease ended, or it was without a zhost for too long */
};
#define PROCESS_EXITED_ERROR "ended with exit status 0; a service is expected to run on"
/* A process of it ends; `error`: why, unless it finished. */
void machine_process_dies(struct world *w, struct sim_machine *n, struct sim_process *p,
			  enum process_end end, const char *error);
/* The time of an action is over: its result goes to the agent. */
/* The answer to ORDER_TRY. */
void machine_tried(struct world *w, struct sim_machine *n, const char *address);
void machine_action_ends(struct world *w, struct sim_machine *n, uint64_t number);
/* From now on, until then, the probes of what has that name ("TOPOLOGY-NAME/PATH") fail; `version` NULL: whatever
 * its version. Copies. */
void machine_add_illness(struct world *w, const char *name, const char *version,
			 int64_t until_ms);
/* Each zhost takes a look at what it runs. */
void machine_probe_all(struct world *w);
/* Deletes local data, and reports it to zrms. */
void machine_forget(struct world *w, struct sim_machine *n,
		    const Samoza__V1__DataForget *forget);
/* zrms closed its link: it does not try again at once. */
void machine_link_closed(struct world *w, struct sim_machine *n, uint64_t link_id);

#endif
