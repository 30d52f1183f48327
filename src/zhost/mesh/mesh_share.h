/*
 * Shares of a canary: of what goes to a space, so much per mille goes to the copies of a newer revision, and
 * the rest to all others. The share is drawn first, then what is here is preferred.
 *
 *   share of revision 7: 100 per mille     every tenth ──► [copies of 7, and those that share]
 *                                          the others ──► [all others that serve]
 *
 * No chance is involved: the caller adds up what is due, and each thousand is one draw.
 */
#ifndef SAMOZA_ZHOST_MESH_MESH_SHARE_H
#define SAMOZA_ZHOST_MESH_MESH_SHARE_H

#include "zhost/mesh/mesh_objects.h"

/* One more for the space. Both sides have a copy other than those of the slot `but` (NULL: of none), or the answer
 * is NULL: there is nothing to draw. Else the copy that gets it. */
struct mesh_peer *mesh_share_draw(struct mesh_space *space, const struct mesh_slot *but,
				  uint32_t *drawn);

#endif
