/*
 * zrms, residents, agent and kv of a zhost together, for tests: the kv answers when the test lets it, and
 * the kind of space has no processes (kind_further.h).
 */
#ifndef SAMOZA_TESTS_UNIT_ZHOST_RECONCILE_STAGE_H
#define SAMOZA_TESTS_UNIT_ZHOST_RECONCILE_STAGE_H

#include "test.h"

#include "adapter/sim/sim_kv.h"
#include "fake_upstream.h"
#include "kind_further.h"
#include "zhost/reconcile/reconcile.h"
#include "zhost/space/resident.h"

#define STARTED	 SAMOZA__V1__TARGET__TARGET_STARTED
#define DEPLOYED SAMOZA__V1__TARGET__TARGET_DEPLOYED

struct stage {
	struct loop loop;
	char dir[64];
	int dir_fd;
	struct sim_disk disk;
	struct kv *kv;
	bool load_fails;
	struct fake_upstream upstream;
	struct spacelogs *logs;
	struct ports *ports;
	struct mesh_transport *transport;
	struct direct_service *direct;
	struct mesh *mesh;
	struct data_service *data;
	struct zrun_processes *processes;
	struct residents *residents;
	struct reconcile *reconcile;
	unsigned failed, removed;
	uint64_t version; /* of the last desired set */
};

/* A zhost on an empty disk, everything durable. */
int reconcile_stage_begin(void **state);
int reconcile_stage_end(void **state);

/* ---- a zhost ---- */

void run_turn(struct stage *s);
/* The kv makes the oldest batch durable, or all of them. */
void answer(struct stage *s);
void answer_all(struct stage *s);
/* As kill -9 does: of the batches that wait, `written` are on disk. */
void crash(struct stage *s, size_t written);
/* On the disk as it is; the other one also makes all of the start durable. */
int try_open(struct stage *s, struct error **err);
void open_zhost(struct stage *s);

/* ---- zrms ---- */

void take_frame(struct stage *s, Samoza__V1__FrameType type, const ProtobufCMessage *message);
void acknowledge(struct stage *s, Samoza__V1__HelloAck__Verdict verdict);
/* The link is up, and zrms has accepted. */
void join_cluster(struct stage *s);
/* One full set of one copy for each letter of `paths`. */
void desire(struct stage *s, const char *paths, Samoza__V1__Target target);
/* The copies that the last HELLO or REPORT names; the last of them. */
size_t last_reports(const struct stage *s, Samoza__V1__InstanceReport ***ret_reports);
const Samoza__V1__InstanceReport *last_report(const struct stage *s);
/* A copy of `a` that has started, with all of it durable. */
void start_one(struct stage *s);

#endif
