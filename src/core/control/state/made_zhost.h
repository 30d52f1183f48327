/*
 * A zhost whose machine a driver makes: the record of it, from the request on until the machine is gone.
 *
 *                 ready                heartbeat
 *   (new)──►creating────►awaited──────────────────►standing ◄──uncordoned──┐
 *     ▲       │  ╲          │                       ▲ │  │                 │
 *     │ again │   ╲─────────┼──── heartbeat ────────┘ │  └──with drain──►draining
 *     │       ▼             │                         │                    │ empty
 *     └─────failed◄──too long                         └──empty──┐          │
 *             └────────────── destroy ──────────────────────────▼          │
 *                                            ┌────────────►destroying◄─────┘
 *                                      again │   failed │       │ absent
 *                                            └─── stuck◄┘       ▼
 *                                                   ▲─beats─ ending──silent──►(end)
 *
 * A failed one whose zhost is heard after all is standing. Destroying is asked for in creating, awaited,
 * failed and stuck too.
 *
 *   state                            shown while there is no zhost    with one
 *   creating, awaited                deploying                        (the heartbeat ends them)
 *   standing                         -                                its own
 *   failed                           not-deployed, with the reason    (the heartbeat ends it)
 *   draining … stuck                 undeploying                      undeploying
 *
 * Source: [machines.drivers].
 */
#ifndef SAMOZA_CORE_CONTROL_MADE_ZHOST_H
#define SAMOZA_CORE_CONTROL_MADE_ZHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/state_machine.h"
#include "base/vector.h"
#include "core/lifecycle/state.h"
#include "core/outbox.h"
#include "proto/record.pb-c.h"

/* As MadeState, from 0 on. */
enum __attribute__((packed)) made_state {
	MADE_CREATING,
	MADE_AWAITED,
	MADE_STANDING,
	MADE_FAILED,
	MADE_DRAINING,
	MADE_DESTROYING,
	MADE_ENDING,
	MADE_STUCK,
};
#define MADE_STATE_COUNT 8

struct made_zhost {
	UT_hash_handle hh;
	Samoza__V1__MachineRecord *record; /* what is kept on disk, but for the state */
	enum made_state state;
	bool changed; /* the record is to be written */
	/* In this life of zrms only. */
	uint64_t call; /* of the driver, that is not answered yet; 0: none */
	enum driver_operation operation;
	int64_t deadline_ms; /* monotonic: it has failed then; NEVER_MS */
	int64_t ask_ms;	     /* the driver is asked for its status then; NEVER_MS */
	bool is_missed;	     /* it was said that the driver does not list it */
};

struct made_zhosts {
	struct made_zhost *by_name;
	uint64_t last_call;
	uint64_t *list_calls;	  /* by driver, of those that run: 0: none */
	int64_t list_ms;	  /* when drivers are asked next for what they keep */
	VECTOR(char *) strangers; /* keys that it was said of that nobody knows them */
};

extern const struct state_machine_type made_machine;

void made_zhosts_done(struct made_zhosts *all);
/* Of the store. ERR_INVALID: it cannot be used. Copies. */
int made_zhosts_put(struct made_zhosts *all, const Samoza__V1__MachineRecord *record,
		    struct error **err) must_check;
/* A new one, being created. Copies. */
struct made_zhost *made_zhost_new(struct made_zhosts *all,
				  const Samoza__V1__MachineRecord *record);
void made_zhost_free(struct made_zhosts *all, struct made_zhost *made);
/* NULL: no driver makes it. */
struct made_zhost *made_zhost_find(const struct made_zhosts *all, const char *name);

/* Nothing of its zhost has been heard so far. */
bool made_zhost_is_deploying(const struct made_zhost *made);
/* It is to go. */
bool made_zhost_is_leaving(const struct made_zhost *made);
/* What is shown while there is no zhost. */
enum instance_state made_zhost_shown(const struct made_zhost *made);

#define made_zhost_for_each(all, m) \
	for (struct made_zhost *m = (all)->by_name; m != NULL; m = m->hh.next)

#endif
