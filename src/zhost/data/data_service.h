/*
 * data.* of the instances here: `storage: cluster` goes to zrms (DATA_REQUEST), which commits
 * and fences by epoch; `storage: local` into this zhost's own store (reconcile.h).
 *
 * A request that finds no link, or loses it, is sent again on the next one until
 * ZRUN_DATA_WAIT_MS have passed; then the answer is -EAGAIN. All four operations may be
 * repeated without harm.
 *
 * Local data that zrms asks to delete (DATA_FORGET) is deleted once, durably, and what the
 * instances that it belonged to still write is refused (-ESTALE).
 */
#ifndef SAMOZA_ZHOST_DATA_DATA_SERVICE_H
#define SAMOZA_ZHOST_DATA_DATA_SERVICE_H

#include "zhost/space/resident.h"

struct data_service;

struct data_service *data_service_new(struct zhost *z);
void data_service_free(struct data_service *d);

/* A DATA_* frame of an instance: checked here (capability, sizes), answered by
 * process_data_result(). False: the frame makes no sense, the connection is to be dropped. */
bool data_request(struct resident *r, uint16_t type, uint32_t correlation, const uint8_t *body,
		  size_t size);
void data_take(struct data_service *d, const Samoza__V1__DataReply *reply);
/* Names whose local data is to be deleted; what was done before is only acknowledged again. */
void data_forget(struct data_service *d, const Samoza__V1__DataForget *forget);
/* What was deleted in lives before. z->store is open, and nothing was asked of it yet. */
int data_load(struct data_service *d, struct error **err) must_check;
/* zrms has accepted a new link: what waits is sent again. */
void data_link_up(struct data_service *d);
/* The instance's process is gone: nobody waits for its answers. */
void data_drop(struct resident *r);

#endif
