/*
 * The addresses that are closed to NATIVE spaces of this zhost: where zrms and its store listen, as far as it is known, and
 * where this zhost takes links of others. An instance keeps those that were known when it was started.
 * Source: [machines.anonymous.native].
 */
#ifndef SAMOZA_ZHOST_NATIVE_CLOSED_PORTS_H
#define SAMOZA_ZHOST_NATIVE_CLOSED_PORTS_H

#include "base/vector.h"
#include "proto/wire.pb-c.h"
#include "zhost/uplink/zrms_addresses.h"

#define CLOSED_PORTS_MAX 64

struct closed_port {
	char *line; /* "ADDRESS PORT" */
	unsigned port;
	bool is_api; /* where this zhost reaches zrms */
};

struct closed_ports {
	VECTOR(struct closed_port) all;
};

void closed_ports_done(struct closed_ports *c);
/* "ADDRESS:PORT"; a name but "localhost" is passed over. NULL is fine. */
void closed_ports_add(struct closed_ports *c, const char *text);
void closed_ports_add_zrms(struct closed_ports *c, const struct zrms_addresses *zrms);
/* What zrms has said, which was reached at `peer` (NULL: not known). Its loopback addresses are this machine's only where
 * it is on this machine. */
void closed_ports_told(struct closed_ports *c, const char *peer,
		       const Samoza__V1__HelloAck *ack);
/* For zrun/native/connects.h; the caller frees. `with_api`: of an instance that reaches zrms, as this zhost does: the store and the
 * links of the zhost are closed to it, too. */
char *closed_ports_text(const struct closed_ports *c, bool with_api);

#endif
