/*
 * A whole cluster in this process: zrms' decision core, and zhosts that do at once what they are
 * asked. Nothing runs and nothing is sent; what is measured is what zrms computes, and how many
 * bytes it would send.
 *
 *     fleet_submit() ──► control ──► DESIRED ──► zhosts ──► REPORT ──► control     fleet_settle()
 *                           │
 *                        records ──► fleet_save(): a store that zrms can be started with
 */
#ifndef SAMOZA_ZBENCH_FLEET_H
#define SAMOZA_ZBENCH_FLEET_H

#include "base/error.h"
#include "base/hash.h"
#include "base/vector.h"
#include "core/control/control.h"
#include "core/mesh_sum.h"

/* A copy on a zhost. */
struct fleet_copy {
	char *key; /* "TOPOLOGY/PATH#EPOCH" */
	Samoza__V1__InstanceReport *report;
	UT_hash_handle hh;
};

/* A started peer of a topology, and all of one topology, as zrms said. */
struct fleet_peer {
	uint64_t path; /* its hash */
	uint64_t sum;
	UT_hash_handle hh;
};

struct fleet_table {
	uint64_t topology; /* hash of its id */
	uint64_t sum;	   /* core/mesh_sum.h, with all its peers */
	unsigned part;
	struct fleet_peer *peers;
	UT_hash_handle hh;
};

struct fleet_zhost {
	char *name;
	uint64_t link_id; /* 0: no connection */
	struct fleet_copy *copies;
	struct fleet_table *tables;
};

struct fleet_record {
	enum record_kind kind;
	char *key; /* "KIND ID" */
	void *data;
	size_t size;
	UT_hash_handle hh;
};

struct fleet {
	struct control *control;
	struct instant now;
	struct outbox outbox;
	VECTOR(struct fleet_zhost) zhosts;
	struct fleet_record *records;
	VECTOR(uint32_t) by_link; /* zhosts; link numbers are never used again */
	uint64_t next_id;
	/* Since the caller set them to 0: bytes to zhosts; CPU time in which zrms decided, counted and
	 * encoded. */
	uint64_t sent_bytes;
	double zrms_seconds;
	uint32_t
		protocol; /* that the zhosts speak; fleet_init(): 3, which asks for no answer to mesh tables */
	bool is_encoding; /* messages are encoded as well, as zrms does */
};

/* `zhosts` of them, "bench-1" …, with room for everything; none is connected. */
void fleet_init(struct fleet *fleet, unsigned zhosts);
void fleet_done(struct fleet *fleet);

/* Hands one input to zrms and ends the batch. What it sends is counted and dropped, unless the
 * caller calls fleet_settle() next. */
void fleet_take(struct fleet *fleet, const struct control_input *input);
/* What zrms sent and what the zhosts answered, until nothing more is sent. */
void fleet_settle(struct fleet *fleet);

/* HELLO of a zhost on a new connection, with all it holds. */
void fleet_hello(struct fleet *fleet, unsigned zhost);
/* `spaces` is the YAML of a topology's spaces. ERR_INVALID: zrms refuses it. `assets`: pages of
 * each space, each with so many files. */
int fleet_submit(struct fleet *fleet, const char *name, const char *spaces, unsigned assets,
		 struct error **err) must_check;
/* The process of this instance has ended. ERR_NOT_FOUND. */
int fleet_kill(struct fleet *fleet, const char *path, struct error **err) must_check;

/* Writes the records into a new store of SQLite in `directory`. */
int fleet_save(struct fleet *fleet, const char *directory, struct error **err) must_check;

#endif
