/*
 * Direct messages of a zhost, from the files of its identity to the words for HELLO. A zhost that has not joined with a
 * certificate has none: everything goes through the hub.
 *
 *   DIR/credentials ─► TLS ─► direct transport ◄── book ◄── contacts ◄── zrms
 */
#ifndef SAMOZA_ZHOST_DIRECT_DIRECT_SERVICE_H
#define SAMOZA_ZHOST_DIRECT_DIRECT_SERVICE_H

#include "adapter/cli/address.h"
#include "base/metrics.h"
#include "port/mesh.h"
#include "proto/wire.pb-c.h"
#include "zhost/uplink/upstream.h"

struct direct_service;

/* All borrowed. */
struct direct_service_options {
	struct loop *loop;
	struct upstream *upstream;
	struct mesh_transport *hub;
	const char *dir; /* NULL: this machine has no identity */
	const char *zhost, *identity;
	uint64_t incarnation;
	/* Where it takes links; host "": at the address by which this machine reaches `zrms`, at a port that is
	 * free. */
	const struct cli_address *listen;
	const struct stream_address *zrms; /* only numeric ones can be told */
};

/* ERR_CONFLICT: the port is taken. Others as of pki_credentials_load(). */
int direct_service_new(const struct direct_service_options *options,
		       struct direct_service **ret_service, struct error **err) must_check;
/* What messages to other zhosts are sent through: maybe the hub itself. Borrowed. */
struct mesh_transport *direct_service_mesh(struct direct_service *s);
/* For HELLO; the caller frees. NULL: it takes no links. */
char *direct_service_address(const struct direct_service *s);
/* zrms has accepted this zhost. */
void direct_service_connected(struct direct_service *s);
void direct_service_take(struct direct_service *s, const Samoza__V1__MeshZhosts *message);
/* Its certificate was renewed: links made from now on use it. */
void direct_service_reload(struct direct_service *s);

void direct_service_close(struct direct_service *s);
bool direct_service_is_closed(const struct direct_service *s);
/* PRE: closed, or nothing was sent or listened. NULL is fine. */
void direct_service_free(struct direct_service *s);

extern const struct metric_source direct_metrics; /* of struct direct_service */

#endif
