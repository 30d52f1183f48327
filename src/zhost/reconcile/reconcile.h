/*
 * The daemon's loop around core/agent, as agent.h asks: inputs, one durable commit of all
 * records that they change, then orders, then messages.
 *
 * `storage: local` data and drawn ports are part of the same commits.
 */
#ifndef SAMOZA_ZHOST_RECONCILE_RECONCILE_H
#define SAMOZA_ZHOST_RECONCILE_RECONCILE_H

#include "base/error.h"
#include "zhost/data/data_service.h"
#include "zhost/zhost.h"

struct reconcile;

/* Reads the store, finds running instances, makes the agent. z->store is open. */
int reconcile_new(struct zhost *z, struct error **err) must_check;
void reconcile_free(struct reconcile *rec);

/* Inputs: copied where they are not taken. */
void reconcile_link(struct reconcile *rec, bool up);
/* HELLO_ACK, DESIRED, HEARTBEAT_ACK, Usage: taken over. */
void reconcile_message(struct reconcile *rec, enum agent_input_type type,
		       ProtobufCMessage *message);
void reconcile_done(struct reconcile *rec, uint64_t action, const char *error, bool finished,
		    Samoza__V1__Variable *const *exports, size_t n_exports);
void reconcile_ended(struct reconcile *rec, const Samoza__V1__InstanceKey *key, bool finished,
		     const char *error);

/* The ports of an instance changed: part of the next commit. */
void reconcile_ports(struct reconcile *rec, const char *id);

/* As local_data.apply and local_data.forget (data_service.h). */
void reconcile_data(struct reconcile *rec, struct data_change *change, local_data_fn *done,
		    void *data);
void reconcile_forget(struct reconcile *rec, const char *name, uint64_t epoch);
/* A record of our own is deleted with the next commit. */
void reconcile_record_drop(struct reconcile *rec, const char *owner, const char *id);

#endif
