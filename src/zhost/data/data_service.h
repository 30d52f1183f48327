/*
 * data.* of the instances here: `storage: cluster` goes to zrms (DATA_REQUEST), which commits
 * and fences by epoch; `storage: local` into this zhost's own store (local_data).
 *
 * A request without a connection, or whose connection breaks, is sent again on the next one
 * until ZRUN_DATA_WAIT_MS have passed; then the answer is -EAGAIN. All four operations may be
 * repeated without harm.
 *
 * Local data that zrms asks to delete (DATA_FORGET) is deleted once, durably, and writes of the
 * instances that it belonged to are refused (-ESTALE).
 */
#ifndef SAMOZA_ZHOST_DATA_DATA_SERVICE_H
#define SAMOZA_ZHOST_DATA_DATA_SERVICE_H

#include "base/error.h"
#include "port/kv.h"
#include "port/loop.h"
#include "zhost/uplink/upstream.h"

/* Owner of the records about deleted local data: the epoch by topology name. */
#define DATA_FORGOTTEN "@forgotten"

struct data_service;

/* An instance whose requests are served; embedded by its owner, who fills the first part before
 * data_client_add() and may change it while no request is under way. */
struct data_client {
	const Samoza__V1__InstanceKey *key;
	const char *topology_name;
	const char *owner;     /* whose data it uses; NULL: its own */
	uint32_t capabilities; /* enum zrun_capability */
	bool is_local;	       /* `storage: local` */
	uint64_t quota_bytes;  /* of local data; 0: none */
	bool is_full;	       /* private: a write was refused, and the log says so */
	bool may_write;	       /* local data now; otherwise -ESTALE */
	/* The answer to one request; `content` is borrowed. */
	void (*answer)(struct data_client *client, uint32_t correlation, int32_t status,
		       const void *content, size_t size);
	/* private */
	struct data_service *service;
	struct data_client *next, *prev;
};

typedef void local_data_fn(void *user, const struct data_answer *answer);

/* Where local data is kept: with the other records of this zhost, in order. */
struct local_data {
	/* One operation; `change` is taken over. `done` gets the answer after the commit. */
	void (*apply)(void *user, struct kv_change *change, local_data_fn *done,
		      void *done_user);
	/* Deletes the data of a topology name, after all that was asked before; then the epoch
	 * is kept under DATA_FORGOTTEN. `name` NULL: only sends `epoch` to zrms, once all of that
	 * is durable. */
	void (*forget)(void *user, const char *name, uint64_t epoch);
	/* Not all of what the instances of that name have kept is deleted, or that has failed: the record stays, by which the
	 * next zhost goes on. NULL: all always is. */
	bool (*forgets)(void *user, const char *name);
	/* Nothing can be written because the disk is full, whatever the quota. */
	bool (*disk_is_full)(void *user);
	/* Deletes a record under DATA_FORGOTTEN. */
	void (*drop_record)(void *user, const char *name);
};

/* All borrowed. */
struct data_service *data_service_new(struct loop *loop, struct upstream *upstream,
				      const struct local_data *local, void *local_user);
/* PRE: no client is left. NULL is fine. */
void data_service_free(struct data_service *s);
/* What earlier zhosts deleted. Before the first request. */
int data_service_load(struct data_service *s, struct kv *kv, struct error **err) must_check;

/* Topology names of whose deleted data there is a record: at each start it is deleted once more. */
void data_each_forgotten(const struct data_service *s,
			 void (*each)(void *user, const char *name, uint64_t epoch),
			 void *user);

void data_client_add(struct data_service *s, struct data_client *client);
/* Fine when it was never added. */
void data_client_remove(struct data_client *client);
/* Its process is gone: requests are answered no more. */
void data_client_drop(struct data_client *client);

/* A DATA_* frame of an instance: checked here (capability, sizes), answered by client->answer.
 * False: the frame is malformed, the connection is to be closed. */
bool data_client_request(struct data_client *client, uint16_t type, uint32_t correlation,
			 const uint8_t *body, size_t size);

/* The instances of which a write of local data was refused, for the next heartbeat. */
void data_list_full(const struct data_service *s, Samoza__V1__Usage *to);

/* From zrms. */
void data_take(struct data_service *s, const Samoza__V1__DataReply *reply);
/* Topology names whose local data is to be deleted; what is deleted already is only
 * acknowledged again. */
void data_forget(struct data_service *s, const Samoza__V1__DataForget *forget);
/* zrms has accepted a new connection: waiting requests are sent again. */
void data_connected(struct data_service *s);

/* Requests so far. */
uint64_t data_requests(const struct data_service *s);

#endif
