/*
 * Between the book of other zhosts and zrms: asks for those that are needed, on each new connection for all of them,
 * and takes what zrms says.
 */
#ifndef SAMOZA_ZHOST_DIRECT_CONTACTS_H
#define SAMOZA_ZHOST_DIRECT_CONTACTS_H

#include "zhost/direct/direct_transport.h"
#include "zhost/uplink/upstream.h"

struct contacts;

/* All borrowed. */
struct contacts *contacts_new(struct upstream *upstream, struct zhost_book *book,
			      struct direct_transport *direct);
/* NULL is fine. */
void contacts_free(struct contacts *contacts);
/* zrms has accepted this zhost. */
void contacts_connected(struct contacts *contacts);
void contacts_take(struct contacts *contacts, const Samoza__V1__MeshZhosts *message);

#endif
