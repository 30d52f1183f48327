/*
 * The agent in its daemon: the commit loop (core/agent/agent_loop.h) between zrms, the residents and
 * the kv, and the start, when records meet the processes that lived on.
 *
 *   zrms, residents ── inputs ──► agent_handle() ── records ──► commit (kv)
 *                                                                  │ durable
 *                        zrms ◄── messages ──┬── orders ◄──────────┘
 *                                            └────────► residents
 *
 * `storage: local` data and drawn ports are part of the same commits.
 */
#ifndef SAMOZA_ZHOST_RECONCILE_RECONCILE_H
#define SAMOZA_ZHOST_RECONCILE_RECONCILE_H

#include "base/error.h"
#include "core/agent/agent.h"
#include "port/kv.h"
#include "port/loop.h"
#include "port/stream.h"
#include "zhost/data/data_service.h"
#include "zhost/environment/ports.h"
#include "zhost/space/residents.h"
#include "zhost/uplink/upstream.h"

struct reconcile;

/* All borrowed. */
struct reconcile_parts {
	struct loop *loop;
	struct kv *kv; /* open */
	struct ports *ports;
	struct upstream *upstream;
	struct stream_transport *transport; /* to the ports of spaces */
};

struct reconcile_listener {
	/* A commit has failed: the program must end. */
	void (*failed)(void *user);
	/* zrms has removed this zhost, and all is stopped: the program may end. */
	void (*removed)(void *user);
};

/* Of a reconcile, for the parts that are made with it. */
extern const struct residents_listener reconcile_residents;
extern const struct local_data reconcile_local_data;

struct reconcile *reconcile_new(const struct reconcile_parts *parts,
				const struct reconcile_listener *listener, void *user);
/* Reads the records, finds running instances, makes the agent. `config->boot` is filled in.
 * `residents` was made with reconcile_residents. */
int reconcile_begin(struct reconcile *rec, struct residents *residents,
		    const struct agent_config *config, struct error **err) must_check;
/* The heartbeat as zrms said last, also to a zhost before this one. PRE: begun. */
/* For the next HELLO; copied. After reconcile_begin(). */
void reconcile_set_spec(struct reconcile *rec, const Samoza__V1__ZhostSpec *spec);
int64_t reconcile_heartbeat_ms(const struct reconcile *rec);
/* No commit is begun and no order carried out any more. */
void reconcile_close(struct reconcile *rec);
/* NULL is fine. */
void reconcile_free(struct reconcile *rec);

/* The connection to zrms stands, or is gone. `mesh_sums`: as in struct agent_input. */
void reconcile_link_up(struct reconcile *rec, const uint64_t *mesh_sums);
void reconcile_link_down(struct reconcile *rec);
/* A frame of zrms. Borrowed. ERR_INVALID: it does not fit those before; the connection is of no use
 * any longer. */
int reconcile_frame(struct reconcile *rec, const struct agent_input *input,
		    struct error **err) must_check;
/* zrms has removed this zhost: all stops, and no connection is needed any more. */
bool reconcile_is_removed(const struct reconcile *rec);
/* Borrowed. */
void reconcile_usage(struct reconcile *rec, const Samoza__V1__Usage *usage);

/* Durable commits so far. */
uint64_t reconcile_commits(const struct reconcile *rec);

#endif
