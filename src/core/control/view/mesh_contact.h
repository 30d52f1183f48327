/*
 * What one zhost must know to talk to another one directly: where that takes links, and with which keys it proves its
 * name. The one place to ask for it [machines.transport.mesh].
 */
#ifndef SAMOZA_CORE_CONTROL_MESH_CONTACT_H
#define SAMOZA_CORE_CONTROL_MESH_CONTACT_H

#include "core/access/identity.h"

struct control;

struct mesh_contact {
	const char *address;		    /* NULL: it takes no direct links; borrowed */
	uint8_t keys[2][IDENTITY_KEY_SIZE]; /* the current and the previous one */
	unsigned key_count;
};

/* False: there is no such zhost, or it was removed. */
bool control_mesh_contact(const struct control *control, const char *zhost,
			  struct mesh_contact *ret_contact);

#endif
