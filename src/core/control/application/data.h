/*
 * data.* of spaces with cluster storage: a request of the copy that writes becomes a change in the
 * next commit; one of another copy is refused, so that two copies can never both write.
 */
#ifndef SAMOZA_CORE_CONTROL_DATA_H
#define SAMOZA_CORE_CONTROL_DATA_H

#include <stdint.h>

#include "proto/wire.pb-c.h"

struct control;
struct control_zhost;

/* A write of that owner was refused because its quota, or that of its topology, is used up. An event
 * says so once, until something of it is deleted. */
void data_full(struct control *c, const char *owner);
/* The same of local data, as the heartbeat of a zhost lists it. */
void data_full_on(struct control *c, struct control_zhost *z, const Samoza__V1__Usage *usage);
void data_request(struct control *c, uint64_t link_id, const Samoza__V1__DataRequest *request);

#endif
