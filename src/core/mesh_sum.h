/*
 * Whether two sides know the same of the mesh, without sending it: every topology belongs to one of 64
 * parts by its id, and a part's sum is that of its topologies', which is that of their peers'. Sums are
 * of 64 bits and do not depend on any order, so a change of one peer changes the sum by a difference.
 *
 *   topology "5f0c…" ─► part 17      sum of part 17 = Σ over its topologies (id + Σ over started peers)
 *
 * zrms compares the sums that a zhost says with what it would send; equal parts are not sent again. A
 * change goes unseen with a probability of 2^-64.
 */
#ifndef SAMOZA_CORE_MESH_SUM_H
#define SAMOZA_CORE_MESH_SUM_H

#include <stdint.h>

#include "proto/wire.pb-c.h"

#define MESH_PARTS 64

/* 0 to 63. */
unsigned mesh_part(const char *topology_id);
/* Of the topology without peers. */
uint64_t mesh_topology_sum(const char *topology_id);
/* Of all that the message says. */
uint64_t mesh_peer_sum(const Samoza__V1__MeshPeer *peer);

/* The same, of a share. */
uint64_t mesh_share_sum(const Samoza__V1__MeshShare *share);

#endif
