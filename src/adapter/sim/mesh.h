/*
 * Transport of mesh messages in memory (port/mesh.h), between zhosts that are names, on a simulated
 * loop (loop.h). Messages are packed and unpacked, take their time, and are lost where a test
 * decides so.
 */
#ifndef SAMOZA_ADAPTER_SIM_MESH_H
#define SAMOZA_ADAPTER_SIM_MESH_H

#include "port/loop.h"
#include "port/mesh.h"

struct sim_mesh;

/* `seed`: of delays. */
struct sim_mesh *sim_mesh_new(struct loop *loop, uint64_t seed);
/* PRE: the transports are freed. */
void sim_mesh_free(struct sim_mesh *mesh);

/* The transport of one zhost; others reach it while it exists. */
struct mesh_transport *sim_mesh_zhost(struct sim_mesh *mesh, const char *name);
/* A message needs between min_ms and max_ms, in order per pair. At first 0. */
void sim_mesh_delay(struct sim_mesh *mesh, int64_t min_ms, int64_t max_ms);
/* Bytes of messages that may be under way from one zhost to another. At first 4 MiB. */
void sim_mesh_capacity(struct sim_mesh *mesh, size_t bytes);
/* The two cannot reach each other until sim_mesh_heal(); what is under way is lost. */
void sim_mesh_cut(struct sim_mesh *mesh, const char *a, const char *b);
void sim_mesh_heal(struct sim_mesh *mesh, const char *a, const char *b);

#endif
