/*
 * One zhost: the parts and what flows between them.
 *
 *    zrms ◄──────────── uplink.c (link) ────────────► hub
 *      │ DESIRED, acks        ▲ reports        ▲  │ MESH_MESSAGE, DATA_*, LOG_*
 *      ▼                      │                │  ▼
 *    reconcile.c ── core/agent, store ──┐    mesh.c ◄──► edge/ (browsers)
 *      ▲ results, deaths                │ orders  ▲
 *      │                                ▼         │ EMIT, MESSAGE
 *    resident.c (actions) ──► artifact.c, zrun_process.c ◄──► zrun, zrun, zrun …
 *
 * One turn of the loop: callbacks take what arrived and append to buffers; then the hooks
 * write the zruns' buffers (zrun_process.c), hand inputs to the core and commit (reconcile.c),
 * and write logs. Inputs are handled only while no commit is under way: the ones that come
 * meanwhile make the next batch, which is group commit, and orders are carried out before the
 * core is called again.
 */
#ifndef SAMOZA_ZHOST_ZHOST_H
#define SAMOZA_ZHOST_ZHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "adapter/uv/loop.h"
#include "base/vector.h"
#include "core/agent/agent.h"
#include "port/store.h"
#include "zhost/environment/ports.h"
#include "zhost/log/spacelog.h"
#include "zhost/settings.h"
#include "zhost/state/state_dir.h"
#include "zhost/uplink/uplink.h"
#include "zrun/launch/launch.h"

struct artifacts;
struct kv;
struct data_service;
struct edge;
struct log_service;
struct mesh;
struct native_runtime;
struct reconcile;
struct resident;
struct uplink;
struct usage;

/* What an operator would watch; GET /metrics names them. */
struct zhost_counters {
	uint64_t starts, start_failures, deaths;
	uint64_t commits;
};

struct zhost {
	struct loop loop;
	struct stream_transport *transport; /* to zrms */
	struct zhost_settings settings;
	struct state_dir state_dir;
	Samoza__V1__ZhostSpec *spec;
	char *address;	     /* that instances export as `ip` */
	char *cache_path;    /* DIR/cache */
	const char *machine; /* "x86_64": what native artifacts must be for */

	struct kv *store;
	struct agent *agent;
	struct reconcile *reconcile;
	struct uplink *uplink;
	struct launcher *launcher;
	uv_poll_t *launcher_poll;
	int launcher_events;
	struct artifacts *artifacts;
	struct ports *ports;
	struct spacelogs *logs;
	struct log_service *log_service;
	struct mesh *mesh;
	struct data_service *data;
	struct native_runtime *native;
	struct edge *edge;
	struct usage *usage;

	struct zrun_process *unwritten,
		**unwritten_end;    /* those whose buffers have something (zrun_process_io.c) */
	struct resident *residents; /* by "TOPOLOGY-ID/PATH" */
	size_t resident_count;
	/* Starts that wait for others to get going (resident.c). */
	struct resident *start_first, *start_last;
	unsigned starting;

	struct cluster_timing timing;
	bool ending;
	struct loop_timer *end_timer;
	int exit_status;
	struct zhost_counters counters;
};

/* Ends the program in order: spaces go on running. Once; later calls do nothing. */
void zhost_end(struct zhost *z, int exit_status);

#endif
